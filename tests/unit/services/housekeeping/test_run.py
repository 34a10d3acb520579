import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, fields
from datetime import timedelta
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.exceptions import InvalidBucketName
from s3_file_uploader.models import FileUpload, HousekeepingRun, IdempotencyKey, queries
from s3_file_uploader.models.lease import claim_abandoned, claim_record, create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import housekeeping_buckets, housekeeping_run
from s3_file_uploader.services.download_folder.write import remove_partial_files
from s3_file_uploader.services.recovery import WRITTEN_BY
from s3_file_uploader.services.reports import HousekeepingReport, Kind, Outcome
from tests.support.host import python
from tests.unit.services.conftest import objects_in, on_event, out_of_order, stored_file

Status = FileUpload.Status
pytestmark = pytest.mark.django_db
NOTHING = HousekeepingReport(*[0] * len(fields(HousekeepingReport)))


def figures(report):
    """Return those that are not 0."""
    return {field.name: number for field, number in zip(fields(report), astuple(report), strict=True) if number}


def claimed(user, bucket, file_name="file"):
    return create_claimed(user=user, bucket=bucket, file_name=file_name, content_type="x/y")


def abandoned(user, bucket, file_name="file"):
    upload = claimed(user, bucket, file_name)
    end_lease_in(upload, -1)
    return upload


def put(upload, body=b"written"):
    written_by = {WRITTEN_BY: str(upload.claim_id)}
    get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=body, Metadata=written_by)


def begin(bucket, key="file"):
    return get_client().create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]


def left_in(bucket):
    return [upload["Key"] for upload in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


@pytest.fixture
def second_bucket(aws):
    get_client().create_bucket(Bucket="bucket-two")
    return "bucket-two"


@pytest.fixture
def begun_ago():
    """Return what says how long ago the multipart uploads of a key were begun; moto says 2010 of all."""
    ages = {}

    def tell(parsed, **kwargs):
        for upload in parsed.get("Uploads", ()):
            if upload["Key"] in ages:
                upload["Initiated"] = timezone.now() - ages[upload["Key"]]

    with on_event("after-call.s3.ListMultipartUploads", tell):
        yield ages


class TestRecords:
    def test_run_without_faults_changes_nothing(self, bucket, user):
        stored_file(user, bucket)
        assert housekeeping_run() == NOTHING
        assert FileUpload.objects.get().status == Status.STORED

    def test_run_after_crashes_settles_every_record(self, bucket, user):
        put(abandoned(user, bucket, "first"))
        for name, status in (("overwriting", Status.PENDING), ("deleting", Status.DELETING)):
            upload = stored_file(user, bucket, name)
            claim_record(upload, status)
            end_lease_in(upload, -1)
        begin(bucket, "first")
        assert figures(housekeeping_run()) == {"records_settled": 3}
        assert objects_in(bucket) == ["overwriting"]
        assert left_in(bucket) == []
        record = FileUpload.objects.get()
        assert (record.file_name, record.status, record.claimed_until) == ("overwriting", Status.STORED, None)
        assert housekeeping_run() == NOTHING

    @pytest.mark.parametrize("older_than", [None, timedelta(0)])
    def test_run_leaves_a_live_lease_alone(self, bucket, user, older_than):
        upload = claimed(user, bucket)
        put(upload)
        begin(bucket)
        assert housekeeping_run(abort_multipart_older_than=older_than) == NOTHING
        assert FileUpload.objects.get().claim_id == upload.claim_id
        assert (objects_in(bucket), left_in(bucket)) == (["file"], ["file"])

    def test_run_with_a_broken_bucket_mends_the_others(self, bucket, second_bucket, user, caplog):
        for where in (bucket, second_bucket):
            stored_file(user, where, "kept")
            for name in ("a", "b"):
                abandoned(user, where, name)
            begin(where, "kept")
        with out_of_order(bucket):
            report = housekeeping_run()
        assert not report.is_complete
        assert figures(report) == {
            "records_settled": 2,
            "records_left": 2,
            "multipart_uploads_aborted": 1,
            "buckets_left": 1,
        }
        assert (left_in(bucket), left_in(second_bucket)) == (["kept"], [])
        assert [record.levelname for record in caplog.records if "housekeeping" in record.name] == ["WARNING"] * 3
        assert figures(housekeeping_run()) == {"records_settled": 2, "multipart_uploads_aborted": 1}
        assert housekeeping_run() == NOTHING

    def test_run_tries_each_record_once(self, bucket, user, monkeypatch):
        batch = 20
        monkeypatch.setattr(queries, "BATCH", batch)
        for number in range(batch + 1):
            abandoned(user, bucket, f"{number}")
        calls = Counter()

        def refuse(params, **kwargs):
            calls[params.get("Prefix")] += 1
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "ListMultipartUploads")

        with on_event("provide-client-params.s3", refuse):
            report = housekeeping_run()
        assert figures(report) == {"records_left": batch + 1, "buckets_left": 1}
        assert [calls[f"{number}"] for number in range(batch + 1)] == [1] * (batch + 1)

    def test_run_on_two_hosts_settles_each_record_once(self, bucket, user):
        for name in "abc":
            put(abandoned(user, bucket, name))
        reports = []

        def at_the_first_call(**kwargs):
            if not reports:
                reports.append(None)
                reports.append(housekeeping_run())

        with on_event("provide-client-params.s3", at_the_first_call):
            reports.append(housekeeping_run())
        assert [figures(report) for report in reports[1:]] == [{"records_settled": 2}, {"records_settled": 1}]
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == []

    @pytest.mark.parametrize("crashes", ["S3", "the settling process"])
    def test_run_repeated_finishes_what_the_first_could_not(self, bucket, user, crashes):
        """The object of the upload is still its own after an earlier attempt to settle."""
        upload = abandoned(user, bucket)
        put(upload)
        if crashes == "S3":
            with out_of_order(bucket):
                assert housekeeping_run().records_left == 1
        else:
            claim_abandoned(upload)
            end_lease_in(upload, -1)
        assert figures(housekeeping_run()) == {"records_settled": 1}
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == []


