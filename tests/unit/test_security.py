"""SECURITY.md and its page in the docs are correct: their tests exist, and permissions match the calls of the code."""

import ast
import json
import re
import tomllib
from functools import cache

import pytest

from s3_file_uploader.s3.client import get_client
from tests.support.documents import blocks_of
from tests.support.host import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
PAGE = "docs/explanation/security.md"
APP = ROOT / "s3_file_uploader"
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
ACTIONS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "complete_multipart_upload": "s3:PutObject",
    "create_bucket": "s3:CreateBucket",
    "create_multipart_upload": "s3:PutObject",
    "delete_bucket": "s3:DeleteBucket",
    "delete_bucket_cors": "s3:PutBucketCORS",
    "delete_bucket_lifecycle": "s3:PutLifecycleConfiguration",
    "delete_object": "s3:DeleteObject",
    "get_bucket_cors": "s3:GetBucketCORS",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_object": "s3:GetObject",
    "head_bucket": "s3:ListBucket",
    "head_object": "s3:GetObject",
    "list_buckets": "s3:ListAllMyBuckets",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_object_versions": "s3:ListBucketVersions",
    "list_objects_v2": "s3:ListBucket",
    "list_parts": "s3:ListMultipartUploadParts",
    "put_bucket_cors": "s3:PutBucketCORS",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "put_object": "s3:PutObject",
    "put_public_access_block": "s3:PutBucketPublicAccessBlock",
    "upload_part": "s3:PutObject",
}
ON_OBJECTS = {
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
ON_ALL = {"s3:ListAllMyBuckets"}
# This is an option of s3_housekeeping, which deletes objects one by one.
NO_CALL = {"delete_objects"}


def mentioned(node):
    """Return the name or the text that an expression consists of."""
    match node:
        case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
    return ""


def names_in(code):
    """Return everything that is spelt like a call of S3, even without a call, because code may pass a method on."""
    mapped = get_client().meta.method_to_api_mapping
    calls = {call for call in mapped if call in code}
    return {name for node in ast.walk(ast.parse(code)) if (name := mentioned(node)) in calls} if calls else set()


@cache
def calls_made():
    files = [path for path in APP.rglob("*.py") if "embedded" not in path.relative_to(APP).parts]
    return set().union(*(names_in(path.read_text()) for path in files)) - NO_CALL


def policy():
    (block,) = blocks_of(PAGE, "json")
    return json.loads(block)


def listed(value):
    return [value] if isinstance(value, str) else value


def test_permissions_of_the_docs_match_the_calls():
    rights = [right for statement in policy()["Statement"] for right in listed(statement["Action"])]
    assert calls_made() == ACTIONS.keys()
    assert sorted(rights) == sorted({ACTIONS[call] for call in calls_made()})


def test_permissions_of_the_docs_have_the_right_resource():
    for statement in policy()["Statement"]:
        rights = set(listed(statement["Action"]))
        match statement["Resource"]:
            case "*":
                assert rights == ON_ALL
            case "arn:aws:s3:::my-bucket/*":
                assert rights == ON_OBJECTS
            case resource:
                assert resource == "arn:aws:s3:::my-bucket"
                assert not rights & (ON_OBJECTS | ON_ALL)


@pytest.mark.parametrize(
    "code",
    [
        "client().copy_object(Bucket=name)",
        "pages('list_bucket_metrics_configurations')",
        "call = client.put_bucket_acl",
    ],
)
def test_list_calls_finds_a_new_call(code):
    (name,) = names_in(code)
    assert name not in ACTIONS


def test_security_page_names_existing_tests():
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    named = re.findall(r"`(tests/[^`]+)`", TEXT)
    assert len(named) > len(rows) / 2
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_readme_links_to_security():
    assert "](SECURITY.md" in (ROOT / "README.md").read_text()


def test_exceptions_of_security_rules_have_a_reason():
    folders = ("s3_file_uploader", "modules", "tests", "tools", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    texts = [text for path in files if "# noqa: " in (text := path.read_text())]
    lines = [line for text in texts for line in text.splitlines() if "# noqa: " in line]
    exceptions = [line for line in lines if re.search(r"# noqa: [A-Z0-9, ]*\bS[0-9]{3}", line)]
    assert len(exceptions) > 5
    assert [line for line in exceptions if not re.search(r"# noqa: [A-Z0-9, ]+ - \w", line)] == []
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.match("S[0-9]", rule)] == []
