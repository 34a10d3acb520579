"""The attack: a user fills the server's disk beyond any quota by uploading, saving and deleting a file repeatedly."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rest_framework.permissions import BasePermission

from s3_file_uploader.services.download_folder.index import LIST
from s3_file_uploader.values import mib

QUOTA = mib(2)


class RefuseEveryone(BasePermission):
    message = "Files are not saved here."

    def has_permission(self, request, view):
        return False


@pytest.fixture
def folder(settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": QUOTA}}
    return Path(settings.PATH_TO_SAVE_FILE)


def bytes_in(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != LIST)


def test_download_loop_of_put_download_delete_leaves_nothing(http, user, bucket, folder):
    client = http(user)
    for number in range(10):
        file = f"buckets/{bucket}/files/{number}"
        assert client.put(f"{file}/", content=b"x" * QUOTA).status_code == 201
        saved = client.get(f"{file}/download/")
        assert (saved.status_code, saved.json()["path"]) == (200, f"{bucket}/{number}")
        assert bytes_in(folder) == QUOTA
        assert client.delete(f"{file}/").status_code == 204
        assert bytes_in(folder) == 0


def test_download_beyond_the_limit_is_507_and_leaves_nothing(http, user, bucket, folder, settings):
    settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = 100_000
    client = http(user)
    for number in range(8):
        client.put(f"buckets/{bucket}/files/{number}/", content=b"x" * 40_000)

    def saved(number):
        return client.get(f"buckets/{bucket}/files/{number}/download/")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(saved, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [507] * 6
    assert {answer.json()["code"] for answer in answers if answer.status_code == 507} == {"download_folder_full"}
    assert bytes_in(folder) == 80_000


@pytest.mark.parametrize("ending", ["download/", "download"])
def test_download_without_its_permission_is_403(http, user, staff, bucket, folder, settings, ending):
    settings.S3_FILE_UPLOADER_DOWNLOAD_PERMISSION_CLASSES = [f"{__name__}.RefuseEveryone"]
    for name in ("file", "folder/download"):
        assert http(user).put(f"buckets/{bucket}/files/{name}", content=b"content").status_code == 201
    for person in (user, staff):
        refused = http(person).get(f"buckets/{bucket}/files/file/{ending}")
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        assert refused.json()["detail"] == "Files are not saved here."
        read = http(person).get(f"buckets/{bucket}/files/folder/download?proxy=true")
        assert read.content == b"content"
    assert bytes_in(folder) == 0
