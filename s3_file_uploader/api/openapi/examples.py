"""One file of five bytes, as every example of the description shows it."""

from collections.abc import Mapping
from hashlib import md5, sha256
from typing import Any

from drf_spectacular.utils import OpenApiExample

from ..serializers import direct_uploads, requests, responses, shares, uppy

CONTENT = b"hello"
BUCKET = "my-first-bucket"  # The one that `make run` tells its user to create.
FOLDER, FILE_NAME, FILE_NAME_IN_URL = "2026/", "2026/May/été.txt", "2026%2FMay%2F%C3%A9t%C3%A9.txt"
ETAG, CHECKSUM = md5(CONTENT, usedforsecurity=False).hexdigest(), sha256(CONTENT).hexdigest()
OWNER_ID, USER_ID = "0123456789abcdef" * 4, "42"
REGION, SECONDS, PART_BYTES = "eu-west-1", 3600, 8 * 2**20
TIME, AN_HOUR_LATER = "2026-05-01T12:00:00Z", "2026-05-01T13:00:00Z"
TIME_OF_HTTP = "Fri, 01 May 2026 12:00:00 GMT"
UPLOAD_ID = "0f8b2c1e-5d3a-4a57-9a43-6f1c2f7f0a11"
IDEMPOTENCY_KEY = "9f1d6c8e-4f0b-4b0e-8f39-1c1f0f5b7a52"
UPLOAD_CURSOR = "cD0yMDI2LTA1LTAxKzEyJTNBMDAlM0EwMCUyQjAwJTNBMDA="
SERVICE = "https://example.org/modules/s3-file-uploader/service/"
SHARE_ID, SHARE_IN_URL = "5b0c1f5e-8d0a-4d6c-9d55-0f7f3a1f6a27", "qGb1mX0v9w3k7uZ5t2sR8pLc..."
UPLOAD_TOKEN = f"{UPLOAD_ID.replace('-', '')}.JlW0mFrq5m..."
STORE = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/"
SIGNATURE = f"?X-Amz-Expires={SECONDS}&X-Amz-Signature=..."
PRESIGNED_URL = f"{STORE}{FILE_NAME_IN_URL}{SIGNATURE}"
DIRECT_KEY = f"uploads/{UPLOAD_ID}/été.txt"
DIRECT_KEY_IN_URL = DIRECT_KEY.replace("é", "%C3%A9")
DIRECT_URL = f"{STORE}{DIRECT_KEY_IN_URL}{SIGNATURE}"
EXPIRES = {"expires_at": AN_HOUR_LATER}
PART_URL = f"{DIRECT_URL}&partNumber=1"

