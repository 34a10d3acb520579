"""`UploadStorage`, a storage of Django for `STORAGES` and file fields, whose files have records.

FileField ──save──>  policy, quota, scanners  ──>  S3, then the record      services/field_files
          ──open──>  record  ──ranges──>  S3                                s3/transfer/object_io.py
          ──url───>  record  ──signed in this process
"""

import posixpath
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper, UnsupportedOperation
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.core.files.utils import validate_file_name
from django.utils.deconstruct import deconstructible

from .exceptions import FileNotFound, FileQuarantined
from .models import FileUpload, location_digest
from .policy.names import RESERVED_ON_WINDOWS, normalize_file_name, strip_deceptive_characters
from .policy.request_user import get_request_user
from .services.field_files.read import field_file_open, list_names
from .services.field_files.remove import field_file_remove
from .services.field_files.store import field_file_store
from .services.files.open_file import WAITS, stored_presign
from .services.storage_places import ID_LENGTH, PlacedStorage, StoragePlace, build_file_id
from .values import CHUNK_BYTES, MAX_KEY_BYTES

if TYPE_CHECKING:
    AnyFile = File[Any]
else:  # The class of Django is generic in its stubs only.
    AnyFile = File

# The length of a path segment on stores that keep keys as paths, in bytes of UTF-8.
MAX_SEGMENT_BYTES = 255
MAX_ORIGINAL_NAME_LENGTH = 1024
READING = frozenset({"r", "rb", "br", "rt", "tr"})


class FileHasNoUrl(FileNotFound, AttributeError):
    """There is no such file.

    Templates print nothing. The admin, Django REST framework and `hasattr` take an AttributeError for a file without a
    URL, so their pages still show the other fields.
    """

    silent_variable_failure = True


class UrlWithheld(FileQuarantined, AttributeError):
    """No scanner has found the file clean yet; treated as `FileHasNoUrl` by templates and others."""

    silent_variable_failure = True


class StoredFile(AnyFile):
    """A file of `UploadStorage`, open for reading, in bytes or as text in UTF-8."""

    def __init__(self, storage: "UploadStorage", name: str, mode: str) -> None:
        self._storage, self._upload = storage, storage.find_readable(name)
        super().__init__(_open_object(self._upload, mode), name)
        self.mode, self.size = mode, self._upload.size or 0

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> "StoredFile":
        """Go back to the first byte; open the file again if it is closed, or if the mode is another."""
        mode = mode or self.mode
        if self.closed or mode != self.mode:
            self.close()
            self.__init__(self._storage, cast(str, self.name), mode)  # type: ignore[misc]
        self.seek(0)
        return self


