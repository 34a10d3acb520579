"""The metrics count what happens, name nothing of it, and cost two queries at most."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import InterfaceError, connection
from django.utils import timezone
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from s3_file_uploader import metrics, services
from s3_file_uploader.exceptions import FileExists, StorageProblem
from s3_file_uploader.metrics import WAYS, WaitingFiles, waiting_files
from s3_file_uploader.models import FileUpload, HousekeepingRun
from s3_file_uploader.models.transitions import HELD_UNTIL
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services.audit.operation import Operation
from s3_file_uploader.services.audit.trail import ACTIONS
from tests.support.answering import AnsweringServer
from tests.unit.services.conftest import sent, started, stored_file

pytestmark = pytest.mark.django_db


class Added:
    """The values that the metrics gain in a block."""

    def __init__(self):
        self._before = self._values()

    @staticmethod
    def _values():
        samples = (sample for family in REGISTRY.collect() for sample in family.samples)
        return {(s.name.removeprefix("s3_file_uploader_"), *s.labels.values()): s.value for s in samples}

    def __getitem__(self, key):
        return self._values().get(key, 0) - self._before.get(key, 0)


@pytest.fixture
def added():
    return Added()


@pytest.fixture
def waiting(settings):
    settings.S3_FILE_UPLOADER_METRICS_WAITING = True
    waiting_files.forget()
    yield Added._values
    waiting_files.forget()


def record(status, **values):
    whole = {} if status in ("pending", "deleting") else {"size": 1, "etag": "x", "completed_at": timezone.now()}
    number = FileUpload.objects.count()
    FileUpload.objects.create(
        bucket="bucket-one", file_name=str(number), location_digest=str(number), status=status, **{**whole, **values}
    )


def test_operation_is_counted_with_outcome_time_and_bytes(added, user):
    with Operation("file_upload", user=user, bucket="b", file_name="f", size=5):
        pass
    with suppress(FileExists), Operation("file_upload", user=user, bucket="b", file_name="f", size=7):
        raise FileExists("x")
    assert added["operations_total", "file_upload", "ok"] == 1
    assert added["operations_total", "file_upload", "FileExists"] == 1
    assert added["operation_seconds_count", "file_upload"] == 2
    assert added["bytes_total", "upload"] == 5


def test_operation_that_moves_no_bytes_counts_none(added):
    with Operation("file_delete", user=None, size=5), Operation("file_upload", user=None):
        pass
    assert sum(added["bytes_total", way] for way in WAYS.values()) == 0
    assert set(WAYS) <= set(ACTIONS)


def test_direct_upload_completed_twice_counts_its_bytes_once(added, user, bucket):
    upload = started(user, bucket, size=5, strategy="put").upload
    sent(upload, b"hello")
    for _again in range(2):
        services.upload_complete(user=user, upload_id=upload.pk)
    assert added["operations_total", "upload_complete", "ok"] == 2
    assert added["bytes_total", "direct_upload"] == 5


def test_s3_call_is_counted_with_its_status(added, bucket):
    get_client().list_objects_v2(Bucket=bucket)
    with suppress(get_client().exceptions.ClientError):
        get_client().head_object(Bucket=bucket, Key="missing")
    assert added["s3_calls_total", "ListObjectsV2", "200"] == 1
    assert added["s3_calls_total", "HeadObject", "404"] == 1
    assert added["s3_call_seconds_count", "HeadObject"] == 1
    assert added["s3_retries_total", "HeadObject"] == 0


def test_s3_call_without_an_answer_is_counted_with_its_error(added, settings):
    settings.AWS_S3_ENDPOINT_URL, settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = "http://127.0.0.1:1", 1
    with suppress(StorageProblem):
        services.bucket_list(user=None)
    assert added["s3_calls_total", "ListBuckets", "EndpointConnectionError"] == 1
    assert added["operations_total", "bucket_list", "StorageUnavailable"] == 1


def test_retries_of_an_s3_call_are_counted(added, settings):
    with AnsweringServer({"GET": [(503, {}), (200, {})]}) as store:
        store.content = b"<ListAllMyBucketsResult/>"
        settings.AWS_S3_ENDPOINT_URL = store.url
        get_client().list_buckets()
    assert (added["s3_calls_total", "ListBuckets", "200"], added["s3_retries_total", "ListBuckets"]) == (1, 1)


def test_no_label_names_a_bucket_a_file_or_a_user(user, bucket, waiting):
    user.username = "user-of-the-metrics"
    stored_file(user, bucket, "file-of-the-metrics")
    text = generate_latest(REGISTRY).decode()
    labels = {label for family in REGISTRY.collect() for s in family.samples for label in s.labels}
    ours = {"operation", "outcome", "call", "status", "way", "state", "le"}
    assert bucket not in text
    assert "of-the-metrics" not in text
    of_python = {"generation", "implementation", "major", "minor", "patchlevel", "version"}
    assert labels - of_python == ours


# --- files that wait --------------------------------------------------------------------------------------------------


def test_waiting_files_are_not_counted_by_default(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert list(waiting_files.collect()) == []


def test_waiting_files_are_counted_by_state_in_two_queries(waiting, django_assert_num_queries):
    hour, now = timedelta(hours=1), timezone.now()
    record("pending", claimed_until=now + hour)
    record("pending", claimed_until=now - hour)
    record("deleting", claimed_until=now - 3 * hour)
    record("quarantined", completed_at=now - 4 * hour)
    record("quarantined", scan_after=now + hour)
    record("quarantined", scan_after=HELD_UNTIL, completed_at=now - 5 * hour)
    record("stored")
    record("rejected", status_reason="x", claimed_until=now - hour)
    with django_assert_num_queries(2):
        values = waiting()
    states = ("pending", "abandoned", "quarantined", "held")
    assert [values["waiting_files", state] for state in states] == [1, 2, 2, 1]
    hours = [values["waiting_oldest_seconds", state] / 3600 for state in states[1:]]
    assert hours == pytest.approx([3, 4, 5], abs=0.05)


def test_waiting_files_are_remembered_for_a_while(waiting, django_assert_num_queries):
    waiting()
    record("quarantined")
    with django_assert_num_queries(0):
        assert waiting()["waiting_files", "quarantined"] == 0
    waiting_files.forget()
    assert waiting()["waiting_files", "quarantined"] == 1


def test_waiting_files_without_any_are_zero(waiting):
    values = waiting()
    assert values["waiting_files", "abandoned"] == values["waiting_oldest_seconds", "abandoned"] == 0


def test_housekeeping_age_is_that_of_the_last_run(waiting):
    assert ("housekeeping_age_seconds",) not in waiting()
    HousekeepingRun.record(is_complete=False)
    HousekeepingRun.objects.update(ended_at=timezone.now() - timedelta(hours=1))
    assert ("housekeeping_age_seconds",) not in waiting()  # Remembered, like the files that wait.
    waiting_files.forget()
    assert waiting()["housekeeping_age_seconds",] == pytest.approx(3600, abs=60)


def test_scrape_without_a_database_has_the_other_metrics(waiting, caplog):
    def refusing(execute, sql, params, many, context):
        raise InterfaceError("connection already closed")

    with connection.execute_wrapper(refusing):
        text = generate_latest(REGISTRY)
    assert b"s3_file_uploader_operations_total" in text
    assert b"waiting" not in text
    assert "could not be counted" in caplog.text


def test_scrape_in_an_event_loop_has_the_other_metrics(waiting, caplog):
    async def scrape():
        return generate_latest(REGISTRY)

    text = asyncio.run(scrape())
    assert b"s3_file_uploader_operations_total" in text
    assert b"waiting" not in text
    assert "Serve the metrics by a view of Django that is not async" in caplog.text


def test_waiting_files_are_compared_with_the_clock_of_the_database(waiting, monkeypatch):
    record("pending", claimed_until=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(metrics, "shared_now", lambda: timezone.now() - timedelta(minutes=30))
    values = waiting()
    assert values["waiting_files", "abandoned"] == 1
    assert values["waiting_oldest_seconds", "abandoned"] == pytest.approx(1800, abs=60)
    waiting_files.forget()
    monkeypatch.setattr(metrics, "shared_now", lambda: timezone.now() - timedelta(hours=2))
    assert waiting()["waiting_files", "pending"] == 1


def test_registration_of_the_collector_queries_nothing(waiting, django_assert_num_queries):
    registry = CollectorRegistry(auto_describe=True)
    with django_assert_num_queries(0):
        registry.register(WaitingFiles())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(WaitingFiles())
