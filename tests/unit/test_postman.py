"""The Postman collection covers the served schema, and describes itself."""

import json
import re
from collections import Counter, defaultdict
from typing import Any

import pytest

from modules.accounts import ACCOUNTS, PASSWORD
from tests.support.postman import (
    COLLECTION,
    ENVIRONMENT,
    POSTMAN,
    SERVER_URLS,
    SIGNED_URLS,
    Endpoint,
    codes_of_schema,
    collection,
    endpoint_of,
    operations,
    requests,
    schema,
    unprovoked,
)
from tools.merge_schema_into_postman import LINE, merge, write

OPERATIONS = operations()
NAMES = [item["name"] for item in requests()]
WITHOUT_OPERATION = {"Send a method that is not allowed"}


def variables() -> dict[str, dict[str, Any]]:
    return {variable["key"]: variable for variable in collection()["variable"]}


def body_of(request: dict[str, Any]) -> set[str]:
    """Return the names of the fields of a body."""
    body = request.get("body", {})
    match body.get("mode"):
        case "raw" if body["options"]["raw"]["language"] == "json":
            return set(json.loads(re.sub(r"(?<!\")({{\w+}})(?!\")", "0", body["raw"])))
        case "formdata" | "urlencoded":
            return {row["key"] for row in body[body["mode"]]}
    return set()


# --- the schema -------------------------------------------------------------------------------------------------------


def test_merged_schema_is_the_served_one(client):
    assert client.get("/api/schema/?format=json").json() == schema()


def test_merge_leaves_no_difference():
    before = COLLECTION.read_text(encoding="utf-8")
    assert write(merge(json.loads(before), schema())) == before, "Run tools/merge_schema_into_postman.py."


def test_merge_restores_what_is_missing():
    emptied = collection()
    emptied["event"] = []
    for folder in emptied["item"]:
        for item in folder["item"]:
            item["response"] = []
            item["request"]["description"] = item["request"]["description"].partition(LINE)[0]
    assert merge(emptied, schema()) == collection()


def test_requests_are_those_of_the_schema():
    called = {endpoint_of(item) for item in requests() if item["name"] not in WITHOUT_OPERATION}
    others = {path for _, path in called - OPERATIONS.keys()}
    assert OPERATIONS.keys() - called == set()
    assert {path.partition("/")[0] for path in others} == {*SIGNED_URLS, *SERVER_URLS}


@pytest.mark.parametrize("endpoint", OPERATIONS, ids=" ".join)
def test_every_parameter_of_an_endpoint_is_used(endpoint: Endpoint):
    used: defaultdict[str, set[str]] = defaultdict(set)
    for item in requests():
        if endpoint_of(item) == endpoint:
            request, url = item["request"], item["request"]["url"]
            for place, rows in (
                ("query", url.get("query")),
                ("path", url.get("variable")),
                ("header", request["header"]),
            ):
                used[place] |= {row["key"] for row in rows or () if not row.get("disabled")}
            used["body"] |= body_of(request)
    operation = OPERATIONS[endpoint]
    documented = {(each["in"], each["name"]) for each in operation.get("parameters", ())}
    assert {(place, name) for place, name in documented if name not in used[place]} == set()
    assert fields_of(operation) - used["body"] == set()


def fields_of(operation: dict[str, Any]) -> set[str]:
    """Return the names of the fields of every body that an operation accepts."""
    components, fields = schema()["components"]["schemas"], set()
    for media in operation.get("requestBody", {}).get("content", {}).values():
        fields |= components.get(media["schema"].get("$ref", "").rpartition("/")[2], {}).get("properties", {}).keys()
    return fields


@pytest.mark.parametrize("endpoint", OPERATIONS, ids=" ".join)
def test_every_example_of_a_success_is_saved(endpoint: Endpoint):
    saved = {
        (response["code"], response["body"])
        for item in requests()
        if endpoint_of(item) == endpoint
        for response in item["response"]
    }
    examples = {
        (int(status), value if isinstance(value, str) else json.dumps(value, indent=4, ensure_ascii=False))
        for status, response in OPERATIONS[endpoint]["responses"].items()
        if int(status) < 400
        for media in response.get("content", {"": {"examples": {"": {"value": ""}}}}).values()
        for value in (example["value"] for example in media["examples"].values())
    }
    assert examples - saved == set()


def test_codes_are_provoked_or_listed_with_a_reason():
    tests = "\n".join(line for item in requests() for event in item["event"] for line in event["script"]["exec"])
    provoked = set(re.findall(r"\.code\)\.to\.equal\(\"(\w+)\"\)", tests))
    assert provoked | unprovoked() == codes_of_schema()
    assert provoked & unprovoked() == set()


