"""Run the Postman collection with newman against the service: as a story, and each request alone."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.support.postman import (
    COLLECTION,
    ENVIRONMENT,
    POSTMAN,
    Endpoint,
    codes_of_schema,
    collection,
    endpoint_of,
    operations,
    requests,
    unprovoked,
)
from tools.merge_schema_into_postman import list_requests

NEWMAN = POSTMAN / "node_modules" / "newman"
ALONE = Path(__file__).with_name("postman_alone.js")
PEOPLE = {"staffUsername": "ada", "staffPassword": "ada's own", "userUsername": "bob", "userPassword": "bob's own"}
Newman = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def variables(transactional_db: None, live_server: LiveServer) -> dict[str, str]:
    """Create two accounts of this test. Return the variables that name them and the service."""
    User.objects.create_user(PEOPLE["staffUsername"], password=PEOPLE["staffPassword"], is_staff=True)
    User.objects.create_user(PEOPLE["userUsername"], password=PEOPLE["userPassword"])
    return {**PEOPLE, "baseUrl": live_server.url}


@pytest.fixture
def newman(variables: dict[str, str], tmp_path: Path) -> Newman:
    """Run the collection, or a changed one. Return newman's exit status and report."""

    def run(*options: str, changed: dict[str, Any] | None = None, **values: str) -> tuple[int, dict[str, Any]]:
        report, file = tmp_path / "newman.json", tmp_path / "collection.json"
        file.write_text(json.dumps(changed) if changed else COLLECTION.read_text())
        command = [str(NEWMAN / "bin" / "newman.js"), "run", str(file), "--environment", str(ENVIRONMENT), *options]
        command += ["--reporters", "json", "--reporter-json-export", str(report)]
        for name, value in (variables | values).items():
            command += ["--env-var", f"{name}={value}"]
        status = subprocess.run(command, cwd=POSTMAN, timeout=300, check=False).returncode
        return status, json.loads(report.read_bytes())["run"]

    return run


def failures(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(failure["source"]["name"], failure["error"]["message"]) for failure in run["failures"]]


def responses(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the response to each request by its name; those to its pre-request script came before."""
    return {execution["item"]["name"]: execution["response"] for execution in run["executions"]}


def accepted(run: dict[str, Any]) -> Iterator[Endpoint]:
    codes = {name: response["code"] for name, response in responses(run).items()}
    return (endpoint_of(item) for item in requests() if codes[item["name"]] < 400)


def codes_in(run: dict[str, Any]) -> set[str]:
    bodies = [bytes(response["stream"]["data"]) for response in responses(run).values() if response["code"] >= 400]
    return {json.loads(body)["code"] for body in bodies}


def bucket_names() -> set[str]:
    return {bucket["Name"] for bucket in get_client().list_buckets()["Buckets"]}


def test_collection_reaches_every_endpoint_and_leaves_nothing(newman):
    buckets_before = bucket_names()
    status, run = newman()
    assert (failures(run), status) == ([], 0)
    assert operations().keys() - set(accepted(run)) == set()
    assert codes_in(run) == codes_of_schema() - unprovoked()
    # The remaining uploads have no user. Housekeeping removes them once their signed URLs expire.
    assert {(left.status, left.user, left.is_direct) for left in FileUpload.objects.all()} == {("deleting", None, True)}
    assert bucket_names() == buckets_before


def test_each_request_succeeds_alone_after_an_import(variables):
    command = ["node", str(ALONE), str(NEWMAN), str(COLLECTION), json.dumps(variables)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    results = json.loads(done.stdout)
    assert results.keys() == {item["name"] for item in requests()}
    assert {name: result["failures"] for name, result in results.items() if result["failures"]} == {}
    assert [name for name, result in results.items() if result["code"] is None] == []


def test_collection_uploads_the_file_that_its_user_chooses(newman, tmp_path):
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("chosen")
    changed = collection()
    (upload,) = (item for item in list_requests(changed) if item["name"] == "Upload a file")
    (row,) = (row for row in upload["request"]["body"]["formdata"] if row["key"] == "file")
    row["src"] = str(chosen)
    status, run = newman("--folder", "Upload a file", "--working-dir", str(tmp_path), changed=changed)
    assert (failures(run), status) == ([], 0)
    record = FileUpload.objects.get()
    assert (record.size, record.original_name) == (6, "chosen.txt")


def test_collection_with_an_old_token_signs_in_again(newman):
    changed = collection()
    for variable in changed["variable"]:
        if variable["key"] in ("userToken", "staffToken", "bucket"):
            variable["value"] = "0" * 40
    status, run = newman("--folder", "Show the usage", "--iteration-count", "2", changed=changed)
    assert (failures(run), status) == (
        [("Show the usage", "expected response to have status code 200 but got 401")],
        1,
    )
    assert responses(run)["Show the usage"]["code"] == 200


def test_collection_with_a_wrong_password_fails_at_once(newman):
    status, run = newman(userPassword="wrong")
    assert status == 1
    assert failures(run) == [("Sign in", "expected response to have status code 200 but got 400")]
    assert len(run["executions"]) == 1


def test_request_with_a_wrong_password_says_why(newman):
    status, run = newman("--folder", "Show the usage", userPassword="wrong")
    assert status == 1
    ((name, message),) = failures(run)
    assert name == "Show the usage"
    assert "/auth/token/: 400 " in message
    assert "Unable to log in with provided credentials." in message


def test_collection_with_swapped_roles_fails(newman):
    status, run = newman(staffUsername=PEOPLE["userUsername"], staffPassword=PEOPLE["userPassword"])
    assert status == 1
    assert failures(run)[0] == ("Create a bucket", "expected response to have status code 201 but got 403")
