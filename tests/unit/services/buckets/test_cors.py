import pytest
from botocore.stub import Stubber

from s3_file_uploader.exceptions import (
    BucketNotFound,
    InvalidBucketName,
    InvalidField,
    StorageAccessDenied,
    StorageUnsupported,
)
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.cors_rules import own_rule
from s3_file_uploader.services import cors_check, cors_list, cors_remove, cors_set
from s3_file_uploader.services.buckets.cors import ASKED_KEY, UNSUPPORTED
from s3_file_uploader.values import BrowserAccess, CorsChange, CorsRule
from tests.support.answering import AnsweringServer

APP, OTHER = "https://app.example.com", "https://other.example.com"
THEIRS = {"ID": "theirs", "AllowedMethods": ["GET"], "AllowedOrigins": [OTHER], "MaxAgeSeconds": 0}
THEIR_RULE = CorsRule("theirs", (OTHER,), ("GET",), (), (), 0)
NAMELESS = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.org"], "AllowedHeaders": ["*"]}
LETTING_IN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
}


def in_s3(bucket):
    return get_client().get_bucket_cors(Bucket=bucket)["CORSRules"]


def given_to_s3(bucket, *rules):
    get_client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})


@pytest.fixture
def stubbed():
    """Play a store in which the bucket is found, and whose further answers the test gives."""
    with Stubber(get_client()) as stub:
        for _ in range(2):  # Where it is, and that it is.
            stub.add_response("head_bucket", {"BucketRegion": "us-east-1"})
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def public(settings):
    """Return the store as clients reach it, which lets everybody in."""
    with AnsweringServer({"OPTIONS": (200, LETTING_IN), "GET": (404, LETTING_IN)}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        yield server


class TestList:
    def test_no_rules(self, bucket):
        assert cors_list(bucket=bucket) == ()

    def test_rules_of_others(self, bucket):
        given_to_s3(bucket, THEIRS, NAMELESS)
        nameless = CorsRule("", ("https://*.example.org",), ("GET",), ("*",), (), None)
        assert cors_list(bucket=bucket) == (THEIR_RULE, nameless)

    def test_no_bucket(self, aws):
        with pytest.raises(BucketNotFound):
            cors_list(bucket="bucket-none")

    def test_no_bucket_name(self):
        with pytest.raises(InvalidBucketName):
            cors_list(bucket="Bucket_None")

    @pytest.mark.parametrize(
        ("code", "status"), [("NotImplemented", 501), ("InvalidArgument", 400), ("MethodNotAllowed", 405)]
    )
    def test_a_store_without_the_call(self, stubbed, code, status):
        stubbed.add_client_error("get_bucket_cors", code, http_status_code=status)
        with pytest.raises(StorageUnsupported) as caught:
            cors_list(bucket="bucket-one")
        assert str(caught.value) == UNSUPPORTED

    def test_an_answer_of_another_shape_holds_no_rules(self, stubbed):
        stubbed.add_response("get_bucket_cors", {})
        assert cors_list(bucket="bucket-one") == ()

    def test_a_missing_right_is_not_a_missing_rule(self, stubbed):
        stubbed.add_client_error("get_bucket_cors", "AccessDenied", http_status_code=403)
        with pytest.raises(StorageAccessDenied):
            cors_list(bucket="bucket-one")


class TestSet:
    def test_a_bucket_without_rules(self, bucket, caplog):
        caplog.set_level("INFO")
        rules = (own_rule([APP]),)
        assert cors_set(bucket=bucket, origins=[APP]) == CorsChange(rules=rules, is_changed=True)
        assert cors_list(bucket=bucket) == rules
        assert 'operation="cors_change" user=null bucket="bucket-one"' in caplog.text

    def test_once_more_is_no_change(self, bucket):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        assert cors_set(bucket=bucket, origins=[APP]) == CorsChange(rules=rules, is_changed=False)

    def test_rules_of_others_stay_as_they_were(self, bucket):
        given_to_s3(bucket, THEIRS, NAMELESS)
        before = in_s3(bucket)
        cors_set(bucket=bucket, origins=[APP])
        cors_set(bucket=bucket, origins=["*"])
        assert in_s3(bucket)[:-1] == before
        assert in_s3(bucket)[-1]["AllowedOrigins"] == ["*"]

    def test_which_origins_are_let_in_no_longer(self, bucket):
        cors_set(bucket=bucket, origins=[APP, OTHER])
        assert cors_set(bucket=bucket, origins=[APP]).origins_gone == (OTHER,)
        assert cors_set(bucket=bucket, origins=["https://*.example.com"]).origins_gone == ()

    def test_what_rules_of_others_let_in_is_another_matter(self, bucket):
        given_to_s3(bucket, {**THEIRS, "AllowedOrigins": ["*"]})
        cors_set(bucket=bucket, origins=[APP, OTHER])
        assert cors_set(bucket=bucket, origins=[APP]).origins_gone == (OTHER,)

    def test_what_is_no_origin_changes_nothing(self, bucket):
        given_to_s3(bucket, THEIRS)
        with pytest.raises(InvalidField):
            cors_set(bucket=bucket, origins=[APP, "app.example.com"])
        assert cors_list(bucket=bucket) == (THEIR_RULE,)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("NotImplemented", 501), ("MalformedXML", 400), ("InvalidArgument", 400), ("BucketAlreadyOwnedByYou", 409)],
    )
    def test_a_store_without_the_call(self, stubbed, code, status):
        stubbed.add_client_error("get_bucket_cors", "NoSuchCORSConfiguration", http_status_code=404)
        stubbed.add_client_error("put_bucket_cors", code, http_status_code=status)
        with pytest.raises(StorageUnsupported) as caught:
            cors_set(bucket="bucket-one", origins=[APP])
        assert str(caught.value) == UNSUPPORTED


