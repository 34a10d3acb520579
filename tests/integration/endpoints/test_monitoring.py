"""Operators watch two workers of gunicorn: the metrics of each are the sums of both, and health is true."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from s3_file_uploader.embedded import EmbeddedS3
from tests.integration.conftest import token_of
from tests.support.documents import blocks_of
from tests.support.served import Served

PAGE = "docs/how-to/monitor.md"
# A worker without threads takes the next connection only when it is free, so two at once reach both workers.
TWO_WORKERS = ("gunicorn", "modules.wsgi:application", "--workers", "2", "--timeout", "120", "--log-level", "warning")
SETTINGS = """
from modules.settings import *

ROOT_URLCONF = "mysite.urls"
MIDDLEWARE = ["mysite.worker.name_worker", *MIDDLEWARE]
S3_FILE_UPLOADER_METRICS_WAITING = True
S3_FILE_UPLOADER_MAX_ATTEMPTS = 2  # So that there are retries.
"""
WORKER = """
import os


def name_worker(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Worker"] = str(os.getpid())
        return response

    return middleware
"""
CONTENT, UPLOADS = b"0123456789" * 100, 12


class Monitored(Served):
    """A server with two workers that exposes its metrics as the page says."""

    def __init__(self, folder, **variables):
        site = folder / "mysite"
        (folder / "values").mkdir()
        site.mkdir()
        view, routes = blocks_of(PAGE, "python", "::test_two_workers_export_the_same_sums")
        files = {"__init__": "", "metrics": view, "urls": f"from modules.urls import urlpatterns\n{routes}"}
        for name, text in {**files, "settings": SETTINGS, "worker": WORKER}.items():
            (site / f"{name}.py").write_text(text)
        own = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "mysite.settings", "DJANGO_LOG_FORMAT": "json"}
        super().__init__(folder, TWO_WORKERS, **own, PROMETHEUS_MULTIPROC_DIR=str(folder / "values"), **variables)

    def ask_both(self, method, url, **arguments):
        """Send pairs of requests at once until both workers have answered; return the answer of each worker."""
        answers = {}
        for _pair in range(50):
            with ThreadPoolExecutor(2) as clients:
                pair = [clients.submit(httpx.request, method, url, timeout=60, **arguments) for _ in range(2)]
            answers |= {answer.result().headers["X-Worker"]: answer.result() for answer in pair}
            if len(answers) == 2:
                return list(answers.values())
        raise AssertionError("One worker takes all requests.")

    def metrics_of_both(self):
        """Return the values of the metrics, as each worker gives them."""
        return [values_of(answer) for answer in self.ask_both("GET", f"http://127.0.0.1:{self.port}/metrics")]

    def lines_about(self, request_id):
        """Return the lines of the log with the id of a request. Every line of Django's loggers is an object."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["request_id"] == request_id]


def values_of(answer):
    assert answer.status_code == 200, answer.text
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {(s.name.removeprefix("s3_file_uploader_"), *s.labels.values()): s.value for s in samples}


@pytest.fixture
def own_store(tmp_path):
    with EmbeddedS3(tmp_path / "s3") as store:
        yield store


@pytest.fixture
def monitored(transactional_db, own_store, tmp_path):
    with Monitored(tmp_path, **own_store.environment()) as server:
        yield server


def health_of(monitored, path):
    return [answer.status_code for answer in monitored.ask_both("GET", f"{monitored.url}{path}")]


def test_two_workers_export_the_same_sums(monitored, own_store, staff):
    headers = {"Authorization": token_of(staff)}
    made = httpx.post(f"{monitored.url}bucket/create/", json={"bucket": "monitored"}, headers=headers)
    assert made.status_code == 201, monitored.log

    def upload(number):
        url, named = f"{monitored.url}buckets/monitored/files/{number}/", {"X-Request-ID": f"upload-{number}"}
        return httpx.put(url, content=CONTENT, headers={**headers, **named}, timeout=60)

    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(upload, range(UPLOADS)))
    assert [answer.status_code for answer in answers] == [201] * UPLOADS
    workers = Counter(answer.headers["X-Worker"] for answer in answers)
    assert len(workers) == 2, "This was no test: one worker took all uploads."
    one, other = monitored.metrics_of_both()
    for values in (one, other):
        assert values["operations_total", "file_upload", "ok"] == UPLOADS
        assert values["operation_seconds_count", "file_upload"] == UPLOADS
        assert values["bytes_total", "upload"] == UPLOADS * len(CONTENT)
        assert values["s3_calls_total", "PutObject", "200"] == UPLOADS
        assert values["waiting_files", "pending"] == 0
    _requests_are_in_the_log(monitored, answers)
    _store_stops(monitored, own_store)


def _requests_are_in_the_log(monitored, answers):
    assert [answer.headers["X-Request-ID"] for answer in answers] == [f"upload-{n}" for n in range(UPLOADS)]
    operation, audit = monitored.lines_about("upload-7")
    assert (operation["logger"], audit["logger"]) == ("s3_file_uploader", "s3_file_uploader.audit")
    assert (operation["operation"]["outcome"], audit["audit"]["request_id"]) == ("ok", "upload-7")
    missing = httpx.get(f"http://127.0.0.1:{monitored.port}/missing/?token=test-token")
    (line,) = monitored.lines_about(missing.headers["X-Request-ID"])
    assert (line["level"], line["message"]) == ("WARNING", "Not Found: /missing/")
    assert "test-token" not in monitored.log


def _store_stops(monitored, own_store):
    """Stop the store: `health/` notices once S3's last answer is old, and `health/ready/` is not concerned."""
    assert health_of(monitored, "health/") == [200, 200]
    own_store.__exit__()
    end = time.monotonic() + 60
    while health_of(monitored, "health/") != [503, 503]:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert health_of(monitored, "health/ready/") == health_of(monitored, "health/live/") == [200, 200]
    one, other = monitored.metrics_of_both()
    failed = "s3_calls_total", "ListBuckets", "EndpointConnectionError"
    assert one[failed] == other[failed] >= 2
