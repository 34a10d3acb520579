"""The parts of a direct upload: which S3 holds, and URLs for the others."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from botocore.stub import Stubber
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from s3_file_uploader.exceptions import (
    InvalidField,
    StorageUnavailable,
    UploadInProgress,
    UploadNotFound,
    UploadNotPending,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.direct_transitions import begin_joining, renew_client_lease
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_complete, upload_delete, upload_parts, upload_parts_sign
from s3_file_uploader.values import MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, mib
from tests.unit.services.conftest import after_reading, expire, refusing, sent, started, stored_file

pytestmark = pytest.mark.django_db
CONTENT = b"0123456789" * 100
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UPLOADS = FileUpload._meta.db_table


def is_about(moment, expected, seconds=5):
    return abs(moment - expected) < timedelta(seconds=seconds)


@pytest.fixture
def small_parts(settings):
    """Ten parts of a hundred bytes; moto joins none so small, but takes and lists them."""
    settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = 100


@pytest.fixture
def upload(bucket, user, small_parts):
    return started(user, bucket, size=len(CONTENT), strategy="multipart").upload


def everybody_sees_all(queryset, user):
    return queryset


class TestProgress:
    def test_parts_before_any_is_sent_are_all_missing(self, upload, user):
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert (progress.parts, progress.missing) == ((), tuple(range(1, 11)))

    def test_parts_after_some_are_sent_are_listed(self, upload, user):
        sent(upload, CONTENT, only=[2, 10])
        progress = upload_parts(user=user, upload_id=str(upload.pk))
        assert [(part.part_number, part.size, len(part.etag)) for part in progress.parts] == [
            (2, 100, 32),
            (10, 100, 32),
        ]
        assert progress.missing == (1, 3, 4, 5, 6, 7, 8, 9)

    def test_parts_after_all_are_sent_miss_none(self, upload, user):
        sent(upload, CONTENT)
        assert upload_parts(user=user, upload_id=upload.pk).missing == ()

    def test_parts_of_wrong_size_are_missing(self, upload, user):
        sent(upload, CONTENT)
        sent(upload, CONTENT[:-1], only=[10])
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert (len(progress.parts), progress.missing) == (10, (10,))

    def test_parts_of_unannounced_size_miss_none(self, bucket, user, small_parts):
        upload = started(user, bucket, size=None).upload
        sent(upload, CONTENT, only=[3])
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert ([part.part_number for part in progress.parts], progress.missing) == ([3], ())

    def test_parts_on_several_pages_are_all_listed(self, upload, user):
        pages = [
            {
                "Parts": [{"PartNumber": 1, "Size": 100, "ETag": '"one"'}],
                "IsTruncated": True,
                "NextPartNumberMarker": 1,
            },
            {"Parts": [{"PartNumber": 7, "Size": 100, "ETag": '"seven"'}], "IsTruncated": False},
        ]
        where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
        with Stubber(get_client()) as stub:
            stub.add_response("list_parts", pages[0], where)
            stub.add_response("list_parts", pages[1], {**where, "PartNumberMarker": 1})
            progress = upload_parts(user=user, upload_id=upload.pk)
        assert [(part.part_number, part.etag) for part in progress.parts] == [(1, "one"), (7, "seven")]

    def test_parts_beyond_a_page_of_the_store_are_all_listed(self, bucket, user, small_parts):
        upload = started(user, bucket, size=100 * 1001, strategy="multipart").upload
        store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # A thousand requests take seconds.
        for number in range(1, 1002):
            store.upload_part(bucket, upload.multipart_upload_id, number, b"x" * 100)
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert ([part.part_number for part in progress.parts], progress.missing) == (list(range(1, 1002)), ())

    def test_parts_after_an_unmarked_join_are_empty(self, bucket, user):
        """The process was killed between the two: complete it again."""
        upload = started(user, bucket, size=mib(20)).upload
        sent(upload, b"x" * mib(20))
        with refusing("HeadObject"), pytest.raises(StorageUnavailable):
            upload_complete(user=user, upload_id=upload.pk)
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert (progress.parts, progress.missing) == ((), ())
        assert upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=None).parts == ()
        assert upload_complete(user=user, upload_id=upload.pk).status == "stored"

    def test_parts_after_a_join_with_leftovers_are_empty(self, upload, user):
        """S3 was killed before it had removed all of them: nothing has to be sent again."""
        sent(upload, CONTENT, only=[1, 2])
        begin_joining(FileUpload.objects.get())
        assert upload_parts(user=user, upload_id=upload.pk).missing == tuple(range(3, 11))
        get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=CONTENT)
        progress = upload_parts(user=user, upload_id=upload.pk)
        assert (progress.parts, progress.missing) == ((), ())

    def test_parts_after_s3_gave_up_are_refused(self, upload, user):
        get_client().abort_multipart_upload(
            Bucket=upload.bucket, Key=upload.file_name, UploadId=upload.multipart_upload_id
        )
        with pytest.raises(UploadNotPending, match="S3 has given up"):
            upload_parts(user=user, upload_id=upload.pk)
        FileUpload.objects.update(writable_until=timezone.now() + HOUR)
        with pytest.raises(UploadInProgress, match="being completed"):
            upload_parts(user=user, upload_id=upload.pk)
        upload_delete(user=user, upload_id=upload.pk)

    def test_parts_while_s3_is_down_fail(self, upload, user):
        with refusing("ListParts"), pytest.raises(StorageUnavailable):
            upload_parts(user=user, upload_id=upload.pk)
        assert upload_parts(user=user, upload_id=upload.pk).parts == ()


class TestSigning:
    def test_sign_returns_urls_in_the_requested_order(self, upload, user):
        signed = upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[10, 1, 10])
        assert [(part.part_number, part.offset, part.size) for part in signed.parts] == [
            (10, 900, 100),
            (1, 0, 100),
            (10, 900, 100),
        ]
        query = parse_qs(urlsplit(signed.parts[0].url).query)
        assert (query["partNumber"], query["uploadId"]) == (["10"], [upload.multipart_upload_id])
        assert is_about(signed.expires_at, timezone.now() + HOUR)

    def test_sign_states_no_later_expiry_than_the_urls(self, upload, user):
        signed = upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[1])
        assert signed.expires_at.microsecond == 0
        begun = parse_qs(urlsplit(signed.parts[0].url).query)["X-Amz-Date"][0]
        assert f"{signed.expires_at - HOUR:%Y%m%dT%H%M%SZ}" <= begun

    def test_sign_without_numbers_signs_missing_parts(self, upload, user):
        sent(upload, CONTENT, only=[1, 2, 3, 4, 6, 7, 8, 9])
        signed = upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=None)
        assert [part.part_number for part in signed.parts] == [5, 10]

    def test_sign_ten_thousand_parts_in_one_call(self, bucket, user):
        upload = started(user, bucket, size=MAX_OBJECT_BYTES).upload
        signed = upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=range(1, MAX_PARTS + 1))
        assert len({part.url for part in signed.parts}) == MAX_PARTS
        last = signed.parts[-1]
        assert (last.offset + last.size, last.size) == (MAX_OBJECT_BYTES, MAX_PART_BYTES)

    @pytest.mark.parametrize("numbers", [[0], [11], [1, -1], [2, 10**30], range(1, 12)])
    def test_sign_numbers_out_of_range_is_refused(self, upload, user, numbers):
        with pytest.raises(InvalidField, match="from 1 to 10") as refused:
            upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=numbers)
        assert refused.value.field == "part_numbers"

    def test_sign_unannounced_size_up_to_s3s_limit(self, bucket, user):
        upload = started(user, bucket, size=None).upload
        (part,) = upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[MAX_PARTS]).parts
        assert (part.offset, part.size) == (None, None)
        with pytest.raises(InvalidField):
            upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[MAX_PARTS + 1])

    def test_sign_asks_s3_nothing(self, upload, user):
        with refusing() as refused:
            upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[1])
        assert refused == []
        with refusing("ListParts"), pytest.raises(StorageUnavailable):
            upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=None)


class TestTime:
    def test_sign_in_the_first_half_keeps_the_lease(self, upload, user, django_assert_num_queries):
        until = timezone.now() + DAY / 2 + HOUR
        FileUpload.objects.update(claimed_until=until)
        with django_assert_num_queries(1):
            upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[1])
        assert FileUpload.objects.get().claimed_until == until

    @pytest.mark.parametrize("left", [DAY / 2 - HOUR, -HOUR])
    def test_sign_in_the_second_half_renews_the_lease(self, upload, user, left):
        FileUpload.objects.update(claimed_until=timezone.now() + left)
        upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[1])
        assert is_about(FileUpload.objects.get().claimed_until, timezone.now() + DAY)

    def test_sign_during_a_completion_keeps_the_longer_lease(self, upload, user, settings):
        until = timezone.now() + HOUR
        FileUpload.objects.update(claimed_until=until)
        settings.S3_FILE_UPLOADER_DIRECT_EXPIRATION_SECONDS = 60
        renew_client_lease(FileUpload.objects.get())
        assert FileUpload.objects.get().claimed_until == until

    def test_sign_after_removal_is_refused(self, upload, user):
        expire(upload)
        with after_reading(UPLOADS, lambda: upload_delete(user=user, upload_id=upload.pk)):
            with pytest.raises(UploadNotPending):
                upload_parts_sign(user=user, upload_id=upload.pk, part_numbers=[1])


def ask(user, upload_id):
    return upload_parts(user=user, upload_id=upload_id)


def sign(user, upload_id):
    return upload_parts_sign(user=user, upload_id=upload_id, part_numbers=[1])


@pytest.mark.parametrize("act", [ask, sign])
class TestWho:
    def test_parts_for_owner_and_staff_are_listed(self, upload, user, staff, act):
        assert act(user, upload.pk).parts == act(staff, upload.pk).parts

    def test_parts_for_another_user_are_not_found(self, upload, other, settings, act):
        settings.S3_FILE_UPLOADER_VISIBLE_TO = f"{__name__}.everybody_sees_all"
        for user in (other, AnonymousUser()):
            with pytest.raises(UploadNotFound):
                act(user, upload.pk)

    def test_parts_for_an_anonymous_user_are_not_found(self, upload, staff, act):
        FileUpload.objects.update(user=None)
        with pytest.raises(UploadNotFound):
            act(AnonymousUser(), upload.pk)
        act(staff, upload.pk)

    @pytest.mark.parametrize("upload_id", ["", "x", uuid4(), "\0", 10**40, None])
    def test_parts_of_a_malformed_id_are_not_found(self, user, db, act, upload_id):
        with pytest.raises(UploadNotFound):
            act(user, upload_id)

    def test_parts_of_an_upload_in_one_request_are_refused(self, bucket, user, act):
        for options in ({"strategy": "put"}, {"strategy": "post"}):
            with pytest.raises(UploadNotPending, match="has no parts"):
                act(user, started(user, bucket, **options).upload.pk)
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=mib(20))
        with pytest.raises(UploadNotPending, match="has no parts"):
            act(user, FileUpload.objects.get(strategy="multipart").pk)

    def test_parts_of_an_ended_upload_are_refused(self, bucket, user, act):
        with pytest.raises(UploadNotPending, match="look at its record"):
            act(user, stored_file(user, bucket).pk)
