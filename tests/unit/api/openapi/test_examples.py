"""Examples match their schemas, and the responses that the server returns."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker

from s3_file_uploader.api.openapi import examples
from s3_file_uploader.s3.client import get_client
from tests.conftest import client_of
from tests.unit.api.openapi.conftest import PREFIX, ROUTES, WITHOUT_A_BODY, address_of, error_body, parameters, values

LISTS = ("object_list", "upload_list")


# --- each operation ---------------------------------------------------------------------------------------------------


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


def test_record_example_has_the_url_of_its_file():
    key = {"bucket_name": examples.BUCKET, "file_name": examples.FILE_NAME}
    assert examples.UPLOAD_EXAMPLE["url"] == "https://example.org" + reverse("s3_service-file", kwargs=key)


# --- responses are as shown -------------------------------------------------------------------------------------------


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