class TestMultipartUploads:
    def test_run_aborts_debris_under_a_record(self, bucket, user):
        stored_file(user, bucket)
        begin(bucket)
        begin(bucket)
        assert figures(housekeeping_run()) == {"multipart_uploads_aborted": 2}
        assert left_in(bucket) == []

    def test_run_leaves_a_recent_multipart_upload(self, bucket, user, begun_ago, settings):
        settings.S3_FILE_UPLOADER_CLAIM_SECONDS = 3600
        stored_file(user, bucket)
        begin(bucket)
        begun_ago["file"] = timedelta(minutes=59)
        assert housekeeping_run() == NOTHING
        begun_ago["file"] = timedelta(minutes=61)
        assert figures(housekeeping_run()) == {"multipart_uploads_aborted": 1}

    def test_run_counts_multipart_uploads_of_other_programs(self, bucket, user):
        stored_file(user, bucket)
        begin(bucket, "another's")
        report = housekeeping_run()
        assert report.is_complete
        assert figures(report) == {"multipart_uploads_unexplained": 1}
        assert left_in(bucket) == ["another's"]

    def test_run_with_option_aborts_old_uploads_of_other_programs(self, bucket, user, begun_ago):
        stored_file(user, bucket)
        for key, hours in {"old": 25, "young": 23, "file": 25}.items():
            begin(bucket, key)
            begun_ago[key] = timedelta(hours=hours)
        report = housekeeping_run(abort_multipart_older_than=timedelta(hours=24))
        assert figures(report) == {"multipart_uploads_aborted": 2, "multipart_uploads_unexplained": 1}
        assert left_in(bucket) == ["young"]

    def test_run_counts_a_multipart_upload_that_is_gone_as_aborted(self, bucket, user):
        stored_file(user, bucket)
        listed = [{"Key": "file", "UploadId": "gone", "Initiated": timezone.now() - timedelta(days=1)}]
        with Stubber(get_client()) as stub:
            stub.add_response("list_multipart_uploads", {"Uploads": listed})
            stub.add_client_error("abort_multipart_upload", "NoSuchUpload", http_status_code=404)
            assert figures(housekeeping_run()) == {"multipart_uploads_aborted": 1}

    def test_run_leaves_a_multipart_upload_claimed_meanwhile(self, bucket, user):
        """A request may claim the key after the records of a page were read."""
        stored = [stored_file(user, bucket, name) for name in "ab"]
        for upload in stored:
            begin(bucket, upload.file_name)
        with on_event(
            "provide-client-params.s3.AbortMultipartUpload", lambda **kwargs: claim_record(stored[1], Status.PENDING)
        ):
            assert figures(housekeeping_run()) == {"multipart_uploads_aborted": 1}
        assert left_in(bucket) == ["b"]

    def test_run_looks_up_records_once_a_page(self, bucket, user):
        stored_file(user, bucket)
        housekeeping_run()  # The first run inserts the row of the last run.
        costs = []
        for count in (1, 30):
            for number in range(count):
                begin(bucket, f"{count}/{number}")
            with CaptureQueriesContext(connection) as queries:
                assert housekeeping_run().multipart_uploads_unexplained in (1, 31)
            costs.append(len(queries))
        assert costs[0] == costs[1]

    @pytest.mark.parametrize(("code", "left"), [("NoSuchBucket", 0), ("NotImplemented", 0), ("AccessDenied", 1)])
    def test_run_with_an_unreadable_bucket_reports_it(self, bucket, user, code, left):
        stored_file(user, bucket)
        with Stubber(get_client()) as stub:
            stub.add_client_error("list_multipart_uploads", code)
            report = housekeeping_run()
        assert (report.buckets_left, report.is_complete) == (left, not left)

    def test_run_asks_each_bucket_once(self, bucket, second_bucket, user):
        for name in "ab":
            stored_file(user, bucket, name)
        calls = []
        with on_event("provide-client-params.s3", lambda params, **kwargs: calls.append(params["Bucket"])):
            housekeeping_run()
        assert calls == [bucket]


