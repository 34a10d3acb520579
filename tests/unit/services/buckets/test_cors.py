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
from s3_file_uploader.s3.cors_rules import build_own_rule
from s3_file_uploader.services import cors_check, cors_list, cors_remove, cors_set
from s3_file_uploader.services.buckets.cors import ASKED_KEY, UNSUPPORTED, BrowserAccess, CorsChange
from s3_file_uploader.values import CorsRule
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
    def test_list_without_rules_is_empty(self, bucket):
        assert cors_list(bucket=bucket) == ()

    def test_list_returns_rules_of_others(self, bucket):
        given_to_s3(bucket, THEIRS, NAMELESS)
        nameless = CorsRule("", ("https://*.example.org",), ("GET",), ("*",), (), None)
        assert cors_list(bucket=bucket) == (THEIR_RULE, nameless)

    def test_list_missing_bucket_is_not_found(self, aws):
        with pytest.raises(BucketNotFound):
            cors_list(bucket="bucket-none")

    def test_list_invalid_name_is_refused(self):
        with pytest.raises(InvalidBucketName):
            cors_list(bucket="Bucket_None")

    @pytest.mark.parametrize(
        ("code", "status"), [("NotImplemented", 501), ("InvalidArgument", 400), ("MethodNotAllowed", 405)]
    )
    def test_list_on_a_store_without_the_call_says_what_to_do(self, stubbed, code, status):
        stubbed.add_client_error("get_bucket_cors", code, http_status_code=status)
        with pytest.raises(StorageUnsupported) as caught:
            cors_list(bucket="bucket-one")
        assert str(caught.value) == UNSUPPORTED

    def test_list_of_an_unexpected_answer_is_empty(self, stubbed):
        stubbed.add_response("get_bucket_cors", {})
        assert cors_list(bucket="bucket-one") == ()

    def test_list_without_the_right_is_denied(self, stubbed):
        stubbed.add_client_error("get_bucket_cors", "AccessDenied", http_status_code=403)
        with pytest.raises(StorageAccessDenied):
            cors_list(bucket="bucket-one")


class TestSet:
    def test_set_in_a_bucket_without_rules_adds_one(self, bucket, caplog):
        caplog.set_level("INFO")
        rules = (build_own_rule([APP]),)
        assert cors_set(bucket=bucket, origins=[APP]) == CorsChange(rules=rules, is_changed=True)
        assert cors_list(bucket=bucket) == rules
        assert 'operation="cors_change" user=null bucket="bucket-one"' in caplog.text

    def test_set_again_changes_nothing(self, bucket):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        assert cors_set(bucket=bucket, origins=[APP]) == CorsChange(rules=rules, is_changed=False)

    def test_set_keeps_rules_of_others(self, bucket):
        given_to_s3(bucket, THEIRS, NAMELESS)
        before = in_s3(bucket)
        cors_set(bucket=bucket, origins=[APP])
        cors_set(bucket=bucket, origins=["*"])
        assert in_s3(bucket)[:-1] == before
        assert in_s3(bucket)[-1]["AllowedOrigins"] == ["*"]

    def test_set_reports_origins_that_lost_access(self, bucket):
        cors_set(bucket=bucket, origins=[APP, OTHER])
        assert cors_set(bucket=bucket, origins=[APP]).origins_gone == (OTHER,)
        assert cors_set(bucket=bucket, origins=["https://*.example.com"]).origins_gone == ()

    def test_set_ignores_origins_of_others(self, bucket):
        given_to_s3(bucket, {**THEIRS, "AllowedOrigins": ["*"]})
        cors_set(bucket=bucket, origins=[APP, OTHER])
        assert cors_set(bucket=bucket, origins=[APP]).origins_gone == (OTHER,)

    def test_set_with_an_invalid_origin_changes_nothing(self, bucket):
        given_to_s3(bucket, THEIRS)
        with pytest.raises(InvalidField):
            cors_set(bucket=bucket, origins=[APP, "app.example.com"])
        assert cors_list(bucket=bucket) == (THEIR_RULE,)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("NotImplemented", 501), ("MalformedXML", 400), ("InvalidArgument", 400), ("BucketAlreadyOwnedByYou", 409)],
    )
    def test_set_on_a_store_without_the_call_says_what_to_do(self, stubbed, code, status):
        stubbed.add_client_error("get_bucket_cors", "NoSuchCORSConfiguration", http_status_code=404)
        stubbed.add_client_error("put_bucket_cors", code, http_status_code=status)
        with pytest.raises(StorageUnsupported) as caught:
            cors_set(bucket="bucket-one", origins=[APP])
        assert str(caught.value) == UNSUPPORTED


