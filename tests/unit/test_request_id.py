"""The id of a request is in its response, in every line of its log, and in its calls to S3."""

import asyncio
import json
import logging

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import strategies as st

from modules import settings as host_settings
from s3_file_uploader.conf import conf
from s3_file_uploader.middleware import RequestIdMiddleware
from s3_file_uploader.request_id import RequestIdFilter, get_request_id, use_request_id
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services.audit.operation import Operation
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.support.answering import AnsweringServer
from tests.support.documents import blocks_of
from tests.unit.services.conftest import stored_file

BASE = "/modules/s3-file-uploader/service"


def asked(request_id):
    return RequestFactory().get("/", headers={"X-Request-ID": request_id})


def answer_with_id(request):
    return HttpResponse(get_request_id())


async def answer_with_id_async(request):
    return answer_with_id(request)


@pytest.mark.parametrize("request_id", ["a", "0f8b2c1e-41d4.A_b", "x" * 64])
def test_well_formed_id_is_accepted(request_id):
    response = RequestIdMiddleware(answer_with_id)(asked(request_id))
    assert response["X-Request-ID"] == response.content.decode() == request_id
    assert get_request_id() == ""


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a\n", "é", "\u0661", "a#b", 'a"', "a/b"])
def test_other_id_is_replaced_by_a_new_one(request_id):
    made = {RequestIdMiddleware(answer_with_id)(asked(request_id))["X-Request-ID"] for _ in range(2)}
    assert [len(new) for new in made] == [32, 32]


@given(st.text(max_size=80))
def test_any_header_leads_to_a_harmless_id(text):
    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = text
    with use_request_id(request):
        assert 1 <= len(get_request_id()) <= 64
        assert get_request_id().isascii()
        assert get_request_id().isprintable()


def test_middleware_of_asgi_has_the_id():
    response = asyncio.run(RequestIdMiddleware(answer_with_id_async)(asked("of-asgi")))
    assert response["X-Request-ID"] == response.content.decode() == "of-asgi"


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/uploads/", 200), ("/uploads/x/", 404)])
def test_response_of_the_api_has_the_id(user, caplog, path, status):
    caplog.set_level("INFO")
    answer = client_of(user).get(f"{BASE}{path}", headers={"X-Request-ID": "of-proxy"})
    assert (answer.status_code, answer["X-Request-ID"]) == (status, "of-proxy")


@pytest.mark.django_db
def test_response_of_the_api_without_middleware_has_the_id(user, settings, caplog):
    caplog.set_level("INFO")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "RequestId" not in name]
    answer = client_of(user).get(f"{BASE}/uploads/x/", headers={"X-Request-ID": "of-proxy"})
    assert answer["X-Request-ID"] == "of-proxy"
    (event,) = [record.audit for record in caplog.records if record.name == "s3_file_uploader.audit"]
    assert event["request_id"] == "of-proxy"


@pytest.mark.django_db
def test_lines_of_operation_and_event_have_the_id(caplog):
    caplog.set_level("INFO")
    with use_request_id(asked("of-proxy")):
        operation = Operation("file_delete", user=None)
    with operation:  # As for a download, whose body is sent after the views.
        pass
    lines = [getattr(record, "operation", None) or record.audit for record in caplog.records]
    assert [line["request_id"] for line in lines] == ["of-proxy", ""]


def test_filter_finds_the_id_of_the_block_or_of_the_request():
    request, record = asked("of-proxy"), logging.makeLogRecord({})
    with use_request_id(request):
        assert RequestIdFilter().filter(record)
    assert record.request_id == "of-proxy"
    for values, expected in (({"request": request}, "of-proxy"), ({"request": asked("x")}, ""), ({}, "")):
        record = logging.makeLogRecord(values)
        RequestIdFilter().filter(record)
        assert record.request_id == expected


def settings_of_the_page():
    (code,) = blocks_of("docs/how-to/monitor.md", "python", "::test_log_of_the_page_is_json")
    names = {}
    exec(code, names)  # noqa: S102 - ours, from the docs
    return names["LOGGING"]


@pytest.mark.parametrize("logging_settings", [settings_of_the_page(), host_settings.LOGGING], ids=["page", "host"])
def test_log_of_the_page_is_json(logging_settings):
    options = {**logging_settings["formatters"]["json"]}
    log_filter = import_string(logging_settings["filters"]["request_id"]["()"])()
    formatter = import_string(options.pop("()"))(**options)
    request = RequestFactory().get("/?token=test-token", headers={"X-Request-ID": "of-proxy"})
    RequestIdMiddleware(answer_with_id)(request)
    values = {"levelname": "INFO", "name": "x", "msg": "a\nline", "request": request, "operation": {"bytes": 5}}
    record = logging.makeLogRecord(values)
    log_filter.filter(record)
    line = formatter.format(record)
    assert "\n" not in line
    assert "test-token" not in line
    written = json.loads(line)
    assert written.pop("time")
    assert sorted(map(str, written.values())) == sorted(["INFO", "x", "a\nline", "of-proxy", "{'bytes': 5}"])


def agents_of(store):
    return [headers["User-Agent"] for _method, _path, headers in store.requests]


def test_call_to_s3_has_the_id_in_its_user_agent(settings):
    with AnsweringServer({"GET": (200, {})}) as store:
        store.content = b"<ListAllMyBucketsResult/>"
        settings.AWS_S3_ENDPOINT_URL = store.url
        with use_request_id(asked("of-proxy")):
            get_client().list_buckets()
        get_client().list_buckets()
    named, other = agents_of(store)
    assert named.endswith(" md/request-id#of-proxy")
    assert "request-id" not in other


@pytest.mark.django_db
def test_part_sent_by_a_thread_has_the_id_too(user, bucket):
    agents = []

    def keep(request, **kwargs):
        agents.append(request.headers["User-Agent"])

    events = get_client(signed_payload=conf.sign_parts).meta.events
    events.register_first("before-send.s3.UploadPart", keep)
    try:
        with use_request_id(asked("of-proxy")):
            stored_file(user, bucket, content=b"x" * (mib(5) + 1))
    finally:
        events.unregister("before-send.s3.UploadPart", keep)
    assert [agent.rpartition(b"#")[2] for agent in agents] == [b"of-proxy"] * 2
