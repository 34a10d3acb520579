"""Run the Postman collection with newman against the service."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.urls import resolve
from pytest_django.live_server_helper import LiveServer

from modules.accounts import ACCOUNTS, PASSWORD
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.support.served import SERVICE

POSTMAN = Path(__file__).parents[3] / "postman"
NEWMAN = POSTMAN / "node_modules" / ".bin" / "newman"
COLLECTION = POSTMAN / "s3_file_uploader.postman_collection.json"
ENVIRONMENT = POSTMAN / "local.postman_environment.json"
ENDPOINTS = {
    ("GET", "s3_service-bucket-list"),
    ("POST", "s3_service-create-bucket"),
    ("DELETE", "s3_service-delete-bucket"),
    ("POST", "s3_service-upload-file"),
    ("GET", "s3_service-download-file"),
    ("DELETE", "s3_service-delete-file"),
    ("GET", "s3_service-create-presigned-url"),
    ("POST", "s3_service-create-presigned-url"),
    ("PUT", "s3_service-file"),
    ("GET", "s3_service-file"),
    ("HEAD", "s3_service-file"),
    ("DELETE", "s3_service-file"),
    ("GET", "s3_service-object-list"),
    ("GET", "s3_service-upload-list"),
    ("POST", "s3_service-upload-list"),
    ("GET", "s3_service-usage"),
    ("GET", "s3_service-upload-parts"),
    ("POST", "s3_service-upload-parts"),
    ("POST", "s3_service-upload-complete"),
    ("GET", "s3_service-upload"),
    ("DELETE", "s3_service-upload"),
    ("POST", "s3_service-upload-token-list"),
    ("GET", "s3_service-upload-token-list"),
    ("DELETE", "s3_service-upload-token"),
    ("POST", "s3_service-share-list"),
    ("GET", "s3_service-share-list"),
    ("GET", "s3_service-share"),
    ("HEAD", "s3_service-share"),
    ("DELETE", "s3_service-share"),
}
PEOPLE = {"staffUsername": "ada", "staffPassword": "ada's own", "userUsername": "bob", "userPassword": "bob's own"}
Newman = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def newman(transactional_db: None, live_server: LiveServer, tmp_path: Path) -> Newman:
    """Run the collection with two accounts of this test. Return newman's exit status and report."""
    User.objects.create_user(PEOPLE["staffUsername"], password=PEOPLE["staffPassword"], is_staff=True)
    User.objects.create_user(PEOPLE["userUsername"], password=PEOPLE["userPassword"])

    def run(*options: str, **variables: str) -> tuple[int, dict[str, Any]]:
        report = tmp_path / "newman.json"
        command = [str(NEWMAN), "run", str(COLLECTION), "--environment", str(ENVIRONMENT), *options]
        command += ["--reporters", "json", "--reporter-json-export", str(report)]
        for name, value in (PEOPLE | {"baseUrl": live_server.url} | variables).items():
            command += ["--env-var", f"{name}={value}"]
        status = subprocess.run(command, cwd=POSTMAN, timeout=120, check=False).returncode
        return status, json.loads(report.read_bytes())["run"]

    return run


def failures(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(failure["source"]["name"], failure["error"]["message"]) for failure in run["failures"]]


def skipped(run: dict[str, Any]) -> list[str]:
    checks = [check for execution in run["executions"] for check in execution.get("assertions", ())]
    return [check["assertion"] for check in checks if check["skipped"]]


def answered(run: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield method and reverse name of each request that the service accepted."""
    for execution in run["executions"]:
        request, path = execution["request"], "/" + "/".join(execution["request"]["url"]["path"])
        if path.startswith(SERVICE) and execution["response"]["code"] < 400:
            yield request["method"], name_of(unquote(path))


def name_of(path: str) -> str | None:
    """Return the reverse name. An alias without a slash has the name of the URL with one."""
    return resolve(path if path.endswith("/") else f"{path}/").url_name


def requests_of(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in folder["item"]:
        if "item" in item:
            yield from requests_of(item)
        else:
            yield item


def collection() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(COLLECTION.read_bytes())
    return parsed


def test_collection_reaches_every_endpoint_and_leaves_nothing(newman):
    status, run = newman()
    assert (failures(run), skipped(run), status) == ([], [], 0)
    assert run["stats"]["assertions"]["total"] > 0
    assert set(answered(run)) == ENDPOINTS
    # The remaining uploads have no user. Housekeeping removes them once their signed URLs expire.
    assert {(left.status, left.user, left.is_direct) for left in FileUpload.objects.all()} == {("deleting", None, True)}
    assert not [parsed for parsed in get_client().list_buckets()["Buckets"] if parsed["Name"].startswith("postman-")]


def test_collection_run_twice_passes(newman):
    assert newman()[0] == 0
    status, run = newman()
    assert (failures(run), status) == ([], 0)


def test_collection_without_the_sample_sends_a_text(newman, tmp_path):
    status, run = newman("--working-dir", str(tmp_path))
    assert (failures(run), status) == ([], 0)
    assert skipped(run) == ["Postman found no sample.txt in its working directory: its text is sent instead"]
    assert set(answered(run)) == ENDPOINTS


def test_collection_with_a_wrong_password_fails_at_once(newman):
    status, run = newman(userPassword="wrong")
    assert status == 1
    assert failures(run) == [("Log in as user", "expected response to have status code 200 but got 400")]
    assert len(run["executions"]) == 2


def test_collection_with_swapped_roles_fails(newman):
    status, run = newman(staffUsername=PEOPLE["userUsername"], staffPassword=PEOPLE["userPassword"])
    assert status == 1
    assert ("Create a bucket", "expected response to have status code 201 but got 403") in failures(run)


def test_collection_has_every_endpoint():
    paths = [
        (item["request"]["method"], item["request"]["url"]["raw"].partition("?")[0].replace("{{service}}/", SERVICE))
        for item in requests_of(collection())
    ]
    named = {(method, name_of(re.sub(r"{{\w+}}", str(UUID(int=0)), path))) for method, path in paths if SERVICE in path}
    assert named == ENDPOINTS


def test_collection_describes_and_tests_every_request():
    for item in requests_of(collection()):
        tests = [event["script"]["exec"] for event in item["event"] if event["listen"] == "test"]
        assert item["request"]["description"], item["name"]
        assert "pm.test(" in "\n".join(*tests), item["name"]


def test_collection_contains_no_token_or_id():
    variables = {variable["key"]: variable["value"] for variable in collection()["variable"]}
    assert variables.pop("sampleText") == (POSTMAN / "sample.txt").read_text(encoding="utf-8")
    assert {name for name, value in variables.items() if value} == {"service", "fileName", "sampleOnDisk"}


def test_environment_has_the_demo_accounts():
    values = {value["key"]: value["value"] for value in json.loads(ENVIRONMENT.read_bytes())["values"]}
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
