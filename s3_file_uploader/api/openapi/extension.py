"""What drf-spectacular sees in place of each viewset: the same, with its operations described.

The viewsets themselves know nothing of it, so that the app runs without drf-spectacular.
"""

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.drainage import isolate_view_method
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from rest_framework.views import APIView

from ..viewsets import (
    BucketViewSet,
    FileDownloadViewSet,
    FileViewSet,
    HealthViewSet,
    ObjectViewSet,
    ServiceViewSet,
    ShareListViewSet,
    ShareViewSet,
    UploadTokenViewSet,
    UploadViewSet,
    UppySignedViewSet,
    UppySignViewSet,
    UppyViewSet,
)
from . import direct_uploads, endpoints, objects, shares, uploads, uppy
from .enums import field_for_clients

# Second addresses of what is described under the first.
ALIASES = ("/files/{file_name}", "/files/{file_name}/download", "/shares/{share}")
# What Uppy asks for, by the token in its endpoint.
UPPY_ALIAS = "/uppy/token/{token}"
ACTIONS: Mapping[type[ServiceViewSet], Mapping[str, Callable[[], Callable[[Any], Any]]]] = {
    BucketViewSet: {
        "list": endpoints.bucket_list,
        "create": endpoints.bucket_create,
        "destroy": endpoints.bucket_remove,
    },
    FileViewSet: {
        "upload": endpoints.file_upload,
        "destroy": endpoints.file_delete,
        "presign_from_query": endpoints.file_presign_query,
        "presign_from_body": endpoints.file_presign_body,
    },
    FileDownloadViewSet: {
        "download": endpoints.file_download,
        **dict.fromkeys(("retrieve_or_download", "store", "retrieve", "destroy"), uppy.hidden),
    },
    ObjectViewSet: {
        "list": objects.object_list,
        "store": objects.file_put,
        "retrieve": objects.file_get,
        "destroy": objects.file_remove,
    },
    UploadViewSet: {
        "list": uploads.upload_list,
        "usage": uploads.upload_usage,
        "create": direct_uploads.upload_start,
        "retrieve": uploads.upload_get,
        "destroy": uploads.upload_delete,
        "parts": direct_uploads.upload_parts,
        "parts_sign": direct_uploads.upload_parts_sign,
        "complete": direct_uploads.upload_complete,
    },
    UploadTokenViewSet: {
        "create": uppy.token_create,
        "list": uppy.token_list,
        "destroy": uppy.token_revoke,
    },
    UppySignViewSet: {"sign": uppy.sign},
    # Opaque, like the addresses that are signed for S3.
    UppySignedViewSet: dict.fromkeys(("begin_or_complete", "parts", "abort", "missing"), uppy.hidden),
    UppyViewSet: {
        "params": uppy.params,
        "create": uppy.create,
        "sign_part": uppy.sign_part,
        "sign_parts": uppy.sign_parts,
        "parts": uppy.parts,
        "complete": uppy.complete,
        "abort": uppy.abort,
        "arrived": uppy.arrived,
        "missing": uppy.hidden,
    },
    ShareListViewSet: {"create": shares.share_create, "list": shares.share_list},
    ShareViewSet: {"retrieve": shares.share_follow, "destroy": shares.share_revoke, "missing": uppy.hidden},
    HealthViewSet: {
        "retrieve": endpoints.health,
        "live": endpoints.health_live,
        "ready": endpoints.health_ready,
    },
}


class OneAddress(AutoSchema):
    """Leaves out aliases; the host's own schema class, if it has one, comes behind this."""

    def is_excluded(self) -> bool:
        """Tell whether the same operation is described under another address."""
        return self.path.endswith(ALIASES) or UPPY_ALIAS in self.path or super().is_excluded()

    def resolve_serializer(
        self, serializer: Any, direction: Direction, bypass_extensions: bool = False
    ) -> ResolvedComponent:
        """Return the component, its fields as generators of clients need them."""
        component = super().resolve_serializer(serializer, direction, bypass_extensions)
        fields = (component.schema or {}).get("properties", {})
        fields.update({name: field_for_clients(self.registry, field) for name, field in fields.items()})
        return component


class ServiceDescription(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Found by drf-spectacular as soon as it is defined; also describes what a host derives from the viewsets."""

    target_class = ServiceViewSet
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        """Return the viewset with its operations described."""
        replacement = type(self.target.__name__, (self.target,), {})
        for action, describe in self._actions().items():
            # `extend_schema_view` takes DRF's own actions and those marked with `@action` alone, so no `upload`.
            method = isolate_view_method(replacement, action)  # type: ignore[no-untyped-call]
            method.kwargs = {"schema": OneAddress}
            describe()(method)
        return replacement

    def _actions(self) -> Mapping[str, Callable[[], Callable[[Any], Any]]]:
        return next(actions for view, actions in ACTIONS.items() if issubclass(self.target, view))
