"""The Postman collection as its tests read it."""

import json
import re
from functools import cache
from typing import Any

from tests.support.host import ROOT
from tools import merge_schema_into_postman as tool

COLLECTION = tool.COLLECTION
POSTMAN = ROOT / "postman"
ENVIRONMENT = POSTMAN / "local.postman_environment.json"
METHODS = ("get", "head", "put", "post", "patch", "delete")
# The variables that are a whole URL: a signed one, or one with an upload token.
SIGNED_URLS = ("{{presignedUrl}}", "{{putUrl}}", "{{formUrl}}", "{{partUrl}}", "{{uppyFormUrl}}", "{{uppyPartUrl}}")
SERVER_URLS = ("{{uppyListUrl}}", "{{uppyEndpoint}}")
Json = dict[str, Any]
Endpoint = tuple[str, str]


def collection() -> Json:
    parsed: Json = json.loads(COLLECTION.read_bytes())
    return parsed


def requests() -> list[Json]:
    return [*tool.list_requests(collection())]


def endpoint_of(item: Json) -> Endpoint:
    """Return method and path, as the schema writes it."""
    return item["request"]["method"], tool.schema_path(item)


@cache
def schema() -> Json:
    return tool.served_schema()


def codes_of_schema() -> set[str]:
    return {*schema()["components"]["schemas"]["S3ErrorCode"]["enum"]}


@cache
def operations() -> dict[Endpoint, Json]:
    return {
        (method.upper(), path): operation
        for path, methods in schema()["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def unprovoked() -> set[str]:
    """Return the codes that the folder of errors lists with the reason why no request provokes them."""
    (errors,) = (folder for folder in collection()["item"] if folder["name"] == "Errors")
    return set(re.findall(r"^- `(\w+)`: \S.+\.$", errors["description"], re.MULTILINE))
