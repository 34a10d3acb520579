from dataclasses import replace

import pytest

from s3_file_uploader.exceptions import InvalidField
from s3_file_uploader.s3.cors_rules import MAX_RULES, own_rule, rules_of_others, rules_with_own, shortcomings
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


def test_our_own_rule_is_enough():
    rule = own_rule([APP, OTHER, APP])
    assert rule.origins == (APP, OTHER)
    assert shortcomings([rule], [APP, OTHER]) == ()


def test_a_rule_of_somebody_else_may_be_enough():
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
def test_what_is_missing_is_said(changed, missing):
    assert shortcomings([replace(ENOUGH, **changed)], [APP]) == tuple(missing)


def test_without_rules_nothing_is_allowed():
    assert shortcomings([], [APP, OTHER]) == (f"No rule allows {APP}.", f"No rule allows {OTHER}.")


def test_several_rules_may_be_enough_together():
    reading = replace(ENOUGH, methods=("GET", "HEAD"), exposed=())
    writing = replace(ENOUGH, methods=("PUT", "POST"))
    assert shortcomings([reading, writing], [APP]) == ()


def test_to_a_preflight_the_first_rule_that_allows_its_headers_applies():
    poor = replace(ENOUGH, headers=())
    assert shortcomings([poor, ENOUGH], [APP]) == ()


def test_to_the_request_itself_the_first_rule_applies_that_allows_the_method():
    hiding = replace(ENOUGH, headers=(), exposed=())
    assert shortcomings([hiding, ENOUGH], [APP]) == (
        f"{APP} cannot read ETag of the answer to PUT.",
        f"{APP} cannot read ETag, Location of the answer to POST.",
    )


def test_of_a_pattern_every_origin_that_a_rule_names_counts():
    every = replace(ENOUGH, origins=("*",))
    hiding = replace(ENOUGH, methods=("PUT",), exposed=())
    assert shortcomings([every, hiding], ["*"]) == ()
    assert shortcomings([hiding, every], ["*"]) == (f"{APP} cannot read ETag of the answer to PUT.",)
    assert shortcomings([ENOUGH], ["*"]) == ("No rule allows *.",)


class TestOurRuleAmongOthers:
    def test_it_comes_last_where_that_is_enough(self):
        others = (replace(ENOUGH, methods=("GET",), exposed=()), replace(ENOUGH, origins=(OTHER,), exposed=()))
        rules = rules_with_own(others, [APP])
        assert rules == (*others, own_rule([APP]))
        assert rules_with_own(rules, [APP]) == rules

    def test_it_takes_the_place_of_the_one_before(self):
        rules = rules_with_own((own_rule([APP]), ENOUGH), [OTHER])
        assert rules == (ENOUGH, own_rule([OTHER]))

    def test_it_comes_first_where_another_would_answer_and_fall_short_and_no_page_loses_anything(self):
        hiding = replace(ENOUGH, exposed=("x-amz-meta-colour", "Location"))
        elsewhere = replace(ENOUGH, origins=(OTHER,), exposed=("x-amz-meta-taste",))
        own, *others = rules = rules_with_own((hiding, elsewhere), [APP])
        assert others == [hiding, elsewhere]
        assert own == replace(own_rule([APP]), exposed=(*own_rule([APP]).exposed, "x-amz-meta-colour"))
        assert shortcomings(rules, [APP]) == ()
        assert rules_with_own(rules, [APP]) == rules

    @pytest.mark.parametrize(("theirs", "ours"), [("*", APP), (APP, "*"), ("https://*.example.com", APP)])
    def test_patterns_share_origins_too(self, theirs, ours):
        hiding = replace(ENOUGH, origins=(theirs,), exposed=("x-amz-meta-colour",))
        own, _ = rules_with_own((hiding,), [ours])
        assert "x-amz-meta-colour" in own.exposed

    def test_s3_takes_no_more_than_a_hundred(self):
        others = [replace(ENOUGH, rule_id=str(number)) for number in range(MAX_RULES - 1)]
        assert len(rules_with_own([*others, own_rule([APP])], [APP])) == MAX_RULES
        with pytest.raises(InvalidField, match="It has 100 CORS rules") as caught:
            rules_with_own([*others, ENOUGH], [APP])
        assert caught.value.field == "bucket"

    def test_taking_it_away_leaves_the_others(self):
        assert rules_of_others([ENOUGH, own_rule([APP])]) == (ENOUGH,)

    def test_it_is_for_origins_alone(self):
        with pytest.raises(InvalidField):
            own_rule([f"{APP}/login"])
