"""Merge the schema and the scripts into the Postman collection: `.venv/bin/python tools/merge_schema_into_postman.py`.

The requests, their order, notes and tests are written by hand, in Postman or in the file. This tool adds what is
written elsewhere, and replaces what it added before:

    scripts          `prerequest.js` and `test.js`, which run with every request
    descriptions     of each endpoint, behind the note and a line, and of each parameter
    saved responses  the schema's examples of the statuses that the tests of a request expect
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "postman"
COLLECTION = FOLDER / "s3_file_uploader.postman_collection.json"
SCRIPTS = {"prerequest": "prerequest.js", "test": "test.js"}
BASES = {"{{service}}": "/modules/s3-file-uploader/service", "{{baseUrl}}": ""}
LINE = "\n\n---\n\n"
JSON = "application/json"
BODY_TYPES = {"raw": JSON, "formdata": "multipart/form-data", "urlencoded": "application/x-www-form-urlencoded"}

Json = dict[str, Any]


def served_schema() -> Json:
    """Return the schema that the service of `make run` serves."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "modules.settings")
    import django  # noqa: PLC0415 - after the setting is there
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415

    django.setup()
    generated = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema: Json = json.loads(json.dumps(generated))
    return schema


def merge(collection: Json, schema: Json) -> Json:
    """Merge the scripts and the schema into the collection, and return it."""
    collection["event"] = [
        {"listen": kind, "script": {"type": "text/javascript", "exec": (FOLDER / name).read_text().splitlines()}}
        for kind, name in SCRIPTS.items()
    ]
    for item in list_requests(collection):
        if operation := find_operation(item, schema):
            describe(item["request"], operation, schema)
            item["response"] = [*saved_responses(item, operation)]
    return collection


def list_requests(folder: Json) -> Iterator[Json]:
    """Yield the requests of a folder and of the folders in it."""
    for item in folder["item"]:
        if "item" in item:
            yield from list_requests(item)
        else:
            yield item


def schema_path(item: Json) -> str:
    """Return the path of a request as the schema writes it, or the variable of a signed URL."""
    url = item["request"]["url"]
    host = "".join(url["host"])
    path = "".join(f"/{segment}" for segment in url.get("path", ()))
    return BASES.get(host, host) + re.sub(r":(\w+)", r"{\1}", path)


def find_operation(item: Json, schema: Json) -> Json | None:
    """Return the operation that a request calls, or None if it calls S3 or is meant to call none."""
    operation: Json | None = schema["paths"].get(schema_path(item), {}).get(item["request"]["method"].lower())
    return operation


# --- descriptions ----------------------------------------------------------------------------------------------------


def describe(request: Json, operation: Json, schema: Json) -> None:
    """Describe the endpoint and each parameter of a request."""
    url, parameters = request["url"], operation.get("parameters", ())
    for place, rows in {"query": url.get("query"), "path": url.get("variable"), "header": request["header"]}.items():
        words = {each["name"]: each.get("description", "") for each in parameters if each["in"] == place}
        _describe_rows(rows or (), words)
    body = request.get("body", {})
    fields = body_fields(operation, schema, BODY_TYPES.get(body.get("mode"), ""))
    _describe_rows(body.get(body.get("mode"), ()) if body.get("mode") in ("formdata", "urlencoded") else (), fields)
    note = request["description"].partition(LINE)[0]
    shown = [f"- `{name}`: {words}" for name, words in fields.items() if body["mode"] == "raw"]
    paragraphs = [f"**{operation['summary']}**", operation.get("description", ""), "\n".join(shown)]
    request["description"] = f"{note}{LINE}" + "\n\n".join(filter(None, paragraphs))


def _describe_rows(rows: Any, words: Mapping[str, str]) -> None:
    for row in rows:
        row.pop("description", None)
        if text := words.get(row["key"]):
            row["description"] = text


def body_fields(operation: Json, schema: Json, media_type: str) -> dict[str, str]:
    """Return the fields of a body of this type, with their descriptions."""
    shape = operation.get("requestBody", {}).get("content", {}).get(media_type, {}).get("schema", {})
    name = shape.get("$ref", "").rpartition("/")[2]
    properties = schema["components"]["schemas"].get(name, {}).get("properties", {})
    return {name: field.get("description", "") for name, field in properties.items()}


# --- saved responses -------------------------------------------------------------------------------------------------


def saved_responses(item: Json, operation: Json) -> Iterator[Json]:
    """Yield the examples of the status that the tests of a request expect.

    If the tests name a code or some of the examples, yield those alone. A header is saved if the tests name it.
    """
    tests = "\n".join(line for event in item["event"] if event["listen"] == "test" for line in event["script"]["exec"])
    for status in re.findall(r"have\.status\((\d+)\)", tests):
        response = operation["responses"].get(status)
        examples = [*_examples(response)] if response else []
        named = [example for example in examples if example[0] and re.search(rf"\b{re.escape(example[0])}\b", tests)]
        for name, media_type, body in named if named or ".code).to.equal" in tests else examples:
            header = _header_rows(response, media_type, tests)
            yield {**_saved(item, int(status), name, media_type), "header": header, "cookie": [], "body": body}


def _examples(response: Json) -> Iterator[tuple[str, str, str]]:
    """Yield name, media type and body of each example; of a response without a body, an empty one."""
    for media_type, content in response.get("content", {"": {"examples": {"": {"value": ""}}}}).items():
        for name, example in content.get("examples", {}).items():
            value = example["value"]
            body = json.dumps(value, indent=4, ensure_ascii=False) if media_type == JSON else value
            yield example.get("summary", name), media_type.replace("*/*", "text/plain"), body


def _header_rows(response: Json, media_type: str, tests: str) -> list[Json]:
    headers = {
        name: next((example["value"] for example in header.get("examples", {}).values()), "")
        for name, header in response.get("headers", {}).items()
        if name in tests
    }
    rows = {"Content-Type": media_type} | headers
    return [{"key": name, "value": str(value)} for name, value in rows.items() if value]


def _saved(item: Json, status: int, name: str, media_type: str) -> Json:
    request = {key: value for key, value in item["request"].items() if key != "auth"}
    title = HTTPStatus(status).phrase
    return {
        "name": f"{status} {title if name in ('', 'Example') else name}",
        "originalRequest": _without_descriptions(request),
        "status": title,
        "code": status,
        "_postman_previewlanguage": "json" if media_type == JSON else "text",
    }


def _without_descriptions(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_descriptions(each) for key, each in value.items() if key != "description"}
        case list():
            return [_without_descriptions(each) for each in value]
    return value


def main() -> None:
    """Merge into the file."""
    merged = merge(json.loads(COLLECTION.read_bytes()), served_schema())
    COLLECTION.write_text(write(merged), encoding="utf-8")


def write(collection: Json) -> str:
    """Return the text of the file, indented as Postman exports it."""
    return json.dumps(collection, indent="\t", ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
