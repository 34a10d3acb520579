"""One file of five bytes, as every example and parameter of the description knows it, and the shapes it travels in."""

from hashlib import md5, sha256
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, extend_schema_serializer

from ..serializers import BucketListSerializer, FileUploadFormSerializer
from ..values import MAX_KEY_BYTES

# --- the examples: one file of five bytes ----------------------------------------------------------------------------

CONTENT = b"hello"
BUCKET = "invoices"
FILE_NAME = "2026/May/été.txt"
FILE_NAME_IN_URL = "2026%2FMay%2F%C3%A9t%C3%A9.txt"
OWNER_ID = "0123456789abcdef" * 4
USER_ID = "42"
ETAG = md5(CONTENT, usedforsecurity=False).hexdigest()
CHECKSUM = sha256(CONTENT).hexdigest()
REGION = "eu-west-1"
TIME = "2026-05-01T12:00:00Z"
AN_HOUR_LATER = "2026-05-01T13:00:00Z"

PRESIGN_EXAMPLE = {"file_name": FILE_NAME, "bucket": BUCKET, "expiration": 3600, "disposition": "attachment"}
UPLOAD_EXAMPLE = {
    "id": "0f8b2c1e-5d3a-4a57-9a43-6f1c2f7f0a11",
    "user_id": USER_ID,
    "bucket": BUCKET,
    "file_name": FILE_NAME,
    "original_name": "été.txt",
    "size": len(CONTENT),
    "content_type": "text/plain",
    "etag": ETAG,
    "checksum_sha256": CHECKSUM,
    "status": "stored",
    "created_at": TIME,
    "completed_at": TIME,
    "url": "https://example.org/modules/s3-file-uploader/service/file/presigned/url/"
    f"?bucket={BUCKET}&file_name={FILE_NAME_IN_URL}",
}

# --- parameters ------------------------------------------------------------------------------------------------------


def _in_path(name: str, description: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=description, examples=examples)


OWNER_ID_IN_PATH = _in_path(
    "owner_id",
    "Who owns the bucket: the `owner_id` of the list of buckets, or an AWS account id of 12 digits.",
    OWNER_ID,
)
USER_ID_IN_PATH = _in_path(
    "user_id", "Primary key of the user whose file it is: your own; staff may name others.", USER_ID
)
BUCKET_IN_PATH = _in_path("bucket_name", "The bucket's name.", BUCKET)
FILE_NAME_IN_PATH = _in_path(
    "file_name",
    f"The S3 object key as it was stored, up to {MAX_KEY_BYTES} bytes of UTF-8, slashes and unicode included. "
    "Percent-encode it in the URL (RFC 3986): unicode and `?`, `#`, `%` must be encoded, slashes may be. "
    f"`{FILE_NAME}` becomes `{FILE_NAME_IN_URL}`. No segment between slashes may be empty, `.` or `..`.",
    FILE_NAME,
)
PRESIGN_IN_QUERY = [
    OpenApiExample(name, example, parameter_only=(name, "query")) for name, example in PRESIGN_EXAMPLE.items()
]

# --- shapes that drf-spectacular would not find by itself ------------------------------------------------------------


# Without `many=False` an answer of the action `list` would be taken for an array.
@extend_schema_serializer(many=False, component_name="S3BucketList")
class BucketList(BucketListSerializer):
    """Answer of `bucket/list/`."""


class FileUploadFormDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Form-data of `file/upload/`."""

    target_class = FileUploadFormSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the form, its file binary also where the host does not set COMPONENT_SPLIT_REQUEST.

        Swagger UI sends every field that it has filled in, and without an example it fills in "string".
        """
        schema = super().map_serializer(auto_schema, direction)
        schema["properties"]["file"]["format"] = "binary"
        for name in ("user_id", "file_name", "checksum_sha256"):
            schema["properties"][name]["example"] = ""
        schema["properties"]["bucket"]["example"] = BUCKET
        return schema
