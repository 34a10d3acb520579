"""From the fields of a form to the file that is to be stored: decided when the file begins, or when the form ends."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import QueryDict
from django.utils.encoding import force_str
from rest_framework.request import Request

from ... import services
from ...exceptions import InvalidField
from ...models import FileUpload
from ...policy.bucket_policy import policy_for
from ...policy.names import file_name_check
from ...policy.users import user_acted_for
from ..requests.multipart_form import FILE_FIELD, FormFile, form_received
from ..serializers import FileUploadFormSerializer, content_type_declared, idempotency_key_of
from .base import caller_of, validated


def form_upload(request: Request) -> tuple[FileUpload, bool]:
    """Store the file of a form while it arrives.

    Returns:
        The stored record, and whether an earlier request with the same Idempotency-Key stored it.

    Raises:
        ValidationError, InvalidField: the fields are wrong, or a late one contradicts where a large file went.
        S3FileUploaderError: as `services.file_receive`.
    """
    upload = _FormUpload(request)
    try:
        with ExitStack() as stack, form_received(request._request, partial(upload.open, stack)) as fields:
            upload.end(fields)
    except _AlreadyStored as stored:
        return stored.upload, True
    return upload.incoming.upload, False


class _AlreadyStored(Exception):
    """Ends the reading of a form that repeats an earlier request."""

    def __init__(self, upload: FileUpload) -> None:
        super().__init__()
        self.upload = upload


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The fields that decide where a file goes, and under which names."""

    bucket: str
    file_name: str
    original_name: str
    user_id: AbstractBaseUser
    overwrite: bool


class _FormUpload:
    def __init__(self, request: Request) -> None:
        self._caller, self._key = caller_of(request), idempotency_key_of(request.headers)
        self._wanted: _Wanted
        self.incoming: services.IncomingFile

    def open(self, stack: ExitStack, fields: QueryDict, at_most: int | None) -> services.IncomingFile:
        """Decide where the file goes, by the fields so far."""
        form = validated(FileUploadFormSerializer, fields)
        file, self._wanted = form[FILE_FIELD], self._decided(form)
        told = {"size": file.exact_size, "checksum_sha256": form.get("checksum_sha256")}
        self._repeated_check(told)
        self.incoming = stack.enter_context(
            services.file_receive(
                user=self._caller,
                owner=self._wanted.user_id,
                bucket=self._wanted.bucket,
                file_name=self._wanted.file_name,
                content_type=content_type_declared(_declared_content_type(file)),
                original_name=self._wanted.original_name,
                at_most=at_most,
                overwrite=self._wanted.overwrite,
                idempotency_key=self._key,
                **told,
            )
        )
        return self.incoming

    def end(self, fields: QueryDict) -> None:
        """Look at the fields that came behind the file."""
        form = validated(FileUploadFormSerializer, fields)
        late = self._decided(form)
        for name in _Wanted.__slots__:
            if getattr(late, name) != getattr(self._wanted, name):
                raise InvalidField(
                    name, "It came behind a large file and says where that goes or what it is called: send it before."
                )
        self.incoming.checksum_sha256 = form.get("checksum_sha256")

    def _decided(self, form: dict[str, Any]) -> _Wanted:
        owner = user_acted_for(caller=self._caller, user_id=form.get("user_id"))
        file_name = form.get("file_name") or _own_key(owner, form["bucket"], form[FILE_FIELD].name)
        given = form.get("original_name")
        original_name = _base_name(given) if given else form[FILE_FIELD].name
        return _Wanted(form["bucket"], file_name, original_name, owner, form["overwrite"])

    def _repeated_check(self, told: dict[str, Any]) -> None:
        where: dict[str, Any] = {"bucket": self._wanted.bucket, "file_name": self._wanted.file_name}
        stored = services.upload_repeated(user=self._caller, idempotency_key=self._key, **where, **told)
        if stored:
            raise _AlreadyStored(stored)


def _own_key(owner: AbstractBaseUser, bucket: str, name: str) -> str:
    return f"{policy_for(owner, bucket).key_prefix}{name}"


def _base_name(name: str) -> str:
    """Return the name of a file without folders, as Django does with that in the form.

    Raises:
        InvalidFileName: it is too long, or has control characters.
    """
    return file_name_check(name.replace("\\", "/").rpartition("/")[2])


def _declared_content_type(file: FormFile) -> str:
    parameters = file.content_type_extra  # Django takes them off the type, their values as bytes.
    return "; ".join([file.content_type, *(f"{name}={force_str(value)}" for name, value in parameters.items())])
