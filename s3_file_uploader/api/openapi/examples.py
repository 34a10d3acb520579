"""One file of five bytes, as every example and parameter of the description knows it, and the shapes it travels in."""

from hashlib import md5, sha256
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, PolymorphicProxySerializer, extend_schema_serializer
from rest_framework import serializers

from ...models import FileUpload
from ..serializers import (
    BucketListSerializer,
    FileUploadFormSerializer,
    MultipartTransferSerializer,
    ObjectListSerializer,
    PostTransferSerializer,
    PutTransferSerializer,
    StartedUploadSerializer,
    UploadSerializer,
    UploadTokenSerializer,
)

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
TIME_OF_HTTP = "Fri, 01 May 2026 12:00:00 GMT"
AN_HOUR_LATER = "2026-05-01T13:00:00Z"
UPLOAD_ID = "0f8b2c1e-5d3a-4a57-9a43-6f1c2f7f0a11"
IDEMPOTENCY_KEY = "9f1d6c8e-4f0b-4b0e-8f39-1c1f0f5b7a52"
OBJECT_CURSOR = "MjAyNi9NYXkvw6l0w6kudHh0"
UPLOAD_CURSOR = "cD0yMDI2LTA1LTAxKzEyJTNBMDAlM0EwMCUyQjAwJTNBMDA="
SERVICE = "https://example.org/modules/s3-file-uploader/service/"
SHARE_ID = "5b0c1f5e-8d0a-4d6c-9d55-0f7f3a1f6a27"
SHARE_IN_URL = "qGb1mX0v9w3k7uZ5t2sR8pLc..."
PRESIGNED_URL = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{FILE_NAME_IN_URL}?X-Amz-Expires=3600&X-Amz-Signature=..."

PRESIGN_EXAMPLE = {"file_name": FILE_NAME, "bucket": BUCKET, "expiration": 3600, "disposition": "attachment"}
UPLOAD_EXAMPLE = {
    "id": UPLOAD_ID,
    "user_id": USER_ID,
    "bucket": BUCKET,
    "file_name": FILE_NAME,
    "original_name": "été.txt",
    "size": len(CONTENT),
    "content_type": "text/plain",
    "etag": ETAG,
    "checksum_sha256": CHECKSUM,
    "status": "stored",
    "status_reason": "",
    "created_at": TIME,
    "completed_at": TIME,
    "url": f"{SERVICE}buckets/{BUCKET}/files/{FILE_NAME_IN_URL.replace('%2F', '/')}/",
}

USAGE_EXAMPLE = {
    "bytes": 734_003_200,
    "files": 12,
    "quota_bytes": 1_073_741_824,
    "quota_files": 1000,
    "max_file_bytes": 104_857_600,
    "content_types": ["image/*", "application/pdf"],
    "extensions": None,
    "key_prefix": f"users/{USER_ID}/",
    "may_overwrite": True,
}

# --- direct uploads --------------------------------------------------------------------------------------------------

DIRECT_KEY = f"uploads/{UPLOAD_ID}/été.txt"
DIRECT_KEY_IN_URL = DIRECT_KEY.replace("é", "%C3%A9")
STORE = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/"
DIRECT_URL = f"{STORE}{DIRECT_KEY_IN_URL}?X-Amz-Expires=3600&X-Amz-Signature=..."
START_EXAMPLE = {
    "bucket": BUCKET,
    "file_name": "été.txt",
    "size": len(CONTENT),
    "content_type": "text/plain",
    "checksum_sha256": CHECKSUM,
    "strategy": "auto",
}
DIRECT_UPLOAD_EXAMPLE = {
    **UPLOAD_EXAMPLE,
    "file_name": DIRECT_KEY,
    "url": f"{SERVICE}buckets/{BUCKET}/files/{DIRECT_KEY_IN_URL}/",
}
PENDING_EXAMPLE = {**DIRECT_UPLOAD_EXAMPLE, "etag": "", "status": "pending", "completed_at": None}
PUT_EXAMPLE = {
    "strategy": "put",
    "method": "PUT",
    "url": DIRECT_URL,
    "headers": {"Content-Type": "text/plain", "If-None-Match": "*"},
    "expires_at": AN_HOUR_LATER,
}
POST_EXAMPLE = {
    "strategy": "post",
    "method": "POST",
    "url": STORE,
    "fields": {"Content-Type": "text/plain", "key": DIRECT_KEY, "policy": "...", "x-amz-signature": "..."},
    "expires_at": AN_HOUR_LATER,
}
PART_SIZE = 8 * 2**20
PARTS_EXAMPLE = [
    {"part_number": number, "url": f"{DIRECT_URL}&partNumber={number}", "offset": offset, "size": size}
    for number, offset, size in ((1, 0, PART_SIZE), (2, PART_SIZE, 5))
]
MULTIPART_EXAMPLE = {
    "strategy": "multipart",
    "part_size": PART_SIZE,
    "part_count": len(PARTS_EXAMPLE),
    "parts": PARTS_EXAMPLE,
    "expires_at": AN_HOUR_LATER,
}

