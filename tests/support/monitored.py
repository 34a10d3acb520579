"""A server with two workers that exposes its metrics as `docs/how-to/monitor.md` says."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
from prometheus_client.parser import text_string_to_metric_families

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