FILE = {"file_name": FILE_NAME, "bucket": BUCKET}
UPLOAD_EXAMPLE = {
    "id": UPLOAD_ID,
    "user_id": USER_ID,
    **FILE,
    "path": FILE_NAME,
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
KNOWN = {"size": len(CONTENT), "content_type": "text/plain", "checksum_sha256": CHECKSUM}
USED = {"bytes": 734_003_200, "files": 12, "quota_bytes": 2**30, "quota_files": 1000}
ALLOWED = {"max_file_bytes": 100 * 2**20, "content_types": ["image/*", "application/pdf"], "extensions": None}
BUCKET_EXAMPLE = {"name": BUCKET, "created_at": TIME, "region": REGION}
DIRECT_FILE = {
    "file_name": DIRECT_KEY,
    "path": "été.txt",
    "url": f"{SERVICE}buckets/{BUCKET}/files/{DIRECT_KEY_IN_URL}/",
}
DIRECT_EXAMPLE = {**UPLOAD_EXAMPLE, **DIRECT_FILE}
PENDING_EXAMPLE = {**DIRECT_EXAMPLE, "etag": "", "status": "pending", "completed_at": None}
OBJECT_EXAMPLE = {"file_name": FILE_NAME, "size": len(CONTENT), "etag": ETAG, "changed_at": TIME}
HEADERS = {"Content-Type": "text/plain", "If-None-Match": "*"}
FIELDS = {"Content-Type": "text/plain", "key": DIRECT_KEY, "policy": "...", "x-amz-signature": "..."}
FILE_OF_UPPY = {"filename": "été.txt", "type": "text/plain", "metadata": {"bucket": BUCKET}}
PUT_OF_UPPY = {"method": "PUT", "url": DIRECT_URL, "fields": {"key": DIRECT_KEY}, "headers": HEADERS}
PARTS = [
    {"part_number": number, "url": f"{DIRECT_URL}&partNumber={number}", "offset": offset, "size": size}
    for number, offset, size in ((1, 0, PART_BYTES), (2, PART_BYTES, 5))
]
PART_HELD = {"part_number": 1, "size": PART_BYTES, "etag": ETAG}
TRANSFERS: Mapping[str, dict[str, Any]] = {
    "In one request": {"strategy": "put", "method": "PUT", "url": DIRECT_URL, "headers": HEADERS},
    "As a form": {"strategy": "post", "method": "POST", "url": STORE, "fields": FIELDS},
    "In parts": {"strategy": "multipart", "part_size": PART_BYTES, "part_count": len(PARTS), "parts": PARTS},
}
LIFE = {"created_at": TIME, "expires_at": AN_HOUR_LATER, "revoked_at": None}
TOKEN_EXAMPLE = {"id": UPLOAD_ID, **LIFE}
NEW_TOKEN = {"id": UPLOAD_ID, "token": UPLOAD_TOKEN, "endpoint": f"{SERVICE}uppy/token/{UPLOAD_TOKEN}"}
SHARE_EXAMPLE = {"id": SHARE_ID, "user_id": USER_ID, **FILE, **LIFE, "max_downloads": 10, "downloads": 0}


def page_example(path: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first page of a list."""
    return {"next": f"{SERVICE}{path}?cursor={UPLOAD_CURSOR}", "previous": None, "results": [result]}


EXAMPLES: Mapping[type[Any], Any] = {
    requests.BucketCreateSerializer: {"bucket": BUCKET},
    responses.BucketListSerializer: {"owner_id": OWNER_ID, "buckets": [BUCKET_EXAMPLE]},
    responses.CreatedBucketSerializer: {"name": BUCKET, "region": REGION, "location": f"/{BUCKET}"},
    responses.SavedFileSerializer: {"path": f"{BUCKET}/{FILE_NAME}", **FILE, "size": len(CONTENT), "etag": ETAG},
    requests.PresignSerializer: {**FILE, "expiration": SECONDS, "disposition": "attachment"},
    responses.PresignedUrlSerializer: {"url": PRESIGNED_URL, "method": "GET", "expires_in": SECONDS, **EXPIRES},
    responses.ObjectListSerializer: page_example(f"buckets/{BUCKET}/files/", OBJECT_EXAMPLE) | {"prefixes": []},
    responses.FolderSerializer: page_example("uploads/folder/", UPLOAD_EXAMPLE) | {"prefixes": [f"{FOLDER}June/"]},
    responses.UploadSerializer: UPLOAD_EXAMPLE,
    responses.UsageSerializer: {**USED, **ALLOWED, "key_prefix": f"users/{USER_ID}/", "may_overwrite": True},
    direct_uploads.UploadStartSerializer: {"bucket": BUCKET, "file_name": "été.txt", **KNOWN, "strategy": "auto"},
    direct_uploads.SignedPartsSerializer: {"parts": PARTS, **EXPIRES},
    direct_uploads.UploadProgressSerializer: {"parts": [PART_HELD], "missing": [2]},
    shares.ShareCreateSerializer: {**FILE, "expires_in": SECONDS, "max_downloads": 10},
    shares.NewShareLinkSerializer: {**SHARE_EXAMPLE, "url": f"{SERVICE}shares/{SHARE_IN_URL}/"},
    uppy.UppyFileSerializer: FILE_OF_UPPY,
    uppy.UppyMultipartSerializer: {"key": DIRECT_KEY, "uploadId": UPLOAD_ID, "bucket": BUCKET},
    uppy.UppyPartSerializer: {"url": PART_URL, "expires": SECONDS},
    uppy.UppyPartsSerializer: {"presignedUrls": {"1": PART_URL}},
    uppy.UppyStoredPartSerializer: {"PartNumber": 1, "ETag": ETAG, "Size": PART_BYTES},
    uppy.UppyCompleteSerializer: {"parts": [{"PartNumber": 1, "ETag": ETAG}]},
    uppy.UppyCompletedSerializer: {"location": DIRECT_EXAMPLE["url"], "key": DIRECT_KEY, "bucket": BUCKET},
    uppy.UppySignSerializer: {"method": "PUT", "key": "été.txt", "contentType": "text/plain"},
    uppy.UploadTokenCreateSerializer: {"expires_in": SECONDS},
    uppy.NewUploadTokenSerializer: {**NEW_TOKEN, **EXPIRES},
    responses.HealthSerializer: {"database": True, "storage": True},
    responses.LiveSerializer: {"live": True},
    responses.ReadySerializer: {"database": True},
}
# Bodies of several shapes: an example of each.
VARIANTS: Mapping[type[Any], Mapping[str, Any]] = {
    direct_uploads.StartedUploadSerializer: {
        **{name: {**PENDING_EXAMPLE, "transfer": {**way, **EXPIRES}} for name, way in TRANSFERS.items()},
        "Stored already": {**DIRECT_EXAMPLE, "transfer": None},
    },
    direct_uploads.PartNumbersSerializer: {
        "Missing parts": {"missing": True},
        "A range": {"first": 1, "last": 2},
        "By number": {"part_numbers": [1, 2]},
    },
    uppy.UppyFormSerializer: {
        "A form": {"method": "POST", "url": STORE, "fields": FIELDS, "expires": SECONDS},
        "A PUT": {**PUT_OF_UPPY, "expires": SECONDS},
    },
    uppy.UppySignedSerializer: {
        "A PUT": {"url": DIRECT_URL, "key": DIRECT_KEY, "headers": HEADERS},
        "A form, if the store takes no PUT": {"url": STORE, "key": DIRECT_KEY, "fields": FIELDS},
        "A part": {"url": PART_URL},
        "A request to this server": {"url": f"{SERVICE}uppy/signed/..."},
    },
}


def serializer_examples(serializer: type[Any]) -> list[OpenApiExample]:
    """Return the examples of a body; there are none of what is only a part of other bodies."""
    variants = VARIANTS.get(serializer) or ({"Example": EXAMPLES[serializer]} if serializer in EXAMPLES else {})
    return [OpenApiExample(name, value) for name, value in variants.items()]
