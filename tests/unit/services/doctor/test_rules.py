from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import find_bucket_region, get_client
from s3_file_uploader.s3.lifecycle import DeletingRule, read_lifecycle
from s3_file_uploader.services import cors_list, cors_set
from s3_file_uploader.services.doctor.rules import examine_cors, examine_lifecycle
from tests.support.answering import AnsweringServer
from tests.unit.services.conftest import on_event
from tests.unit.services.doctor.conftest import only, seen

APP = "https://app.example.com"
ALLOWED = {
    "Access-Control-Allow-Origin": APP,
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
}
DELETING = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
TRANSITION = {
    "ID": "cold",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
}
PUT_RULES = "provide-client-params.s3.PutBucketLifecycleConfiguration"
pytestmark = pytest.mark.django_db


@pytest.fixture
def at_bucket(case, bucket, settings):
    """Return a case with a bucket in moto; pages come from one origin."""
    settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
    case.bucket = bucket
    find_bucket_region(bucket)
    return case


@pytest.fixture
def browsers_meet(settings):
    """Return a server at the public endpoint that refuses browsers until it is told otherwise."""
    with AnsweringServer({}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        yield server


class TestCors:
    def test_without_origins_is_ok(self, at_bucket, settings):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = []
        assert only(examine_cors(at_bucket)).status == "ok"

    def test_missing_rule_fails_and_advises_the_fix(self, at_bucket, browsers_meet):
        diagnosis = only(examine_cors(at_bucket))
        assert (diagnosis.status, diagnosis.advice) == ("failure", "Run manage.py s3_doctor bucket-one --fix")
        assert cors_list(bucket="bucket-one") == ()

    def test_fix_sets_the_rule(self, at_bucket, browsers_meet):
        at_bucket.fixes = True
        assert only(examine_cors(at_bucket)).seen.startswith("the rule is set now")
        assert cors_list(bucket="bucket-one")[0].origins == (APP,)
        browsers_meet.answers = dict.fromkeys(("OPTIONS", "GET"), (200, ALLOWED))
        assert only(examine_cors(at_bucket)).seen == f"pages of {APP} can upload and read"

    def test_fix_of_a_rule_that_is_there_blames_the_way(self, at_bucket, browsers_meet):
        at_bucket.fixes = True
        cors_set(bucket="bucket-one", origins=[APP])
        assert only(examine_cors(at_bucket)).seen == "the rules allow it, but the store refuses browsers"

    def test_fix_of_a_store_without_rules_fails(self, case, real_bucket, settings, browsers_meet):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
        case.bucket, case.fixes = real_bucket, True
        assert only(examine_cors(case)).seen == "the store keeps no CORS rules"


def put_rules(*rules):
    configuration = {"Rules": [*rules]}
    get_client().put_bucket_lifecycle_configuration(Bucket="bucket-one", LifecycleConfiguration=configuration)


@contextmanager
def listed_rules(*rules):
    """Let S3 answer with these rules: moto has no old rules."""
    with Stubber(get_client()) as stub:
        stub.add_response("get_bucket_lifecycle_configuration", {"Rules": [*rules]})
        yield


def build_record(bucket, file_name):
    FileUpload.objects.create(bucket=bucket, file_name=file_name, status="pending", location_digest=file_name + bucket)


class TestLifecycle:
    def test_missing_rule_is_a_warning_and_the_fix_keeps_others(self, at_bucket):
        put_rules(DELETING)
        assert seen(examine_lifecycle(at_bucket)) == [
            ("warning", "lifecycle", "rules delete files behind the back of their records: old"),
            ("warning", "lifecycle", "no rule aborts unfinished multipart uploads; only housekeeping does"),
        ]
        at_bucket.fixes = True
        assert seen(examine_lifecycle(at_bucket))[1][2].startswith("the rule is set now")
        assert read_lifecycle(bucket="bucket-one", region="us-east-1").deleting_rules == (DeletingRule("old", ""),)
        at_bucket.fixes = False
        assert seen(examine_lifecycle(at_bucket))[1][2] == "unfinished multipart uploads end after 7 days"

    @pytest.mark.parametrize(
        "limit",
        [
            {"Filter": {"Prefix": "logs/"}},
            {"Filter": {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 9}}},
            {"Prefix": "logs/"},
        ],
    )
    def test_deleting_rule_below_a_prefix_warns_only_of_files_with_records(self, at_bucket, limit):
        rule = {name: value for name, value in DELETING.items() if name != "Filter"} | limit
        with listed_rules(rule):
            spared, _abort = seen(examine_lifecycle(at_bucket))
        assert spared == ("ok", "lifecycle", "rules delete objects of other programs only: old (below logs/)")
        build_record("bucket-two", "logs/file")
        build_record("bucket-one", "log")
        with listed_rules(rule):
            assert seen(examine_lifecycle(at_bucket))[0] == spared
        build_record("bucket-one", "logs/file")
        with listed_rules(rule):
            found, _abort = seen(examine_lifecycle(at_bucket))
        text = "rules delete files behind the back of their records: old (below logs/)"
        assert found == ("warning", "lifecycle", text)

    @pytest.mark.parametrize("name", ["database", "migrations"])
    def test_deleting_rule_below_a_prefix_warns_without_a_database(self, at_bucket, name):
        at_bucket.blocked[name] = name
        with listed_rules({**DELETING, "Filter": {"Prefix": "logs/"}}):
            assert seen(examine_lifecycle(at_bucket))[0][0] == "warning"

    @pytest.mark.parametrize(
        ("change", "is_deleting"),
        [
            ({"Expiration": {"Date": datetime(2026, 12, 1, tzinfo=UTC)}}, True),
            ({"Filter": {"Tag": {"Key": "a", "Value": "b"}}}, True),
            ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
            ({"Expiration": {"Days": 1}, "Status": "Disabled"}, False),
        ],
    )
    def test_deleting_rules_are_those_that_delete_objects(self, at_bucket, change, is_deleting):
        with listed_rules({**DELETING, **change}):
            lifecycle = read_lifecycle(bucket="bucket-one", region="us-east-1")
        assert lifecycle.deleting_rules == ((DeletingRule("old", ""),) if is_deleting else ())

    @pytest.mark.parametrize(
        ("limit", "days"),
        [
            ({"Filter": {"Prefix": ""}}, 3),
            ({"Prefix": ""}, 3),
            ({"Filter": {}}, 3),
            ({"Filter": {"Prefix": "logs/"}}, None),
            ({"Prefix": "logs/"}, None),
        ],
    )
    def test_abort_rule_counts_for_the_whole_bucket_only(self, at_bucket, limit, days):
        with listed_rules({"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}, **limit}):
            assert read_lifecycle(bucket="bucket-one", region="us-east-1").abort_days == days

    @pytest.mark.parametrize("kept", [{"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}, {}])
    def test_fix_keeps_the_minimum_size_of_transitions(self, at_bucket, kept):
        written = []
        at_bucket.fixes = True
        with Stubber(get_client()) as stub, on_event(PUT_RULES, lambda params, **kwargs: written.append(params)):
            for _ in range(2):
                stub.add_response("get_bucket_lifecycle_configuration", {"Rules": [TRANSITION], **kept})
            stub.add_response("put_bucket_lifecycle_configuration", {})
            assert only(examine_lifecycle(at_bucket)).seen.startswith("the rule is set now")
        (params,) = written
        rules = params.pop("LifecycleConfiguration")["Rules"]
        assert (params, rules[0], len(rules)) == ({"Bucket": "bucket-one", **kept}, TRANSITION, 2)

    def test_rule_that_is_not_wanted_is_not_missed(self, at_bucket, settings):
        settings.S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS = None
        assert only(examine_lifecycle(at_bucket)).status == "ok"

    @pytest.mark.parametrize(("code", "text"), [("NotImplemented", "the store has"), ("AccessDenied", "not examined")])
    def test_rules_that_cannot_be_read_are_ok(self, at_bucket, code, text):
        with Stubber(get_client()) as stub:
            stub.add_client_error("get_bucket_lifecycle_configuration", code)
            diagnosis = only(examine_lifecycle(at_bucket))
        assert diagnosis.status == "ok"
        assert diagnosis.seen.startswith(text)

    def test_fix_of_a_store_without_this_rule_is_ok(self, at_bucket):
        at_bucket.fixes = True
        with Stubber(get_client()) as stub:
            for _ in range(2):
                stub.add_client_error("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
            stub.add_client_error("put_bucket_lifecycle_configuration", "MalformedXML")
            assert only(examine_lifecycle(at_bucket)).seen.startswith("the store has no such rule")
