"""The first bytes of a file decide, for every kind of upload, before it is stored."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from s3_file_uploader.exceptions import (
    ChecksumMismatch,
    ContentTypeMismatch,
    ContentTypeNotAllowed,
    FileQuarantined,
    PartsMissing,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import file_find, file_receive, housekeeping_run, upload_complete
from s3_file_uploader.services.scanning.queue import upload_scan_again, waiting_scan
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.services.conftest import meanwhile, objects_in, parts_left_in, sent, started, stored_file

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"
HTML = b"\n<!-- x --><html><script>alert(1)</script>"


@pytest.fixture
def images_only(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"content_types": ["image/*"]}}


def nothing_is_left(bucket):
    return not objects_in(bucket) and not parts_left_in(bucket) and not FileUpload.objects.exists()


@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
@pytest.mark.parametrize("size", [8, mib(8)])
def test_upload_without_a_type_stores_the_sniffed_one(user, bucket, declared, size):
    upload = stored_file(user, bucket, content=PNG + bytes(size - 8), content_type=declared, original_name="a.jpg")
    assert upload.content_type == "image/png"
    assert FileUpload.objects.get().content_type == "image/png"
    assert head_object(bucket=bucket, key="file").content_type == "image/png"


@pytest.mark.parametrize("content", [HTML, HTML + b" " * mib(8), b"<svg "])
def test_upload_of_other_bytes_is_refused_and_leaves_nothing(user, bucket, content):
    with pytest.raises(ContentTypeMismatch, match=r"image/png was declared, and the bytes are (text/html|image/svg)"):
        stored_file(user, bucket, content=content, content_type="image/png")
    assert nothing_is_left(bucket)


def test_overwrite_refused_for_its_bytes_keeps_the_file(user, bucket):
    before = stored_file(user, bucket, content=PNG, content_type="image/png")
    with pytest.raises(ContentTypeMismatch):
        stored_file(user, bucket, content=HTML, content_type="image/png", overwrite=True)
    after = FileUpload.objects.get()
    assert (after.status, after.etag, after.content_type) == ("stored", before.etag, "image/png")


def test_upload_of_other_bytes_is_refused_before_its_end(user, bucket):
    expected = {"content_type": "image/png", "original_name": "a.png", "size": mib(9)}
    with pytest.raises(ContentTypeMismatch):
        with file_receive(user=user, owner=user, bucket=bucket, file_name="file", **expected) as incoming:
            incoming.write(b"x" * 4095)
            with pytest.raises(ContentTypeMismatch) as refused:
                incoming.write(b"x")
            raise refused.value
    assert nothing_is_left(bucket)


def test_upload_in_pieces_sniffs_them_together(user, bucket):
    expected = {"content_type": "", "original_name": "a", "size": len(PNG)}
    with file_receive(user=user, owner=user, bucket=bucket, file_name="file", **expected) as incoming:
        for byte in PNG:
            incoming.write(bytes([byte]))
    assert incoming.upload.content_type == "image/png"


@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_upload_without_a_type_is_allowed_by_its_bytes(user, bucket, images_only, declared):
    assert stored_file(user, bucket, content=PNG, content_type=declared).content_type == "image/png"
    with pytest.raises(ContentTypeNotAllowed) as refused:
        stored_file(user, bucket, "another", HTML, content_type=declared)
    assert refused.value.limit == {"content_types": ["image/*"]}
    assert objects_in(bucket) == ["file"]


def test_upload_of_a_forbidden_type_is_refused_before_any_byte(user, bucket, images_only):
    expected = {"content_type": "text/html", "original_name": "a", "size": 9}
    with pytest.raises(ContentTypeNotAllowed):
        with file_receive(user=user, owner=user, bucket=bucket, file_name="file", **expected):
            raise AssertionError


@pytest.mark.parametrize("strategy", ["put", "multipart"])
@pytest.mark.parametrize(
    ("size", "content"), [(7, HTML[:7]), (None, HTML), (mib(9), HTML + b" " * (mib(9) - len(HTML)))]
)
def test_complete_with_other_bytes_is_refused(user, bucket, strategy, size, content):
    upload = started(user, bucket, strategy=strategy, size=size, content_type="image/png").upload
    sent(upload, content, content_type="image/png")
    with pytest.raises(ContentTypeMismatch, match="image/png was declared, and the bytes are text"):
        upload_complete(user=user, upload_id=upload.pk)
    assert not objects_in(bucket)
    assert not parts_left_in(bucket)
    assert not FileUpload.objects.visible_to(user).exists()


def test_complete_with_matching_bytes_stores_the_signed_type(user, bucket):
    for declared in ("image/png", "application/octet-stream"):
        upload = started(user, bucket, size=8, content_type=declared).upload
        sent(upload, PNG, content_type=declared)
        assert upload_complete(user=user, upload_id=upload.pk).content_type == declared
        assert head_object(bucket=bucket, key=upload.file_name).content_type == declared


def test_complete_of_an_object_removed_meanwhile_is_missing(user, bucket):
    upload = started(user, bucket).upload
    sent(upload)
    where = {"Bucket": bucket, "Key": upload.file_name}
    with meanwhile("GetObject", lambda: get_client().delete_object(**where)), pytest.raises(PartsMissing):
        upload_complete(user=user, upload_id=upload.pk)


def test_housekeeping_with_other_bytes_completes_nothing(user, bucket):
    upload = started(user, bucket, size=7, content_type="image/png").upload
    sent(upload, HTML[:7], content_type="image/png")
    FileUpload.objects.update(created_at=upload.created_at - timedelta(days=1))
    assert housekeeping_run().uploads_completed == 0
    assert not objects_in(bucket)


def test_responses_of_form_and_raw_upload_agree(user, bucket):
    file = SimpleUploadedFile("a.png", HTML, content_type="image/png")
    form = client_of(user).post(
        "/modules/s3-file-uploader/service/file/upload/", {"bucket": bucket, "file": file}, format="multipart"
    )
    address = f"/modules/s3-file-uploader/service/buckets/{bucket}/files/a.png/"
    raw = client_of(user).put(address, HTML, content_type="image/png")
    for answer in (form, raw):
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "code": "content_type_mismatch",
                "detail": "image/png was declared, and the bytes are text/html: send it as what it is, or as "
                "application/octet-stream.",
            },
        )
    assert nothing_is_left(bucket)
    assert (
        client_of(user).put(address, PNG, content_type="application/octet-stream").json()["content_type"] == "image/png"
    )


class TestShown:
    @pytest.fixture
    def inline(self, user, bucket, settings):
        def disposition(content, content_type, listed=None):
            if listed:
                settings.S3_FILE_UPLOADER_POLICIES = {"*": {"inline_content_types": listed}}
            options = {"original_name": "file", "overwrite": True}
            stored_file(user, bucket, content=content, content_type=content_type, **options)
            address = f"/modules/s3-file-uploader/service/buckets/{bucket}/files/file/?disposition=inline"
            proxied = client_of(user).get(f"{address}&proxy=true")
            assert proxied["X-Content-Type-Options"] == "nosniff"
            assert proxied["Content-Security-Policy"].startswith("sandbox")
            shown = proxied["Content-Disposition"].partition(";")[0]
            assert f"response-content-disposition={shown}" in client_of(user).get(address)["Location"]
            return shown

        return disposition

    @pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "text/xml", "application/octet-stream"])
    @pytest.mark.parametrize("listed", [None, ["*/*"]])
    def test_disposition_of_an_active_type_is_attachment(self, inline, content_type, listed):
        content = {"application/octet-stream": b"x"}.get(content_type, b"<?xml version='1.0'?><a/>")
        content = HTML if content_type == "text/html" else content
        assert inline(content, content_type, listed) == "attachment"

    def test_disposition_of_a_listed_type_is_inline_for_any_alias(self, inline):
        assert inline(b"\xff\xd8\xff", "image/jpg") == "inline"
        assert inline(b"text", "text/plain; charset=utf-8") == "inline"

    def test_disposition_of_an_unlisted_type_is_attachment(self, inline):
        assert inline(PNG, "image/png", ["image/jpeg"]) == "attachment"


class TestQuarantine:
    @pytest.fixture(autouse=True)
    def held(self, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"on_mismatch": "quarantine"}}

    @pytest.mark.parametrize("is_direct", [False, True])
    def test_mismatch_with_quarantine_holds_the_file(self, user, bucket, is_direct):
        if is_direct:
            upload = started(user, bucket, size=7, content_type="image/png").upload
            sent(upload, HTML[:7], content_type="image/png")
            upload = upload_complete(user=user, upload_id=upload.pk)
        else:
            upload = stored_file(user, bucket, content=HTML, content_type="image/png")
        assert upload.status == "quarantined"
        assert upload.status_reason.startswith("image/png was declared, and the bytes are text")
        with pytest.raises(FileQuarantined, match="image/png was declared"):
            file_find(user=user, bucket=bucket, file_name=upload.file_name)
        waiting_scan()
        housekeeping_run()
        assert FileUpload.objects.get().status == "quarantined"
        assert not FileUpload.objects.to_scan().exists()
        assert upload_scan_again(user=user, upload=FileUpload.objects.get())
        assert FileUpload.objects.to_scan().exists()

    def test_overwrite_that_fails_keeps_the_file_held(self, user, bucket):
        stored_file(user, bucket, content=HTML, content_type="image/png")
        with pytest.raises(ChecksumMismatch):
            stored_file(user, bucket, content=PNG, content_type="image/png", overwrite=True, checksum_sha256="0" * 64)
        waiting_scan()
        upload = FileUpload.objects.get()
        assert (upload.status, upload.status_reason[:9]) == ("quarantined", "The bytes")
        assert stored_file(user, bucket, content=PNG, content_type="image/png", overwrite=True).status == "stored"
