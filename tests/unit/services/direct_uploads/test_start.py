"""A direct upload is begun: the record, and what its client is told."""

import logging
from base64 import b64decode, b64encode
from datetime import timedelta
from json import loads
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    BucketNotFound,
    FileTooLarge,
    InvalidBucketName,
    InvalidField,
    InvalidFileName,
    StorageAccessDenied,
    StorageTimeout,
    StorageUnavailable,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import bucket_remove, housekeeping_run
from s3_file_uploader.values import (
    MAX_KEY_BYTES,
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MultipartTransfer,
    PostTransfer,
    PutTransfer,
    mib,
    tib,
)
from tests.unit.services.conftest import expire, meanwhile, parts_left_in, refusing, sent, started
from tests.unit.services.direct_uploads.conftest import CHECKSUM, DAY, HOUR, is_about

pytestmark = pytest.mark.django_db
Status = FileUpload.Status
CHECKSUM_IN_BASE64 = b64encode(bytes.fromhex(CHECKSUM)).decode()


def signed(url):
    """Return the key and the signed headers that stand in a URL."""
    parts = urlsplit(url)
    return unquote(parts.path).removeprefix("/"), parse_qs(parts.query)["X-Amz-SignedHeaders"][0].split(";")


class TestRecord:
    def test_start_inserts_a_pending_record_with_announced_values(self, bucket, user):
        begun = started(user, bucket, checksum_sha256=CHECKSUM)
        upload = FileUpload.objects.get()
        assert upload == begun.upload
        assert (upload.user, upload.bucket, upload.status, upload.strategy) == (user, bucket, Status.PENDING, "put")
        assert (upload.size, upload.content_type, upload.checksum_sha256) == (7, "text/plain", CHECKSUM)
        assert (upload.original_name, upload.file_name) == ("my file.txt", f"uploads/{upload.pk}/my file.txt")
        assert (upload.etag, upload.completed_at, upload.part_size) == ("", None, None)
        assert is_about(upload.claimed_until, timezone.now() + DAY)
        assert is_about(upload.writable_until, timezone.now() + HOUR)
        assert not begun.is_repeated

    def test_start_in_parts_gives_the_full_lease_after_s3_began_it(self, bucket, user):
        upload = started(user, bucket, size=mib(20)).upload
        assert (upload.strategy, upload.part_size, upload.writable_until) == ("multipart", mib(8), None)
        assert upload.multipart_upload_id
        assert is_about(upload.claimed_until, timezone.now() + DAY)
        assert parts_left_in(bucket) == [upload.file_name]

    def test_start_twice_gives_two_keys(self, bucket, user):
        keys = {started(user, bucket).upload.file_name for _ in range(3)}
        assert len(keys) == 3
        assert all(UUID(key.split("/")[1]) for key in keys)

    @pytest.mark.parametrize("prefix", ["", "in/box/"])
    def test_start_prefix_is_a_setting(self, bucket, user, settings, prefix):
        settings.S3_FILE_UPLOADER_DIRECT_PREFIX = prefix
        upload = started(user, bucket, file_name="a/b.txt").upload
        assert upload.file_name == f"{prefix}{upload.pk}/a/b.txt"

    def test_start_by_staff_belongs_to_the_owner(self, bucket, user, staff):
        assert started(staff, bucket, owner=user).upload.user == user

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("key", [None, "key"])
    def test_start_for_a_deleted_user_is_refused(self, bucket, user, key):
        gone = User.objects.get(pk=user.pk)
        user.delete()
        with pytest.raises(IntegrityError):
            started(gone, bucket, idempotency_key=key)
        assert not FileUpload.objects.exists()

    def test_start_log_line_names_the_key(self, bucket, user, caplog):
        caplog.set_level(logging.INFO, "s3_file_uploader")
        upload = started(user, bucket, idempotency_key="key").upload
        started(user, bucket, idempotency_key="key")
        reported = [record.operation for record in caplog.records if record.name == "s3_file_uploader"]
        assert [(each["operation"], each["file_name"], each["bytes"]) for each in reported] == [
            ("upload_start", upload.file_name, 7)
        ] * 2


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"bucket": "No"}, InvalidBucketName),
            ({"bucket": "bucket-none"}, BucketNotFound),
            ({"file_name": ""}, InvalidFileName),
            ({"file_name": "/a"}, InvalidFileName),
            ({"file_name": "a/../b"}, InvalidFileName),
            ({"file_name": "a\0"}, InvalidFileName),
            ({"file_name": "\ud800"}, InvalidFileName),
            ({"file_name": "x" * (MAX_KEY_BYTES + 1)}, InvalidFileName),
            ({"size": MAX_OBJECT_BYTES + 1}, FileTooLarge),
            ({"size": MAX_OBJECT_BYTES + 1, "strategy": "put"}, FileTooLarge),
            ({"size": MAX_OBJECT_BYTES, "strategy": "put"}, InvalidField),
            ({"strategy": "post", "file_name": "${filename}"}, InvalidFileName),
        ],
    )
    def test_start_with_invalid_values_inserts_nothing(self, bucket, user, options, error):
        with pytest.raises(error):
            started(user, options.pop("bucket", bucket), **options)
        assert not FileUpload.objects.exists()

    def test_start_with_a_long_name_names_the_limit(self, bucket, user):
        longest = MAX_KEY_BYTES - len("uploads//") - 36
        assert len(started(user, bucket, file_name="é" * (longest // 2)).upload.file_name.encode()) <= MAX_KEY_BYTES
        with pytest.raises(InvalidFileName, match=f"at most {longest} bytes"):
            started(user, bucket, file_name="x" * (longest + 1))

    def test_start_in_a_closed_bucket_is_refused(self, bucket, user, staff, settings):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = []
        with pytest.raises(BucketNotAllowed):
            started(user, bucket)
        assert started(staff, bucket).upload.status == Status.PENDING

    def test_start_asks_for_the_bucket_once(self, bucket, user):
        with refusing() as refused:
            with pytest.raises(StorageUnavailable):
                started(user, bucket)
        assert refused == ["HeadBucket"]
        started(user, bucket)
        with refusing() as refused:
            started(user, bucket)
        assert refused == []
        assert FileUpload.objects.count() == 2

    def test_start_after_a_bucket_was_removed_asks_again(self, bucket, user, staff):
        started(user, bucket)
        FileUpload.objects.all().delete()
        bucket_remove(user=staff, owner_id=get_client().list_buckets()["Owner"]["ID"], name=bucket)
        with pytest.raises(BucketNotFound):
            started(user, bucket)


class TestPut:
    def test_put_on_aws_signs_this_file_and_one_write(self, bucket, user):
        begun = started(user, bucket, checksum_sha256=CHECKSUM, content_type="text/plain; charset=utf-8")
        transfer = begun.transfer
        assert isinstance(transfer, PutTransfer)
        assert transfer.method == "PUT"
        assert transfer.headers == {
            "Content-Type": "text/plain; charset=utf-8",
            "If-None-Match": "*",
            "x-amz-checksum-sha256": b64encode(bytes.fromhex(CHECKSUM)).decode(),
        }
        key, headers = signed(transfer.url)
        assert key == begun.upload.file_name
        assert headers == ["content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"]
        assert is_about(transfer.expires_at, timezone.now() + HOUR)

    def test_put_without_a_checksum_signs_none(self, bucket, user):
        assert started(user, bucket).transfer.headers == {"Content-Type": "text/plain", "If-None-Match": "*"}

    def test_put_without_a_size_signs_none(self, bucket, user):
        _, headers = signed(started(user, bucket, size=None, strategy="put").transfer.url)
        assert headers == ["content-type", "host", "if-none-match"]

    def test_put_on_another_store_signs_only_type_and_length(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_STORE = []
        assert started(user, bucket).transfer.headers == {"Content-Type": "text/plain"}
        with_checksum = started(user, bucket, checksum_sha256=CHECKSUM).transfer
        assert with_checksum.headers == {"Content-Type": "text/plain"}

    @pytest.mark.parametrize(
        ("abilities", "guards"),
        [
            (["payload_hash_in_urls"], {"x-amz-content-sha256": CHECKSUM}),
            (["checksums", "payload_hash_in_urls"], {"x-amz-checksum-sha256": CHECKSUM_IN_BASE64}),
            (["conditional_writes"], {"If-None-Match": "*"}),
        ],
    )
    def test_upload_start_on_able_store_signs_compared_headers(self, bucket, user, settings, abilities, guards):
        settings.S3_FILE_UPLOADER_STORE = abilities
        transfer = started(user, bucket, checksum_sha256=CHECKSUM).transfer
        assert transfer.headers == {"Content-Type": "text/plain", **guards}
        assert signed(transfer.url)[1] == sorted(["content-length", "content-type", "host", *map(str.lower, guards)])


class TestPost:
    def test_form_signs_this_file(self, bucket, user):
        begun = started(user, bucket, strategy="post")
        transfer = begun.transfer
        assert isinstance(transfer, PostTransfer)
        assert {"Content-Type": "text/plain", "key": begun.upload.file_name}.items() <= transfer.fields.items()
        assert transfer.fields["success_action_status"] == "201"
        conditions = loads(b64decode(transfer.fields["policy"]))["conditions"]
        assert ["content-length-range", 7, 7] in conditions
        assert is_about(transfer.expires_at, timezone.now() + HOUR)

    def test_form_without_a_size_allows_the_maximum(self, bucket, user):
        fields = started(user, bucket, strategy="post", size=None).transfer.fields
        assert ["content-length-range", 0, 5 * 2**30] in loads(b64decode(fields["policy"]))["conditions"]

    def test_upload_start_with_a_checksum_signs_it_into_the_form(self, bucket, user):
        fields = started(user, bucket, strategy="post", checksum_sha256=CHECKSUM).transfer.fields
        assert fields["x-amz-checksum-sha256"] == CHECKSUM_IN_BASE64
        assert {"x-amz-checksum-sha256": CHECKSUM_IN_BASE64} in loads(b64decode(fields["policy"]))["conditions"]

    @pytest.mark.parametrize("wish", ["post", "auto"])
    def test_upload_start_form_checksum_on_unable_store_is_refused(self, bucket, user, settings, wish):
        settings.S3_FILE_UPLOADER_STORE = ["payload_hash_in_urls"]
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["post"]
        with pytest.raises(InvalidField, match="choose put or multipart, or leave out the SHA-256") as caught:
            started(user, bucket, strategy=wish, checksum_sha256=CHECKSUM)
        assert caught.value.field == "strategy"
        assert started(user, bucket, strategy=wish).transfer.fields


class TestParts:
    def test_multipart_signs_the_first_parts(self, bucket, user):
        begun = started(user, bucket, size=mib(8) * 21 + 1)
        transfer = begun.transfer
        assert isinstance(transfer, MultipartTransfer)
        assert (transfer.part_size, transfer.part_count) == (mib(8), 22)
        assert [part.part_number for part in transfer.parts] == list(range(1, 21))
        assert [(part.offset, part.size) for part in transfer.parts[:2]] == [(0, mib(8)), (mib(8), mib(8))]
        key, headers = signed(transfer.parts[0].url)
        assert (key, headers) == (begun.upload.file_name, ["content-length", "host"])
        assert is_about(transfer.expires_at, timezone.now() + HOUR)

    def test_multipart_last_part_is_the_rest(self, bucket, user):
        parts = started(user, bucket, size=mib(8) + 1, strategy="multipart").transfer.parts
        assert [(part.part_number, part.offset, part.size) for part in parts] == [(1, 0, mib(8)), (2, mib(8), 1)]

    @pytest.mark.parametrize(
        ("size", "part_size", "count"), [(tib(5), mib(525), 9987), (MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS)]
    )
    def test_multipart_of_the_largest_objects_is_planned(self, bucket, user, size, part_size, count):
        transfer = started(user, bucket, size=size).transfer
        assert (transfer.part_size, transfer.part_count) == (part_size, count)

    def test_multipart_over_the_limit_of_another_store_is_refused(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_STORE = []
        with pytest.raises(FileTooLarge) as refused:
            started(user, bucket, size=tib(5) + 1)
        assert refused.value.limit == {"max_file_bytes": tib(5)}
        assert started(user, bucket, size=tib(5)).transfer.part_count == 9987

    def test_multipart_of_unannounced_size_signs_one_part(self, bucket, user):
        transfer = started(user, bucket, size=None).transfer
        assert (transfer.part_size, transfer.part_count) == (mib(8), None)
        assert [(part.part_number, part.offset, part.size) for part in transfer.parts] == [(1, None, None)]

    def test_multipart_in_s3_has_type_and_metadata(self, bucket, user):
        upload = started(user, bucket, size=mib(20), content_type="video/mp4").upload
        sent(upload, b"x" * mib(20))
        stored = get_client().head_object(Bucket=bucket, Key=upload_complete_anyway(upload))
        assert stored["ContentType"] == "video/mp4"
        assert stored["Metadata"] == {"upload-claim": str(upload.write_id)}

    @pytest.mark.parametrize(("code", "status", "error"), [("AccessDenied", 403, StorageAccessDenied)])
    def test_multipart_refused_by_s3_leaves_no_record(self, bucket, user, code, status, error):
        with refusing("CreateMultipartUpload", code=code, status=status), pytest.raises(error):
            started(user, bucket, size=mib(20), idempotency_key="key")
        assert not FileUpload.objects.exists()
        assert started(user, bucket, size=mib(20), idempotency_key="key").transfer is not None

    def test_multipart_in_a_removed_bucket_leaves_no_record(self, bucket, user):
        started(user, bucket)
        get_client().delete_bucket(Bucket=bucket)
        with pytest.raises(BucketNotFound):
            started(user, bucket, size=mib(20))
        assert FileUpload.objects.get().strategy == "put"
        with pytest.raises(BucketNotFound):
            started(user, bucket)

    @pytest.mark.parametrize(
        ("code", "status", "error"), [("503", 503, StorageUnavailable), ("504", 504, StorageTimeout)]
    )
    def test_multipart_after_an_outage_is_begun_by_the_same_key(self, bucket, user, code, status, error):
        with refusing("CreateMultipartUpload", code=code, status=status), pytest.raises(error):
            started(user, bucket, size=mib(20), idempotency_key="key")
        left = FileUpload.objects.get()
        assert (left.status, left.multipart_upload_id) == (Status.PENDING, "")
        assert is_about(left.claimed_until, timezone.now() + timedelta(seconds=900))
        again = started(user, bucket, size=mib(20), idempotency_key="key")
        assert (again.upload, again.is_repeated) == (left, True)
        assert is_about(FileUpload.objects.get().claimed_until, timezone.now() + DAY)

    def test_multipart_after_an_outage_expires(self, bucket, user):
        with refusing("CreateMultipartUpload"), pytest.raises(StorageUnavailable):
            started(user, bucket, size=mib(20))
        expire(FileUpload.objects.get())
        assert housekeeping_run().records_settled == 1
        assert not FileUpload.objects.exists()

    def test_multipart_killed_after_start_is_aborted_by_housekeeping(self, bucket, user):
        def die():
            raise KeyboardInterrupt

        with meanwhile("CreateMultipartUpload", die, after=True), pytest.raises(KeyboardInterrupt):
            started(user, bucket, size=mib(20))
        assert len(parts_left_in(bucket)) == 1
        expire(FileUpload.objects.get())
        housekeeping_run()
        assert (parts_left_in(bucket), FileUpload.objects.count()) == ([], 0)


def upload_complete_anyway(upload):
    """Put an object into S3 without this app; return its key."""
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    parts = get_client().list_parts(**where)["Parts"]
    named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
    get_client().complete_multipart_upload(**where, MultipartUpload={"Parts": named})
    return upload.file_name
