import pytest
from django.core.checks import run_checks

from s3_file_uploader.policy.bucket_policy import get_policy
from tests.support.documents import blocks_of


def list_message_ids():
    return [message.id for message in run_checks() if message.id.startswith("s3_file_uploader")]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (None, "E020"),
        ([("*", {})], "E020"),
        ({"*": []}, "E020"),
        ({"*": {"max_bytes": 1}}, "E020"),
        ({"*": {"is_open": True}}, "E020"),
        ({"*": {"key_prefix": None}}, "E021"),
        ({"*": {"max_file_bytes": "10 MB"}}, "E021"),
        ({"*": {"max_file_bytes": 1.5}}, "E021"),
        ({"*": {"quota_bytes": -1}}, "E021"),
        ({"*": {"quota_files": True}}, "E021"),
        ({"*": {"content_types": "image/*"}}, "E021"),
        ({"*": {"content_types": [None]}}, "E021"),
        ({"*": {"extensions": "png"}}, "E021"),
        ({"*": {"may_overwrite": 1}}, "E021"),
        ({"*": {"may_overwrite": None}}, "E021"),
        ({"*": {"inline_content_types": None}}, "E021"),
        ({"*": {"on_mismatch": "ignore"}}, "E021"),
        ({"*": {"on_mismatch": []}}, "E021"),
        ({"": {}}, "E022"),
        ({1: {}}, "E022"),
        ({"Photos": {}}, "E022"),
        ({"photos/*": {}}, "E022"),
        ({"*": {"content_types": ["png"]}}, "E022"),
        ({"*": {"content_types": ["Image/PNG"]}}, "E022"),
        ({"*": {"content_types": ["*/png"]}}, "E022"),
        ({"*": {"content_types": ["image/png; q=1"]}}, "E022"),
        ({"*": {"content_types": [""]}}, "E022"),
        ({"*": {"extensions": [".png"]}}, "E022"),
        ({"*": {"extensions": ["PNG"]}}, "E022"),
        ({"*": {"extensions": ["*.png"]}}, "E022"),
        ({"*": {"extensions": ["a/b"]}}, "E022"),
        ({"*": {"inline_content_types": ["pdf"]}}, "E022"),
        ({"*": {"key_prefix": "users"}}, "E024"),
        ({"*": {"key_prefix": "/users/"}}, "E024"),
        ({"*": {"key_prefix": "users/{user}/"}}, "E024"),
        ({"*": {"key_prefix": "a/../"}}, "E024"),
        ({"*": {"key_prefix": "x" * 512 + "/"}}, "E024"),
        ({"*": {"inline_content_types": ["image/*"]}}, "W010"),
        ({"*": {"inline_content_types": ["text/html"]}}, "E025"),
        ({"*": {"inline_content_types": ["*/*"]}}, "E025"),
        ({"closed": {}}, "W011"),
    ],
)
def test_check_policies_with_a_wrong_policy_returns_its_id(settings, policies, expected):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["open-*"]
    settings.S3_FILE_UPLOADER_POLICIES = policies
    assert list_message_ids() == [f"s3_file_uploader.{expected}"]


@pytest.mark.parametrize("path", ["no.such.function", "nothing", "tests.conftest.nothing", "tests.conftest", 7, ""])
def test_check_policy_callable_with_a_wrong_path_returns_e023(settings, path):
    settings.S3_FILE_UPLOADER_POLICY = path
    assert list_message_ids() == ["s3_file_uploader.E023"]


def test_check_policies_with_valid_policies_is_silent(settings):
    settings.S3_FILE_UPLOADER_POLICY = "tests.unit.policy.test_bucket_policy.generous"
    settings.S3_FILE_UPLOADER_POLICIES = {
        "*": {
            "key_prefix": "users/{user_id}/",
            "max_file_bytes": 0,
            "content_types": ["image/*", "application/vnd.oasis.opendocument.*", "*/*"],
            "extensions": ["png", "tar.gz", "7z", ""],
            "quota_bytes": None,
            "quota_files": 10,
            "may_overwrite": False,
            "inline_content_types": ["image/png", "video/*"],
            "on_mismatch": "quarantine",
        },
        "photos-[ab]?": {"key_prefix": "", "content_types": None, "inline_content_types": ()},
        "documents": {},
    }
    assert list_message_ids() == []


def test_policies_of_the_docs_pass_the_checks(settings, user):
    (example,) = blocks_of("docs/how-to/policies-and-quotas.md", "python")
    names = {}
    exec(example, names)  # noqa: S102 - it is ours
    for name, value in names.items():
        if name.startswith("S3_FILE_UPLOADER_") and name != "S3_FILE_UPLOADER_POLICY":
            setattr(settings, name, value)
    assert list_message_ids() == []
    policy = get_policy(user, "photos-2026")
    assert names["for_user"](user, "photos-2026", policy) is policy
    user.groups.create(name="pro")
    assert names["for_user"](user, "photos-2026", policy).quota_bytes is None
