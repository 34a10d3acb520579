from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from s3_file_uploader.embedded import free_port
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.trials.reach import StoreAnswer
from s3_file_uploader.services.doctor import store
from s3_file_uploader.services.doctor.store import (
    compare_clocks,
    examine_clock,
    examine_endpoint,
    examine_identity,
    examine_public_endpoint,
    examine_tls,
)
from tests.support.answering import AnsweringServer
from tests.support.scripted_store import build_error, list_buckets_server
from tests.unit.services.doctor.conftest import only, seen

HOUR = timedelta(hours=1)


def answer(url="https://s3", **values):
    defaults = {"refusal": None, "code": "", "owner": "", "ahead": timedelta(), "milliseconds": 1.0}
    return StoreAnswer(endpoint_url=url, **{**defaults, **values})


@pytest.fixture
def refusing(settings, case):
    """Return a function that examines a store that answers with an error."""

    def examine(status, code):
        with list_buckets_server(status, build_error(code) if code else b"") as server:
            settings.AWS_S3_ENDPOINT_URL = server.url
            settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
            return only(examine_endpoint(case))

    return examine


class TestEndpoint:
    def test_store_that_answers_is_ok(self, case, aws):
        assert only(examine_endpoint(case)).status == "ok"
        assert case.answer.refusal is None

    def test_no_network_names_the_reason(self, case, settings):
        settings.AWS_S3_ENDPOINT_URL = url = f"http://127.0.0.1:{free_port()}"
        assert seen(examine_endpoint(case)) == [("failure", "endpoint", f"{url}: connection refused")]
        assert case.answer is None

    def test_web_page_is_no_store(self, case, settings):
        with list_buckets_server(content=b"<html/>") as server:
            settings.AWS_S3_ENDPOINT_URL = server.url
            assert only(examine_endpoint(case)).seen.endswith(": the answer is not that of S3")

    @pytest.mark.parametrize(
        ("status", "code", "name", "result"),
        [
            (403, "AccessDenied", "endpoint", "ok"),
            (403, "RequestTimeTooSkewed", "endpoint", "ok"),
            (403, "InvalidAccessKeyId", "keys", "failure"),
            (403, "SignatureDoesNotMatch", "keys", "failure"),
            (400, "AuthorizationHeaderMalformed", "region", "failure"),
            (503, "SlowDown", "endpoint", "failure"),
            (404, "", "endpoint", "failure"),
        ],
    )
    def test_refusal_is_named_by_its_code(self, refusing, status, code, name, result):
        diagnosis = refusing(status, code)
        assert (diagnosis.name, diagnosis.status) == (name, result)
        assert (code in diagnosis.seen) is (result == "failure")
        assert bool(diagnosis.advice) is (result == "failure")

    def test_endpoint_of_aws_is_named_by_its_region(self, case, settings):
        settings.AWS_ACCESS_KEY_ID = ""
        assert only(examine_endpoint(case)).seen.startswith("S3 of AWS in us-east-1")


