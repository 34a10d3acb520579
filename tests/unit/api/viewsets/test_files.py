from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.test import APIClient

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import BASE, MP4, PNG, upload, url
from tests.unit.services.conftest import stored_file

KEYS = ["a.txt", "a/b c.txt", "ключ/é.mp4", "100%.txt", "a#b?c&d+e=f;g", "a%2Fb", "😀", "x" * 1024, "a/download/x"]


class TestUpload:
    def test_upload_returns_record(self, bucket, user):
        answer = upload(client_of(user), bucket, "my file.txt", b"hello", content_type="text/plain; charset=utf-8")
        record = answer.json()
        assert answer.status_code == 201
        stored = FileUpload.objects.get()
        assert record == {
            "id": str(stored.pk),
            "user_id": str(user.pk),
            "bucket": bucket,
            "file_name": "my file.txt",
            "path": "my file.txt",
            "original_name": "my file.txt",
            "size": 5,
            "content_type": "text/plain; charset=utf-8",
            "etag": "5d41402abc4b2a76b9719d911017c592",
            "checksum_sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "status": "stored",
            "created_at": stored.created_at.isoformat().replace("+00:00", "Z"),
            "status_reason": "",
            "completed_at": stored.completed_at.isoformat().replace("+00:00", "Z"),
            "url": f"http://testserver{url('file', bucket_name=bucket, file_name='my file.txt')}",
        }
        assert client_of(user).get(record["url"]).status_code == 302

    @pytest.mark.parametrize("key", KEYS)
    def test_upload_with_any_key_is_stored(self, bucket, user, key):
        answer = upload(client_of(user), bucket, file_name=key)
        assert (answer.status_code, answer.json()["file_name"]) == (201, key)
        assert head_object(bucket=bucket, key=key).size == 7

    def test_form_with_empty_fields_uses_defaults(self, bucket, user):
        answer = upload(client_of(user), bucket, file_name="", checksum_sha256="", user_id="")
        assert (answer.status_code, answer.json()["file_name"]) == (201, "file.txt")

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("Été 1.txt", "Été 1.txt"),
            ("C:\\photos\\Été 1.txt", "Été 1.txt"),
            ("../../é.txt", "é.txt"),
            ("", "%C3%89t%C3%A9%201.txt"),
        ],
    )
    def test_original_name_of_a_form_is_kept_beside_the_key(self, bucket, user, given, expected):
        record = upload(client_of(user), bucket, "%C3%89t%C3%A9%201.txt", original_name=given).json()
        assert (record["file_name"], record["original_name"]) == ("%C3%89t%C3%A9%201.txt", expected)

    @pytest.mark.parametrize("given", ["a\nb.txt", "é" * 513, "a/", ".."])
    def test_original_name_that_cannot_be_a_name_is_refused(self, bucket, user, given):
        answer = upload(client_of(user), bucket, original_name=given)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
        assert not FileUpload.objects.exists()

    def test_original_name_with_invisible_characters_loses_them(self, bucket, user):
        name = "\u202egnp.exe\u200b"
        assert upload(client_of(user), bucket, "a.txt", original_name=name).json()["original_name"] == name
        shown = client_of(user).get(url("file", bucket_name=bucket, file_name="a.txt"), {"proxy": "true"})
        assert shown["Content-Disposition"] == 'attachment; filename="gnp.exe"'

    def test_empty_file_is_stored_and_read(self, bucket, user):
        assert upload(client_of(user), bucket, content=b"").json()["size"] == 0

    @pytest.mark.parametrize(
        ("declared", "name", "expected"),
        [
            ("video/mp4", "a.mp4", "video/mp4"),
            ("text/plain; charset=latin-1", "a.txt", "text/plain; charset=latin-1"),
            ("video/mp4; codecs=avc1", "a.mp4", "video/mp4"),
            ("application/octet-stream", "a.md", "text/markdown"),
            ("", "a.png", "image/png"),
            ("nonsense", "a.png", "image/png"),
            ("nonsense", "a.unknown", "application/octet-stream"),
            ("x/" + "y" * 300, "a.txt", "text/plain"),
        ],
    )
    def test_form_content_type_is_kept_or_detected(self, bucket, user, declared, name, expected):
        content = {"a.png": PNG, "a.mp4": MP4}.get(name, b"content")
        assert upload(client_of(user), bucket, name, content, content_type=declared).json()["content_type"] == expected
        assert head_object(bucket=bucket, key=name).content_type == expected

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"checksum_sha256": "beef"}, "checksum_sha256"),
            ({"overwrite": "perhaps"}, "overwrite"),
            ({"bucket": ""}, "bucket"),
            ({"file": "no file"}, "file"),
        ],
    )
    def test_form_with_invalid_field_names_it(self, bucket, user, fields, field):
        body = {"file": SimpleUploadedFile("a", b"a"), "bucket": bucket, **fields}
        answer = client_of(user).post(url("upload-file"), body, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
    def test_form_of_other_type_is_415(self, user, content_type):
        answer = client_of(user).post(url("upload-file"), "{}", content_type=content_type)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "multipart/form-data" in answer.json()["detail"]

    def test_form_with_checksum_in_capitals_is_compared(self, bucket, user):
        right = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
        assert upload(client_of(user), bucket, content=b"hello", checksum_sha256=right).status_code == 201

    def test_form_for_other_user_needs_staff(self, bucket, user, other, staff):
        refused = upload(client_of(user), bucket, user_id=other.pk)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")
        assert upload(client_of(staff), bucket, user_id=other.pk).json()["user_id"] == str(other.pk)

    def test_upload_with_overwrite_replaces_file(self, bucket, user):
        client = client_of(user)
        first = upload(client, bucket).json()
        conflict = upload(client, bucket, content=b"new")
        assert (conflict.status_code, conflict.json()["code"]) == (409, "file_exists")
        second = upload(client, bucket, content=b"new", overwrite="true").json()
        assert (second["id"], second["size"]) == (first["id"], 3)


class TestOneFile:
    @pytest.mark.parametrize("key", [key for key in KEYS if len(key) < 256])
    def test_download_and_delete_with_any_key_work(self, bucket, user, tmp_path, key):
        client = client_of(user)
        stored_file(user, bucket, key)
        path = f"{BASE}/buckets/{bucket}/files/{quote(key)}/download/"
        saved = client.get(path)
        assert (saved.status_code, saved.json()["path"]) == (200, f"{bucket}/{key}")
        assert set(saved.json()) == {"path", "file_name", "bucket", "size", "etag"}
        assert (tmp_path / bucket / key).read_bytes() == b"content"
        path = f"{BASE}/users/{user.pk}/buckets/{bucket}/files/{quote(key)}/remove/"
        assert client.delete(path).status_code == 204
        assert client.delete(path).status_code == 404

    @pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/%2e%2e/b", ".", "a%00b", "a%0Ab", "x" * 1025])
    def test_request_with_invalid_key_is_refused(self, user, key):
        client = client_of(user)
        for answer in (
            client.get(f"{BASE}/buckets/bucket-one/files/{key}/download/"),
            client.delete(f"{BASE}/users/{user.pk}/buckets/bucket-one/files/{key}/remove/"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_presign_by_query_and_body_is_the_same(self, bucket, user, method):
        stored_file(user, bucket, "a b+é")
        parameters = {"bucket": bucket, "file_name": "a b+é", "expiration": 5, "disposition": "inline"}
        answer = getattr(client_of(user), method)(url("create-presigned-url"), parameters)
        assert answer.status_code == 200
        assert set(answer.json()) == {"url", "method", "expires_in", "expires_at"}
        assert (answer.json()["method"], answer.json()["expires_in"]) == ("GET", 5)
        assert "X-Amz-Expires=5&" in answer.json()["url"]

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"expiration": 0}, "expiration"),
            ({"expiration": 604801}, "expiration"),
            ({"expiration": "1e3"}, "expiration"),
            ({"disposition": "x"}, "disposition"),
            ({"bucket": ""}, "bucket"),
            ({"file_name": ""}, "file_name"),
        ],
    )
    def test_presign_with_invalid_field_names_it(self, user, method, changed, field):
        parameters = {"bucket": "bucket-one", "file_name": "a", **changed}
        answer = getattr(client_of(user), method)(url("create-presigned-url"), parameters)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_delete_by_stranger_is_refused(self, bucket, user, other):
        stored_file(user, bucket)
        client = client_of(other)
        for named, status, code in ((user, 403, "not_your_file"), (other, 404, "file_not_found")):
            path = url("delete-file", user_id=named.pk, bucket_name=bucket, file_name="file")
            answer = client.delete(path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert FileUpload.objects.exists()


@pytest.mark.parametrize(
    ("late", "field"),
    [
        ({"file_name": "another"}, "file_name"),
        ({"overwrite": "true"}, "overwrite"),
        ({"bucket": "bucket-two"}, "bucket"),
    ],
)
def test_form_with_contradicting_late_field_is_refused(bucket, user, late, field):
    fields = {"bucket": bucket, "file": SimpleUploadedFile("file.txt", b"x" * mib(5))}
    body = encode_multipart(BOUNDARY, fields).removesuffix(f"--{BOUNDARY}--\r\n".encode()) + encode_multipart(
        BOUNDARY, late
    )
    answer = client_of(user).post(url("upload-file"), body, content_type=MULTIPART_CONTENT)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not FileUpload.objects.exists()
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_csrf_token_in_form_does_not_read_file(bucket, user):
    """Sessions are checked by a header; a form that Django parsed would be on disk before the caller is known."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    file = SimpleUploadedFile("file.txt", b"content")
    refused = client.post(url("upload-file"), {"bucket": bucket, "file": file})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    client.cookies["csrftoken"] = token = "x" * 32
    file = SimpleUploadedFile("file.txt", b"content")
    headers = {"X-CSRFToken": token}
    assert client.post(url("upload-file"), {"bucket": bucket, "file": file}, headers=headers).status_code == 201
