"""Metrics for Prometheus, in the default registry of prometheus-client. The host exposes them: there is no endpoint.

No label has the name of a bucket, a file or a user, so the number of series does not grow with the data. `apps.py`
imports this module if prometheus-client is installed.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error
from django.db.models import Count, Min, Q
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .conf import conf
from .models import FileUpload, HousekeepingRun
from .models.clock import shared_now
from .models.transitions import HELD_UNTIL
from .services.audit.trail import OK
from .signals import operation_ended, s3_call_ended

PREFIX = "s3_file_uploader"
# An operation may be the upload of a large file over a bad network; a call to S3 moves at most one part.
OPERATION_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Other operations name a size, too, but move no bytes of it.
WAYS = {
    "file_upload": "upload",
    "upload_complete": "direct_upload",
    "file_read": "download",
    "file_download": "save",
}
STATES = ("pending", "abandoned", "quarantined", "held")
# The column that says since when a file waits. No column does for a pending one: its record may be that of a file which
# is being replaced.
SINCE = {"abandoned": "claimed_until", "quarantined": "completed_at", "held": "completed_at"}
# Every scrape of every Prometheus would query the database otherwise.
REMEMBERED_SECONDS = 30.0
# `prometheus_client.make_asgi_app` collects in the event loop, where Django refuses queries.
IN_EVENT_LOOP = (
    "The files that wait could not be counted, because the metrics are collected in an event loop. Serve the metrics "
    "by a view of Django that is not async, or by WSGI, instead of prometheus_client.make_asgi_app."
)

logger = logging.getLogger(__name__)

operations = Counter(f"{PREFIX}_operations", "Operations by name and outcome.", ["operation", "outcome"])
operation_seconds = Histogram(
    f"{PREFIX}_operation_seconds", "Duration of operations.", ["operation"], buckets=OPERATION_SECONDS
)
moved_bytes = Counter(f"{PREFIX}_bytes", "Bytes of files, by the way they took.", ["way"])
s3_calls = Counter(
    f"{PREFIX}_s3_calls", "Calls to S3, each with its retries, by HTTP status or error.", ["call", "status"]
)
s3_call_seconds = Histogram(
    f"{PREFIX}_s3_call_seconds", "Duration of calls to S3 with their retries.", ["call"], buckets=CALL_SECONDS
)
s3_retries = Counter(f"{PREFIX}_s3_retries", "Attempts at calls to S3 after the first.", ["call"])


def count_operation(*, name: str, outcome: str, seconds: float, size: int | None, **_kwargs: Any) -> None:
    """Count an operation, and the bytes that it moved."""
    operations.labels(name, outcome).inc()
    operation_seconds.labels(name).observe(seconds)
    if outcome == OK and size and name in WAYS:
        moved_bytes.labels(WAYS[name]).inc(size)


def count_s3_call(*, call: str, status: str, seconds: float, retries: int, **_kwargs: Any) -> None:
    """Count a call to S3."""
    s3_calls.labels(call, status).inc()
    s3_call_seconds.labels(call).observe(seconds)
    if retries:
        s3_retries.labels(call).inc(retries)


class WaitingFiles(Collector):
    """Count the files that wait, and look when housekeeping ran, if S3_FILE_UPLOADER_METRICS_WAITING is set.

    In multiprocess mode a registry of the host holds no collector, so the host registers `waiting_files` itself.
    """

    def __init__(self) -> None:
        """Begin without an answer."""
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Query the database the next time."""
        self._counted_at, self._counts = -REMEMBERED_SECONDS, dict[str, Any]()

    def describe(self) -> list[GaugeMetricFamily]:
        """Return the metrics without values, so that a registration queries nothing."""
        return list(_build_gauges())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics; none if the setting is off, or the query fails: the other metrics are needed then."""
        if not conf.metrics_waiting:
            return
        try:
            counts, now = self._count(), shared_now()
        except Error as error:
            logger.warning("The files that wait could not be counted: %s", error)
            return
        except SynchronousOnlyOperation:
            logger.warning(IN_EVENT_LOOP)
            return
        number, oldest, housekeeping = _build_gauges()
        for state in STATES:
            number.add_metric([state], counts[state])
        for state in SINCE:
            oldest.add_metric([state], _seconds_between(counts[f"{state}_since"], now))
        yield number
        yield oldest
        if ended_at := counts["housekeeping_at"]:
            housekeeping.add_metric([], _seconds_between(ended_at, now))
            yield housekeeping

    def _count(self) -> dict[str, Any]:
        with self._lock:
            if monotonic() - self._counted_at >= REMEMBERED_SECONDS:
                last = HousekeepingRun.find_last()
                self._counts = {**_count_waiting(), "housekeeping_at": last and last.ended_at}
                self._counted_at = monotonic()
            return self._counts


def _build_gauges() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(f"{PREFIX}_waiting_files", "Files that wait, by state.", labels=["state"]),
        GaugeMetricFamily(
            f"{PREFIX}_waiting_oldest_seconds", "How long the oldest of them waits, or 0.", labels=["state"]
        ),
        GaugeMetricFamily(f"{PREFIX}_housekeeping_age_seconds", "Time since a run of housekeeping ended on any host."),
    )


def _count_waiting() -> dict[str, Any]:
    """Count the unfinished records in one query, which reads no record of a stored file."""
    status, is_late = FileUpload.Status, Q(claimed_until__lt=shared_now())
    unfinished, is_held = Q(status__in=(status.PENDING, status.DELETING)), Q(scan_after=HELD_UNTIL)
    states = {
        "pending": unfinished & ~is_late,
        "abandoned": unfinished & is_late,
        "quarantined": Q(status=status.QUARANTINED) & ~is_held,
        "held": Q(status=status.QUARANTINED) & is_held,
    }
    numbers = {state: Count("pk", filter=condition) for state, condition in states.items()}
    oldest = {f"{state}_since": Min(column, filter=states[state]) for state, column in SINCE.items()}
    waiting = FileUpload.objects.order_by().filter(unfinished | Q(status=status.QUARANTINED))
    return waiting.aggregate(**numbers, **oldest)


def _seconds_between(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())


# A counter that begins at 1 shows no increase, so this rare and important one begins at 0.
operations.labels("file_reject", OK)
operation_ended.connect(count_operation, dispatch_uid="s3_file_uploader.operation_count")
s3_call_ended.connect(count_s3_call, dispatch_uid="s3_file_uploader.s3_call_count")
waiting_files = WaitingFiles()
REGISTRY.register(waiting_files)
