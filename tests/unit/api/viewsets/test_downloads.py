"""The endpoint `download/`, and files whose names end in `/download`."""

import pytest
from rest_framework.permissions import BasePermission

from s3_file_uploader.models import FileUpload
from tests.conftest import client_of
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db
BASE = "/modules/s3-file-uploader/service"


def address(bucket, name="a/download", slash=""):
    return f"{BASE}/buckets/{bucket}/files/{name}{slash}"


@pytest.mark.parametrize("slash", ["", "/"])
def test_file_called_download_is_stored_read_and_removed(bucket, user, slash):
    client, path = client_of(user), address(bucket, slash=slash)
    record = client.put(path, b"content", content_type="text/plain").json()
    assert record["file_name"] == "a/download"
    assert client.head(path).status_code == 302
    assert client.get(address(bucket)).status_code == 302
    read = client.get(address(bucket), {"proxy": "true"}, headers={"Accept": "video/*"})
    assert read.getvalue() == b"content"
    assert client.delete(path).status_code == 204
    assert not FileUpload.objects.exists()


def test_get_with_slash_saves_file_before_ending(bucket, user):
    stored_file(user, bucket, "a", content=b"a")
    stored_file(user, bucket, "b/download")
    saved = client_of(user).get(address(bucket, slash="/")).json()
    assert (saved["path"], saved["size"]) == (f"{bucket}/a", 1)
    other = client_of(user).get(address(bucket, "b/download", "/"))
    assert (other.status_code, other.json()["code"]) == (404, "file_not_found")
    itself = client_of(user).get(address(bucket, "b/download/download", "/"))
    assert itself.json()["path"] == f"{bucket}/b/download"


@pytest.mark.parametrize("name", ["a", "x/" * 122 + "x" * 200, "x/" * 500 + "x" * 20], ids=len)
def test_get_without_slash_saves_file_if_no_file_has_whole_name(bucket, user, other, name):
    stored_file(user, bucket, name)
    for person, status in ((user, 200), (other, 404)):
        answer = client_of(person).get(address(bucket, f"{name}/download"))
        assert answer.status_code == status
    assert client_of(user).head(address(bucket, f"{name}/download")).status_code in (400, 404)


def test_file_called_download_of_other_user_is_not_found(bucket, user, other):
    stored_file(user, bucket, "a/download")
    for method in ("get", "head", "delete"):
        assert getattr(client_of(other), method)(address(bucket)).status_code == 404


class DenyAll(BasePermission):
    message = "No user saves files here."

    def has_permission(self, request, view):
        return False


@pytest.mark.parametrize("ending", ["/download", "/download/"])
def test_download_without_permission_is_refused_without_a_copy(bucket, user, settings, tmp_path, ending):
    stored_file(user, bucket, "a")
    settings.S3_FILE_UPLOADER_DOWNLOAD_PERMISSION_CLASSES = [f"{__name__}.DenyAll"]
    refused = client_of(user).get(address(bucket, f"a{ending}"))
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert refused.json()["detail"] == DenyAll.message
    assert list(tmp_path.iterdir()) == []


def test_download_permission_is_not_needed_to_read_file(bucket, user, settings):
    stored_file(user, bucket, "a/download")
    settings.S3_FILE_UPLOADER_DOWNLOAD_PERMISSION_CLASSES = [f"{__name__}.DenyAll"]
    assert client_of(user).get(address(bucket), {"proxy": "true"}).getvalue() == b"content"
