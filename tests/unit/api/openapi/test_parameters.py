"""Parameters in the path, the query and the headers."""

from urllib.parse import quote

import pytest
from django.urls import resolve

from s3_file_uploader.api.serializers.requests import (
    ObjectListQuerySerializer,
    PageSerializer,
    PresignSerializer,
    RawUploadSerializer,
    ReadSerializer,
    UploadListQuerySerializer,
)
from s3_file_uploader.api.serializers.shares import ShareListQuerySerializer
from tests.unit.api.openapi.conftest import PREFIX, ROUTES, parameters, values

WITH_A_KEY = sorted(name for name, (_, address) in ROUTES.items() if "{file_name}" in address)


@pytest.mark.parametrize("name", ROUTES)
def test_parameters_have_words_and_an_example(operations, name):
    for parameter in operations[name].get("parameters", ()):
        assert parameter["description"]
        assert values(parameter)


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