class TestRemove:
    def test_ours_goes_and_theirs_stay(self, bucket):
        given_to_s3(bucket, THEIRS)
        cors_set(bucket=bucket, origins=[APP])
        assert cors_remove(bucket=bucket) == CorsChange(rules=(THEIR_RULE,), is_changed=True, origins_gone=(APP,))
        assert cors_list(bucket=bucket) == (THEIR_RULE,)

    def test_the_last_one(self, bucket):
        cors_set(bucket=bucket, origins=[APP])
        assert cors_remove(bucket=bucket) == CorsChange(rules=(), is_changed=True, origins_gone=(APP,))
        assert cors_list(bucket=bucket) == ()

    def test_without_ours_nothing_is_sent(self, stubbed):
        stubbed.add_response("get_bucket_cors", {"CORSRules": [THEIRS]})
        assert cors_remove(bucket="bucket-one") == CorsChange(rules=(THEIR_RULE,), is_changed=False)

    def test_a_store_that_shows_no_rules_is_not_asked_to_delete_any(self, stubbed):
        stubbed.add_response("get_bucket_cors", {})
        assert cors_remove(bucket="bucket-one") == CorsChange(rules=(), is_changed=False)


class TestCheck:
    def test_rules_alone_are_read(self, bucket, public):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        assert cors_check(bucket=bucket, origins=[APP]) == BrowserAccess(rules=rules)
        access = cors_check(bucket=bucket, origins=[APP, OTHER])
        assert access == BrowserAccess(rules=rules, missing_in_rules=(f"No rule allows {OTHER}.",))
        assert not access.is_enough
        assert public.asked == []

    def test_the_store_is_asked_as_a_browser_would(self, bucket, public):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        access = cors_check(bucket=bucket, origins=[APP], preflight=True)
        assert access == BrowserAccess(rules=rules, store_was_asked=True)
        assert access.is_enough
        *preflights, (method, path, headers) = public.asked
        place = f"/{bucket}/{ASKED_KEY}"
        assert {(asked["Access-Control-Request-Method"], path) for _, path, asked in preflights} == {
            ("GET", place),
            ("HEAD", place),
            ("PUT", place),
            ("POST", f"/{bucket}/"),
        }
        assert {asked["Origin"] for _, _, asked in preflights} == {APP}
        assert (method, headers["Origin"]) == ("GET", APP)
        assert path.startswith(f"{place}?X-Amz-Algorithm=")

    @pytest.mark.parametrize(
        ("code", "status"), [("NoSuchCORSConfiguration", 404), ("NotImplemented", 501)], ids=["none", "unsupported"]
    )
    def test_without_rules_the_store_decides(self, stubbed, public, code, status):
        stubbed.add_client_error("get_bucket_cors", code, http_status_code=status)
        access = cors_check(bucket="bucket-one", origins=[APP])
        assert access == BrowserAccess(rules=(), store_was_asked=True)
        assert access.is_enough

    def test_what_the_store_refuses_is_said_once_for_all_methods(self, bucket, public):
        public.answers = {"OPTIONS": (403, {}), "GET": (404, {})}
        access = cors_check(bucket=bucket, origins=[APP])
        assert access.refused_by_store == (
            f"{APP} may not send GET, HEAD, PUT, POST: the preflight is answered with 403.",
            f"{APP} may not read answers: the answer allows no origin.",
        )
        assert not access.is_enough

    def test_refused_by_the_store_though_the_rules_allow_it(self, bucket, public):
        public.answers = {
            "OPTIONS": (200, {**LETTING_IN, "Access-Control-Allow-Headers": ""}),
            "GET": (404, LETTING_IN),
        }
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        why = "the answer does not allow content-type, if-none-match, x-amz-checksum-sha256, x-amz-meta-name"
        assert cors_check(bucket=bucket, origins=[APP], preflight=True) == BrowserAccess(
            rules=rules, refused_by_store=(f"{APP} may not send PUT: {why}.",), store_was_asked=True
        )

    def test_for_a_pattern_one_origin_is_asked_about(self, bucket, public):
        assert cors_check(bucket=bucket, origins=["https://*.example.com"]).is_enough
        assert {asked["Origin"] for _, _, asked in public.asked} == {"https://any.example.com"}

    def test_what_is_no_origin(self, bucket, public):
        with pytest.raises(InvalidField):
            cors_check(bucket=bucket, origins=[f"{APP}/"])
        assert public.asked == []