# --- Uppy ------------------------------------------------------------------------------------------------------------

UPPY_FILE_EXAMPLE = {"filename": "été.txt", "type": "text/plain", "metadata": {"bucket": BUCKET}}
UPLOAD_TOKEN = f"{UPLOAD_ID.replace('-', '')}.JlW0mFrq5m..."
UPLOAD_TOKEN_EXAMPLE = {"id": UPLOAD_ID, "created_at": TIME, "expires_at": AN_HOUR_LATER, "revoked_at": None}

# --- shapes that drf-spectacular would not find by itself ------------------------------------------------------------


# Without `many=False` an answer of the action `list` would be taken for an array.
@extend_schema_serializer(many=False, component_name="S3BucketList")
class BucketList(BucketListSerializer):
    """Answer of `bucket/list/`."""


@extend_schema_serializer(many=False, component_name="S3ObjectList")
class ObjectPage(ObjectListSerializer):
    """Answer of GET `buckets/../files/`."""

    # Of a method that returns nothing drf-spectacular could only guess the type.
    previous = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="Always null: S3 lists forward only."
    )


@extend_schema_serializer(many=False, component_name="S3UploadList")
class UploadPage(serializers.Serializer[Any]):
    """Answer of GET `uploads/`."""

    next = serializers.CharField(allow_null=True, help_text="The next page, with older records; null on the last.")
    previous = serializers.CharField(allow_null=True, help_text="The page before; null on the first.")
    results = UploadSerializer(many=True)


@extend_schema_serializer(many=False, component_name="S3UploadTokenList")
class UploadTokenPage(serializers.Serializer[Any]):
    """Answer of GET `uppy/tokens/`."""

    next = serializers.CharField(allow_null=True, help_text="The next page, with older tokens; null on the last.")
    previous = serializers.CharField(allow_null=True, help_text="The page before; null on the first.")
    results = UploadTokenSerializer(many=True)


TRANSFER = PolymorphicProxySerializer(
    "S3Transfer",
    {
        FileUpload.Strategy.PUT.value: PutTransferSerializer,
        FileUpload.Strategy.POST.value: PostTransferSerializer,
        FileUpload.Strategy.MULTIPART.value: MultipartTransferSerializer,
    },
    resource_type_field_name="strategy",
)


class StartedUploadDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Answer of POST `uploads/`."""

    target_class = StartedUploadSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the record, and what its client is to send in one of three shapes."""
        schema = super().map_serializer(auto_schema, direction)
        transfer = auto_schema.resolve_serializer(TRANSFER, direction)
        schema["properties"]["transfer"] = {
            "oneOf": [transfer.ref, {"enum": [None]}],
            "description": "What to send, and where to; null if the file is stored already.",
        }
        schema["required"] = [*schema["required"], "transfer"]
        return schema


class FileUploadFormDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Form-data of `file/upload/`."""

    target_class = FileUploadFormSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the form, its file binary also where the host does not set COMPONENT_SPLIT_REQUEST, and last.

        Swagger UI sends the fields in this order, and a file behind its bucket can go on while it arrives. It sends
        every field that it has filled in, and without an example it fills in "string".
        """
        schema = super().map_serializer(auto_schema, direction)
        schema["properties"]["file"] = {**schema["properties"].pop("file"), "format": "binary"}
        for name in ("user_id", "file_name", "original_name", "checksum_sha256"):
            schema["properties"][name]["example"] = ""
        schema["properties"]["bucket"]["example"] = BUCKET
        return schema
