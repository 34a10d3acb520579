"""Operators watch two workers of gunicorn: the metrics of each are the sums of both, and health is true."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.integration.conftest import token_of

CONTENT, UPLOADS = b"0123456789" * 100, 12


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