class TestWhichBuckets:
    def test_buckets_have_records_or_are_named_in_settings(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["of-the-settings", "pattern-*", "[ab]", "bucket-?", bucket]
        for name in ("z-last", bucket, "a-first"):
            for number in range(3):
                abandoned(user, name, f"{number}")
        assert housekeeping_buckets() == ["a-first", bucket, "of-the-settings", "z-last"]

    def test_run_without_buckets_does_nothing(self, db):
        assert housekeeping_buckets() == []
        assert housekeeping_run() == NOTHING

    @pytest.mark.parametrize("named_by", ["settings", "caller"])
    def test_run_with_a_named_bucket_searches_it(self, bucket, second_bucket, settings, named_by):
        begin(second_bucket)
        if named_by == "settings":
            settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = [second_bucket]
            report = housekeeping_run()
        else:
            report = housekeeping_run(buckets=[second_bucket, second_bucket])
        assert figures(report) == {"multipart_uploads_unexplained": 1}

    def test_run_with_an_invalid_bucket_name_changes_nothing(self, bucket, user):
        abandoned(user, bucket)
        with pytest.raises(InvalidBucketName):
            housekeeping_run(buckets=["No Bucket"])
        assert FileUpload.objects.get().is_abandoned

    def test_buckets_take_one_query_each(self, bucket, user, django_assert_num_queries):
        for name in (bucket, "bucket-two"):
            for number in range(20):
                abandoned(user, name, f"{number}")
        with django_assert_num_queries(3):
            assert housekeeping_buckets() == [bucket, "bucket-two"]


class TestDryRun:
    @pytest.fixture
    def disorder(self, bucket, user, tmp_path):
        """All that housekeeping has something to do with, each in all its kinds."""
        put(abandoned(user, bucket, "written"))
        abandoned(user, bucket, "not written")
        for name, status in {"as before": Status.PENDING, "anew": Status.PENDING, "deleting": Status.DELETING}.items():
            upload = stored_file(user, bucket, name)
            claim_record(upload, status)
            end_lease_in(upload, -1)
        put(FileUpload.objects.get(file_name="anew"))
        claimed(user, bucket, "at work")
        record = stored_file(user, bucket, "kept")
        for key in ("kept", "another's", "at work"):
            begin(bucket, key)
        IdempotencyKey.objects.take(user=user, key="old", upload=record)
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=8), is_answered=True)
        partial_file(tmp_path, age_seconds=10_000)
        return tmp_path

    def snapshot(self, bucket, folder):
        """Return every row, object, part and file."""
        rows = [list(model.objects.order_by("pk").values()) for model in (FileUpload, IdempotencyKey)]
        heads = [head_object(bucket=bucket, key=name) for name in objects_in(bucket)]
        return rows, objects_in(bucket), heads, left_in(bucket), sorted(folder.rglob("*"))

    @pytest.mark.parametrize("older_than", [None, timedelta(0)])
    def test_dry_run_foresees_each_outcome_and_changes_nothing(self, bucket, disorder, older_than):
        before, foretold, reported = self.snapshot(bucket, disorder), [], []
        options = {"abort_multipart_older_than": older_than}
        report = housekeeping_run(dry_run=True, on_finding=foretold.append, **options)
        assert self.snapshot(bucket, disorder) == before
        assert housekeeping_run(on_finding=reported.append, **options) == report
        assert reported == foretold
        assert figures(report) == {
            "records_settled": 5,
            "idempotency_keys_forgotten": 1,
            "partial_files_removed": 1,
            **({"multipart_uploads_aborted": 1, "multipart_uploads_unexplained": 1} if older_than is None else {}),
            **({} if older_than is None else {"multipart_uploads_aborted": 2}),
        }
        assert {finding.file_name: finding.outcome for finding in reported} == {
            "written": Outcome.RECORD_AND_OBJECT_REMOVED,
            "not written": Outcome.RECORD_REMOVED,
            "as before": Outcome.RECORD_KEPT,
            "anew": Outcome.RECORD_UPDATED,
            "deleting": Outcome.RECORD_AND_OBJECT_REMOVED,
            "kept": Outcome.MULTIPART_ABORTED,
            "another's": Outcome.NOTHING if older_than is None else Outcome.MULTIPART_ABORTED,
        }

    def test_dry_run_while_s3_is_down_reports_what_waits(self, bucket, disorder):
        with out_of_order(bucket):
            report = housekeeping_run(dry_run=True)
        assert (report.records_settled, report.records_left, report.buckets_left) == (0, 5, 1)
        assert not report.is_complete


