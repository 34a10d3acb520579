"""Each endpoint over HTTP against the real store, including everything that moto does not check."""

import os
import time
from urllib.parse import quote

import httpx
import pytest
from django.db import connections

from s3_file_uploader.s3.client import get_client
from tests.support.stores import port_of, traits_of

pytestmark = pytest.mark.each_store

KEYS = [
    "a.txt",
    "a/b c.txt",
    "ключ/é.mp4",
    "100%.txt",
    "a#b?c&d+e=f;g",
    "a%2Fb",
    "😀",
    "x" * 255,
    "n" * 1024,
    "a/b/c/d",
]


def upload(client, bucket, content=b"content", name="file.txt", **fields):
    return client.post("file/upload/", data={"bucket": bucket, **fields}, files={"file": (name, content)})


def presign(client, bucket, file_name, **more):
    return client.get("file/presigned/url/", params={"bucket": bucket, "file_name": file_name, **more})


@pytest.mark.parametrize("key", KEYS)
def test_file_with_any_key_can_be_uploaded_read_and_deleted(http, user, bucket, store, tmp_path, key):
    client, content = http(user), os.urandom(100_000)
    longest_segment_bytes = max(len(segment.encode()) for segment in key.split("/"))
    record = upload(client, bucket, content, file_name=key)
    if longest_segment_bytes > traits_of(store).longest_segment_bytes:
        assert (record.status_code, record.json()["code"]) == (400, "invalid_file_name")
        return
    assert record.status_code == 201, record.text
    assert record.json()["file_name"] == key
    answer = httpx.get(presign(client, bucket, key).json()["url"])
    assert (answer.status_code, answer.content) == (200, content)
    saved = client.get(f"buckets/{bucket}/files/{quote(key)}/download/")
    if longest_segment_bytes <= 255:
        assert saved.status_code == 200, saved.text
        assert (tmp_path / saved.json()["path"]).read_bytes() == content
    else:
        assert (saved.status_code, saved.json()["code"]) == (400, "invalid_file_name")
    removed = client.delete(f"users/{user.pk}/buckets/{bucket}/files/{quote(key)}/remove/")
    assert removed.status_code == 204
    assert httpx.get(answer.url).status_code == 404
    assert presign(client, bucket, key).json()["code"] == "file_not_found"


@pytest.mark.parametrize("size", [0, 1, 8 * 2**20, 8 * 2**20 + 1, 30 * 2**20])
def test_file_of_any_size_is_downloaded_unchanged(http, user, bucket, size):
    content = os.urandom(size)
    record = upload(http(user), bucket, content).json()
    assert record["size"] == size
    back = httpx.get(presign(http(user), bucket, "file.txt").json()["url"])
    assert back.content == content
    assert back.headers["etag"].strip('"') == record["etag"]


def test_download_returns_content_type_and_original_name(http, user, bucket):
    file = {"file": ("Zażółć gęślą.mp4", b"\0\0\0\x10ftypisom\0\0\0\0", "video/mp4; codecs=avc1")}
    http(user).post("file/upload/", data={"bucket": bucket, "file_name": "key"}, files=file)
    for disposition in ("attachment", "inline"):
        back = httpx.get(presign(http(user), bucket, "key", disposition=disposition).json()["url"])
        assert back.headers["content-type"] == "video/mp4"
        expected = f"{disposition}; filename*=utf-8''{quote('Zażółć gęślą.mp4')}"
        assert back.headers["content-disposition"] == expected


def test_presigned_url_expires_and_cannot_be_changed(http, user, bucket):
    upload(http(user), bucket)
    url = presign(http(user), bucket, "file.txt", expiration=60).json()["url"]
    assert httpx.get(url).status_code == 200
    assert httpx.get(url.replace("file.txt", "other.txt")).status_code == 403
    assert httpx.get(url.replace("X-Amz-Expires=60&", "X-Amz-Expires=90&")).status_code == 403
    assert httpx.put(url, content=b"x").status_code == 403
    short = presign(http(user), bucket, "file.txt", expiration=1).json()["url"]
    time.sleep(2.1)
    assert httpx.get(short).status_code == 403


def test_presigned_url_has_the_public_endpoint(http, user, bucket, store, settings):
    upload(http(user), bucket)
    settings.AWS_S3_PUBLIC_ENDPOINT_URL = f"http://localhost:{port_of(store)}"
    url = presign(http(user), bucket, "file.txt").json()["url"]
    assert url.startswith(settings.AWS_S3_PUBLIC_ENDPOINT_URL)
    assert httpx.get(url).content == b"content"


def test_buckets_can_be_created_listed_and_deleted(http, staff, user):
    client, name = http(staff), f"bucket-{os.urandom(6).hex()}"
    assert client.post("bucket/create/", json={"bucket": name}).status_code == 201
    again = client.post("bucket/create/", json={"bucket": name})
    assert (again.status_code, again.json()["code"]) == (409, "bucket_exists")
    listing = client.get("bucket/list/").json()
    assert name in [bucket["name"] for bucket in listing["buckets"]]
    upload(http(user), name)

    def remove(owner):
        return client.delete(f"owners/{owner}/buckets/{name}/remove/")

    for owner in ("somebody", "123456789012", listing["owner_id"] + "0"):
        assert remove(owner).json()["code"] == "bucket_owner_mismatch"
    assert remove(listing["owner_id"]).json()["code"] == "bucket_not_empty"
    http(user).delete(f"users/{user.pk}/buckets/{name}/files/file.txt/remove/")
    assert remove(listing["owner_id"]).status_code == 204
    assert remove(listing["owner_id"]).json()["code"] == "bucket_not_found"


def test_store_refuses_anonymous_requests(http, user, bucket):
    upload(http(user), bucket)
    url = presign(http(user), bucket, "file.txt").json()["url"]
    assert httpx.get(url.partition("?")[0]).status_code == 403


def test_upload_to_a_missing_bucket_returns_404(http, user):
    answer = upload(http(user), "no-such-bucket")
    assert (answer.status_code, answer.json()["code"]) == (404, "bucket_not_found")


def test_upload_below_a_key_that_is_a_file_depends_on_the_store(http, user, bucket, store):
    """The embedded store of a common user treats the existing file as a folder that it may not enter.

    SeaweedFS takes a folder for an existing object if the request has a condition.
    """
    in_the_way = {(409, "file_exists"), (403, "storage_access_denied")}
    client = http(user)
    assert upload(client, bucket, file_name="folder/file").status_code == 201
    for key in ("folder", "folder/file/below"):
        answer = upload(client, bucket, file_name=key)
        is_refused = key == "folder" or traits_of(store).refuses_keys_below_files
        expected = in_the_way if is_refused else {(201, None)}
        assert (answer.status_code, answer.json().get("code")) in expected
    assert upload(client, bucket, file_name="folder/other").status_code == 201


def test_upload_with_atomic_requests_commits_the_claim_first(http, user, bucket, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    assert upload(http(user), bucket).status_code == 201
    assert upload(http(user), bucket).status_code == 409
    assert http(user).delete(f"users/{user.pk}/buckets/{bucket}/files/file.txt/remove/").status_code == 204
    assert "Contents" not in get_client().list_objects_v2(Bucket=bucket)
