import uuid
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import resolve, reverse
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from s3_file_uploader import s3
from s3_file_uploader.models import FileUpload
from tests.conftest import client_of
from tests.unit.services.conftest import stored_file

BASE = "/modules/s3-file-uploader/service"
KEYS = ["a.txt", "a/b c.txt", "ключ/é.mp4", "100%.txt", "a#b?c&d+e=f;g", "a%2Fb", "😀", "x" * 1024, "a/download/x"]


def url(name, **arguments):
    return reverse(f"s3_service-{name}", kwargs=arguments)


def upload(client, bucket, name="file.txt", content=b"content", **fields):
    file = SimpleUploadedFile(name, content, content_type=fields.pop("content_type", "text/plain"))
    return client.post(url("upload-file"), {"file": file, "bucket": bucket, **fields}, format="multipart")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("bucket-list", "/bucket/list/"),
        ("create-bucket", "/bucket/create/"),
        ("delete-bucket", "/owners/o/buckets/b/remove/"),
        ("upload-file", "/file/upload/"),
        ("download-file", "/buckets/b/files/a/b/download/"),
        ("delete-file", "/users/1/buckets/b/files/a/b/remove/"),
        ("create-presigned-url", "/file/presigned/url/"),
    ],
)
def test_the_paths_and_names_of_the_specification(name, path):
    found = resolve(BASE + path)
    assert found.view_name == f"s3_service-{name}"
    assert reverse(f"s3_service-{name}", kwargs=found.kwargs) == BASE + path


