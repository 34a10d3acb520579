"""Components, as generated clients use them."""

import json
from typing import Any

import pytest
from django.urls import get_resolver, path
from drf_spectacular.settings import patched_settings
from openapi_schema_validator import OAS30ReadValidator
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from s3_file_uploader.api.serializers.direct_uploads import PartNumbersSerializer, UploadStartSerializer
from s3_file_uploader.api.serializers.requests import (
    BucketCreateSerializer,
    FileUploadFormSerializer,
    PresignSerializer,
)
from s3_file_uploader.api.serializers.shares import ShareCreateSerializer
from s3_file_uploader.api.serializers.uppy import (
    UploadTokenCreateSerializer,
    UppyCompleteSerializer,
    UppyFileSerializer,
    UppySignSerializer,
)
from tests.unit.api.openapi.conftest import STATUSES, WITH_A_BODY, generated, values

# --- for generated clients --------------------------------------------------------------------------------------------


def component(schema: dict[str, Any], name: str) -> dict[str, Any]:
    description: dict[str, Any] = schema["components"]["schemas"][name]
    return description


def test_components_have_the_prefix_of_the_app(schema):
    of_the_host = {"AuthToken", "AuthTokenRequest"}
    assert {name for name in schema["components"]["schemas"] if not name.startswith("S3")} == of_the_host


def test_enums_are_components(schema):
    enums = {
        name: described["enum"] for name, described in schema["components"]["schemas"].items() if "enum" in described
    }
    codes = enums.pop("S3ErrorCode")
    assert codes == sorted(STATUSES)
    assert enums == {
        "S3Disposition": ["attachment", "inline"],
        "S3MultipartStrategy": ["multipart"],
        "S3PostStrategy": ["post"],
        "S3PutStrategy": ["put"],
        "S3TransferStrategy": ["auto", "put", "post", "multipart"],
        "S3UploadStatus": ["pending", "quarantined", "stored", "rejected", "deleting"],
        "S3UppyMethod": ["PUT", "POST", "GET", "DELETE"],
    }


def test_enum_fields_keep_their_help_text(schema):
    strategy = component(schema, "S3UploadStartRequest")["properties"]["strategy"]
    words = UploadStartSerializer().fields["strategy"].help_text
    reference = {"$ref": "#/components/schemas/S3TransferStrategy"}
    assert strategy == {"allOf": [reference], "description": words, "example": "auto"}


def test_enums_without_choice_descriptions_are_the_same(schema):
    with patched_settings({"ENUM_GENERATE_CHOICE_DESCRIPTION": False}):
        assert generated()["components"] == schema["components"]


def test_enums_of_a_host_keep_their_names():
    class HostSerializer(serializers.Serializer[Any]):
        status = serializers.ChoiceField(choices=["open", "closed"])
        strategy = serializers.ChoiceField(choices=["fast", "slow"])

    class HostView(GenericAPIView[Any]):
        serializer_class = HostSerializer

        def get(self, request: Any) -> None:
            """Describe it."""

    schema = generated(patterns=[*get_resolver("modules.urls").url_patterns, path("host/", HostView.as_view())])
    assert component(schema, "StatusEnum")["enum"] == ["open", "closed"]
    assert component(schema, "StrategyEnum")["enum"] == ["fast", "slow"]


def test_error_code_accepts_unknown_codes(schema):
    code = component(schema, "S3Error")["properties"]["code"]
    assert code["anyOf"] == [{"$ref": "#/components/schemas/S3ErrorCode"}, {"type": "string"}]
    assert code["description"]
    shape = {"allOf": [{"$ref": "#/components/schemas/S3Error"}], "components": schema["components"]}
    for known_or_not in ("file_exists", "of_tomorrow"):
        OAS30ReadValidator(shape).validate({"code": known_or_not, "detail": "Do this next."})


