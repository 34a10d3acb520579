"""What drf-spectacular sees in place of each viewset: the same, with its operations described.

The viewsets themselves know nothing of it, so that the app runs without drf-spectacular.
"""

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.drainage import isolate_view_method
from drf_spectacular.extensions import OpenApiViewExtension
from rest_framework.views import APIView

from ..viewsets import BucketViewSet, FileViewSet, HealthViewSet, ServiceViewSet
from . import operations

ACTIONS: Mapping[type[ServiceViewSet], Mapping[str, Callable[[], Callable[[Any], Any]]]] = {
    BucketViewSet: {
        "list": operations.bucket_list,
        "create": operations.bucket_create,
        "destroy": operations.bucket_remove,
    },
    FileViewSet: {
        "upload": operations.file_upload,
        "download": operations.file_download,
        "destroy": operations.file_delete,
        "presign_from_query": operations.file_presign_query,
        "presign_from_body": operations.file_presign_body,
    },
    HealthViewSet: {"retrieve": operations.health},
}


class ServiceDescription(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Found by drf-spectacular as soon as it is defined; also describes what a host derives from the viewsets."""

    target_class = ServiceViewSet
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        """Return the viewset with its operations described."""
        replacement = type(self.target.__name__, (self.target,), {})
        for action, describe in self._actions().items():
            # `extend_schema_view` takes DRF's own actions and those marked with `@action` alone, so no `upload`.
            describe()(isolate_view_method(replacement, action))  # type: ignore[no-untyped-call]
        return replacement

    def _actions(self) -> Mapping[str, Callable[[], Callable[[Any], Any]]]:
        return next(actions for view, actions in ACTIONS.items() if issubclass(self.target, view))
