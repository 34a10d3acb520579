from string import ascii_lowercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_file_uploader.exceptions import InvalidBucketName, InvalidFileName
from s3_file_uploader.policy.names import (
    list_spellings,
    normalize_file_name,
    strip_deceptive_characters,
    validate_bucket_name,
    validate_file_name,
)


@pytest.mark.parametrize("name", ["abc", "a.b-c", "1bucket9", "a" * 63, "my.bucket.of-2026"])
def test_validate_bucket_name_allowed_is_returned(name):
    assert validate_bucket_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 64, "Abc", "a_b", "-abc", "abc-", ".abc", "abc.", "a..b", "a b", "bücket", "a/b", "abc\n"),
        *("192.168.0.1", "xn--bucket", "sthree-bucket", "amzn-s3-demo-bucket", "bucket-s3alias", "bucket--ol-s3"),
        *("bucket.mrap", "bucket--x-s3", "bucket--table-s3"),
    ],
)
def test_validate_bucket_name_forbidden_is_refused(name):
    with pytest.raises(InvalidBucketName):
        validate_bucket_name(name)


@given(st.text(alphabet=ascii_lowercase + digits, min_size=3, max_size=63))
def test_validate_bucket_name_letters_and_digits_is_returned(name):
    assert validate_bucket_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("a", "a/b/c.txt", "a b", "100%.txt", "a#b?c&d+e=f", "ключ/é.mp4", "😀", ".hidden", "a..b", "...", "a/.../b"),
        *("x" * 1024, "é" * 512, " ", "a\\b", "con"),
    ],
)
def test_validate_file_name_valid_is_returned(name):
    assert validate_file_name(name) == name


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
def test_validate_file_name_ambiguous_is_refused(name, says):
    with pytest.raises(InvalidFileName, match=says):
        validate_file_name(name)


@given(st.text(max_size=300))
def test_validate_file_name_any_text_is_returned_or_refused(name):
    try:
        assert validate_file_name(name) == name
    except InvalidFileName:
        return
    assert 1 <= len(name.encode()) <= 1024
    assert not {"", ".", ".."} & set(name.split("/"))


@given(st.one_of(st.text(max_size=70), st.text(ascii_lowercase + digits + ".-", max_size=70)))
def test_validate_bucket_name_any_text_is_returned_or_refused(name):
    try:
        assert validate_bucket_name(name) == name
    except InvalidBucketName:
        return
    assert 3 <= len(name) <= 63
    assert set(name) <= set(ascii_lowercase + digits + ".-")
    assert name[0] not in ".-"
    assert name[-1] not in ".-"
    assert ".." not in name


DECOMPOSED, COMPOSED = "Zaz\u0307o\u0301\u0142c\u0301.txt", "Za\u017c\u00f3\u0142\u0107.txt"


@pytest.mark.parametrize(
    "name",
    [
        "a b.txt",
        "ключ/é.mp4",
        ".hidden",
        "console.txt",
        "com10",
        "a..b",
        "👨\u200d👩\u200d👧.png",
        "\u0645\u06cc\u200c\u062e.txt",
    ],
)
def test_normalize_file_name_valid_is_returned(name):
    assert normalize_file_name(name) == name


def test_normalize_file_name_decomposed_is_composed():
    assert normalize_file_name(DECOMPOSED) == COMPOSED
    assert list_spellings(DECOMPOSED) == (DECOMPOSED, COMPOSED)
    assert list_spellings(COMPOSED) == (COMPOSED,)


@pytest.mark.parametrize("character", "\u202e\u2066\u200b\u200e\ufeff\u2060\u00ad\u2028\u061c\U000e0041")
def test_normalize_file_name_deceptive_is_refused(character):
    assert validate_file_name(f"a{character}b") == f"a{character}b"
    with pytest.raises(InvalidFileName, match="invisible"):
        normalize_file_name(f"a{character}b")


@pytest.mark.parametrize(
    "name", ["CON", "nul.txt", "a/Aux.tar.gz", "com1", "LPT9.x/b", "COM².txt", "conin$", "a.", "a /b", "a/b. "]
)
def test_normalize_file_name_reserved_on_windows_is_refused(name):
    assert validate_file_name(name) == name
    with pytest.raises(InvalidFileName, match="Windows"):
        normalize_file_name(name)


@pytest.mark.parametrize("name", ["", "/a", "a/../b", "x" * 1025, "a\nb", "\u0958" * 341])
def test_normalize_file_name_invalid_key_is_refused(name):
    with pytest.raises(InvalidFileName):
        normalize_file_name(name)


def test_strip_deceptive_characters_removes_them():
    assert strip_deceptive_characters("gpj\u202e.exe\r\n\u200b \u00e9") == "gpj.exe é"


@given(st.text(max_size=50))
def test_normalize_file_name_any_text_is_stable_or_refused(name):
    try:
        new = normalize_file_name(name)
    except InvalidFileName:
        return
    assert normalize_file_name(new) == new
    assert validate_file_name(new) == new
