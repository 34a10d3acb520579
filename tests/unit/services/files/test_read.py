"""Files are downloaded, and presigned."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    DownloadFolderFull,
    FileNotFound,
    InvalidBucketName,
    InvalidField,
    InvalidFileName,
    StorageError,
    StorageNotConfigured,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import file_delete, file_download, file_presign, upload_delete
from s3_file_uploader.services.download_folder.index import LIST
from s3_file_uploader.values import CHUNK_BYTES
from tests.unit.services.conftest import bytes_at, stored_file

pytestmark = pytest.mark.django_db


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

    def test_file_download_of_many_chunks_saves_each(self, bucket, user, tmp_path):
        content = b"0123456789" * (2 * CHUNK_BYTES // 10)
        stored_file(user, bucket, content=content)
        file_download(user=user, bucket=bucket, file_name="file")
        assert (tmp_path / bucket / "file").read_bytes() == content

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
