"""The viewsets as drf-spectacular sees them: the same, with their operations described.

The viewsets themselves do not depend on drf-spectacular, so that the app runs without it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.drainage import isolate_view_method
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from rest_framework.views import APIView

from ..viewsets import ServiceViewSet
from .enums import field_for_clients
from .operations import OPERATIONS
from .parameters import IN_PATH

# Second addresses of what is described under the first.
ALIASES = ("/files/{file_name}", "/files/{file_name}/download", "/shares/{share}")
# The endpoints for Uppy, with the upload token in the address.
UPPY_ALIAS = "/uppy/token/{token}"


class OneAddress(AutoSchema):
    """Leaves out aliases; the host's own schema class, if it has one, comes behind this."""

    def is_excluded(self) -> bool:
        """Return True if the same operation is described under another address."""
        return self.path.endswith(ALIASES) or UPPY_ALIAS in self.path or super().is_excluded()

    def get_summary(self) -> str | None:
        """Return the first line of the docstring."""
        return self._split_paragraphs()[0]

    def get_description(self) -> str:  # type: ignore[override]  # as in drf-spectacular
        """Return the rest of the docstring, each paragraph in one line: Swagger UI keeps line breaks."""
        return "\n\n".join(self._split_paragraphs()[1:])

    def _split_paragraphs(self) -> list[str]:
        docstring = super().get_description()
        return [" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")]

    def get_override_parameters(self) -> list[Any]:
        """Add those of the path, which are the same in every operation."""
        in_path = [IN_PATH[name] for name in re.findall(r"{(\w+)}", self.path) if name in IN_PATH]
        return [*super().get_override_parameters(), *in_path]

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
        for action, describe in self._find_actions().items():
            # `extend_schema_view` takes DRF's own actions and those marked with `@action` alone, so no `upload`.
            method = isolate_view_method(replacement, action)  # type: ignore[no-untyped-call]
            method.kwargs = {"schema": OneAddress}
            describe()(method)
        return replacement

    def _find_actions(self) -> Mapping[str, Callable[[], Callable[[Any], Any]]]:
        return next(OPERATIONS[view] for view in self.target.__mro__ if view in OPERATIONS)
