"""HTTP: parse, call one service, answer. Errors leave through `http_errors`, then the host's own handler."""

from .base import ServiceViewSet
from .buckets import BucketViewSet
from .files import FileViewSet
from .health import HealthViewSet
from .objects import ObjectViewSet
from .uploads import UploadViewSet

__all__ = ["BucketViewSet", "FileViewSet", "HealthViewSet", "ObjectViewSet", "ServiceViewSet", "UploadViewSet"]
