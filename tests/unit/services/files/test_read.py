import io
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    BucketNotFound,
    ChecksumMismatch,
    ClaimLost,
    DownloadFolderFull,
    FileExists,
    FileNotFound,
    FileTooLarge,
    InvalidBucketName,
    InvalidField,
    InvalidFileName,
    StorageError,
    StorageNotConfigured,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import (
    file_delete,
    file_download,
    file_presign,
    file_upload,
    record_delete,
    upload_delete,
)
from s3_file_uploader.services.download_folder.index import LIST
from s3_file_uploader.signals import file_deleted, file_uploaded
from s3_file_uploader.values import MAX_OBJECT_BYTES, mib
from tests.unit.services.conftest import stored_file

Status = FileUpload.Status
pytestmark = pytest.mark.django_db


def bytes_at(bucket, key="file"):
    return get_client().get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture
def heard():
    """Collect the signals."""
    events = []

    def hear(signal, upload, **kwargs):
        events.append((signal, upload.file_name))

    for signal in (file_uploaded, file_deleted):
        signal.connect(hear)
    yield events
    for signal in (file_uploaded, file_deleted):
        signal.disconnect(hear)


class TestUpload:
    def test_upload_record_describes_object(self, bucket, user):
        upload = stored_file(user, bucket, "a/b", b"hello", content_type="x/y", original_name="b.mp4")
        assert FileUpload.objects.get() == upload
        upload.refresh_from_db()
        stored = head_object(bucket=bucket, key="a/b")
        assert (upload.size, upload.etag, upload.content_type) == (5, stored.etag, stored.content_type)
        assert upload.checksum_sha256 == sha256(b"hello").hexdigest()
        assert (upload.user, upload.status, upload.original_name) == (user, Status.STORED, "b.mp4")
        assert upload.created_at <= upload.completed_at
        assert upload.claimed_until is None

    def test_upload_by_staff_belongs_to_owner(self, bucket, staff, user):
        assert stored_file(user, bucket, user=staff).user == user

    def test_upload_of_existing_name_needs_overwrite(self, bucket, user):
        first = stored_file(user, bucket, content=b"first")
        with pytest.raises(FileExists, match="overwrite=true"):
            stored_file(user, bucket, content=b"second")
        assert bytes_at(bucket) == b"first"
        second = stored_file(user, bucket, content=b"second", overwrite=True, content_type="x/y")
        assert bytes_at(bucket) == b"second"
        assert second.pk == first.pk
        assert FileUpload.objects.get().checksum_sha256 == sha256(b"second").hexdigest()
        assert FileUpload.objects.get().content_type == "x/y"

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_over_file_of_another_user_is_refused(self, bucket, user, other, staff, overwrite):
        stored_file(user, bucket, content=b"mine")
        for sender in (other, staff):
            with pytest.raises(FileExists):
                stored_file(sender, bucket, overwrite=overwrite)
        assert bytes_at(bucket) == b"mine"

    def test_upload_over_file_without_owner_is_refused(self, bucket, user, other):
        stored_file(user, bucket, content=b"kept")
        FileUpload.objects.update(user=None)
        for sender in (other, AnonymousUser()):
            with pytest.raises(FileExists):
                stored_file(sender, bucket, overwrite=True)
        assert bytes_at(bucket) == b"kept"

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_over_object_without_record_is_refused(self, bucket, user, overwrite):
        get_client().put_object(Bucket=bucket, Key="file", Body=b"precious")
        with pytest.raises(FileExists, match="not uploaded here"):
            stored_file(user, bucket, overwrite=overwrite)
        assert bytes_at(bucket) == b"precious"
        assert not FileUpload.objects.exists()

    def test_upload_over_pending_upload_is_refused(self, bucket, user):
        create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(FileExists, match="try again"):
            stored_file(user, bucket, overwrite=True)

    @pytest.mark.parametrize("size", [7, 12 * 2**20])
    @pytest.mark.parametrize("overwrite", [True, False])
    def test_upload_with_wrong_checksum_keeps_old_file(self, bucket, user, size, overwrite):
        if overwrite:
            stored_file(user, bucket, content=b"before")
        with pytest.raises(ChecksumMismatch):
            stored_file(user, bucket, content=b"x" * size, checksum_sha256="0" * 64, overwrite=overwrite)
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
        if overwrite:
            upload = FileUpload.objects.get()
            assert (upload.status, upload.size, upload.claimed_until) == (Status.STORED, 6, None)
            assert bytes_at(bucket) == b"before"
        else:
            assert not FileUpload.objects.exists()
            assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_upload_to_missing_bucket_leaves_no_record(self, aws, user):
        with pytest.raises(BucketNotFound):
            stored_file(user, "missing-bucket")
        assert not FileUpload.objects.exists()

    def test_upload_with_invalid_names_is_refused_first(self, user, settings):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["open"]
        for refused, where in (
            (InvalidBucketName, {"bucket": "No"}),
            (InvalidFileName, {"bucket": "open", "file_name": "../x"}),
            (BucketNotAllowed, {"bucket": "closed", "file_name": "x"}),
        ):
            with pytest.raises(refused):
                stored_file(user, **where)
        assert not FileUpload.objects.exists()

    def test_upload_beyond_limit_of_s3_is_refused(self, user):
        with pytest.raises(FileTooLarge):
            file_upload(
                user=user,
                owner=user,
                bucket="bucket-one",
                file_name="x",
                content=io.BytesIO(),
                size=MAX_OBJECT_BYTES + 1,
                content_type="x/y",
                original_name="x",
            )

    def test_upload_while_another_program_writes_is_refused(self, bucket, user):
        class Racing(io.BytesIO):
            def read(self, size=-1):
                data = super().read(size)
                if not data:
                    get_client().put_object(Bucket=bucket, Key="file", Body=b"stranger")
                return data

        arguments = {"bucket": bucket, "file_name": "file", "content_type": "x/y", "original_name": "x"}
        size = 8 * 2**20
        with pytest.raises(FileExists):
            file_upload(user=user, owner=user, content=Racing(b"x" * size), size=size, **arguments)
        assert bytes_at(bucket) == b"stranger"
        assert not FileUpload.objects.exists()

    def test_upload_replaced_before_verification_is_refused(self, bucket, user):
        events, stranger = get_client().meta.events, get_client(region="eu-west-1")

        def replace(**kwargs):
            events.unregister("after-call.s3.CompleteMultipartUpload", replace)
            stranger.put_object(Bucket=bucket, Key="file", Body=b"stranger")

        events.register("after-call.s3.CompleteMultipartUpload", replace)
        with pytest.raises(FileExists, match="Another program"):
            stored_file(user, bucket, content=b"x" * mib(8))
        assert bytes_at(bucket) == b"stranger"
        assert not FileUpload.objects.exists()

    def test_upload_signal_is_sent_after_commit(self, bucket, user, heard, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            stored_file(user, bucket)
            assert heard == []
        assert len(callbacks) == 1
        assert heard == [(file_uploaded, "file")]


def saved_in(folder):
    """Return the files in the download folder, without the list of them."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != LIST]


class TestDownload:
    @pytest.mark.parametrize("of_others", [0, 1])
    def test_file_download_no_room_under_the_setting_is_refused(self, bucket, user, tmp_path, settings, of_others):
        stored_file(user, bucket, "a", b"x" * 10_000)
        stored_file(user, bucket, "b", b"x" * 10_000)
        (tmp_path / "of another program").write_bytes(b"x" * 100_000 * of_others)
        settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = 20_000
        file_download(user=user, bucket=bucket, file_name="a")
        with pytest.raises(DownloadFolderFull):
            file_download(user=user, bucket=bucket, file_name="b")
        assert set(saved_in(tmp_path)) == {f"{bucket}/a", "of another program"}
        settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = None
        file_download(user=user, bucket=bucket, file_name="b")

    @pytest.mark.parametrize(
        "remove",
        [
            lambda user, upload: file_delete(user=user, bucket=upload.bucket, file_name=upload.file_name),
            lambda user, upload: upload_delete(user=user, upload_id=upload.pk),
        ],
    )
    def test_file_download_copy_goes_with_the_file(self, bucket, user, tmp_path, settings, remove):
        settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = 10_000
        for _ in range(5):
            upload = stored_file(user, bucket, "folder/file", b"x" * 5000)
            file_download(user=user, bucket=bucket, file_name="folder/file")
            remove(user, upload)
            assert [path.name for path in tmp_path.iterdir()] == [LIST]

    def test_file_download_replaced_file_takes_the_place_of_its_copy(self, bucket, user, tmp_path, settings):
        settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = 20_000
        for content in (b"a" * 5000, b"b" * 4000, b"c" * 5000, b"d" * 3000):
            stored_file(user, bucket, content=content, overwrite=True)
            file_download(user=user, bucket=bucket, file_name="file")
            assert (tmp_path / bucket / "file").read_bytes() == content
        file_delete(user=user, bucket=bucket, file_name="file")
        assert saved_in(tmp_path) == []

    def test_file_download_over_file_of_other_program_keeps_it(self, bucket, user, tmp_path):
        upload = stored_file(user, bucket)
        (tmp_path / bucket).mkdir()
        (tmp_path / bucket / "file").write_bytes(b"content")
        upload_delete(user=user, upload_id=upload.pk)
        assert saved_in(tmp_path) == [f"{bucket}/file"]

    def test_file_download_copy_changed_by_other_program_is_kept(self, bucket, user, tmp_path):
        upload = stored_file(user, bucket)
        file_download(user=user, bucket=bucket, file_name="file")
        (tmp_path / bucket / "file").write_bytes(b"changed")
        upload_delete(user=user, upload_id=upload.pk)
        assert (tmp_path / bucket / "file").read_bytes() == b"changed"

    def test_file_download_file_deleted_meanwhile_leaves_no_copy(self, bucket, user, tmp_path):
        """Another host deletes it, whose list does not know of this copy, just when the copy is whole."""
        stored_file(user, bucket)

        def deleted_first(execute, sql, params, many, context):
            if (tmp_path / bucket / "file").exists() and sql.startswith("SELECT"):
                with connection.cursor() as cursor:
                    cursor.cursor.execute("DELETE FROM s3_file_uploader_fileupload")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(deleted_first), pytest.raises(FileNotFound):
            file_download(user=user, bucket=bucket, file_name="file")
        assert saved_in(tmp_path) == []

    def test_file_delete_list_that_cannot_be_read_is_logged(self, bucket, user, tmp_path, caplog):
        stored_file(user, bucket)
        (tmp_path / LIST).write_bytes(b"no database" * 100)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert "stays until housekeeping" in caplog.text
        assert not FileUpload.objects.exists()

    def test_file_delete_without_a_folder_is_no_error(self, bucket, user, settings):
        stored_file(user, bucket)
        settings.PATH_TO_SAVE_FILE = ""
        file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_download_other_bytes_than_recorded_is_refused(self, bucket, user, tmp_path):
        stored_file(user, bucket)
        FileUpload.objects.update(checksum_sha256="0" * 64)
        with pytest.raises(StorageError, match="other bytes"):
            file_download(user=user, bucket=bucket, file_name="file")
        assert saved_in(tmp_path) == []

    def test_file_download_saves_file(self, bucket, user, tmp_path):
        stored_file(user, bucket, "a/ключ é", b"hello")
        saved = file_download(user=user, bucket=bucket, file_name="a/ключ é")
        assert (tmp_path / saved.path).read_bytes() == b"hello"
        assert (saved.path, saved.size) == (f"{bucket}/a/ключ é", 5)
        assert saved.etag == FileUpload.objects.get().etag

    @pytest.mark.parametrize("changed", [b"longer than before", b"CONTENT"])
    def test_file_download_changed_object_is_refused(self, bucket, user, tmp_path, changed):
        stored_file(user, bucket, content=b"content")
        get_client().put_object(Bucket=bucket, Key="file", Body=changed)
        with pytest.raises(StorageError, match="other bytes"):
            file_download(user=user, bucket=bucket, file_name="file")
        assert saved_in(tmp_path) == []

    def test_file_download_removed_object_is_not_found(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        with pytest.raises(FileNotFound):
            file_download(user=user, bucket=bucket, file_name="file")

    def test_file_download_without_folder_is_not_configured(self, bucket, user, settings):
        stored_file(user, bucket)
        settings.PATH_TO_SAVE_FILE = ""
        with pytest.raises(StorageNotConfigured):
            file_download(user=user, bucket=bucket, file_name="file")


class TestPresign:
    def test_file_presign_names_host_region_and_version(self, bucket, user, settings):
        stored_file(user, bucket, "a b/é+#?%.txt")
        presigned = file_presign(user=user, bucket=bucket, file_name="a b/é+#?%.txt", expires_in_seconds=60)
        url = urlsplit(presigned.url)
        assert url.netloc == "bucket-one.s3.amazonaws.com"
        assert url.path == "/a%20b/%C3%A9%2B%23%3F%25.txt"
        query = parse_qs(url.query)
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["60"]
        assert "/us-east-1/s3/aws4_request" in query["X-Amz-Credential"][0]
        assert (presigned.method, presigned.expires_in_seconds) == ("GET", 60)

    def test_file_presign_in_other_region_is_signed_for_it(self, aws, user):
        get_client(region="eu-west-3").create_bucket(
            Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
        stored_file(user, "far-away")
        url = file_presign(user=user, bucket="far-away", file_name="file").url
        assert url.startswith("https://far-away.s3.eu-west-3.amazonaws.com/file?")
        assert "eu-west-3%2Fs3" in url

    def test_file_presign_uses_public_address(self, bucket, user, settings):
        stored_file(user, bucket)
        settings.AWS_S3_ENDPOINT_URL = "http://minio:9000"
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = "https://files.example.com"
        url = file_presign(user=user, bucket=bucket, file_name="file").url
        assert url.startswith("https://files.example.com/bucket-one/file?")

    @pytest.mark.parametrize(
        ("disposition", "name", "header"),
        [
            ("attachment", "a.txt", 'attachment; filename="a.txt"'),
            ("inline", "é x.txt", "inline; filename*=utf-8''%C3%A9%20x.txt"),
            ("attachment", 'a"\\b.txt', 'attachment; filename="a\\"\\\\b.txt"'),
        ],
    )
    def test_file_presign_names_original_name(self, bucket, user, disposition, name, header):
        stored_file(user, bucket, original_name=name)
        url = file_presign(user=user, bucket=bucket, file_name="file", disposition=disposition).url
        assert parse_qs(urlsplit(url).query)["response-content-disposition"] == [header]
        assert parse_qs(urlsplit(url).query)["response-content-type"] == ["text/plain"]

    @pytest.mark.parametrize("seconds", [0, -1, 604_801])
    def test_file_presign_invalid_expiration_is_refused(self, user, seconds):
        with pytest.raises(InvalidField) as caught:
            file_presign(user=user, bucket="bucket-one", file_name="file", expires_in_seconds=seconds)
        assert caught.value.field == "expiration"

    def test_file_presign_invalid_disposition_is_refused(self, user):
        with pytest.raises(InvalidField) as caught:
            file_presign(user=user, bucket="bucket-one", file_name="file", disposition="popup")
        assert caught.value.field == "disposition"


class TestDelete:
    def test_file_delete_removes_object_and_record(self, bucket, user, heard, django_capture_on_commit_callbacks):
        stored_file(user, bucket)
        with django_capture_on_commit_callbacks(execute=True):
            file_delete(user=user, owner=user, bucket=bucket, file_name="file")
        assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert not FileUpload.objects.exists()
        assert heard[-1] == (file_deleted, "file")
        with pytest.raises(FileNotFound):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_of_another_owner_is_not_found(self, bucket, user, other, staff):
        stored_file(user, bucket)
        with pytest.raises(FileNotFound):
            file_delete(user=staff, owner=other, bucket=bucket, file_name="file")
        file_delete(user=staff, owner=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_removed_object_removes_record(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_removed_bucket_removes_record(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        get_client().delete_bucket(Bucket=bucket)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_pending_upload_is_not_found(self, bucket, user):
        create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        with pytest.raises(FileNotFound):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_during_overwrite_is_refused(self, bucket, user):
        claim_record(stored_file(user, bucket), Status.PENDING)
        with pytest.raises(ClaimLost, match="try again"):
            file_delete(user=user, bucket=bucket, file_name="file")

    def test_file_delete_abandoned_upload_is_removed(self, bucket, user):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        end_lease_in(upload, -1)
        file_delete(user=user, bucket=bucket, file_name="file")
        assert not FileUpload.objects.exists()

    def test_file_delete_abandoned_overwrite_is_settled_first(self, bucket, user):
        upload = stored_file(user, bucket)
        claim_record(upload, Status.PENDING)
        end_lease_in(upload, -1)
        record_delete(user=user, upload=FileUpload.objects.get())
        assert not FileUpload.objects.exists()
        assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("use_case", [file_download, file_presign, file_delete])
class TestWhoMay:
    def test_file_of_stranger_is_not_found(self, bucket, user, other, use_case):
        stored_file(user, bucket)
        with pytest.raises(FileNotFound):
            use_case(user=other, bucket=bucket, file_name="file")
        assert bytes_at(bucket) == b"content"

    def test_file_of_user_is_open_to_staff(self, bucket, user, staff, use_case):
        stored_file(user, bucket)
        use_case(user=staff, bucket=bucket, file_name="file")

    def test_use_case_with_invalid_names_is_refused(self, user, settings, use_case):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["open"]
        for refused, where in (
            (InvalidBucketName, {"bucket": "No", "file_name": "x"}),
            (InvalidFileName, {"bucket": "open", "file_name": "../x"}),
            (BucketNotAllowed, {"bucket": "closed", "file_name": "x"}),
            (FileNotFound, {"bucket": "open", "file_name": "x"}),
        ):
            with pytest.raises(refused):
                use_case(user=user, **where)
