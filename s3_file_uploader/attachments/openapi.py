"""The description of the serializer field, for drf-spectacular: it takes an id, and shows a file."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, extend_schema_serializer

from ..api.openapi.enums import field_for_clients
from .serializers import AttachedUploadSerializer, UploadSerializerField

extend_schema_serializer(component_name="S3AttachedUpload")(AttachedUploadSerializer)


class UploadFieldDescription(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Found by drf-spectacular as soon as it is defined."""

    target_class = UploadSerializerField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the id in requests, the component of a file in responses."""
        if direction == "request":
            return {"type": "string", "format": "uuid", "description": "The id of one of your stored uploads."}
        component = auto_schema.resolve_serializer(AttachedUploadSerializer, direction)
        fields = component.schema["properties"]
        fields["status"] = field_for_clients(auto_schema.registry, fields["status"])
        return component.ref
