"""Uploads whose parts come to more than was announced, or than the policy allows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import FileTooLarge, QuotaExceeded, UploadNotPending
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import begin_joining
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run, upload_complete, upload_parts, upload_parts_sign
from s3_file_uploader.values import mib
from tests.unit.services.conftest import meanwhile, parts_left_in, refusing, sent, started

pytestmark = pytest.mark.django_db
TOO_MUCH = b"x" * mib(3)


def limited(settings, **policy):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": policy}


def put_part(upload, content, number=1):
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    get_client().upload_part(**where, PartNumber=number, Body=content)


def is_gone(upload):
    return not parts_left_in(upload.bucket) and not FileUpload.objects.exclude(user=None).exists()


@pytest.fixture
def unknown(bucket, user):
    """Start a direct upload in parts without an announced size, as Uppy does."""
    return started(user, bucket, size=None, strategy="multipart").upload


@pytest.fixture
def announced(bucket, user):
    return started(user, bucket, strategy="multipart").upload


LIMITS = [({"quota_bytes": mib(2)}, QuotaExceeded), ({"max_file_bytes": mib(2)}, FileTooLarge)]


@pytest.mark.parametrize(("policy", "error"), LIMITS)
class TestUnknownSize:
    def test_upload_complete_beyond_the_policy_removes_it(self, unknown, user, settings, policy, error):
        limited(settings, **policy)
        put_part(unknown, TOO_MUCH)
        with pytest.raises(error):
            upload_complete(user=user, upload_id=unknown.pk)
        assert is_gone(unknown)

    def test_upload_parts_sign_32nd_part_beyond_policy_removes_it(self, unknown, user, settings, policy, error):
        limited(settings, **policy)
        put_part(unknown, TOO_MUCH)
        upload_parts_sign(user=user, upload_id=unknown.pk, part_numbers=[1])
        with pytest.raises(error):
            upload_parts_sign(user=user, upload_id=unknown.pk, part_numbers=[31, 32])
        assert is_gone(unknown)

    def test_upload_parts_sign_part_beyond_largest_file_is_refused(self, unknown, user, settings, policy, error):
        """URLs that are asked for ahead of the bytes would lead past every sum of them."""
        limited(settings, **policy)
        upload_parts_sign(user=user, upload_id=unknown.pk, part_numbers=[1])
        with pytest.raises(error):
            upload_parts_sign(user=user, upload_id=unknown.pk, part_numbers=[1, 2])

    def test_upload_parts_beyond_the_policy_removes_it(self, unknown, user, settings, policy, error):
        limited(settings, **policy)
        put_part(unknown, TOO_MUCH)
        with pytest.raises(error):
            upload_parts(user=user, upload_id=unknown.pk)
        assert is_gone(unknown)

    def test_housekeeping_beyond_the_policy_removes_it(self, unknown, settings, policy, error):
        limited(settings, **policy)
        put_part(unknown, TOO_MUCH)
        assert housekeeping_run(dry_run=True).uploads_too_large == 1
        assert not is_gone(unknown)
        findings = []
        assert housekeeping_run(on_finding=findings.append).uploads_too_large == 1
        assert [(finding.kind, finding.record_id) for finding in findings] == [("upload_too_large", unknown.pk)]
        assert is_gone(unknown)

    def test_housekeeping_within_the_policy_leaves_it(self, unknown, settings, policy, error):
        limited(settings, **policy)
        put_part(unknown, TOO_MUCH[: mib(2)])
        assert housekeeping_run(dry_run=True) == housekeeping_run()
        assert FileUpload.objects.get().status == "pending"


class TestCounting:
    def test_parts_of_unknown_size_count_for_the_quota(self, unknown, bucket, user, settings):
        limited(settings, quota_bytes=mib(4))
        put_part(unknown, TOO_MUCH)
        upload_parts(user=user, upload_id=unknown.pk)
        assert FileUpload.objects.usage(user_id=user.pk, bucket=bucket).bytes == mib(3)
        with pytest.raises(QuotaExceeded):
            started(user, bucket, size=mib(2))
        upload_complete(user=user, upload_id=unknown.pk)
        assert FileUpload.objects.get().incoming_size is None

    def test_upload_parts_sign_without_a_limit_asks_for_no_parts(self, unknown, user):
        with refusing("ListParts") as refused:
            upload_parts_sign(user=user, upload_id=unknown.pk, part_numbers=[32])
        assert refused == []


class TestAnnouncedSize:
    def test_upload_parts_beyond_it_removes_the_upload(self, announced, user):
        put_part(announced, b"content and more")
        with pytest.raises(FileTooLarge, match="7 bytes were announced and the parts come to 16"):
            upload_parts_sign(user=user, upload_id=announced.pk, part_numbers=None)
        assert is_gone(announced)

    def test_housekeeping_beyond_it_removes_the_upload(self, announced):
        put_part(announced, b"content and more")
        assert housekeeping_run(dry_run=True).uploads_too_large == 1
        assert housekeeping_run().uploads_too_large == 1
        assert is_gone(announced)

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_housekeeping_within_it_leaves_the_upload(self, announced, dry_run):
        put_part(announced, b"content")
        assert housekeeping_run(dry_run=dry_run).uploads_too_large == 0
        assert FileUpload.objects.get().status == "pending"

    def test_housekeeping_during_join_leaves_upload_to_completion(self, announced):
        put_part(announced, b"content and more")
        begin_joining(announced)
        housekeeping_run()
        assert FileUpload.objects.get().status == "pending"


class TestHousekeeping:
    def test_housekeeping_that_cannot_ask_leaves_it_to_the_next_run(self, announced, caplog):
        with refusing("ListParts"):
            report = housekeeping_run()
        assert (report.uploads_too_large, report.records_left) == (0, 1)
        assert f"Upload {announced.pk} stays as it is until the next run" in caplog.text

    def test_housekeeping_of_what_s3_gave_up_goes_on(self, announced):
        get_client().abort_multipart_upload(
            Bucket=announced.bucket, Key=announced.file_name, UploadId=announced.multipart_upload_id
        )
        assert housekeeping_run().is_complete

    def test_housekeeping_of_what_was_removed_meanwhile_goes_on(self, unknown, settings):
        limited(settings, quota_bytes=mib(4))
        put_part(unknown, TOO_MUCH)
        with meanwhile("ListParts", FileUpload.objects.all().delete, after=True):
            assert housekeeping_run().uploads_too_large == 0


class TestTheEnd:
    """S3_FILE_UPLOADER_DIRECT_MAX_SECONDS counts from the start, whatever signs of life came."""

    @pytest.fixture
    def old(self, announced, settings):
        settings.S3_FILE_UPLOADER_DIRECT_MAX_SECONDS = 3 * 86_400
        FileUpload.objects.update(created_at=timezone.now() - timedelta(days=2, hours=18))
        return announced

    def test_upload_parts_sign_shortly_before_it_gives_no_more_time(self, old, user):
        FileUpload.objects.update(claimed_until=timezone.now() + timedelta(hours=1))
        upload_parts_sign(user=user, upload_id=old.pk, part_numbers=[1])
        upload = FileUpload.objects.get()
        assert upload.claimed_until == upload.created_at + timedelta(days=3)
        with refusing("ListParts") as refused:
            upload_parts_sign(user=user, upload_id=old.pk, part_numbers=[1])
        assert refused == []

    def test_upload_parts_sign_after_it_is_refused(self, old, user, settings):
        settings.S3_FILE_UPLOADER_DIRECT_MAX_SECONDS = 2 * 86_400
        with pytest.raises(UploadNotPending):
            upload_parts_sign(user=user, upload_id=old.pk, part_numbers=[1])

    def test_upload_complete_after_it_still_stores_what_arrived(self, old, user, settings):
        settings.S3_FILE_UPLOADER_DIRECT_MAX_SECONDS = 2 * 86_400
        sent(old)
        assert upload_complete(user=user, upload_id=old.pk).status == "stored"