class TestBuckets:
    def test_create_list_remove(self, aws, staff):
        client = client_of(staff)
        created = client.post(url("create-bucket"), {"bucket": "bucket-one"})
        assert (created.status_code, created.json()) == (
            201,
            {"name": "bucket-one", "region": "us-east-1", "location": "/bucket-one"},
        )
        listed = client.get(url("bucket-list"))
        assert listed.status_code == 200
        (bucket,) = listed.json()["buckets"]
        assert (bucket["name"], bucket["region"], bucket["created_at"][-1]) == ("bucket-one", "us-east-1", "Z")
        removed = client.delete(url("delete-bucket", owner_id=listed.json()["owner_id"], bucket_name="bucket-one"))
        assert (removed.status_code, removed.content) == (204, b"")
        assert client.get(url("bucket-list")).json()["buckets"] == []

    @pytest.mark.parametrize("form", ["json", "multipart"])
    @pytest.mark.parametrize("field", ["bucket", "bucket_name"])
    def test_both_spellings_in_any_body(self, aws, staff, form, field):
        body = {field: "bucket-one", "region": "eu-west-1"}
        answer = client_of(staff).post(url("create-bucket"), body, format=form)
        assert (answer.status_code, answer.json()["region"]) == (201, "eu-west-1")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "bucket"),
            ({"bucket": ""}, "bucket"),
            ({"bucket": "ok-name", "region": "No Region"}, "region"),
            ({"bucket": "ok-name", "region": "123"}, "region"),
            ({"bucket": "ok-name", "region": "-"}, "region"),
            ({"bucket": "ok-name", "region": "eu-nowhere-9"}, "region"),
        ],
    )
    def test_what_is_missing_is_named(self, staff, body, field):
        answer = client_of(staff).post(url("create-bucket"), body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_a_user_may_list_only(self, aws, user):
        client = client_of(user)
        assert client.get(url("bucket-list")).status_code == 200
        for answer in (
            client.post(url("create-bucket"), {"bucket": "bucket-one"}),
            client.delete(url("delete-bucket", owner_id="x", bucket_name="bucket-one")),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")

    def test_another_permission_by_a_setting(self, aws, user, settings):
        settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = ["rest_framework.permissions.IsAuthenticated"]
        assert client_of(user).post(url("create-bucket"), {"bucket": "bucket-one"}).status_code == 201


class TestUpload:
    def test_the_record(self, bucket, user):
        answer = upload(client_of(user), bucket, "my file.txt", b"hello", content_type="text/plain; charset=utf-8")
        record = answer.json()
        assert answer.status_code == 201
        stored = FileUpload.objects.get()
        assert record == {
            "id": str(stored.pk),
            "user_id": str(user.pk),
            "bucket": bucket,
            "file_name": "my file.txt",
            "original_name": "my file.txt",
            "size": 5,
            "content_type": "text/plain; charset=utf-8",
            "etag": "5d41402abc4b2a76b9719d911017c592",
            "checksum_sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "status": "stored",
            "created_at": stored.created_at.isoformat().replace("+00:00", "Z"),
            "completed_at": stored.completed_at.isoformat().replace("+00:00", "Z"),
            "url": f"http://testserver{url('file', bucket_name=bucket, file_name='my file.txt')}",
        }
        assert client_of(user).get(record["url"]).status_code == 302

    @pytest.mark.parametrize("key", KEYS)
    def test_any_key(self, bucket, user, key):
        answer = upload(client_of(user), bucket, file_name=key)
        assert (answer.status_code, answer.json()["file_name"]) == (201, key)
        assert s3.object_head(bucket=bucket, key=key).size == 7

    def test_empty_fields_are_as_good_as_none(self, bucket, user):
        answer = upload(client_of(user), bucket, file_name="", checksum_sha256="", user_id="")
        assert (answer.status_code, answer.json()["file_name"]) == (201, "file.txt")

    def test_an_empty_file(self, bucket, user):
        assert upload(client_of(user), bucket, content=b"").json()["size"] == 0

    @pytest.mark.parametrize(
        ("declared", "name", "kept"),
        [
            ("video/mp4", "a.mp4", "video/mp4"),
            ("text/plain; charset=latin-1", "a.txt", "text/plain; charset=latin-1"),
            ("video/mp4; codecs=avc1", "a.mp4", "video/mp4; codecs=avc1"),
            ("", "a.png", "image/png"),
            ("nonsense", "a.png", "image/png"),
            ("nonsense", "a.unknown", "application/octet-stream"),
            ("x/" + "y" * 300, "a.txt", "text/plain"),
        ],
    )
    def test_the_content_type_is_kept_or_guessed(self, bucket, user, declared, name, kept):
        assert upload(client_of(user), bucket, name, content_type=declared).json()["content_type"] == kept
        assert s3.object_head(bucket=bucket, key=name).content_type == kept

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"checksum_sha256": "beef"}, "checksum_sha256"),
            ({"overwrite": "perhaps"}, "overwrite"),
            ({"bucket": ""}, "bucket"),
            ({"file": "no file"}, "file"),
        ],
    )
    def test_a_wrong_field_is_named(self, bucket, user, fields, field):
        body = {"file": SimpleUploadedFile("a", b"a"), "bucket": bucket, **fields}
        answer = client_of(user).post(url("upload-file"), body, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
    def test_a_body_that_is_no_form(self, user, content_type):
        answer = client_of(user).post(url("upload-file"), "{}", content_type=content_type)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "multipart/form-data" in answer.json()["detail"]

    def test_a_checksum_in_capitals(self, bucket, user):
        right = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
        assert upload(client_of(user), bucket, content=b"hello", checksum_sha256=right).status_code == 201

    def test_for_somebody_else(self, bucket, user, other, staff):
        refused = upload(client_of(user), bucket, user_id=other.pk)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")
        assert upload(client_of(staff), bucket, user_id=other.pk).json()["user_id"] == str(other.pk)

    def test_overwrite(self, bucket, user):
        client = client_of(user)
        first = upload(client, bucket).json()
        conflict = upload(client, bucket, content=b"new")
        assert (conflict.status_code, conflict.json()["code"]) == (409, "file_exists")
        second = upload(client, bucket, content=b"new", overwrite="true").json()
        assert (second["id"], second["size"]) == (first["id"], 3)


class TestOneFile:
    @pytest.mark.parametrize("key", [key for key in KEYS if len(key) < 256])
    def test_download_and_delete_by_any_key(self, bucket, user, tmp_path, key):
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
    def test_keys_that_cannot_be(self, user, key):
        client = client_of(user)
        for answer in (
            client.get(f"{BASE}/buckets/bucket-one/files/{key}/download/"),
            client.delete(f"{BASE}/users/{user.pk}/buckets/bucket-one/files/{key}/remove/"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_presign_from_query_and_body(self, bucket, user, method):
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
    def test_presign_refuses(self, user, method, changed, field):
        parameters = {"bucket": "bucket-one", "file_name": "a", **changed}
        answer = getattr(client_of(user), method)(url("create-presigned-url"), parameters)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_a_strangers_delete(self, bucket, user, other):
        stored_file(user, bucket)
        client = client_of(other)
        for named, status, code in ((user, 403, "not_your_file"), (other, 404, "file_not_found")):
            path = url("delete-file", user_id=named.pk, bucket_name=bucket, file_name="file")
            answer = client.delete(path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert FileUpload.objects.exists()


class TestHealth:
    def test_all_is_well(self, aws, db):
        answer = APIClient().get(url("health"))
        assert (answer.status_code, answer.json()) == (200, {"database": True, "storage": True})

    def test_no_store(self, db, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
        answer = APIClient().get(url("health"))
        assert (answer.status_code, answer.json()) == (503, {"database": True, "storage": False})


class TestWhoMay:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("get", "/bucket/list/"),
            ("post", "/bucket/create/"),
            ("delete", "/owners/o/buckets/b/remove/"),
            ("post", "/file/upload/"),
            ("get", "/buckets/b/files/f/download/"),
            ("delete", "/users/1/buckets/b/files/f/remove/"),
            ("get", "/file/presigned/url/"),
            ("post", "/file/presigned/url/"),
        ],
    )
    def test_nobody_may_nothing_even_where_the_host_lets_all_in(self, db, settings, method, path):
        everybody = [f"{AllowAny.__module__}.AllowAny"]
        settings.S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = everybody
        settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = everybody
        answer = getattr(APIClient(), method)(BASE + path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Token"

    def test_a_wrong_token(self, db):
        answer = APIClient().get(url("bucket-list"), headers={"Authorization": f"Token {uuid.uuid4()}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")

    def test_a_permission_of_the_hosts_own(self, user, settings):
        settings.S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = ["rest_framework.permissions.IsAdminUser"]
        assert client_of(user).get(url("bucket-list")).status_code == 403


class TestErrors:
    def test_a_store_that_is_down(self, user, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
        answer = client_of(user).get(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer["Retry-After"] == "5"

    def test_a_database_that_is_down(self, user, settings):
        settings.S3_FILE_UPLOADER_VISIBLE_TO = "tests.unit.test_viewsets.broken"
        answer = client_of(user).get(url("create-presigned-url"), {"bucket": "bucket-one", "file_name": "a"})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert "secret" not in answer.content.decode()
        assert answer["Retry-After"] == "5"

    def test_a_setting_that_is_missing(self, user, settings):
        settings.AWS_SECRET_ACCESS_KEY = ""
        answer = client_of(user).get(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured")
        assert "AWS_SECRET_ACCESS_KEY" in answer.json()["detail"]

    def test_a_method_that_is_not_there(self, user):
        answer = client_of(user).put(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")

    def test_a_body_of_another_kind(self, user):
        answer = client_of(user).post(url("upload-file"), "<x/>", content_type="text/xml")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_more_fields_than_django_reads(self, user, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
        answer = client_of(user).post(url("upload-file"), {f"f{n}": n for n in range(9)}, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def broken(queryset, user):
    raise OperationalError("secret dsn")
