"""Turn what a form sends for its upload fields into signed references, before the view runs.

    the id of an upload that the browser sent to S3    sign it, if the upload is the user's own
    a file, from a browser without JavaScript          store it as any upload of the user, and sign that

A form knows neither the user nor how to store a file: Django's admin and ATOMIC_REQUESTS run it inside a transaction,
which could still be rolled back when S3 has the bytes already. Middleware runs before that transaction.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from .. import services
from ..api.requests.client_ip import get_client_address
from ..content_types.sniff import normalize_content_type
from ..exceptions import FileTooLarge, S3FileUploaderError
from ..models import FileUpload
from ..policy.bucket_policy import get_policy
from ..services.audit.trail import use_client_address
from .references import MARKER_NAME, Marker, read_id, sign_reference

# Django replaces it by the number of a row: https://docs.djangoproject.com/en/5.2/topics/forms/formsets/#empty-form
EMPTY_PREFIX = "__prefix__"


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands in the data of a form for a file that was not stored. `message` is the error of the field."""

    message: str


class FormUploadMiddleware(MiddlewareMixin):
    """Put it behind `AuthenticationMiddleware`, which is behind `CsrfViewMiddleware`.

    It acts only on forms whose CSRF token Django has checked, so it never reads the body of another view.
    """

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        """Replace ids and files by signed references."""
        user = getattr(request, "user", None)
        # CsrfViewMiddleware sets this once it has checked the token, for which it reads the form.
        is_checked = getattr(request, "csrf_processing_done", False) and not getattr(view, "csrf_exempt", False)
        if request.method != "POST" or not is_checked or user is None or user.pk is None:
            return
        markers = [Marker.read(text) for text in request.POST.getlist(MARKER_NAME)]
        fields = {name: marker for marker in markers if marker for name in _find_names(request, marker)}
        if not fields:
            return
        post: Any = request.POST.copy()
        with use_client_address(get_client_address(request)):
            for name, marker in fields.items():
                _replace(post, request.FILES, user, name, marker)
        post._mutable = False
        request.POST = post


def _find_names(request: HttpRequest, marker: Marker) -> list[str]:
    """Return the name of the input, or those of the rows that a formset has added in the browser."""
    if EMPTY_PREFIX not in marker.name:
        return [marker.name]
    rows = re.compile(re.escape(marker.name).replace(EMPTY_PREFIX, "[0-9]+"))
    return [name for name in {*request.POST, *request.FILES} if rows.fullmatch(name)]


def _replace(post: Any, files: Any, user: Any, name: str, marker: Marker) -> None:
    values: list[str | Refused] = [_sign_own(user, marker, text) for text in post.getlist(name)]
    values += [_store(user, marker, file) for file in files.getlist(name)]
    files.pop(name, None)
    post.setlist(name, values)


def _sign_own(user: Any, marker: Marker, text: str) -> str:
    """Return the reference of an id; references and anything else unchanged, for the form to judge."""
    upload_id = read_id(text)
    upload = FileUpload.objects.filter(pk=upload_id, user_id=user.pk).first() if upload_id else None
    return text if upload is None else sign_reference(upload, marker.path)


def _store(user: Any, marker: Marker, file: Any) -> str | Refused:
    try:
        if marker.max_bytes is not None and file.size > marker.max_bytes:
            raise FileTooLarge(f"Files up to {marker.max_bytes} bytes are taken here.")
        upload = services.file_upload(
            user=user,
            owner=user,
            bucket=marker.bucket,
            file_name=f"{get_policy(user, marker.bucket).key_prefix}forms/{uuid4()}/{PurePosixPath(file.name).name}",
            content=file,
            size=file.size,
            content_type=normalize_content_type(file.content_type or ""),
            original_name=file.name,
        )
    except S3FileUploaderError as error:
        return Refused(str(error))
    return sign_reference(upload, marker.path)
