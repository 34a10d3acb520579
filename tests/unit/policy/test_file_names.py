"""One file for the two ways to write the same name, and files of others under names that are none here."""

from urllib.parse import parse_qs, urlsplit

import pytest

from s3_file_uploader.exceptions import FileExists, FileNotFound, InvalidFileName
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.models.transitions import mark_stored
from s3_file_uploader.services import (
    file_delete,
    file_download,
    file_find,
    file_presign,
    upload_complete,
    upload_repeated,
)
from tests.conftest import client_of
from tests.unit.services.conftest import objects_in, sent, started, stored_file

pytestmark = pytest.mark.django_db
DECOMPOSED, COMPOSED = "o\u0301.txt", "\u00f3.txt"


def test_upload_in_either_spelling_is_one_file(user, bucket, settings, tmp_path):
    settings.PATH_TO_SAVE_FILE = str(tmp_path)
    stored_file(user, bucket, DECOMPOSED, original_name=DECOMPOSED)
    assert objects_in(bucket) == [COMPOSED]
    with pytest.raises(FileExists):
        stored_file(user, bucket, COMPOSED)
    for spelling in (DECOMPOSED, COMPOSED):
        assert file_find(user=user, bucket=bucket, file_name=spelling).file_name == COMPOSED
        assert file_download(user=user, bucket=bucket, file_name=spelling).path == f"{bucket}/{COMPOSED}"
        assert "/%C3%B3.txt?" in file_presign(user=user, bucket=bucket, file_name=spelling).url
    stored_file(user, bucket, DECOMPOSED, overwrite=True)
    file_delete(user=user, bucket=bucket, file_name=DECOMPOSED)
    assert objects_in(bucket) == []


@pytest.mark.parametrize("name", [DECOMPOSED, "CON.txt", "a\u202eb", "a."])
def test_file_with_old_odd_name_can_be_read_and_removed(user, bucket, name):
    record = create_claimed(user=user, bucket=bucket, file_name=name, content_type="text/plain")
    mark_stored(record, size=1, etag="e", completed_at=record.created_at)
    assert file_find(user=user, bucket=bucket, file_name=name).file_name == name
    file_delete(user=user, bucket=bucket, file_name=name)
    with pytest.raises(FileNotFound):
        file_find(user=user, bucket=bucket, file_name=name)


@pytest.mark.parametrize("name", ["CON.txt", "a\u202eb.txt", "a. "])
def test_upload_with_deceptive_name_is_refused(user, bucket, name):
    with pytest.raises(InvalidFileName):
        stored_file(user, bucket, name)
    with pytest.raises(InvalidFileName):
        started(user, bucket, file_name=name)
    assert not FileUpload.objects.exists()


def test_upload_start_decomposed_name_composes_key_only(user, bucket):
    upload = started(user, bucket, file_name=DECOMPOSED).upload
    sent(upload)
    done = upload_complete(user=user, upload_id=upload.pk)
    assert (done.file_name.rpartition("/")[2], done.original_name) == (COMPOSED, DECOMPOSED)


def test_upload_repeated_in_other_spelling_is_found(user, bucket):
    address = f"/modules/s3-file-uploader/service/buckets/{bucket}/files/"
    sending = {"content_type": "text/plain", "headers": {"Idempotency-Key": "one"}}
    for spelling in (DECOMPOSED, DECOMPOSED, COMPOSED):
        answer = client_of(user).put(f"{address}{spelling}/", b"x", **sending)
        assert (answer.status_code, answer.json()["file_name"]) == (201, COMPOSED)
    upload = upload_repeated(user=user, idempotency_key="one", bucket=bucket, file_name=DECOMPOSED)
    assert upload is not None
    assert upload.file_name == COMPOSED


def test_original_name_deceptive_is_shown_stripped(user, bucket):
    stored_file(user, bucket, original_name="gpj\u202eé.exe\r\nX: y")
    assert FileUpload.objects.get().original_name == "gpj\u202eé.exe\r\nX: y"
    query = parse_qs(urlsplit(file_presign(user=user, bucket=bucket, file_name="file").url).query)
    assert query["response-content-disposition"] == ["attachment; filename*=utf-8''gpj%C3%A9.exeX%3A%20y"]
