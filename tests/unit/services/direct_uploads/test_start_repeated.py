"""A start with a used Idempotency-Key returns the upload of the first."""

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import IdempotencyKeyReused, StorageAccessDenied, StorageUnavailable, UploadNotPending
from s3_file_uploader.models import FileUpload, IdempotencyKey
from s3_file_uploader.models.direct_transitions import claim_from_client, remove_unbegun
from s3_file_uploader.s3 import presign
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run, upload_complete, upload_delete, upload_repeated
from s3_file_uploader.values import mib
from tests.unit.services.conftest import (
    after_reading,
    expire,
    meanwhile,
    parts_left_in,
    refusing,
    sent,
    started,
    stored_file,
)
from tests.unit.services.direct_uploads.conftest import CHECKSUM, DAY, HOUR, is_about

pytestmark = pytest.mark.django_db
Status = FileUpload.Status
KEYS = IdempotencyKey._meta.db_table


class TestTheSameAgain:
    @pytest.mark.parametrize("options", [{}, {"strategy": "post"}, {"size": mib(20)}])
    def test_repeat_returns_the_record_with_new_urls(self, bucket, user, options):
        first = started(user, bucket, idempotency_key="key", **options)
        presign.forget_settings()
        again = started(user, bucket, idempotency_key="key", **options)
        assert (again.upload, again.is_repeated) == (first.upload, True)
        assert type(again.transfer) is type(first.transfer)
        assert FileUpload.objects.count() == 1
        assert parts_left_in(bucket) == ([first.upload.file_name] if "size" in options else [])

    def test_repeat_records_the_new_url_times(self, bucket, user):
        upload = started(user, bucket, idempotency_key="key").upload
        FileUpload.objects.update(writable_until=timezone.now() - HOUR, claimed_until=timezone.now() - HOUR)
        started(user, bucket, idempotency_key="key")
        upload.refresh_from_db()
        assert is_about(upload.writable_until, timezone.now() + HOUR)
        assert is_about(upload.claimed_until, timezone.now() + DAY)

    def test_repeat_after_completion_has_no_transfer(self, bucket, user):
        first = started(user, bucket, idempotency_key="key")
        sent(first.upload)
        upload_complete(user=user, upload_id=first.upload.pk)
        again = started(user, bucket, idempotency_key="key")
        assert (again.upload.status, again.transfer, again.is_repeated) == (Status.STORED, None, True)

    def test_repeat_ignores_values_reported_by_s3(self, bucket, user):
        first = started(user, bucket, idempotency_key="key", size=None, strategy="put")
        sent(first.upload)
        upload_complete(user=user, upload_id=first.upload.pk)
        FileUpload.objects.update(checksum_sha256=CHECKSUM)
        again = started(user, bucket, idempotency_key="key", size=None, strategy="put")
        assert (again.upload, again.upload.size, again.transfer) == (first.upload, 7, None)

    @pytest.mark.parametrize(
        "other_file",
        [
            {"file_name": "another"},
            {"content_type": "video/mp4"},
            {"size": 8},
            {"checksum_sha256": CHECKSUM},
        ],
    )
    def test_repeat_with_another_file_is_refused(self, bucket, user, other_file):
        started(user, bucket, idempotency_key="key")
        with pytest.raises(IdempotencyKeyReused):
            started(user, bucket, idempotency_key="key", **other_file)

    def test_repeat_with_another_owner_is_refused(self, bucket, user, staff):
        started(staff, bucket, idempotency_key="key", owner=user)
        with pytest.raises(IdempotencyKeyReused):
            started(staff, bucket, idempotency_key="key")

    def test_repeat_by_another_user_starts_another_upload(self, bucket, user, other):
        started(user, bucket, idempotency_key="key")
        assert not started(other, bucket, idempotency_key="key").is_repeated

    def test_repeat_of_a_server_uploads_key_is_refused(self, bucket, user):
        upload = stored_file(user, bucket)
        IdempotencyKey.objects.write_answered(user=user, key="key", upload=upload)
        with pytest.raises(IdempotencyKeyReused):
            started(user, bucket, idempotency_key="key")

    def test_repeat_through_the_server_is_refused(self, bucket, user):
        upload = started(user, bucket, idempotency_key="key").upload
        with pytest.raises(IdempotencyKeyReused):
            upload_repeated(user=user, idempotency_key="key", bucket=bucket, file_name=upload.file_name)

    def test_repeat_after_an_abort_starts_a_new_upload(self, bucket, user):
        first = started(user, bucket, idempotency_key="key").upload
        upload_delete(user=user, upload_id=first.pk)
        again = started(user, bucket, idempotency_key="key")
        assert again.upload != first
        assert not again.is_repeated

    def test_repeat_during_removal_is_refused(self, bucket, user):
        upload = started(user, bucket, idempotency_key="key").upload
        claim_from_client(upload)
        with pytest.raises(UploadNotPending):
            started(user, bucket, idempotency_key="key")

    @pytest.mark.parametrize("options", [{}, {"size": mib(20)}])
    def test_repeat_at_the_same_time_inserts_once(self, bucket, user, options):
        winner = []
        with after_reading(
            KEYS,
            lambda: winner.append(started(user, bucket, idempotency_key="key", **options)),
        ):
            loser = started(user, bucket, idempotency_key="key", **options)
        assert loser.upload == winner[0].upload
        assert loser.is_repeated
        assert FileUpload.objects.count() == 1

    def test_repeat_that_begins_second_aborts_its_own(self, bucket, user):
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=mib(20), idempotency_key="key")
        faster = []
        with meanwhile(
            "CreateMultipartUpload",
            lambda: faster.append(started(user, bucket, size=mib(20), idempotency_key="key")),
            after=True,
        ):
            slower = started(user, bucket, size=mib(20), idempotency_key="key")
        upload = FileUpload.objects.get()
        assert upload == slower.upload == faster[0].upload
        assert slower.upload.multipart_upload_id == upload.multipart_upload_id
        (left,) = get_client().list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert left["UploadId"] == upload.multipart_upload_id
        assert upload.multipart_upload_id in slower.transfer.parts[0].url

    def test_repeat_refused_by_s3_keeps_the_other(self, bucket, user):
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=mib(20), idempotency_key="key")

        def begin_and_be_refused():
            started(user, bucket, size=mib(20), idempotency_key="key")
            raise StorageAccessDenied

        with meanwhile("CreateMultipartUpload", begin_and_be_refused), pytest.raises(StorageAccessDenied):
            started(user, bucket, size=mib(20), idempotency_key="key")
        assert FileUpload.objects.get().multipart_upload_id

    @pytest.mark.parametrize("ended", ["removed", "refused"])
    def test_repeat_removed_while_s3_begins_is_refused(self, bucket, user, ended):
        def end():
            upload = FileUpload.objects.get()
            remove_unbegun(upload) if ended == "refused" else claim_from_client(upload)

        with meanwhile("CreateMultipartUpload", end, after=True), pytest.raises(UploadNotPending):
            started(user, bucket, size=mib(20))
        assert parts_left_in(bucket) == []

    def test_repeat_whose_abort_fails_uses_the_other(self, bucket, user):
        with meanwhile("CreateMultipartUpload", lambda: claim_from_client(FileUpload.objects.get()), after=True):
            with refusing("AbortMultipartUpload"), pytest.raises(UploadNotPending):
                started(user, bucket, size=mib(20))
        expire(FileUpload.objects.get())
        housekeeping_run()
        assert parts_left_in(bucket) == []

    def test_repeat_completed_while_urls_are_renewed_has_no_transfer(self, bucket, user):
        upload = started(user, bucket, idempotency_key="key").upload
        sent(upload)
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        with after_reading(KEYS, lambda: upload_complete(user=user, upload_id=upload.pk)):
            again = started(user, bucket, idempotency_key="key")
        assert (again.upload, again.upload.status, again.transfer) == (upload, Status.STORED, None)

    def test_repeat_removed_while_urls_are_renewed_is_refused(self, bucket, user):
        upload = started(user, bucket, idempotency_key="key").upload
        FileUpload.objects.update(writable_until=timezone.now() - HOUR)
        with after_reading(KEYS, lambda: upload_delete(user=user, upload_id=upload.pk)):
            with pytest.raises(UploadNotPending):
                started(user, bucket, idempotency_key="key")
