"""Components that drf-spectacular would not make of the serializers by itself."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiExample, PolymorphicProxySerializer, extend_schema_serializer
from rest_framework.serializers import CharField, Serializer

from ..serializers import direct_uploads, requests, responses, shares, uppy
from .enums import enum_component
from .errors import all_codes
from .examples import BUCKET, SHARE_EXAMPLE, TOKEN_EXAMPLE, UPLOAD_EXAMPLE, page_example


def page_of(name: str, serializer: type[Serializer[Any]], path: str, example: Any) -> type[Serializer[Any]]:
    """Return the serializer of a page of records, which the paginator of the viewsets writes without one."""
    fields = {
        "next": CharField(allow_null=True, help_text="URL of the next page; null on the last."),
        "previous": CharField(allow_null=True, help_text="URL of the previous page; null on the first."),
        "results": serializer(many=True),
    }
    page = type(name, (Serializer,), {"__doc__": "One page of the list.", **fields})
    examples = [OpenApiExample("Example", page_example(path, example))]
    return extend_schema_serializer(many=False, component_name=name, examples=examples)(page)


UPLOAD_PAGE = page_of("S3UploadList", responses.UploadSerializer, "uploads/", UPLOAD_EXAMPLE)
TOKEN_PAGE = page_of("S3UploadTokenList", uppy.UploadTokenSerializer, "uppy/tokens/", TOKEN_EXAMPLE)
SHARE_PAGE = page_of("S3ShareLinkList", shares.ShareLinkSerializer, "shares/", SHARE_EXAMPLE)
TRANSFERS: dict[str, Serializer[Any] | type[Serializer[Any]]] = {
    "put": direct_uploads.PutTransferSerializer,
    "post": direct_uploads.PostTransferSerializer,
    "multipart": direct_uploads.MultipartTransferSerializer,
}
TRANSFER = PolymorphicProxySerializer("S3Transfer", TRANSFERS, resource_type_field_name="strategy")


class StartedUploadDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The response of POST `uploads/`."""

    target_class = direct_uploads.StartedUploadSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the record, and the transfer in one of three shapes."""
        schema = super().map_serializer(auto_schema, direction)
        schema["properties"]["transfer"] = {
            "oneOf": [auto_schema.resolve_serializer(TRANSFER, direction).ref, {"enum": [None]}],
            "description": "The requests that the client sends to S3; null if the file is stored already.",
        }
        schema["required"] = [*schema["required"], "transfer"]
        return schema


class FileUploadFormDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The form of `file/upload/`."""

    target_class = requests.FileUploadFormSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the form, its file last, and binary even if the host does not set COMPONENT_SPLIT_REQUEST.

        Swagger UI sends the fields in this order, and the server streams a file to S3 if its bucket precedes it.
        Swagger UI also sends every field that it has filled in: without an example, "string".
        """
        schema = super().map_serializer(auto_schema, direction)
        fields = schema["properties"]
        fields["file"] = {**fields.pop("file"), "format": "binary"}
        for name in ("user_id", "file_name", "original_name", "checksum_sha256"):
            fields[name]["example"] = ""
        fields["bucket"]["example"] = BUCKET
        return schema


class ErrorDescription(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The body of every error."""

    target_class = responses.ErrorSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return it with the codes of this version, and with room for those of later versions."""
        schema = super().map_serializer(auto_schema, direction)
        known = enum_component(auto_schema.registry, "S3ErrorCode", all_codes())
        del schema["properties"]["code"]["type"]
        schema["properties"]["code"]["anyOf"] = [known, {"type": "string"}]
        return schema
