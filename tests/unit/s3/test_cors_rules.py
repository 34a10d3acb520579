from dataclasses import replace

import pytest

from s3_file_uploader.exceptions import InvalidField
from s3_file_uploader.s3.cors_rules import (
    MAX_RULES,
    add_own_rule,
    build_matching_origin,
    build_own_rule,
    covers,
    exclude_own_rule,
    list_shortcomings,
    validate_origin,
)
from s3_file_uploader.values import CorsRule

APP, OTHER = "https://app.example.com", "https://other.example.com"
ENOUGH = CorsRule(
    rule_id="theirs",
    origins=(APP,),
    methods=("GET", "HEAD", "PUT", "POST"),
    headers=("Content-Type", "If-None-Match", "x-amz-*"),
    exposed=("etag", "LOCATION"),
    max_age_seconds=None,
)


def test_list_shortcomings_own_rule_is_empty():
    rule = build_own_rule([APP, OTHER, APP])
    assert rule.origins == (APP, OTHER)
    assert list_shortcomings([rule], [APP, OTHER]) == ()


def test_list_shortcomings_other_sufficient_rule_is_empty():
    assert list_shortcomings([ENOUGH], [APP]) == ()


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"origins": (OTHER,)}, [f"No rule allows {APP}."]),
        ({"methods": ("GET", "PUT")}, [f"{APP} may not send HEAD.", f"{APP} may not send POST."]),
        (
            {"headers": ("Content-Type",)},
            [f"{APP} may not send PUT with if-none-match, x-amz-checksum-sha256, x-amz-meta-name."],
        ),
        ({"headers": ("content-type", "if-none-match", "x-amz-meta-*", "x-amz-checksum-sha256")}, []),
        ({"headers": ("*",), "exposed": ("*",)}, []),
        (
            {"exposed": ("Location",)},
            [f"{APP} cannot read ETag of the answer to PUT.", f"{APP} cannot read ETag of the answer to POST."],
        ),
        ({"exposed": ("ETag",)}, [f"{APP} cannot read Location of the answer to POST."]),
    ],
)
def test_list_shortcomings_insufficient_rule_names_each_action(changed, missing):
    assert list_shortcomings([replace(ENOUGH, **changed)], [APP]) == tuple(missing)


def test_list_shortcomings_without_rules_names_every_origin():
    assert list_shortcomings([], [APP, OTHER]) == (f"No rule allows {APP}.", f"No rule allows {OTHER}.")


def test_list_shortcomings_rules_sufficient_together_is_empty():
    reading = replace(ENOUGH, methods=("GET", "HEAD"), exposed=())
    writing = replace(ENOUGH, methods=("PUT", "POST"))
    assert list_shortcomings([reading, writing], [APP]) == ()


def test_list_shortcomings_preflight_uses_first_rule_by_headers():
    poor = replace(ENOUGH, headers=())
    assert list_shortcomings([poor, ENOUGH], [APP]) == ()


def test_list_shortcomings_request_uses_first_rule_by_method():
    hiding = replace(ENOUGH, headers=(), exposed=())
    assert list_shortcomings([hiding, ENOUGH], [APP]) == (
        f"{APP} cannot read ETag of the answer to PUT.",
        f"{APP} cannot read ETag, Location of the answer to POST.",
    )


def test_list_shortcomings_pattern_includes_matching_origins():
    every = replace(ENOUGH, origins=("*",))
    hiding = replace(ENOUGH, methods=("PUT",), exposed=())
    assert list_shortcomings([every, hiding], ["*"]) == ()
    assert list_shortcomings([hiding, every], ["*"]) == (f"{APP} cannot read ETag of the answer to PUT.",)
    assert list_shortcomings([ENOUGH], ["*"]) == ("No rule allows *.",)


class TestOurRuleAmongOthers:
    def test_add_own_rule_where_last_suffices_appends_it(self):
        others = (replace(ENOUGH, methods=("GET",), exposed=()), replace(ENOUGH, origins=(OTHER,), exposed=()))
        rules = add_own_rule(others, [APP])
        assert rules == (*others, build_own_rule([APP]))
        assert add_own_rule(rules, [APP]) == rules

    def test_add_own_rule_replaces_the_earlier_own_rule(self):
        rules = add_own_rule((build_own_rule([APP]), ENOUGH), [OTHER])
        assert rules == (ENOUGH, build_own_rule([OTHER]))

    def test_add_own_rule_beside_a_hiding_rule_comes_first(self):
        hiding = replace(ENOUGH, exposed=("x-amz-meta-colour", "Location"))
        elsewhere = replace(ENOUGH, origins=(OTHER,), exposed=("x-amz-meta-taste",))
        own, *others = rules = add_own_rule((hiding, elsewhere), [APP])
        assert others == [hiding, elsewhere]
        assert own == replace(build_own_rule([APP]), exposed=(*build_own_rule([APP]).exposed, "x-amz-meta-colour"))
        assert list_shortcomings(rules, [APP]) == ()
        assert add_own_rule(rules, [APP]) == rules

    @pytest.mark.parametrize(("theirs", "ours"), [("*", APP), (APP, "*"), ("https://*.example.com", APP)])
    def test_add_own_rule_overlapping_patterns_share_their_headers(self, theirs, ours):
        hiding = replace(ENOUGH, origins=(theirs,), exposed=("x-amz-meta-colour",))
        own, _ = add_own_rule((hiding,), [ours])
        assert "x-amz-meta-colour" in own.exposed

    def test_add_own_rule_beyond_a_hundred_is_refused(self):
        others = [replace(ENOUGH, rule_id=str(number)) for number in range(MAX_RULES - 1)]
        assert len(add_own_rule([*others, build_own_rule([APP])], [APP])) == MAX_RULES
        with pytest.raises(InvalidField, match="It has 100 CORS rules") as caught:
            add_own_rule([*others, ENOUGH], [APP])
        assert caught.value.field == "bucket"

    def test_exclude_own_rule_omits_our_own(self):
        assert exclude_own_rule([ENOUGH, build_own_rule([APP])]) == (ENOUGH,)

    def test_build_own_rule_of_a_malformed_origin_is_refused(self):
        with pytest.raises(InvalidField):
            build_own_rule([f"{APP}/login"])


# --- origins ---------------------------------------------------------------------------------------------------------


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
def test_validate_origin_origin_as_browsers_send_it_is_returned(origin):
    assert validate_origin(origin) == origin


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
def test_validate_origin_misspelt_is_refused_with_the_right_one(given, meant):
    with pytest.raises(InvalidField, match="Browsers send ") as caught:
        validate_origin(given)
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
def test_validate_origin_malformed_origin_is_refused(text):
    with pytest.raises(InvalidField, match="is no origin: give scheme and host"):
        validate_origin(text)


def test_validate_origin_huge_text_is_shortened_in_the_message():
    with pytest.raises(InvalidField) as caught:
        validate_origin("https://" + "a" * 10**6)
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
def test_covers_pattern_matches_text_or_not(pattern, text, stands_for):
    assert covers(pattern, text) is stands_for


@pytest.mark.parametrize("pattern", ["*", "https://*.example.com", "https://app.example.com", "https://*"])
def test_build_matching_origin_returns_an_origin_in_the_pattern(pattern):
    one = build_matching_origin(pattern)
    assert "*" not in one
    assert validate_origin(one) == one
    assert covers(pattern, one)
