"""Signed references: what a form sends instead of a file.

    reference     one upload of one user for one field; `FormUploadMiddleware` signs it, because a form has no user
    marker        a field of a rendered form, by which the middleware knows the field, its bucket and its limit

A form accepts references alone, so that it cannot name the upload of another user.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

from ..models import FileUpload

REFERENCE_SALT = "s3_file_uploader.form_reference"
MARKER_SALT = "s3_file_uploader.form_marker"
MARKER_NAME = "s3-upload-field"
# A form that was open for longer has to be loaded again.
MAX_AGE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Marker:
    """A field of a rendered form.

    Attributes:
        name: the name of the input.
        path: the path of the field of the model, or the name of a field without a model.
        bucket: of new files.
        max_bytes: of one file, or None.
    """

    name: str
    path: str
    bucket: str
    max_bytes: int | None

    def sign(self) -> str:
        """Return the text for a hidden input."""
        return TimestampSigner(salt=MARKER_SALT).sign_object(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the marker of a text, None if this service did not sign it, or long ago."""
        try:
            return cls(**TimestampSigner(salt=MARKER_SALT).unsign_object(text, max_age=MAX_AGE_SECONDS))
        except BadSignature:
            return None


def sign_reference(upload: FileUpload, path: str) -> str:
    """Return the signed reference of an upload for one field."""
    content = {"upload": str(upload.pk), "user": str(upload.user_id), "path": path}
    return TimestampSigner(salt=REFERENCE_SALT).sign_object(content)


def read_reference(text: Any, path: str) -> FileUpload | None:
    """Return the upload of a reference; None if it was signed for another field, or long ago, or the upload is gone."""
    try:
        content = TimestampSigner(salt=REFERENCE_SALT).unsign_object(str(text), max_age=MAX_AGE_SECONDS)
    except BadSignature:
        return None
    upload = FileUpload.objects.filter(pk=content["upload"]).first()
    is_as_signed = upload is not None and (str(upload.user_id), path) == (content["user"], content["path"])
    return upload if is_as_signed else None


def read_id(text: str) -> UUID | None:
    """Return the UUID that a text is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
