from dataclasses import replace

import pytest

from s3_file_uploader.exceptions import InvalidField
from s3_file_uploader.s3.cors_rules import (
    MAX_RULES,
    covers,
    own_rule,
    rules_of_others,
    rules_with_own,
    shortcomings,
    stand_in,
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


def test_shortcomings_of_our_own_rule_are_none():
    rule = own_rule([APP, OTHER, APP])
    assert rule.origins == (APP, OTHER)
    assert shortcomings([rule], [APP, OTHER]) == ()


def test_shortcomings_of_another_sufficient_rule_are_none():
    assert shortcomings([ENOUGH], [APP]) == ()


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
def test_shortcomings_insufficient_rule_names_each_denied_action(changed, missing):
    assert shortcomings([replace(ENOUGH, **changed)], [APP]) == tuple(missing)


def test_shortcomings_without_rules_name_every_origin():
    assert shortcomings([], [APP, OTHER]) == (f"No rule allows {APP}.", f"No rule allows {OTHER}.")


def test_shortcomings_of_rules_that_suffice_together_are_none():
    reading = replace(ENOUGH, methods=("GET", "HEAD"), exposed=())
    writing = replace(ENOUGH, methods=("PUT", "POST"))
    assert shortcomings([reading, writing], [APP]) == ()


def test_shortcomings_preflight_uses_first_rule_with_its_headers():
    poor = replace(ENOUGH, headers=())
    assert shortcomings([poor, ENOUGH], [APP]) == ()


def test_shortcomings_request_uses_first_rule_with_its_method():
    hiding = replace(ENOUGH, headers=(), exposed=())
    assert shortcomings([hiding, ENOUGH], [APP]) == (
        f"{APP} cannot read ETag of the answer to PUT.",
        f"{APP} cannot read ETag, Location of the answer to POST.",
    )


def test_shortcomings_pattern_includes_matching_origins_of_rules():
    every = replace(ENOUGH, origins=("*",))
    hiding = replace(ENOUGH, methods=("PUT",), exposed=())
    assert shortcomings([every, hiding], ["*"]) == ()
    assert shortcomings([hiding, every], ["*"]) == (f"{APP} cannot read ETag of the answer to PUT.",)
    assert shortcomings([ENOUGH], ["*"]) == ("No rule allows *.",)


class TestOurRuleAmongOthers:
    def test_rules_with_own_where_last_suffices_appends_it(self):
        others = (replace(ENOUGH, methods=("GET",), exposed=()), replace(ENOUGH, origins=(OTHER,), exposed=()))
        rules = rules_with_own(others, [APP])
        assert rules == (*others, own_rule([APP]))
        assert rules_with_own(rules, [APP]) == rules

    def test_rules_with_own_replaces_the_earlier_own_rule(self):
        rules = rules_with_own((own_rule([APP]), ENOUGH), [OTHER])
        assert rules == (ENOUGH, own_rule([OTHER]))

    def test_rules_with_own_beside_a_hiding_rule_comes_first(self):
        hiding = replace(ENOUGH, exposed=("x-amz-meta-colour", "Location"))
        elsewhere = replace(ENOUGH, origins=(OTHER,), exposed=("x-amz-meta-taste",))
        own, *others = rules = rules_with_own((hiding, elsewhere), [APP])
        assert others == [hiding, elsewhere]
        assert own == replace(own_rule([APP]), exposed=(*own_rule([APP]).exposed, "x-amz-meta-colour"))
        assert shortcomings(rules, [APP]) == ()
        assert rules_with_own(rules, [APP]) == rules

    @pytest.mark.parametrize(("theirs", "ours"), [("*", APP), (APP, "*"), ("https://*.example.com", APP)])
    def test_rules_with_own_overlapping_patterns_share_their_headers(self, theirs, ours):
        hiding = replace(ENOUGH, origins=(theirs,), exposed=("x-amz-meta-colour",))
        own, _ = rules_with_own((hiding,), [ours])
        assert "x-amz-meta-colour" in own.exposed

    def test_rules_with_own_beyond_a_hundred_is_refused(self):
        others = [replace(ENOUGH, rule_id=str(number)) for number in range(MAX_RULES - 1)]
        assert len(rules_with_own([*others, own_rule([APP])], [APP])) == MAX_RULES
        with pytest.raises(InvalidField, match="It has 100 CORS rules") as caught:
            rules_with_own([*others, ENOUGH], [APP])
        assert caught.value.field == "bucket"

    def test_rules_of_others_omits_our_own(self):
        assert rules_of_others([ENOUGH, own_rule([APP])]) == (ENOUGH,)

    def test_own_rule_of_a_malformed_origin_is_refused(self):
        with pytest.raises(InvalidField):
            own_rule([f"{APP}/login"])


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
def test_stand_in_is_an_origin_that_the_pattern_covers(pattern):
    one = stand_in(pattern)
    assert "*" not in one
    assert validate_origin(one) == one
    assert covers(pattern, one)
