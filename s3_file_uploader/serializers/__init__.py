"""The shapes of requests and answers. Plain serializers: no queries, no S3."""

from .answers import (
    BucketListSerializer,
    BucketSerializer,
    CreatedBucketSerializer,
    ErrorSerializer,
    FieldErrorSerializer,
    HealthSerializer,
    ListedObjectSerializer,
    ObjectListSerializer,
    PresignedUrlSerializer,
    SavedFileSerializer,
    UploadSerializer,
    UTCDateTimeField,
)
from .headers import (
    checksum_of,
    content_type_of,
    idempotency_key_of,
)
from .requests import (
    BucketCreateSerializer,
    FileUploadFormSerializer,
    ObjectsWantedSerializer,
    PageSerializer,
    PresignSerializer,
    RawUploadSerializer,
    ReadSerializer,
    UploadsWantedSerializer,
)

__all__ = [
    "BucketCreateSerializer",
    "BucketListSerializer",
    "BucketSerializer",
    "CreatedBucketSerializer",
    "ErrorSerializer",
    "FieldErrorSerializer",
    "FileUploadFormSerializer",
    "HealthSerializer",
    "ListedObjectSerializer",
    "ObjectListSerializer",
    "ObjectsWantedSerializer",
    "PageSerializer",
    "PresignSerializer",
    "PresignedUrlSerializer",
    "RawUploadSerializer",
    "ReadSerializer",
    "SavedFileSerializer",
    "UTCDateTimeField",
    "UploadSerializer",
    "UploadsWantedSerializer",
    "checksum_of",
    "content_type_of",
    "idempotency_key_of",
]
