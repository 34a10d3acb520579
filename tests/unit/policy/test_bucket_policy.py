from dataclasses import FrozenInstanceError, fields, replace
from types import SimpleNamespace

import pytest

from s3_file_uploader.policy.bucket_policy import (
    INLINE_CONTENT_TYPES,
    Policy,
    decide_policies_once,
    get_policy,
    list_key_prefixes,
)

USER = SimpleNamespace(pk=7, is_staff=False)


def generous(user, bucket, policy):
    return replace(policy, max_file_bytes=user.pk, key_prefix=f"{bucket}/{{user_id}}/", is_open=bucket == "mine")


def test_policy_without_settings_has_no_limits():
    policy = get_policy(USER, "bucket")
    assert policy == Policy()
    assert {field.name: getattr(policy, field.name) for field in fields(policy)} == {
        "is_open": True,
        "key_prefix": "",
        "max_file_bytes": None,
        "content_types": None,
        "extensions": None,
        "quota_bytes": None,
        "quota_files": None,
        "may_overwrite": True,
        "inline_content_types": INLINE_CONTENT_TYPES,
        "on_mismatch": "refuse",
    }


def test_policy_is_immutable():
    with pytest.raises(FrozenInstanceError):
        get_policy(USER, "bucket").max_file_bytes = 1


def test_policy_most_specific_pattern_overrides_each_field(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {
        "photos-2026": {"quota_files": 1},
        "photos-*": {"max_file_bytes": 2, "quota_files": 2, "extensions": ["png"]},
        "photo*": {"max_file_bytes": 3, "quota_files": 3, "quota_bytes": 3, "may_overwrite": False},
        "*": {"max_file_bytes": 4, "quota_files": 4, "quota_bytes": 4, "key_prefix": "all/"},
    }
    assert get_policy(USER, "photos-2026") == Policy(
        quota_files=1, max_file_bytes=2, extensions=("png",), quota_bytes=3, may_overwrite=False, key_prefix="all/"
    )
    assert get_policy(USER, "documents") == Policy(max_file_bytes=4, quota_files=4, quota_bytes=4, key_prefix="all/")


def test_policy_equal_patterns_later_overrides(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"a*": {"quota_files": 1}, "*c": {"quota_files": 2}, "[a-b]*": {}}
    assert get_policy(USER, "abc").quota_files == 2


def test_policy_lists_become_tuples(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"content_types": ["image/*"], "inline_content_types": []}}
    policy = get_policy(USER, "bucket")
    assert (policy.content_types, policy.inline_content_types) == (("image/*",), ())


def test_policy_key_prefix_has_id_of_owner(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": "users/{user_id}/"}}
    assert get_policy(USER, "bucket").key_prefix == "users/7/"
    assert get_policy(None, "bucket").key_prefix == "users/{user_id}/"


def test_policy_callable_overrides_settings(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"max_file_bytes": 1, "quota_files": 2}}
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.generous"
    policy = get_policy(USER, "bucket")
    assert policy == Policy(is_open=False, max_file_bytes=7, quota_files=2, key_prefix="bucket/7/")
    assert get_policy(None, "bucket").max_file_bytes == 1


def test_policy_in_block_is_decided_once_by_user_and_bucket(settings):
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.generous"
    before = get_policy(USER, "bucket")
    with decide_policies_once():
        decided = [get_policy(SimpleNamespace(pk=pk), name) for pk in (7, 7, 8) for name in ("bucket", "other")]
        assert decided[0] is decided[2]
        assert len(set(map(id, decided))) == 4
        assert get_policy(None, "bucket").max_file_bytes is None
    assert get_policy(USER, "bucket") == before == decided[0]
    assert get_policy(USER, "bucket") is not decided[0]


def test_policy_is_open_by_setting_and_callable(settings):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["open-*"]
    assert [get_policy(USER, name).is_open for name in ("open-1", "mine")] == [True, False]
    settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.generous"
    assert [get_policy(USER, name).is_open for name in ("open-1", "mine")] == [False, True]


@pytest.mark.parametrize(("quota", "has_quota"), [({}, False), ({"quota_bytes": 0}, True), ({"quota_files": 0}, True)])
def test_has_quota_with_either_limit_is_true(quota, has_quota):
    assert Policy(**quota).has_quota is has_quota


@pytest.mark.parametrize(
    ("patterns", "content_type", "allowed"),
    [
        (None, "anything", True),
        ((), "image/png", False),
        (("image/png",), "image/png", True),
        (("image/*",), "image/png", True),
        (("*/*",), "image/png", True),
        (("image/*",), "IMAGE/PNG", True),
        (("text/plain",), "text/plain; charset=utf-8", True),
        (("image/*",), "text/html; a=image/png", False),
        (("image/*", "application/pdf"), "application/pdf", True),
        (("image/*",), "imagex/png", False),
    ],
)
def test_allows_content_type_matches_patterns(patterns, content_type, allowed):
    assert Policy(content_types=patterns).allows_content_type(content_type) is allowed


@pytest.mark.parametrize(
    ("endings", "name", "allowed"),
    [
        (None, "anything", True),
        ((), "a.png", False),
        (("png",), "a.png", True),
        (("png",), "A.PNG", True),
        (("png",), "folder.png/a.exe", False),
        (("png",), "folder/a.png", True),
        (("png",), "png", False),
        (("png",), "a.png.exe", False),
        (("png",), "a.png.", False),
        (("png",), "a.png ", False),
        (("tar.gz",), "a.tar.gz", True),
        (("tar.gz",), "a.gz", False),
        (("",), "README", True),
        (("",), "folder.d/README", True),
        (("",), "a.png", False),
    ],
)
def test_allows_extension_matches_endings(endings, name, allowed):
    assert Policy(extensions=endings).allows_extension(name) is allowed


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        *(("image/png", True), ("application/pdf", True), ("video/mp4", True), ("audio/ogg", True)),
        *(("text/plain; charset=utf-8", True), ("image/svg+xml", False), ("text/html", False)),
        *(("text/xml", False), ("application/xhtml+xml", False), ("text/css", False), ("", False)),
    ],
)
def test_allows_inline_by_default_excludes_scripts(content_type, shown):
    assert Policy().allows_inline(content_type) is shown


def test_list_key_prefixes_yields_each_as_pattern(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": "u.{user_id}/x/"}, "a": {}, "b": {"key_prefix": ""}}
    assert list(list_key_prefixes()) == ["", r"u\.[^/]+/x/"]
