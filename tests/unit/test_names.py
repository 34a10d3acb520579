from string import ascii_lowercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_file_uploader.exceptions import InvalidBucketName, InvalidFileName
from s3_file_uploader.names import bucket_name_check, file_name_check


@pytest.mark.parametrize("name", ["abc", "a.b-c", "1bucket9", "a" * 63, "my.bucket.of-2026"])
def test_bucket_names_that_s3_allows(name):
    assert bucket_name_check(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 64, "Abc", "a_b", "-abc", "abc-", ".abc", "abc.", "a..b", "a b", "bücket", "a/b", "abc\n"),
        *("192.168.0.1", "xn--bucket", "sthree-bucket", "amzn-s3-demo-bucket", "bucket-s3alias", "bucket--ol-s3"),
        *("bucket.mrap", "bucket--x-s3", "bucket--table-s3"),
    ],
)
def test_bucket_names_that_s3_refuses(name):
    with pytest.raises(InvalidBucketName):
        bucket_name_check(name)


@given(st.text(alphabet=ascii_lowercase + digits, min_size=3, max_size=63))
def test_letters_and_digits_are_always_a_bucket_name(name):
    assert bucket_name_check(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("a", "a/b/c.txt", "a b", "100%.txt", "a#b?c&d+e=f", "ключ/é.mp4", "😀", ".hidden", "a..b", "...", "a/.../b"),
        *("x" * 1024, "é" * 512, " ", "a\\b", "con"),
    ],
)
def test_keys_that_every_store_keeps_apart(name):
    assert file_name_check(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "this one has 0"),
        ("x" * 1025, "this one has 1025"),
        ("é" * 513, "this one has 1026"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("/a", "segment"),
        ("a/", "segment"),
        ("a//b", "segment"),
        ("..", "segment"),
        ("a/../b", "segment"),
        ("./a", "segment"),
        ("\ud800", "UTF-8"),
    ],
)
def test_keys_that_some_store_would_confuse(name, says):
    with pytest.raises(InvalidFileName, match=says):
        file_name_check(name)


@given(st.text(max_size=300))
def test_a_key_is_returned_unchanged_or_refused(name):
    try:
        assert file_name_check(name) == name
    except InvalidFileName:
        return
    assert 1 <= len(name.encode()) <= 1024
    assert not {"", ".", ".."} & set(name.split("/"))


@given(st.one_of(st.text(max_size=70), st.text(ascii_lowercase + digits + ".-", max_size=70)))
def test_a_bucket_name_is_returned_unchanged_or_refused(name):
    try:
        assert bucket_name_check(name) == name
    except InvalidBucketName:
        return
    assert 3 <= len(name) <= 63
    assert set(name) <= set(ascii_lowercase + digits + ".-")
    assert name[0] not in ".-"
    assert name[-1] not in ".-"
    assert ".." not in name
