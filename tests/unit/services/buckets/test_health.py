from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier

import pytest
from botocore.stub import Stubber
from django.db import InterfaceError, connection, connections
from django.urls import reverse

from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import database_health_check, health_check, storage_health_forget
from s3_file_uploader.services.buckets.health import PATIENCE_SECONDS
from tests.support.answering import AnsweringServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    storage_health_forget()
    yield
    storage_health_forget()


def refusing(execute, sql, params, many, context):
    raise InterfaceError("connection already closed")


def test_health_check_of_both_is_true(aws):
    assert health_check() == {"database": True, "storage": True}


def test_health_check_without_database_is_false(aws):
    with connection.execute_wrapper(refusing):
        assert health_check() == {"database": False, "storage": True}


@pytest.mark.parametrize(
    ("code", "status", "reachable"),
    [("AccessDenied", 403, True), ("SlowDown", 503, False), ("InvalidAccessKeyId", 403, False)],
)
def test_health_check_maps_each_storage_error(code, status, reachable):
    with Stubber(get_client(patience_seconds=PATIENCE_SECONDS)) as stub:
        stub.add_client_error("list_buckets", code, http_status_code=status)
        assert health_check() == {"database": True, "storage": reachable}


def test_health_check_without_a_region_is_false(settings):
    settings.AWS_STORAGE_REGION = ""
    assert health_check()["storage"] is False


def test_health_check_asked_again_within_seconds_asks_s3_once(aws):
    assert health_check()["storage"]
    with Stubber(get_client(patience_seconds=PATIENCE_SECONDS)):  # It knows no answer, and so would raise.
        assert health_check()["storage"]


def test_health_check_of_many_threads_at_once_asks_s3_once(settings):
    callers = 8
    together = Barrier(callers)

    def ask(_number):
        together.wait()
        try:
            return health_check()
        finally:
            connections.close_all()

    with AnsweringServer({"GET": (503, {})}) as store, ThreadPoolExecutor(callers) as threads:
        settings.AWS_S3_ENDPOINT_URL, store.rests_before_answer = store.url, 0.2
        answers = list(threads.map(ask, range(callers)))
    assert answers == [{"database": True, "storage": False}] * callers
    assert [(method, path) for method, path, _headers in store.requests] == [("GET", "/")]


def test_health_check_after_a_change_of_settings_asks_s3_again(aws, settings):
    assert health_check()["storage"]
    settings.AWS_STORAGE_REGION = ""
    assert not health_check()["storage"]


def test_database_health_check_asks_the_database_alone(settings):
    settings.AWS_STORAGE_REGION = ""
    assert database_health_check()
    with connection.execute_wrapper(refusing):
        assert not database_health_check()


def test_health_live_asks_nothing(client, settings):
    settings.AWS_STORAGE_REGION = ""
    with connection.execute_wrapper(refusing):
        answer = client.get(reverse("s3_service-health-live"))
    assert (answer.status_code, answer.json()) == (200, {"live": True})


@pytest.mark.parametrize(("wrapper", "status"), [(None, 200), (refusing, 503)])
def test_health_ready_is_that_of_the_database(client, wrapper, status):
    with connection.execute_wrapper(wrapper) if wrapper else nullcontext():
        answer = client.get(reverse("s3_service-health-ready"))
    assert (answer.status_code, answer.json()) == (status, {"database": status == 200})
