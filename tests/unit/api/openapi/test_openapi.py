import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver, path, resolve, reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.settings import patched_settings
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker
from openapi_spec_validator import validate
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from modules.accounts import ACCOUNTS, PASSWORD
from modules.management.commands import demo
from s3_file_uploader import urls
from s3_file_uploader.api.authentication import UploadTokenAuthentication
from s3_file_uploader.api.errors import DATABASE_UNAVAILABLE, RETRIED, STATUS_AND_CODE
from s3_file_uploader.api.openapi import examples
from s3_file_uploader.api.serializers.direct_uploads import PartNumbersSerializer, UploadStartSerializer
from s3_file_uploader.api.serializers.requests import (
    BucketCreateSerializer,
    FileUploadFormSerializer,
    ObjectListQuerySerializer,
    PageSerializer,
    PresignSerializer,
    RawUploadSerializer,
    ReadSerializer,
    UploadListQuerySerializer,
)
from s3_file_uploader.api.serializers.shares import ShareCreateSerializer, ShareListQuerySerializer
from s3_file_uploader.api.serializers.uppy import (
    UploadTokenCreateSerializer,
    UppyCompleteSerializer,
    UppyFileSerializer,
    UppySignSerializer,
)
from s3_file_uploader.api.viewsets import (
    FileDownloadViewSet,
    FileViewSet,
    HealthViewSet,
    ObjectViewSet,
)
from s3_file_uploader.s3.client import get_client
from tests.conftest import client_of

PREFIX = "/modules/s3-file-uploader/service/"

