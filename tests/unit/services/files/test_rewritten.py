"""A file whose URL or form still works: its readers get the bytes that were stored, or none."""

import pytest

from s3_file_uploader.exceptions import FileNotFound, FileQuarantined, ShareNotFound, StorageUnavailable
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import file_presign, file_redirect, share_create, share_follow, upload_complete
from s3_file_uploader.services.scanning.scan import REWRITTEN
from tests.unit.services.conftest import refusing, sent, started

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(bucket, user):
    upload = started(user, bucket, strategy="post").upload
    sent(upload)
    return upload_complete(user=user, upload_id=upload.pk)


@pytest.fixture
def presigned(user):
    return lambda upload: file_presign(user=user, bucket=upload.bucket, file_name=upload.file_name)


def test_file_presign_of_the_same_bytes_signs(upload, presigned):
    assert presigned(upload).url


def test_file_presign_of_changed_bytes_quarantines_the_file(upload, presigned):
    sent(upload, b"others!")
    with pytest.raises(FileQuarantined, match=REWRITTEN):
        presigned(upload)
    now = FileUpload.objects.get()
    assert (now.status, now.status_reason) == ("quarantined", REWRITTEN)
    with pytest.raises(FileQuarantined, match=REWRITTEN):
        presigned(upload)


def test_file_redirect_of_other_bytes_is_refused(upload, user):
    sent(upload, b"others!")
    with pytest.raises(FileQuarantined, match=REWRITTEN):
        file_redirect(user=user, upload=upload, method="GET", disposition="attachment")


def test_file_presign_of_what_is_gone_is_not_found(upload, presigned):
    get_client().delete_object(Bucket=upload.bucket, Key=upload.file_name)
    with pytest.raises(FileNotFound):
        presigned(upload)


def test_file_presign_while_s3_cannot_tell_signs_nothing(upload, presigned):
    with refusing("HeadObject"), pytest.raises(StorageUnavailable):
        presigned(upload)


def test_file_presign_once_the_form_has_expired_asks_nothing(upload, presigned):
    FileUpload.objects.update(writable_until=None)
    with refusing("HeadObject"):
        assert presigned(upload).url


def test_share_follow_of_other_bytes_is_not_found(upload, user):
    secret = share_create(user=user, bucket=upload.bucket, file_name=upload.file_name).secret
    assert share_follow(secret=secret, method="GET").url
    sent(upload, b"others!")
    with pytest.raises(ShareNotFound):
        share_follow(secret=secret, method="GET")


@pytest.mark.parametrize(
    ("abilities", "strategy", "announced", "is_guarded"),
    [
        ([], "put", True, False),
        (["conditional_writes"], "put", False, True),
        (["conditional_writes"], "post", False, False),
        (["checksums"], "put", True, True),
        (["checksums"], "post", True, True),
        (["checksums"], "put", False, False),
        (["payload_hash_in_urls"], "put", True, True),
    ],
)
def test_rewritable_until_on_store_that_compares_bytes_is_none(
    bucket, user, settings, abilities, strategy, announced, is_guarded
):
    settings.S3_FILE_UPLOADER_STORE = [*abilities, "post_forms"]
    checksum = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" if announced else None
    upload = started(user, bucket, strategy=strategy, checksum_sha256=checksum).upload
    assert (upload.rewritable_until is None) == is_guarded


def test_upload_complete_of_form_stores_only_announced_checksum(bucket, user):
    upload = started(user, bucket, strategy="post").upload
    get_client().put_object(
        Bucket=bucket,
        Key=upload.file_name,
        Body=b"content",
        ContentType="text/plain",
        ChecksumSHA256="7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=",
    )
    assert upload_complete(user=user, upload_id=upload.pk).checksum_sha256 == ""
