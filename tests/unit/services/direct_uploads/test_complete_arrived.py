"""Uploads that arrived are completed although their clients are gone."""

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import begin_joining
from s3_file_uploader.services import housekeeping_run, upload_delete
from s3_file_uploader.services.direct_uploads.complete import complete_arrived
from s3_file_uploader.services.reports import Kind, Outcome
from tests.unit.services.conftest import expire, meanwhile, objects_in, parts_left_in, refusing, sent, started
from tests.unit.services.direct_uploads.conftest import BIG, HOUR, WAITING, complete, time_goes_by

pytestmark = WAITING
Status = FileUpload.Status


class TestArrived:
    """Clients that are gone, or never say that they are done."""

    @pytest.fixture(autouse=True)
    def a_while_ago(self, put, bucket, user):
        self.form = started(user, bucket, strategy="post").upload
        self.put = put
        self.later()

    def later(self):
        FileUpload.objects.update(created_at=timezone.now() - HOUR)

    def statuses(self):
        return [upload.status for upload in (self.put, self.form) if not upload.refresh_from_db()]

    def test_complete_arrived_stores_whole_uploads(self, reported, django_capture_on_commit_callbacks):
        sent(self.put)
        sent(self.form)
        with django_capture_on_commit_callbacks(execute=True):
            assert complete_arrived() == (2, 0)
        assert self.statuses() == [Status.STORED, Status.STORED]
        assert set(reported) == {self.put, self.form}

    def test_housekeeping_counts_completed_uploads(self):
        sent(self.put)
        report = housekeeping_run()
        assert (report.uploads_completed, report.records_settled, report.is_complete) == (1, 0, True)

    def test_complete_arrived_dry_run_changes_nothing(self):
        sent(self.put)
        sent(self.form, b"contents")
        for upload in (self.put, self.form):
            expire(upload)
        told_before, reported = [], []
        foretold = housekeeping_run(dry_run=True, on_finding=told_before.append)
        assert self.statuses() == [Status.PENDING, Status.PENDING]
        done = housekeeping_run(on_finding=reported.append)
        (arrived,) = (finding for finding in reported if finding.kind == Kind.UPLOAD_ARRIVED)
        assert (arrived.record_id, arrived.outcome) == (self.put.pk, Outcome.UPLOAD_COMPLETED)
        assert [finding.record_id for finding in told_before if finding.kind == Kind.UPLOAD_ARRIVED] == [self.put.pk]
        assert (foretold.uploads_completed, foretold.records_settled) == (1, 1)
        assert done.uploads_completed == 1

    def test_complete_arrived_dry_run_without_s3_counts_failures(self):
        with refusing("HeadObject"):
            report = housekeeping_run(dry_run=True)
        assert (report.uploads_completed, report.records_left) == (0, 2)

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_complete_arrived_leaves_uploads_without_bytes(self, dry_run):
        assert complete_arrived(dry_run=dry_run) == (0, 0)
        assert self.statuses() == [Status.PENDING, Status.PENDING]

    def test_housekeeping_removes_expired_uploads_without_bytes(self):
        for upload in (self.put, self.form):
            expire(upload)
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        report = housekeeping_run()
        assert (report.uploads_completed, report.records_settled) == (0, 2)
        assert not FileUpload.objects.exists()

    def test_housekeeping_stores_expired_uploads_that_arrived(self):
        sent(self.put)
        expire(self.put)
        assert housekeeping_run().uploads_completed == 1
        assert FileUpload.objects.get(pk=self.put.pk).status == Status.STORED

    def test_complete_arrived_leaves_young_uploads(self, bucket, user):
        sent(started(user, bucket).upload)
        assert complete_arrived() == (0, 0)

    def test_complete_arrived_joins_parts_of_a_killed_server(self, big, bucket):
        sent(big, BIG)
        begin_joining(FileUpload.objects.get(pk=big.pk))
        self.later()
        assert complete_arrived() == (0, 0)
        time_goes_by(big)
        assert complete_arrived() == (1, 0)
        assert FileUpload.objects.get(pk=big.pk).status == Status.STORED
        assert parts_left_in(bucket) == []

    def test_complete_arrived_leaves_unjoined_parts(self, big):
        sent(big, BIG)
        self.later()
        assert complete_arrived() == (0, 0)
        assert FileUpload.objects.get(pk=big.pk).status == Status.PENDING

    def test_housekeeping_stores_a_joined_file_that_the_restored_record_does_not_know(self, big, user, bucket):
        restored = FileUpload.objects.filter(pk=big.pk).values("status", "claim_id", "etag", "checksum_sha256")[0]
        sent(big, BIG)
        complete(user, big)
        assert complete_arrived() == (0, 0)
        FileUpload.objects.filter(pk=big.pk).update(**restored, completed_at=None, writable_until=None)
        self.later()
        assert complete_arrived() == (0, 0)
        expire(big)
        assert complete_arrived(dry_run=True) == (1, 0)
        assert housekeeping_run().uploads_completed == 1
        assert FileUpload.objects.get(pk=big.pk).status == Status.STORED
        assert big.file_name in objects_in(bucket)

    @pytest.mark.parametrize("refused", [1, 2])
    def test_housekeeping_keeps_a_whole_file_that_it_could_not_look_at(self, bucket, refused):
        sent(self.put)
        expire(self.put)
        with refusing("GetObject", "HeadObject", times=refused):
            report = housekeeping_run()
        assert objects_in(bucket) == [self.put.file_name]
        housekeeping_run()
        assert FileUpload.objects.get(pk=self.put.pk).status == Status.STORED
        assert report.is_complete is False

    def test_housekeeping_keeps_a_joined_file_whose_record_knows_no_parts(self, big, user, bucket):
        """The backup was made before S3 was asked for a multipart upload."""
        restored = FileUpload.objects.filter(pk=big.pk).values("status", "claim_id", "etag", "checksum_sha256")[0]
        sent(big, BIG)
        complete(user, big)
        unknown = {"completed_at": None, "writable_until": None, "multipart_upload_id": ""}
        FileUpload.objects.filter(pk=big.pk).update(**restored, **unknown)
        self.later()
        expire(big)
        housekeeping_run()
        assert big.file_name in objects_in(bucket)

    def test_housekeeping_removes_unjoined_parts_of_an_expired_upload(self, big, bucket):
        sent(big, BIG)
        self.later()
        expire(big)
        assert complete_arrived(dry_run=True) == complete_arrived() == (0, 0)
        assert housekeeping_run().records_settled == 1
        assert FileUpload.objects.get(pk=big.pk).status == Status.DELETING  # until no URL of a part works any more
        assert (parts_left_in(bucket), objects_in(bucket)) == ([], [])

    def test_complete_arrived_removes_other_files(self, bucket):
        sent(self.put, b"contents")
        assert complete_arrived() == (0, 0)
        assert objects_in(bucket) == []

    def test_complete_arrived_skips_uploads_of_faster_requests(self, user):
        sent(self.put)
        with meanwhile("GetObject", lambda: upload_delete(user=user, upload_id=self.put.pk), after=True):
            with meanwhile("GetObject", lambda: upload_delete(user=user, upload_id=self.form.pk), after=True):
                assert complete_arrived() == (0, 0)

    def test_complete_arrived_while_s3_is_down_counts_failures(self, caplog):
        sent(self.put)
        with refusing("GetObject", "HeadObject"):
            report = housekeeping_run()
        assert (report.uploads_completed, report.records_left, report.is_complete) == (0, 2, False)
        assert len([record for record in caplog.records if "stays as it is until the next run" in record.message]) == 2
        assert complete_arrived() == (1, 0)

    def test_complete_arrived_without_database_counts_failures(self):
        sent(self.put)

        def refuse(execute, sql, params, many, context):
            if sql.startswith("UPDATE"):
                raise OperationalError
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            assert complete_arrived() == (0, 1)
        assert complete_arrived() == (1, 0)

    def test_complete_arrived_beyond_one_batch_stores_all(self, bucket, user, monkeypatch):
        monkeypatch.setattr("s3_file_uploader.models.queries.BATCH", 1)
        sent(self.put)
        sent(self.form)
        assert complete_arrived() == (2, 0)