class TestIdentity:
    def test_owner_of_another_store(self, case, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://store"
        case.answer = answer(owner="minio")
        assert only(examine_identity(case)).seen == "the buckets belong to minio"
        case.answer = answer()
        assert only(examine_identity(case)).seen == "the store names no owner"

    def test_caller_on_aws(self, case, aws):
        case.answer = answer()
        assert only(examine_identity(case)).seen.startswith("arn:aws:sts::")

    def test_root_keys_are_a_warning(self, case):
        case.answer = answer()
        diagnosis = only(examine_identity(case, find=lambda: "arn:aws:iam::123456789012:root"))
        assert diagnosis.status == "warning"

    def test_sts_that_cannot_be_asked_is_ok(self, case, settings):
        settings.AWS_SECRET_ACCESS_KEY = ""
        case.answer = answer()
        assert only(examine_identity(case)).seen.startswith("unknown: STS does not answer")


class TestTls:
    @pytest.mark.parametrize(
        ("url", "status"), [("http://127.0.0.1:9000", "ok"), ("http://store.example.com", "warning")]
    )
    def test_plain_http_is_fine_on_this_machine(self, case, url, status):
        case.answer = answer(url)
        assert only(examine_tls(case)).status == status

    def test_certificate_that_ends_soon_is_a_warning(self, case, certificate, monkeypatch):
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.path))
        with AnsweringServer({}) as server:
            certificate.serve(server)
            case.answer = answer(server.url.replace("http:", "https:"))
            diagnosis = only(examine_tls(case))
            assert (diagnosis.status, diagnosis.seen) == ("warning", "TLSv1.3, the certificate expires in 23 hours")
            monkeypatch.setattr(store, "CERTIFICATE_WARNING", timedelta(hours=1))
            assert only(examine_tls(case)).status == "ok"

    def test_certificate_that_cannot_be_read_is_ok(self, case):
        case.answer = answer(f"https://127.0.0.1:{free_port()}")
        assert only(examine_tls(case)).status == "ok"


class TestClock:
    @pytest.mark.parametrize(
        ("ahead", "is_refused", "status", "text"),
        [
            (timedelta(seconds=1), False, "ok", "as that of S3, within 1 s"),
            (timedelta(seconds=-29), False, "ok", "as that of S3, within 29 s"),
            (timedelta(seconds=30), False, "warning", "this machine is 30 seconds behind S3"),
            (-HOUR, False, "warning", "this machine is 1 hour ahead of S3"),
            (-HOUR, True, "failure", "S3 refuses requests: this machine is 1 hour ahead of S3"),
            (None, False, "ok", "S3 tells no time"),
            (None, True, "failure", "S3 refuses requests for their time"),
        ],
    )
    def test_compare_clocks(self, ahead, is_refused, status, text):
        diagnosis = compare_clocks("clock", "S3", ahead, is_refused=is_refused)
        assert (diagnosis.status, diagnosis.seen) == (status, text)

    def test_server_with_a_wrong_date_is_noticed(self, case, settings):
        date = f"{datetime.now(UTC) - HOUR:%a, %d %b %Y %H:%M:%S GMT}"
        with list_buckets_server() as server:
            server.date = date
            settings.AWS_S3_ENDPOINT_URL = server.url
            assert only(examine_endpoint(case)).status == "ok"
            assert only(examine_clock(case)).seen.endswith("ahead of the store")

    def test_store_that_refuses_the_clock_fails(self, case, settings):
        with list_buckets_server(403, build_error("RequestTimeTooSkewed")) as server:
            settings.AWS_S3_ENDPOINT_URL = server.url
            assert only(examine_endpoint(case)).status == "ok"
            diagnosis = only(examine_clock(case))
        assert (diagnosis.status, diagnosis.blocks) == ("failure", True)


class TestPublicEndpoint:
    def test_same_address_is_ok(self, case):
        assert only(examine_public_endpoint(case)).status == "ok"

    def test_other_address_is_asked(self, case, settings):
        with AnsweringServer({}) as server:
            settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
            assert only(examine_public_endpoint(case)).seen == f"{server.url} answers"

    def test_plain_http_is_a_warning(self, case, settings):
        with AnsweringServer({}) as server:
            settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - it reaches this machine, and no rule says so
            diagnosis = only(examine_public_endpoint(case))
        assert (diagnosis.status, diagnosis.blocks) == ("warning", False)

    def test_address_that_cannot_be_reached_blocks(self, case, settings):
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
        diagnosis = only(examine_public_endpoint(case))
        assert (diagnosis.status, diagnosis.blocks) == ("warning", True)
        assert "cannot be reached from here: connection refused" in diagnosis.seen


def test_answers_of_the_stubber_have_no_date(case):
    with Stubber(get_client()) as stub:
        stub.add_response("list_buckets", {"Buckets": []})
        assert only(examine_endpoint(case)).status == "ok"
    assert only(examine_clock(case)).seen == "the store tells no time"
