"""Parse a request, call one service, answer. Errors pass `errors.http_error`, then the handler of the host."""

from .base import ServiceViewSet
from .buckets import BucketViewSet
from .downloads import FileDownloadViewSet
from .files import FileViewSet
from .health import HealthViewSet
from .objects import ObjectViewSet
from .shares import ShareListViewSet, ShareViewSet
from .upload_tokens import UploadTokenViewSet
from .uploads import UploadViewSet
from .uppy import UppyViewSet
from .uppy_sign_request import UppySignedViewSet, UppySignViewSet

__all__ = [
    "BucketViewSet",
    "FileDownloadViewSet",
    "FileViewSet",
    "HealthViewSet",
    "ObjectViewSet",
    "ServiceViewSet",
    "ShareListViewSet",
    "ShareViewSet",
    "UploadTokenViewSet",
    "UploadViewSet",
    "UppySignViewSet",
    "UppySignedViewSet",
    "UppyViewSet",
]
