"""The generated schema, and what its tests read from it."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from s3_file_uploader.api.errors import DATABASE_UNAVAILABLE, STATUS_AND_CODE

PREFIX = "/modules/s3-file-uploader/service/"
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
    "upload_folder": ("get", "uploads/folder/"),
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
WITHOUT_A_REQUEST_BODY = {"upload_complete", "uppy_arrived"}
WITH_A_BODY = sorted(
    {name for name, (method, _) in ROUTES.items() if method in ("post", "put")} - WITHOUT_A_REQUEST_BODY
)
WITHOUT_A_BODY = ("204", "302", "304")


def generated(**arguments: Any) -> dict[str, Any]:
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(**arguments).get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    rendered: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(schema, renderer_context={}))
    return rendered


@pytest.fixture(scope="session")
def schema():
    """Return the schema. Tests must not change it."""
    return generated()


@pytest.fixture(scope="session")
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
    """Return the response of each error status, with its one example as `body` and its codes."""
    return {
        int(status): {
            "body": values(answer["content"]["application/json"])[0],
            "codes": re.findall(r"^(?:- )?`(\w+)`", answer["description"], re.MULTILINE),
            "examples": len(values(answer["content"]["application/json"])),
        }
        for status, answer in operation["responses"].items()
        if {"$ref": "#/components/schemas/S3Error"}
        in [media.get("schema") for media in answer.get("content", {}).values()]
    }


def error_body(operation: dict[str, Any], status: int) -> dict[str, Any]:
    body: dict[str, Any] = errors_by_status(operation)[status]["body"]
    return body


def address_of(name: str, operation: dict[str, Any]) -> str:
    """Return the address with the examples in it, percent-encoded as the description says."""
    in_path = {each["name"]: quote(str(values(each)[0]), safe="") for each in parameters(operation, "path")}
    return PREFIX + ROUTES[name][1].format(**in_path)


def parameters(operation: dict[str, Any], place: str) -> list[dict[str, Any]]:
    return [each for each in operation.get("parameters", ()) if each["in"] == place]