class TestWhoIsTold:
    def test_on_finding_is_called_after_each_change(self, bucket, user):
        uploads = [abandoned(user, bucket, name) for name in "ab"]
        begin(bucket, "another's")
        reported, progress = [], []
        housekeeping_run(on_finding=reported.append, on_progress=lambda *said: progress.append(said))
        records = {finding.record_id: finding for finding in reported if finding.kind == Kind.RECORD_HALFWAY}
        assert set(records) == {upload.pk for upload in uploads}
        parts = reported[-1]
        assert (parts.kind, parts.file_name, parts.record_id) == (Kind.MULTIPART_UPLOAD, "another's", None)
        assert parts.changed_at.year == 2010  # moto says so of all.
        assert progress == [("records left half-way", 1, 2)] * 2 + [("multipart uploads", 1, 0)]

    def test_on_finding_reports_overtaken_and_left_records(self, bucket, user):
        uploads = {name: abandoned(user, bucket, name) for name in "ab"}
        reported = []

        def others_settle(finding):
            reported.append(finding.outcome)
            for upload in FileUpload.objects.abandoned():
                claim_abandoned(upload)

        assert len(uploads) == 2
        assert figures(housekeeping_run(on_finding=others_settle)) == {"records_settled": 1}
        assert reported == [Outcome.RECORD_REMOVED, Outcome.OVERTAKEN]
        FileUpload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        with out_of_order(bucket):
            housekeeping_run(on_finding=others_settle)
        assert reported[2:] == [Outcome.LEFT]