def exampled_codes(operation: dict[str, Any]) -> set[str]:
    """Return the codes of which the schema shows an example: one for each status of an endpoint."""
    contents = [
        media for answer in operation.get("responses", {}).values() for media in answer.get("content", {}).values()
    ]
    values = [example["value"] for media in contents for example in media.get("examples", {}).values()]
    return {value["code"] for value in values if isinstance(value, dict) and "code" in value}


def test_refused_requests_save_the_examples_of_their_code():
    for item in requests():
        codes = re.findall(r"\.code\)\.to\.equal\(\"(\w+)\"\)", json.dumps(item["event"]).replace('\\"', '"'))
        if codes and item["name"] not in WITHOUT_OPERATION:
            shown = exampled_codes(OPERATIONS.get(endpoint_of(item), {}))
            refused = [json.loads(response["body"])["code"] for response in item["response"] if response["code"] >= 400]
            assert refused == [code for code in codes if code in shown], item["name"]


# --- what a newcomer reads --------------------------------------------------------------------------------------------


def test_quick_start_is_first_and_has_four_requests():
    first = collection()["item"][0]
    assert (first["name"], len(first["item"])) == ("Quick start", 4)


def test_names_are_unique():
    assert {name: count for name, count in Counter(NAMES).items() if count > 1} == {}


def test_requests_have_a_note_and_tests():
    for item in requests():
        tests = [event["script"]["exec"] for event in item["event"] if event["listen"] == "test"]
        note, _, described = item["request"]["description"].partition(LINE)
        assert note.endswith("."), item["name"]
        assert bool(described) == (endpoint_of(item) in OPERATIONS), item["name"]
        assert "pm.test(" in "\n".join(*tests), item["name"]


def test_urls_are_their_parts():
    """Postman shows `raw`, and newman reads the parts."""
    for item in requests():
        url = item["request"]["url"]
        query = "&".join(f"{row['key']}={row['value']}" for row in url.get("query", ()))
        address = "/".join([*url["host"], *url.get("path", ())])
        assert url["raw"] == (f"{address}?{query}" if query else address)
        assert re.findall(r"/:(\w+)", url["raw"]) == [row["key"] for row in url.get("variable", ())]


def test_variables_are_described_and_used():
    text = json.dumps(collection())
    script = (POSTMAN / "prerequest.js").read_text(encoding="utf-8")
    for name, variable in variables().items():
        assert re.fullmatch(r"[A-Z].+\.", variable["description"]), name
        assert f"{{{{{name}}}}}" in text or re.search(rf"\b{name}\b|Username|Password", script), name
    named = {name for name in re.findall(r"{{(\w+)}}", text) if not name.startswith("$")}
    assert named - variables().keys() == set()


def test_secrets_are_of_type_secret():
    secret = {name for name, variable in variables().items() if variable["type"] == "secret"}
    assert {name for name in variables() if re.search(r"(Password|Token|Secret)$", name)} <= secret
    environment = {value["key"]: value["type"] for value in json.loads(ENVIRONMENT.read_bytes())["values"]}
    assert {name for name, kind in environment.items() if kind == "secret"} == {"staffPassword", "userPassword"}


def test_collection_contains_no_token_or_id():
    filled = {name for name, variable in variables().items() if variable["value"]}
    accounts = {"baseUrl", "staffUsername", "staffPassword", "userUsername", "userPassword"}
    assert filled == {*accounts, "service", "region", "fileName", "sampleText"}


def test_environment_has_the_values_of_the_collection():
    environment = json.loads(ENVIRONMENT.read_bytes())["values"]
    for value in environment:
        described = variables()[value["key"]]
        assert (value["value"], value["description"]) == (described["value"], described["description"])
    values = {value["key"]: value["value"] for value in environment}
    assert values.pop("baseUrl") == "http://127.0.0.1:8000"
    assert values == {
        "staffUsername": "demo_staff",
        "staffPassword": PASSWORD,
        "userUsername": "demo_user",
        "userPassword": PASSWORD,
    }
    assert (ACCOUNTS["demo_staff"], ACCOUNTS["demo_user"]) == (True, False)


def test_lock_file_contains_no_url():
    lock = json.loads((POSTMAN / "package-lock.json").read_bytes())
    root = lock["packages"].pop("")
    assert re.fullmatch(r"\d+\.\d+\.\d+", root["devDependencies"]["newman"])
    for name, package in lock["packages"].items():
        assert package["version"], name
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
        package.pop("funding", None)  # newman's authors ask for donations there. The test does not open the URL.
    assert "://" not in json.dumps(lock)
