import pytest

from s3_file_uploader.exceptions import InvalidField
from s3_file_uploader.s3.origins import covers, origin_check, stand_in


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://app.example.com",
        "http://localhost:3000",
        "http://127.0.0.1:8000",
        "https://[::1]:8443",
        "https://*.example.com",
        "https://xn--mller-kva.example",
        "capacitor://localhost",
        "https://my_app.example.com",
    ],
)
def test_what_browsers_send_and_stores_compare(origin):
    assert origin_check(origin) == origin


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://app.example.com/", "https://app.example.com"),
        ("https://app.example.com/login?next=1#top", "https://app.example.com"),
        ("HTTPS://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://me:word@app.example.com", "https://app.example.com"),
        ("https://müller.example", "https://xn--mller-kva.example"),
        ("https://[::1]:443", "https://[::1]"),
        (" https://app.example.com", "https://app.example.com"),
        ("https://app.example.com\r\n", "https://app.example.com"),
    ],
)
def test_another_spelling_is_refused_with_the_right_one(given, meant):
    with pytest.raises(InvalidField, match="Browsers send ") as caught:
        origin_check(given)
    assert caught.value.field == "origin"
    assert str(caught.value) == f"Browsers send {meant}, not {given!r}: give it as they do."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "app.example.com",
        "//app.example.com",
        "https://",
        "file:///index.html",
        "https://a b",
        "https://a,b",
        "https://.example.com",
        "https://*.*.example.com",
        "**",
        "http://localhost:99999",
        "http://localhost:*",
        "https://[::1",
        f"https://{'a' * 64}ü.example",
        f"https://{'a.' * 124}example",
        "https://\ud800.example",
        "https://a\x00b",
    ],
)
def test_what_is_no_origin(text):
    with pytest.raises(InvalidField, match="is no origin: give scheme and host"):
        origin_check(text)


def test_a_huge_one_is_not_repeated_whole():
    with pytest.raises(InvalidField) as caught:
        origin_check("https://" + "a" * 10**6)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("pattern", "text", "stands_for"),
    [
        ("https://a.example", "https://a.example", True),
        ("https://a.example", "https://b.example", False),
        ("*", "https://a.example", True),
        ("*", "*", True),
        ("https://a.example", "*", False),
        ("https://*.example", "https://a.example", True),
        ("https://*.example", "https://a.example.com", False),
        ("https://*.example", "https://*.a.example", True),
        ("https://*.a.example", "https://*.example", False),
        ("x-amz-*", "x-amz-", True),
        ("ab*ba", "aba", False),
    ],
)
def test_what_a_pattern_stands_for(pattern, text, stands_for):
    assert covers(pattern, text) is stands_for


@pytest.mark.parametrize("pattern", ["*", "https://*.example.com", "https://app.example.com", "https://*"])
def test_one_origin_for_all(pattern):
    one = stand_in(pattern)
    assert "*" not in one
    assert origin_check(one) == one
    assert covers(pattern, one)