class TestRemove:
    def test_remove_keeps_rules_of_others(self, bucket):
        given_to_s3(bucket, THEIRS)
        cors_set(bucket=bucket, origins=[APP])
        assert cors_remove(bucket=bucket) == CorsChange(rules=(THEIR_RULE,), is_changed=True, origins_gone=(APP,))
        assert cors_list(bucket=bucket) == (THEIR_RULE,)

    def test_remove_last_rule_deletes_the_document(self, bucket):
        cors_set(bucket=bucket, origins=[APP])
        assert cors_remove(bucket=bucket) == CorsChange(rules=(), is_changed=True, origins_gone=(APP,))
        assert cors_list(bucket=bucket) == ()

    def test_remove_without_own_rule_sends_nothing(self, stubbed):
        stubbed.add_response("get_bucket_cors", {"CORSRules": [THEIRS]})
        assert cors_remove(bucket="bucket-one") == CorsChange(rules=(THEIR_RULE,), is_changed=False)

    def test_remove_on_a_store_without_rules_sends_nothing(self, stubbed):
        stubbed.add_response("get_bucket_cors", {})
        assert cors_remove(bucket="bucket-one") == CorsChange(rules=(), is_changed=False)


class TestCheck:
    def test_check_with_rules_reads_them_alone(self, bucket, public):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        assert cors_check(bucket=bucket, origins=[APP]) == BrowserAccess(rules=rules)
        access = cors_check(bucket=bucket, origins=[APP, OTHER])
        assert access == BrowserAccess(rules=rules, missing_in_rules=(f"No rule allows {OTHER}.",))
        assert not access.is_enough
        assert public.requests == []

    def test_check_with_preflight_asks_the_store(self, bucket, public):
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        access = cors_check(bucket=bucket, origins=[APP], preflight=True)
        assert access == BrowserAccess(rules=rules, store_was_asked=True)
        assert access.is_enough
        *preflights, (method, path, headers) = public.requests
        place = f"/{bucket}/{ASKED_KEY}"
        assert {(headers["Access-Control-Request-Method"], path) for _, path, headers in preflights} == {
            ("GET", place),
            ("HEAD", place),
            ("PUT", place),
            ("POST", f"/{bucket}/"),
        }
        assert {headers["Origin"] for _, _, headers in preflights} == {APP}
        assert (method, headers["Origin"]) == ("GET", APP)
        assert path.startswith(f"{place}?X-Amz-Algorithm=")

    @pytest.mark.parametrize(
        ("code", "status"), [("NoSuchCORSConfiguration", 404), ("NotImplemented", 501)], ids=["none", "unsupported"]
    )
    def test_check_without_rules_asks_the_store(self, stubbed, public, code, status):
        stubbed.add_client_error("get_bucket_cors", code, http_status_code=status)
        access = cors_check(bucket="bucket-one", origins=[APP])
        assert access == BrowserAccess(rules=(), store_was_asked=True)
        assert access.is_enough

    def test_check_without_the_ability_asks_the_store_alone(self, bucket, public, settings):
        settings.S3_FILE_UPLOADER_STORE = []
        assert cors_check(bucket=bucket, origins=[APP]) == BrowserAccess(rules=(), store_was_asked=True)
        with pytest.raises(StorageUnsupported, match="keeps no CORS rules"):
            cors_set(bucket=bucket, origins=[APP])

    def test_check_reports_a_refusal_once_for_all_methods(self, bucket, public):
        public.answers = {"OPTIONS": (403, {}), "GET": (404, {})}
        access = cors_check(bucket=bucket, origins=[APP])
        assert access.refused_by_store == (
            f"{APP} may not send GET, HEAD, PUT, POST: the preflight is answered with 403.",
            f"{APP} may not read answers: the answer allows no origin.",
        )
        assert not access.is_enough

    def test_check_reports_a_store_that_contradicts_its_rules(self, bucket, public):
        public.answers = {
            "OPTIONS": (200, {**LETTING_IN, "Access-Control-Allow-Headers": ""}),
            "GET": (404, LETTING_IN),
        }
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        why = "the answer does not allow content-type, if-none-match, x-amz-checksum-sha256, x-amz-meta-name"
        assert cors_check(bucket=bucket, origins=[APP], preflight=True) == BrowserAccess(
            rules=rules, refused_by_store=(f"{APP} may not send PUT: {why}.",), store_was_asked=True
        )

    def test_check_of_a_pattern_asks_for_one_origin(self, bucket, public):
        assert cors_check(bucket=bucket, origins=["https://*.example.com"]).is_enough
        assert {headers["Origin"] for _, _, headers in public.requests} == {"https://any.example.com"}

    def test_check_with_an_invalid_origin_is_refused(self, bucket, public):
        with pytest.raises(InvalidField):
            cors_check(bucket=bucket, origins=[f"{APP}/"])
        assert public.requests == []