class TestIdempotencyKeys:
    def test_run_purges_old_idempotency_keys(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_IDEMPOTENCY_SECONDS = 3600
        upload = stored_file(user, bucket)
        for name, minutes in {"old": 61, "young": 59}.items():
            IdempotencyKey.objects.take(user=user, key=name, upload=upload)
            mine = IdempotencyKey.objects.of(user=user, key=name)
            mine.update(created_at=timezone.now() - timedelta(minutes=minutes), is_answered=True)
        assert figures(housekeeping_run()) == {"idempotency_keys_forgotten": 1}
        assert IdempotencyKey.objects.get() == IdempotencyKey.objects.of(user=user, key="young").get()
        assert FileUpload.objects.get() == upload


def partial_file(folder, age_seconds=0.0):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{uuid4().hex}.part"
    path.write_bytes(b"some")
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


KILLED_WHILE_SAVING = """
import os, pathlib, signal, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "modules.settings"
django.setup()
from s3_file_uploader.services.download_folder.write import create_file
with create_file(pathlib.Path(sys.argv[1]), "bucket/file") as file:
    file.write(b"some")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class TestPartialFiles:
    def test_run_removes_old_partial_files(self, db, tmp_path, settings):
        assert python(tmp_path, "-c", KILLED_WHILE_SAVING, str(tmp_path)).returncode == -signal.SIGKILL
        settings.S3_FILE_UPLOADER_CLAIM_SECONDS = 100
        (left,) = (tmp_path / "bucket").iterdir()
        for age_seconds, removed in {90: 0, 110: 1}.items():
            os.utime(left, (time.time() - age_seconds,) * 2)
            assert housekeeping_run().partial_files_removed == removed
        assert list((tmp_path / "bucket").iterdir()) == []

    @pytest.mark.parametrize("folder", ["", "missing"])
    def test_run_without_a_download_folder_removes_none(self, db, tmp_path, settings, folder):
        settings.PATH_TO_SAVE_FILE = folder and str(tmp_path / folder)
        assert housekeeping_run() == NOTHING

    def test_run_keeps_files_with_similar_names(self, tmp_path):
        names = [
            "file.part",
            f"{uuid4().hex}.part",
            f".{uuid4().hex}.part.txt",
            f".{uuid4().hex.upper()}.part",
            ".part",
        ]
        for name in names:
            (tmp_path / name).touch()
        (tmp_path / f".{uuid4().hex}.part").mkdir()
        assert remove_partial_files(tmp_path, older_than_seconds=-1) == 0
        assert len(list(tmp_path.iterdir())) == len(names) + 1

    def test_run_touches_nothing_outside_the_folder(self, tmp_path):
        outside = partial_file(tmp_path / "outside", age_seconds=1000)
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "bucket").symlink_to(outside.parent)
        (folder / f".{uuid4().hex}.part").symlink_to(outside)
        assert remove_partial_files(folder, older_than_seconds=-1) == 1  # The link itself.
        assert [path.name for path in folder.iterdir()] == ["bucket"]
        assert outside.exists()

    def test_run_follows_a_linked_download_folder(self, tmp_path):
        partial_file(tmp_path / "disk", age_seconds=1000)
        (tmp_path / "folder").symlink_to(tmp_path / "disk")
        assert remove_partial_files(tmp_path / "folder", older_than_seconds=10) == 1

    def test_run_on_many_hosts_removes_each_file_once(self, tmp_path):
        for number in range(200):
            partial_file(tmp_path / f"{number % 7}" / "below", age_seconds=1000)
        with ThreadPoolExecutor(4) as hosts:
            removed = list(hosts.map(lambda _: remove_partial_files(tmp_path, older_than_seconds=10), range(4)))
        assert sum(removed) == 200
        assert not list(tmp_path.rglob("*.part"))


class TestLastRun:
    def test_run_records_its_end_once(self, bucket):
        assert HousekeepingRun.find_last() is None
        for _ in range(2):
            begun = timezone.now()
            housekeeping_run()
        (last,) = HousekeepingRun.objects.all()
        assert last.ended_at >= begun
        assert last.is_complete
        assert str(last) == f"{last.ended_at:%Y-%m-%d %H:%M}"

    def test_run_that_left_work_is_recorded_as_incomplete(self, bucket, user):
        abandoned(user, bucket)
        with Stubber(get_client()) as stub:
            for _ in range(9):
                stub.add_client_error("head_object", "SlowDown", http_status_code=503)
            assert not housekeeping_run().is_complete
        assert not HousekeepingRun.find_last().is_complete

    def test_dry_run_records_nothing(self, bucket):
        housekeeping_run(dry_run=True)
        assert HousekeepingRun.find_last() is None