def test_transfer_has_the_strategy_as_discriminator(schema):
    ways = {"put": "S3PutTransfer", "post": "S3PostTransfer", "multipart": "S3MultipartTransfer"}
    references = {strategy: f"#/components/schemas/{name}" for strategy, name in ways.items()}
    assert component(schema, "S3Transfer") == {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "strategy", "mapping": references},
    }
    for strategy, name in ways.items():
        reference = component(schema, name)["properties"]["strategy"]["$ref"]
        assert component(schema, reference.rpartition("/")[2])["enum"] == [strategy]
    transfer = component(schema, "S3StartedUpload")["properties"]["transfer"]
    assert transfer["oneOf"] == [{"$ref": "#/components/schemas/S3Transfer"}, {"enum": [None]}]


def test_fields_of_bodies_have_no_defaults(schema):
    for described in schema["components"]["schemas"].values():
        assert not [name for name, field in described.get("properties", {}).items() if "default" in field]


@pytest.mark.parametrize(
    ("name", "field", "default"),
    [
        ("S3FileUploadFormRequest", "overwrite", False),
        ("S3PresignRequest", "expiration", 3600),
        ("S3PresignRequest", "disposition", "attachment"),
        ("S3UploadStartRequest", "strategy", "auto"),
        ("S3UploadTokenCreateRequest", "expires_in", 3600),
    ],
)
def test_defaults_are_described_and_filled_in_by_swagger_ui(schema, name, field, default):
    described = component(schema, name)
    in_words = default if isinstance(default, str) else json.dumps(default)
    assert f"Default: `{in_words}`." in described["properties"][field]["description"]
    # Without an example, Swagger UI fills in `true`, and overwrites.
    assert described["properties"][field]["example"] == default
    assert field not in described.get("required", ())


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "serializer", "media_types"),
    [
        ("file_upload", FileUploadFormSerializer, {"multipart/form-data"}),
        *(
            (name, serializer, {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"})
            for name, serializer in (
                ("bucket_create", BucketCreateSerializer),
                ("file_presign_body", PresignSerializer),
                ("upload_start", UploadStartSerializer),
                ("upload_parts_sign", PartNumbersSerializer),
                ("uppy_token_create", UploadTokenCreateSerializer),
                ("share_create", ShareCreateSerializer),
            )
        ),
        *(
            (name, serializer, {"application/json"})
            for name, serializer in (
                ("uppy_create", UppyFileSerializer),
                ("uppy_complete", UppyCompleteSerializer),
                ("uppy_sign", UppySignSerializer),
            )
        ),
    ],
)
def test_bodies_have_the_fields_of_the_serializer(
    schema, operations, name: str, serializer: type[serializers.Serializer[Any]], media_types
):
    content = operations[name]["requestBody"]["content"]
    assert content.keys() == media_types
    for media in content.values():
        shape = schema["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
        assert shape["properties"].keys() == serializer().fields.keys()
        assert all(described["description"] for described in shape["properties"].values())
    assert values(next(iter(content.values())))


def test_other_operations_have_no_body(operations):
    assert sorted(name for name, operation in operations.items() if "requestBody" in operation) == WITH_A_BODY


def test_form_file_is_binary_and_last(schema):
    form = schema["components"]["schemas"]["S3FileUploadFormRequest"]
    assert form["properties"]["file"] == {
        "type": "string",
        "format": "binary",
        "description": FileUploadFormSerializer().fields["file"].help_text,
    }
    assert sorted(form["required"]) == ["bucket", "file"]
    assert [*form["properties"]][-1] == "file"


def test_raw_body_is_binary_of_any_type(operations):
    content = operations["file_put"]["requestBody"]["content"]
    assert [*content] == ["application/octet-stream", "*/*"]
    assert [media["schema"] for media in content.values()] == [{"type": "string", "format": "binary"}] * 2


def test_form_file_without_split_components_is_binary():
    with patched_settings({"COMPONENT_SPLIT_REQUEST": False}):
        form = generated()["components"]["schemas"]["S3FileUploadForm"]
    assert form["properties"]["file"]["format"] == "binary"