ANY = {"method_not_allowed", "not_acceptable", "throttled"}
STORAGE = {
    *("storage_access_denied", "storage_error", "storage_not_configured", "storage_unavailable", "storage_timeout")
}
CALLER = {*ANY, *STORAGE, "not_authenticated", "permission_denied", "database_unavailable"}
BODY = {"invalid", "unsupported_media_type", "request_too_slow"}
FILE = {*CALLER, "invalid_bucket_name", "invalid_file_name", "bucket_not_allowed", "file_not_found"}
PRESIGN = {*FILE, "invalid", "bucket_not_found", "quarantined"}
POLICY = {"file_too_large", "content_type_not_allowed", "quota_exceeded"}
UPLOAD = {
    *(
        *FILE,
        *BODY,
        "checksum_mismatch",
        "content_type_mismatch",
        "size_mismatch",
        "length_required",
        "bucket_not_found",
        "file_exists",
    ),
    *("idempotency_key_reused", "upload_in_progress", "file_rejected", *POLICY),
}
PARTS = {
    *CALLER,
    "bucket_not_found",
    "upload_not_found",
    "upload_in_progress",
    "upload_not_pending",
    "file_too_large",
    "quota_exceeded",
}
COMPLETION = {
    *(*PARTS, "parts_missing", "size_mismatch", "content_type_mismatch", "checksum_mismatch", "file_exists"),
    "file_rejected",
    *POLICY,
}
UPPY_START = {
    *(*CALLER, "invalid", "invalid_bucket_name", "invalid_file_name", "bucket_not_allowed", "bucket_not_found"),
    *("upload_not_pending", "content_type_not_allowed", "quota_exceeded"),
}
UPPY_PARTS = {
    *CALLER,
    "invalid",
    "bucket_not_found",
    "upload_not_found",
    "upload_not_pending",
    "file_too_large",
    "quota_exceeded",
}
CODES = {
    "bucket_list": CALLER,
    "bucket_create": {*CALLER, *BODY, "invalid_bucket_name", "bucket_exists", "bucket_not_found"},
    "bucket_remove": {
        *(*CALLER, "invalid_bucket_name", "bucket_owner_mismatch", "bucket_not_found", "bucket_not_empty")
    },
    "file_upload": {*UPLOAD, "not_your_file"},
    "file_download": {*FILE, "bucket_not_found", "file_exists", "quarantined", "download_folder_full"},
    "file_delete": {*FILE, "invalid", "not_your_file", "file_exists"},
    "file_presign_query": PRESIGN,
    "file_presign_body": {*PRESIGN, *BODY},
    "file_put": UPLOAD,
    "file_get": {*PRESIGN, "range_not_satisfiable", "precondition_failed"} - {"not_acceptable"},
    "file_remove": {*FILE, "not_your_file", "file_exists"},
    "object_list": {*CALLER, "invalid", "invalid_bucket_name", "bucket_not_allowed", "bucket_not_found"},
    "upload_list": {*CALLER, "invalid", "not_your_file"} - STORAGE,
    "upload_start": {
        *(*CALLER, *BODY, "invalid_bucket_name", "invalid_file_name", "not_your_file", "bucket_not_allowed"),
        *("bucket_not_found", "idempotency_key_reused", "upload_not_pending", *POLICY),
    },
    "upload_usage": {*CALLER, "invalid", "invalid_bucket_name", "not_your_file", "bucket_not_allowed"} - STORAGE,
    "upload_get": {*CALLER, "upload_not_found"} - STORAGE,
    "upload_parts": PARTS,
    "upload_parts_sign": {*PARTS, *BODY},
    "upload_complete": COMPLETION,
    "upload_delete": {*CALLER, "not_your_file", "upload_not_found", "file_exists"},
    "uppy_params": UPPY_START,
    "uppy_create": {*UPPY_START, *BODY},
    "uppy_sign_part": UPPY_PARTS,
    "uppy_sign_parts": UPPY_PARTS,
    "uppy_parts": PARTS,
    "uppy_complete": {*COMPLETION, *BODY},
    "uppy_abort": {*CALLER, "upload_not_found", "upload_not_pending"},
    "uppy_arrived": COMPLETION,
    "uppy_sign": {*UPPY_START, *BODY, "upload_not_found", "file_too_large"},
    "uppy_token_create": {*CALLER, *BODY} - STORAGE,
    "uppy_token_list": {*CALLER, "invalid"} - STORAGE,
    "uppy_token_revoke": {*CALLER, "upload_token_not_found"} - STORAGE,
    "share_create": {*FILE, *BODY, "not_your_file", "quarantined"} - STORAGE,
    "share_list": {*FILE, "invalid", "not_your_file", "quarantined"} - STORAGE,
    "share_follow": {
        *(*STORAGE, "method_not_allowed", "throttled", "database_unavailable", "share_not_found", "bucket_not_found")
    },
    "share_revoke": {*CALLER, "share_not_found"} - STORAGE,
    "health": ANY,
    "health_live": ANY,
    "health_ready": ANY,
}
STATUSES = {
    **{code: status for _, status, code in STATUS_AND_CODE},
    DATABASE_UNAVAILABLE[1]: DATABASE_UNAVAILABLE[0],
    "not_authenticated": 401,
    "permission_denied": 403,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "unsupported_media_type": 415,
    "throttled": 429,
}
ROUTES = {
    "bucket_list": ("get", "bucket/list/"),
    "bucket_create": ("post", "bucket/create/"),
    "bucket_remove": ("delete", "owners/{owner_id}/buckets/{bucket_name}/remove/"),
    "file_upload": ("post", "file/upload/"),
    "file_download": ("get", "buckets/{bucket_name}/files/{file_name}/download/"),
    "file_delete": ("delete", "users/{user_id}/buckets/{bucket_name}/files/{file_name}/remove/"),
    "file_presign_query": ("get", "file/presigned/url/"),
    "file_presign_body": ("post", "file/presigned/url/"),
    "file_put": ("put", "buckets/{bucket_name}/files/{file_name}/"),
    "file_get": ("get", "buckets/{bucket_name}/files/{file_name}/"),
    "file_remove": ("delete", "buckets/{bucket_name}/files/{file_name}/"),
    "object_list": ("get", "buckets/{bucket_name}/files/"),
    "upload_list": ("get", "uploads/"),
    "upload_start": ("post", "uploads/"),
    "upload_usage": ("get", "uploads/usage/"),
    "upload_get": ("get", "uploads/{upload_id}/"),
    "upload_parts": ("get", "uploads/{upload_id}/parts/"),
    "upload_parts_sign": ("post", "uploads/{upload_id}/parts/"),
    "upload_complete": ("post", "uploads/{upload_id}/complete/"),
    "upload_delete": ("delete", "uploads/{upload_id}/"),
    "uppy_params": ("get", "uppy/s3/params"),
    "uppy_create": ("post", "uppy/s3/multipart"),
    "uppy_sign_part": ("get", "uppy/s3/multipart/{upload_id}/{part_number}"),
    "uppy_sign_parts": ("get", "uppy/s3/multipart/{upload_id}/batch"),
    "uppy_parts": ("get", "uppy/s3/multipart/{upload_id}"),
    "uppy_complete": ("post", "uppy/s3/multipart/{upload_id}/complete"),
    "uppy_abort": ("delete", "uppy/s3/multipart/{upload_id}"),
    "uppy_arrived": ("post", "uppy/s3/complete"),
    "uppy_sign": ("post", "uppy/sign"),
    "uppy_token_create": ("post", "uppy/tokens/"),
    "uppy_token_list": ("get", "uppy/tokens/"),
    "uppy_token_revoke": ("delete", "uppy/tokens/{token_id}/"),
    "share_create": ("post", "shares/"),
    "share_list": ("get", "shares/"),
    "share_follow": ("get", "shares/{share}/"),
    "share_revoke": ("delete", "shares/{share}/"),
    "health": ("get", "health/"),
    "health_live": ("get", "health/live/"),
    "health_ready": ("get", "health/ready/"),
}
# Addresses with a token or a ticket are not described: they repeat others, or are opaque.
SECRET_ADDRESSES = ("uppy/token/", "uppy/signed/")
TAGS = {
    "bucket": "Buckets",
    "object": "Buckets",
    "file": "Files",
    "upload": "Uploads",
    "uppy": "Uppy",
    "share": "Shares",
    "health": "Health",
    "health_live": "Health",
    "health_ready": "Health",
}
OF_CALLERS = sorted(ROUTES.keys() - {"health", "health_live", "health_ready", "share_follow"})
WITHOUT_A_REQUEST_BODY = {"upload_complete", "uppy_arrived"}
WITH_A_BODY = sorted(
    {name for name, (method, _) in ROUTES.items() if method in ("post", "put")} - WITHOUT_A_REQUEST_BODY
)
WITH_A_KEY = sorted(name for name, (_, address) in ROUTES.items() if "{file_name}" in address)
# It also serves files whose names end like its address: see the operations of files.
OF_FILES_NAMED_SO = {FileDownloadViewSet: ("store", "destroy")}
WITHOUT_A_BODY = ("204", "302", "304")
ROUTED = [route for route in urls.service if not str(route.pattern).startswith(SECRET_ADDRESSES)]
LISTS = ("object_list", "upload_list")


