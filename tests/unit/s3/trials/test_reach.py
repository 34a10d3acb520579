from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from s3_file_uploader.embedded import free_port
from s3_file_uploader.exceptions import (
    StorageAccessDenied,
    StorageError,
    StorageNotConfigured,
    StorageProblem,
    StorageUnavailable,
)
from s3_file_uploader.s3.client import get_client, use_patience
from s3_file_uploader.s3.trials.reach import ask_store, explain_error, read_certificate
from tests.support.answering import AnsweringServer
from tests.support.scripted_store import build_error, list_buckets_server


def answer_with(headers, **owner):
    metadata = {"HTTPHeaders": headers, "HTTPStatusCode": 200}
    with Stubber(get_client()) as stub:
        stub.add_response("list_buckets", {"Owner": owner, "Buckets": [], "ResponseMetadata": metadata})
        return ask_store()


def unreachable(settings, url):
    settings.AWS_S3_ENDPOINT_URL = url
    with use_patience(2), pytest.raises(StorageProblem) as caught:
        ask_store()
    return explain_error(caught.value)


def test_ask_store_reports_owner_clock_and_time():
    date = datetime.now(UTC) + timedelta(hours=1)
    answer = answer_with({"date": f"{date:%a, %d %b %Y %H:%M:%S GMT}"}, ID="id", DisplayName="name")
    assert (answer.owner, answer.refusal, answer.code) == ("name", None, "")
    assert abs(answer.ahead - timedelta(hours=1)) < timedelta(seconds=2)
    assert answer.milliseconds > 0
    assert answer.endpoint_url == "https://s3.amazonaws.com"


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_ask_store_without_a_date_reports_no_clock(headers):
    assert answer_with(headers, ID="some-id").ahead is None


def test_ask_store_keeps_a_refusal():
    with Stubber(get_client()) as stub:
        stub.add_client_error("list_buckets", "AccessDenied", http_status_code=403)
        answer = ask_store()
    assert isinstance(answer.refusal, StorageAccessDenied)
    assert (answer.code, explain_error(answer.refusal)) == ("AccessDenied", "AccessDenied (403)")


def test_ask_store_of_a_web_page_fails(settings):
    with list_buckets_server(content=b"<html><body/></html>") as server:
        settings.AWS_S3_ENDPOINT_URL = server.url
        with pytest.raises(StorageError) as caught:
            ask_store()
    assert explain_error(caught.value) == ""


def test_explain_error_of_a_bare_status_names_it_once(settings):
    with list_buckets_server(404, b"") as server:
        settings.AWS_S3_ENDPOINT_URL = server.url
        answer = ask_store()
    assert isinstance(answer.refusal, StorageNotConfigured)
    assert explain_error(answer.refusal) == "status 404"


def test_explain_error_names_the_code_of_a_document(settings):
    with list_buckets_server(403, build_error("InvalidAccessKeyId")) as server:
        settings.AWS_S3_ENDPOINT_URL = server.url
        assert explain_error(ask_store().refusal) == "InvalidAccessKeyId (403)"


def test_explain_error_names_the_reason_of_the_network(settings, certificate):
    assert unreachable(settings, f"http://127.0.0.1:{free_port()}") == "connection refused"
    assert unreachable(settings, "http://no.such.host.invalid") == "the name of the host has no address"
    with AnsweringServer({}) as server:
        assert unreachable(settings, server.url.replace("http:", "https:")) == "the server speaks no TLS here"
    with AnsweringServer({}) as server:
        certificate.serve(server)
        reason = unreachable(settings, server.url.replace("http:", "https:"))
    assert reason.startswith("the certificate is refused: ")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (ReadTimeoutError(endpoint_url="http://s3"), "no answer in time"),
        (ConnectTimeoutError(endpoint_url="http://s3"), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (OSError(), ""),
        (None, ""),
    ],
)
def test_explain_error_finds_the_innermost_reason(cause, reason):
    error = StorageUnavailable()
    error.__cause__ = cause
    assert explain_error(error) == reason


def test_read_certificate_returns_its_end(certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.path))
    with AnsweringServer({}) as server:
        certificate.serve(server)
        read = read_certificate(server.url.replace("http:", "https:"))
    assert read.protocol == "TLSv1.3"
    assert timedelta(hours=23) < read.expires_at - datetime.now(UTC) <= timedelta(days=1)


def test_read_certificate_that_is_not_trusted_is_none(certificate):
    with AnsweringServer({}) as server:
        certificate.serve(server)
        assert read_certificate(server.url.replace("http:", "https:")) is None