@deconstructible
class UploadStorage(PlacedStorage):
    """Keep the files of file fields in a bucket, each with a record, as every other upload.

    The names that `save` returns are `<id>/<name>`, and never change. No two files have one name, so no file is ever
    replaced. Inside a transaction, a file is deleted once the transaction is committed.
    """

    def __init__(
        self,
        *,
        bucket: str = "",
        prefix: str = "files/",
        adopted_prefix: str | None = None,
        expires_in_seconds: int = 3600,
        disposition: str = "inline",
    ) -> None:
        """Take the options of STORAGES; the system checks validate them.

        Args:
            bucket: name of an existing bucket. It need not be open to users.
            prefix: the beginning of all keys. Nothing else may lie below it.
            adopted_prefix: the beginning of the keys of older files that another storage stored, such as
                `AWS_LOCATION` of django-storages, or an empty text. None: there are no older files.
            expires_in_seconds: the life of a URL, 1 to 604,800.
            disposition: `inline` shows files of the types that the policy lists, `attachment` saves every file.
        """
        self.place = StoragePlace(bucket, prefix, adopted_prefix)
        self.expires_in_seconds = expires_in_seconds
        self.disposition = disposition

    # --- names ---

    def get_valid_name(self, name: str) -> str:
        """Return a name that every store and every operating system can keep."""
        valid = super().get_valid_name(unicodedata.normalize("NFC", name)).rstrip(".")
        return f"_{valid}" if not valid or RESERVED_ON_WINDOWS.fullmatch(valid) else valid

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a name that no other file has, without asking for it: with a new id before it.

        Raises:
            SuspiciousFileOperation: the name leads out of its folder, or does not fit in `max_length`.
        """
        folder, file_name = posixpath.split(str(name).replace("\\", "/"))
        if ".." in PurePath(folder).parts:
            raise SuspiciousFileOperation(f"Detected path traversal attempt in '{folder}'")
        validate_file_name(file_name)
        before = posixpath.join(build_file_id(), folder, "")
        room = MAX_KEY_BYTES if max_length is None else max_length - len(before)
        room_bytes = min(MAX_SEGMENT_BYTES, MAX_KEY_BYTES - len(f"{self.place.prefix}{before}".encode()))
        return before + _shorten(file_name, room, room_bytes)

    # --- files ---

    def _save(self, name: str, content: AnyFile) -> str:
        name = normalize_file_name(name)
        field_file_store(
            owner=get_request_user(),
            bucket=self._get_bucket(),
            file_name=f"{self.place.prefix}{name}",
            content=_encode_chunks(content),
            size=_guess_size(content),
            content_type=getattr(content, "content_type", None) or "",
            original_name=_get_original_name(name, content),
        )
        return name

    def _open(self, name: str, mode: str = "rb") -> AnyFile:
        if mode not in READING:
            raise UnsupportedOperation(
                f"UploadStorage opens files for reading, not with the mode {mode!r}: give the new content to save()."
            )
        return StoredFile(self, name, mode)

    def delete(self, name: str) -> None:
        """Remove a file, inside a transaction once it is committed. A missing file is no error.

        Raises:
            ValueError: the name is empty.
            StorageProblem: outside of a transaction, S3 could not; housekeeping does.
        """
        if not name:
            raise ValueError("The name must be given to delete().")
        upload = self._find(name)
        if upload is not None:
            field_file_remove(user=get_request_user(), upload=upload)

    def exists(self, name: str) -> bool:
        """Return True if there is a record of a whole file, in quarantine or not. S3 is not asked."""
        return self._find(name) is not None

    def size(self, name: str) -> int:
        """Return the size of the file in bytes."""
        return self._get(name).size or 0

    def url(self, name: str | None, *, expires_in_seconds: int | None = None, disposition: str | None = None) -> str:
        """Sign a URL in this process. Each client that has it can read the file until it expires.

        Args:
            name: as `save` returned it.
            expires_in_seconds: 1 to 604,800; by default as in the options.
            disposition: `inline` or `attachment`; by default as in the options.

        Raises:
            FileHasNoUrl: there is no such file.
            UrlWithheld: no scanner has found it clean yet.
            InvalidField: an argument is out of range.
        """
        upload = self._find(name) if name else None
        if upload is None:
            raise FileHasNoUrl(f"There is no file {name!r}.")
        if upload.status == FileUpload.Status.QUARANTINED:
            raise UrlWithheld(upload.status_reason or WAITS)
        return stored_presign(
            upload=upload,
            expires_in_seconds=self.expires_in_seconds if expires_in_seconds is None else expires_in_seconds,
            disposition=disposition or self.disposition,
        ).url

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the folders and the readable files in a folder, from the records."""
        path = path.strip("/")
        folder = "" if path in {"", "."} else f"{_clean_name(path)}/"
        folders: list[str] = []
        files: list[str] = []
        for prefix in self.place.prefixes:
            # Below the prefix of this storage, each folder is the id of one file.
            skips_folders = bool(folder) or prefix != self.place.prefix
            names, more = list_names(self._get_bucket(), f"{prefix}{folder}", skips_folders=skips_folders)
            folders += [name for name in names if f"{prefix}{folder}{name}/" != self.place.prefix]
            files += more
        return folders, files

    def get_created_time(self, name: str) -> Any:
        """Return the time of the record, aware if USE_TZ is set."""
        return self._get(name).created_at

    def get_modified_time(self, name: str) -> Any:
        """Return the time since which the bytes are whole in S3, aware if USE_TZ is set."""
        return self._get(name).completed_at

    # --- records ---

    def find_readable(self, name: str) -> FileUpload:
        """Return the record of a file that may be read.

        Raises:
            FileNotFoundError: there is no such file.
            FileQuarantined: no scanner has found it clean yet.
        """
        upload = self._get(name)
        if upload.status == FileUpload.Status.QUARANTINED:
            raise FileQuarantined(upload.status_reason or WAITS)
        return upload

    def _get(self, name: str) -> FileUpload:
        upload = self._find(name)
        if upload is None:
            raise FileNotFoundError(f"There is no file {name!r}.")
        return upload

    def _find(self, name: str) -> FileUpload | None:
        """Return the record of a whole file: first of this storage, then of an older file, in one query."""
        name, bucket = _clean_name(name), self._get_bucket()
        digests = [location_digest(bucket, f"{prefix}{name}") for prefix in self.place.prefixes]
        found = FileUpload.objects.order_by().whole().filter(location_digest__in=digests)
        return min(found, key=lambda upload: digests.index(upload.location_digest), default=None)

    def _get_bucket(self) -> str:
        if not self.place.bucket:
            raise ImproperlyConfigured("UploadStorage needs a bucket: set it in OPTIONS of STORAGES.")
        return self.place.bucket


def _clean_name(name: str) -> str:
    return str(validate_file_name(str(name).replace("\\", "/"), allow_relative_path=True))


def _shorten(file_name: str, room: int, room_bytes: int) -> str:
    """Shorten the stem of a file name to characters and bytes of UTF-8, as Django does; the extensions stay whole."""
    extension = "".join(PurePath(file_name).suffixes)
    stem = file_name.removesuffix(extension)
    stem = stem[: max(room - len(extension), 0)]
    stem = stem.encode()[: max(room_bytes - len(extension.encode()), 0)].decode(errors="ignore")
    if not stem:
        raise SuspiciousFileOperation(
            f'Storage can not find an available filename for "{file_name}". Please make sure that the corresponding '
            f'file field allows sufficient "max_length": the id of the file takes {ID_LENGTH + 1} characters.'
        )
    return stem + extension


def _encode_chunks(content: AnyFile) -> Iterator[bytes]:
    for chunk in content.chunks(CHUNK_BYTES):
        yield chunk.encode() if isinstance(chunk, str) else chunk


def _guess_size(content: AnyFile) -> int | None:
    """Return the size that the file claims to have; that of a text counts characters, and that of a pipe is unknown."""
    with suppress(AttributeError, UnsupportedOperation):
        return content.size
    return None


def _get_original_name(name: str, content: AnyFile) -> str:
    """Return the name on the device of the user; a file that the server made has none but its key's."""
    given = (content.name or "") if isinstance(content, UploadedFile) else ""
    return strip_deceptive_characters(given)[:MAX_ORIGINAL_NAME_LENGTH] or posixpath.basename(name)


def _open_object(upload: FileUpload, mode: str) -> IO[Any]:
    binary = field_file_open(user=get_request_user(), upload=upload)
    return binary if "b" in mode else TextIOWrapper(binary, encoding="utf-8")