def generated(**arguments: Any) -> dict[str, Any]:
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(**arguments).get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    rendered: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(schema, renderer_context={}))
    return rendered


@pytest.fixture(scope="module")
def schema():
    return generated()


@pytest.fixture(scope="module")
def operations(schema):
    """Return the operations of the app by their id."""
    return {
        operation["operationId"]: operation
        for address, methods in schema["paths"].items()
        if address.startswith(PREFIX)
        for method, operation in methods.items()
        if method != "head"  # `test_head_is_described_for_its_routes` tests it.
    }


def values(holder: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in holder["examples"].values()]


def errors_by_status(operation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the response of each error status, with its examples and its codes."""
    return {
        int(status): {
            "bodies": values(answer["content"]["application/json"]),
            "codes": re.findall(r"^(?:- )?`(\w+)`", answer["description"], re.MULTILINE),
        }
        for status, answer in operation["responses"].items()
        if {"$ref": "#/components/schemas/S3Error"}
        in [media.get("schema") for media in answer.get("content", {}).values()]
    }


def error_body(operation: dict[str, Any], status: int) -> dict[str, Any]:
    body: dict[str, Any] = errors_by_status(operation)[status]["bodies"][0]
    return body


def address_of(name: str, operation: dict[str, Any]) -> str:
    """Return the address with the examples in it, percent-encoded as the description says."""
    in_path = {each["name"]: quote(str(values(each)[0]), safe="") for each in parameters(operation, "path")}
    return PREFIX + ROUTES[name][1].format(**in_path)


def parameters(operation: dict[str, Any], place: str) -> list[dict[str, Any]]:
    return [each for each in operation.get("parameters", ()) if each["in"] == place]


# --- the document -----------------------------------------------------------------------------------------------------


def test_schema_is_valid_openapi(schema):
    validate(schema)


def test_spectacular_command_prints_no_warnings(tmp_path, capsys):
    GENERATOR_STATS.reset()
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert capsys.readouterr() == ("", "")
    assert "openapi: 3.0" in (tmp_path / "schema.yml").read_text()


def test_schema_describes_every_route_and_nothing_else(schema):
    described = {
        (method, address.removeprefix(PREFIX))
        for address, methods in schema["paths"].items()
        if address.startswith(PREFIX)
        for method in methods
        if method != "head"
    }
    routed = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)))
        for route in ROUTED
        if route.name  # Aliases have no name.
        for method in route.callback.actions
        if method != "head" and route.callback.actions[method] not in OF_FILES_NAMED_SO.get(route.callback.cls, ())
    }
    assert described == routed == set(ROUTES.values())


def test_alias_routes_are_described_addresses_without_slash():
    addresses = {str(route.pattern): route.callback.actions for route in ROUTED if route.name}
    unnamed = {str(route.pattern): route.callback.actions for route in ROUTED if not route.name}
    aliases = {address: actions for address, actions in unnamed.items() if "missing" not in actions.values()}
    (alias,) = [address for address in aliases if address.endswith("/download")]  # The file of that name.
    assert aliases.pop(alias) == addresses[f"{alias}/"] | {"get": "retrieve_or_download"}
    assert aliases == {address: addresses[f"{address}/"] for address in aliases}
    assert len(aliases) == 2


def test_uppy_token_routes_are_the_same_as_uppy_routes():
    routed = {str(route.pattern): route.callback for route in urls.service}
    at_home = {
        address: view for address, view in routed.items() if address.startswith("uppy/s3/") or address == "uppy/sign"
    }
    assert len(at_home) == 8
    for address, view in at_home.items():
        by_token = routed[address.replace("uppy/", "uppy/token/<s3_secret:token>/")]
        assert by_token.cls is view.cls
        assert without_head(by_token.actions) == without_head(view.actions)
        assert by_token.initkwargs == {**view.initkwargs, "authentication_classes": (UploadTokenAuthentication,)}


def without_head(actions: dict[str, str]) -> dict[str, str]:
    """Return the actions without HEAD, which Django REST framework adds with the first request."""
    return {method: action for method, action in actions.items() if method != "head"}


def test_operation_ids_belong_to_their_routes(schema):
    for name, (method, address) in ROUTES.items():
        assert schema["paths"][PREFIX + address][method]["operationId"] == name


def test_viewsets_are_not_modified(schema):
    assert not hasattr(FileViewSet.upload, "kwargs")
    assert not hasattr(FileDownloadViewSet.download, "kwargs")
    assert not hasattr(FileViewSet.destroy, "kwargs")
    assert not hasattr(ObjectViewSet.store, "kwargs")


def test_derived_viewset_of_a_host_is_described():
    class HostsHealthViewSet(HealthViewSet):
        """Show the health of a host."""

    schema = generated(patterns=[path("up/", HostsHealthViewSet.as_view({"get": "retrieve"}))])
    assert schema["paths"]["/up/"]["get"]["operationId"] == "health"


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


def test_head_is_described_for_its_routes(schema):
    routed = {
        re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)): route.callback.actions
        for route in ROUTED
        if route.name and route.callback.actions.get("head") == "retrieve"
    }
    described = {
        address.removeprefix(PREFIX): methods
        for address, methods in schema["paths"].items()
        if "head" in methods and address.startswith(PREFIX)
    }
    assert {address: methods["head"]["operationId"] for address, methods in described.items()} == {
        "buckets/{bucket_name}/files/{file_name}/": "file_head",
        "shares/{share}/": "share_head",
    }
    assert described.keys() <= routed.keys()
    for methods in described.values():
        answers = methods["head"]["responses"]
        assert answers == {
            status: {name: value for name, value in answer.items() if name != "content"}
            for status, answer in methods["get"]["responses"].items()
            if status not in ("206", "416")
        }
        parameters = [each for each in methods["get"]["parameters"] if each["name"] not in ("Range", "If-Range")]
        assert methods["head"]["parameters"] == parameters
        assert methods["head"].get("security") == methods["get"].get("security")
        assert methods["head"]["summary"] != methods["get"]["summary"]


def test_server_is_named(schema):
    (server,) = schema["servers"]
    assert server["url"] == "/"
    assert server["description"]


# --- each operation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROUTES)
def test_operations_have_tag_summary_and_description(operations, name):
    operation = operations[name]
    assert operation["tags"] == [TAGS[name.split("_")[0]]]
    assert re.fullmatch(r"[A-Z][^.\n]*\.", operation["summary"])
    # Swagger UI keeps line breaks: each paragraph of the docstring is one line.
    assert operation["description"]
    assert not re.search(r"[^\n]\n[^\n]|(Args|Returns|Raises):", operation["description"])


def test_tags_are_described(schema):
    assert {tag["name"] for tag in schema["tags"] if tag["description"]} == {*TAGS.values(), "Authentication"}


@pytest.mark.parametrize("name", ROUTES)
def test_errors_name_every_code_and_show_each(operations, name):
    errors = errors_by_status(operations[name])
    by_code = {code: status for status, error in errors.items() for code in error["codes"]}
    assert by_code == {code: STATUSES[code] for code in CODES[name]}
    assert sum(len(error["codes"]) for error in errors.values()) == len(CODES[name])
    for error in errors.values():
        assert [body["code"] for body in error["bodies"]] == error["codes"]
        assert all(body["detail"] for body in error["bodies"])


@pytest.mark.parametrize("name", WITH_A_BODY)
def test_operations_with_a_body_describe_408(operations, name):
    assert error_body(operations[name], 408)["code"] == "request_too_slow"


def test_errors_of_all_operations_cover_every_code(operations):
    named = {
        code
        for operation in operations.values()
        for error in errors_by_status(operation).values()
        for code in error["codes"]
    }
    assert named == STATUSES.keys()


@pytest.mark.parametrize("name", ROUTES)
def test_successes_have_words_and_an_example(operations, name):
    for status, answer in operations[name]["responses"].items():
        assert answer["description"]
        if status in WITHOUT_A_BODY:
            assert "content" not in answer
        else:
            is_file = name == "file_get" and status in ("200", "206")
            (media_type,) = answer["content"]
            assert media_type == ("*/*" if is_file else "application/json")
            assert values(answer["content"][media_type])


@pytest.mark.parametrize("name", ROUTES)
def test_retry_after_is_described_for_its_statuses(operations, name):
    having = {
        int(status)
        for status, answer in operations[name]["responses"].items()
        if "Retry-After" in answer.get("headers", {})
    }
    retried = {*RETRIED, "throttled"}
    assert having == {
        status for status, error in errors_by_status(operations[name]).items() if not retried.isdisjoint(error["codes"])
    }


@pytest.mark.parametrize("name", ROUTES)
def test_response_headers_have_words_and_an_example(operations, name):
    for answer in operations[name]["responses"].values():
        for header, described in answer.get("headers", {}).items():
            assert described["description"]
            assert header == "Retry-After" or values(described)


@pytest.mark.parametrize("name", ROUTES)
def test_parameters_have_words_and_an_example(operations, name):
    for parameter in operations[name].get("parameters", ()):
        assert parameter["description"]
        assert values(parameter)


@pytest.mark.parametrize("name", ROUTES)
def test_examples_match_their_schemas(schema, operations, name):
    answers = [
        media for answer in operations[name]["responses"].values() for media in answer.get("content", {}).values()
    ]
    bodies = operations[name].get("requestBody", {}).get("content", {}).values()
    for validator, medias in ((OAS30ReadValidator, answers), (OAS30WriteValidator, bodies)):
        for media in medias:
            shape = {"allOf": [media["schema"]], "components": schema["components"]}
            for value in values(media) if "examples" in media else ():
                validator(shape, format_checker=oas30_format_checker).validate(value)
    for parameter in operations[name].get("parameters", ()):
        for value in values(parameter):
            if value != "":  # Swagger UI sends no empty parameter.
                OAS30WriteValidator(parameter["schema"], format_checker=oas30_format_checker).validate(value)


def test_success_examples_have_every_field(schema, operations):
    for operation in operations.values():
        for status in ("200", "201"):
            media = operation["responses"].get(status, {}).get("content", {}).get("application/json")
            if media:
                shape = shape_of(schema, media["schema"])
                shown = [each for value in values(media) for each in (value if isinstance(value, list) else [value])]
                assert set().union(*shown) == shape.get("properties", {}).keys()
                assert all(each.keys() >= set(shape.get("required", ())) for each in shown)


def shape_of(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind a reference, or behind the items of an array."""
    described = described.get("items", described)
    name = described.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else described


def test_file_name_in_path_describes_its_encoding(operations):
    for name in WITH_A_KEY:
        (file_name,) = (each for each in parameters(operations[name], "path") if each["name"] == "file_name")
        (key,) = values(file_name)
        assert "/" in key
        assert not key.isascii()
        assert f"`{quote(key, safe='')}`" in file_name["description"]
        assert "Percent-encode" in file_name["description"]
        in_path = {each["name"]: values(each)[0] for each in parameters(operations[name], "path")}
        assert resolve(PREFIX + ROUTES[name][1].format(**in_path)).kwargs == in_path


def test_presign_has_the_same_parameters_in_query_and_body(schema, operations):
    in_query = parameters(operations["file_presign_query"], "query")
    in_body = schema["components"]["schemas"]["S3PresignRequest"]
    assert {each["name"] for each in in_query} == in_body["properties"].keys() == PresignSerializer().fields.keys()
    assert {each["name"] for each in in_query if each.get("required")} == set(in_body["required"])


@pytest.mark.parametrize(
    ("name", "serializer", "not_in_query"),
    [
        ("file_put", RawUploadSerializer, {"x_checksum_sha256"}),
        ("file_get", ReadSerializer, set()),
        ("object_list", ObjectListQuerySerializer, set()),
        ("upload_list", UploadListQuerySerializer, set()),
        ("uppy_token_list", PageSerializer, set()),
        ("share_list", ShareListQuerySerializer, set()),
    ],
)
def test_query_parameters_are_the_fields_of_the_serializer(operations, name, serializer, not_in_query):
    in_query = parameters(operations[name], "query")
    assert {each["name"] for each in in_query} == serializer().fields.keys() - not_in_query
    assert not any(each.get("required") for each in in_query)


def test_query_parameters_of_uppy(operations):
    queries = {
        name: {each["name"]: each.get("required", False) for each in parameters(operation, "query")}
        for name, operation in operations.items()
        if name.startswith("uppy_") and not name.startswith("uppy_token_")
    }
    assert {name: query for name, query in queries.items() if query} == {
        "uppy_params": {"filename": True, "type": False, "metadata[bucket]": False},
        "uppy_sign_parts": {"key": True, "partNumbers": True},
        **{
            name: {"key": True}
            for name in ("uppy_sign_part", "uppy_parts", "uppy_complete", "uppy_abort", "uppy_arrived")
        },
    }


def test_request_headers(operations):
    in_header = {name: {each["name"] for each in parameters(operations[name], "header")} for name in ROUTES}
    assert {name: headers for name, headers in in_header.items() if headers} == {
        "file_upload": {"Idempotency-Key"},
        "file_put": {"Idempotency-Key", "X-Checksum-Sha256"},
        "upload_start": {"Idempotency-Key"},
        "file_get": {"If-None-Match", "If-Modified-Since", "Range", "If-Range"},
    }


def test_record_example_has_the_url_of_its_file():
    key = {"bucket_name": examples.BUCKET, "file_name": examples.FILE_NAME}
    assert examples.UPLOAD_EXAMPLE["url"] == "https://example.org" + reverse("s3_service-file", kwargs=key)


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


# --- responses are as shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_CALLERS)
def test_operations_without_credentials_return_401_as_shown(operations, client, name):
    assert operations[name]["security"] == [{"tokenAuth": []}, {"cookieAuth": []}]
    answer = client.generic(ROUTES[name][0].upper(), address_of(name, operations[name]))
    assert answer.status_code == 401
    assert answer.json() == error_body(operations[name], 401)


def test_health_with_wrong_credentials_returns_200_as_shown(schema, operations, client, db, aws):
    assert "security" not in schema
    assert operations["health"].get("security", []) == []
    answer = client.get(PREFIX + "health/", headers={"authorization": "Token wrong"})
    assert answer.status_code == 200
    assert [answer.json()] == values(operations["health"]["responses"]["200"]["content"]["application/json"])


def test_health_503_has_the_schema_of_200(operations):
    answer = operations["health"]["responses"]["503"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/S3Health"}
    assert values(answer) == [{"database": True, "storage": False}]


@pytest.mark.parametrize("name", ROUTES)
def test_other_method_returns_405_as_shown(operations, staff, name):
    answer = client_of(staff).patch(address_of(name, operations[name]))
    assert answer.status_code == 405
    assert answer.json() == error_body(operations[name], 405)


@pytest.mark.parametrize("name", sorted(ROUTES.keys() - {"file_get", "share_follow"}))
def test_other_format_returns_406_as_shown(operations, staff, name):
    address = address_of(name, operations[name])
    answer = client_of(staff).generic(ROUTES[name][0].upper(), address, headers={"accept": "text/html"})
    assert answer.status_code == 406
    assert answer.json() == error_body(operations[name], 406)


@pytest.mark.parametrize("name", WITH_A_BODY)
def test_other_media_type_returns_415_as_shown(operations, staff, name):
    wrong = "multipart/form-data" if name == "file_put" else "text/plain"
    method = ROUTES[name][0].upper()
    answer = client_of(staff).generic(method, address_of(name, operations[name]), "x", content_type=wrong)
    assert (answer.status_code, answer.json()["code"]) == (415, error_body(operations[name], 415)["code"])


@pytest.mark.parametrize(
    ("name", "query", "headers"),
    [
        ("file_put", {}, {"x-checksum-sha256": "?"}),
        ("file_get", {"proxy": "?"}, {}),
        ("object_list", {"page_size": "0"}, {}),
        ("upload_list", {"page_size": "0"}, {}),
        ("upload_usage", {}, {}),
        ("uppy_token_list", {"page_size": "0"}, {}),
        ("uppy_params", {}, {}),
        ("uppy_sign_parts", {"key": "x"}, {}),
    ],
)
def test_invalid_request_returns_400_as_shown(operations, staff, name, query, headers):
    address = f"{address_of(name, operations[name])}?{urlencode(query)}"
    answer = client_of(staff).generic(ROUTES[name][0].upper(), address, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == error_body(operations[name], 400)


def filled_in(operation: dict[str, Any], place: str) -> dict[str, Any]:
    """Return the parameters that Swagger UI sends by default: the first example of each, unless it is empty."""
    first = {each["name"]: values(each)[0] for each in parameters(operation, place)}
    return {name: json.dumps(value) if isinstance(value, bool) else value for name, value in first.items() if value}


@pytest.fixture
def bucket(aws):
    get_client().create_bucket(Bucket=examples.BUCKET)


def send(operations, person, name, *, body=None, query=None, **headers):
    operation = operations[name]
    query = urlencode(filled_in(operation, "query") if query is None else query)
    answer = client_of(person).generic(
        ROUTES[name][0].upper(),
        f"{address_of(name, operation)}?{query}",
        *([] if body is None else [body]),
        content_type="text/plain",
        headers={**filled_in(operation, "header"), **headers},
    )
    described = operation["responses"][str(answer.status_code)]
    assert described.get("headers", {}).keys() <= answer.headers.keys()
    if str(answer.status_code) in WITHOUT_A_BODY:
        assert answer.content == b""
    return answer


def test_file_from_upload_to_removal_returns_what_is_shown(operations, schema, user, bucket):
    def say(name, **how):
        return send(operations, user, name, **how)

    key = {"idempotency-key": examples.IDEMPOTENCY_KEY, "x-checksum-sha256": examples.CHECKSUM}
    record = client_of(user).put(
        address_of("file_put", operations["file_put"]), examples.CONTENT, content_type="text/plain", headers=key
    )
    assert record.status_code == 201
    repeated = say("file_put", body=examples.CONTENT, **key)
    assert (repeated.status_code, repeated.headers["Idempotency-Replayed"]) == (201, "true")
    assert repeated.json() == record.json()
    assert record.json().keys() == examples.UPLOAD_EXAMPLE.keys()
    assert record.json()["url"].partition("/modules/")[2] == examples.UPLOAD_EXAMPLE["url"].partition("/modules/")[2]

    proxy = {"proxy": "true"}
    whole = say("file_get", query=proxy)
    assert (whole.status_code, [whole.getvalue().decode()]) == (200, shown(operations["file_get"], "200"))
    part = say("file_get", query=proxy, range="bytes=1-3")
    assert (part.status_code, [part.getvalue().decode()]) == (206, shown(operations["file_get"], "206"))
    assert part.headers["Content-Range"] == "bytes 1-3/5"
    assert say("file_get").status_code == 302
    assert say("file_get", **{"if-none-match": whole.headers["ETag"]}).status_code == 304
    assert say("file_get", **{"if-modified-since": whole.headers["Last-Modified"]}).status_code == 304
    assert say("file_get", **{"if-match": '"other"'}).status_code == 412
    behind = say("file_get", query=proxy, range="bytes=5-")
    assert is_shown(behind, operations["file_get"], 416)

    for name in LISTS:
        (page,) = shown(operations[name], "200")
        listing = say(name).json()
        assert listing.keys() == page.keys()
        assert [record.keys() for record in listing["results"]] == [record.keys() for record in page["results"]]

    assert say("file_remove").status_code == 204
    for name in ("file_get", "upload_get", "upload_delete"):
        assert is_shown(say(name), operations[name], 404)


def is_shown(answer: Any, operation: dict[str, Any], status: int) -> bool:
    """Return True if the status has this code as its example."""
    return bool((answer.status_code, answer.json()["code"]) == (status, error_body(operation, status)["code"]))


def shown(operation: dict[str, Any], status: str) -> list[Any]:
    (media,) = operation["responses"][status]["content"].values()
    return values(media)


def test_reused_idempotency_key_returns_422_as_shown(operations, user, bucket):
    key = {"idempotency-key": examples.IDEMPOTENCY_KEY}
    address = f"{PREFIX}buckets/{examples.BUCKET}/files/another.txt/"
    assert client_of(user).put(address, b"another", content_type="text/plain", headers=key).status_code == 201
    answer = send(operations, user, "file_put", body=examples.CONTENT, **key)
    assert is_shown(answer, operations["file_put"], 422)


# --- the host ---------------------------------------------------------------------------------------------------------


def test_token_returns_what_is_shown(schema, client, db):
    operation = schema["paths"]["/auth/token/"]["post"]
    assert "security" not in operation
    assert schema["components"]["schemas"]["AuthTokenRequest"]["required"] == ["password", "username"]
    shown = {status: values(answer["content"]["application/json"]) for status, answer in operation["responses"].items()}
    assert [value.keys() for value in shown["200"]] == [
        schema["components"]["schemas"]["AuthToken"]["properties"].keys()
    ]

    refused = client.post("/auth/token/", {"username": "nobody", "password": "nothing"})
    assert (refused.status_code, [refused.json()]) == (400, shown["400"])
    text = client.post("/auth/token/", "x", content_type="text/plain")
    assert (text.status_code, [text.json()]) == (415, shown["415"])


def test_token_with_stale_credentials_validates_the_password(staff):
    client = Client(enforce_csrf_checks=True, headers={"authorization": "Token stale"})
    client.force_login(staff)
    assert client.post("/auth/token/", {"username": "staff", "password": "x"}).status_code == 400


def test_schema_is_served(client):
    answer = client.get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    assert {f"{PREFIX}{address}" for _, address in ROUTES.values()} <= json.loads(answer.content)["paths"].keys()


def test_api_page_loads_from_this_host_only(client):
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"""["'(](https?:)?//""", page)
    assets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {Path(asset).suffix for asset in assets} == {".css", ".js", ".png"}
    for asset in assets:
        served = client.get(asset)
        assert served.status_code == 200
        assert len(served.getvalue()) > 100


def test_api_page_says_where_to_begin_and_remembers_the_token(schema, client):
    for address in ("auth/token/", "bucket/create/", "bucket/list/"):
        assert f"{address}`" in schema["info"]["description"]
        assert any(path.endswith(address) for path in schema["paths"])
    assert f"`{examples.BUCKET}`" in schema["info"]["description"]
    assert '"persistAuthorization": true' in client.get("/api/docs/").content.decode()


def test_examples_use_accounts_and_bucket_of_the_demo(schema):
    (account,) = values(schema["paths"]["/auth/token/"]["post"]["requestBody"]["content"]["application/json"])
    assert ACCOUNTS[account["username"]], "Only staff create buckets."
    assert account["password"] == PASSWORD
    assert f"-d bucket={examples.BUCKET}\n" in Path(demo.__file__).read_text()


def test_schema_describes_the_routes_of_the_host(schema):
    named = {route.name for route in get_resolver("modules.urls").url_patterns if hasattr(route, "name")}
    assert named - {None, "schema", "docs"} == {"token"}
    assert "/auth/token/" in schema["paths"]
