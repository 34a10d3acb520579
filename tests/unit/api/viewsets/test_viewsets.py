import uuid
from io import BytesIO
from urllib.parse import quote, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import resolve, reverse
from rest_framework.authentication import BasicAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from s3_file_uploader.api.viewsets.base import ServiceViewSet
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.services.conftest import stored_file

PNG, MP4 = b"\x89PNG\r\n\x1a\n", b"\0\0\0\x10ftypisom\0\0\0\0"
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
def test_urls_of_specification_have_their_names(name, path):
    match = resolve(BASE + path)
    assert match.view_name == f"s3_service-{name}"
    assert reverse(f"s3_service-{name}", kwargs=match.kwargs) == BASE + path


class TestBuckets:
    def test_bucket_is_created_listed_and_removed(self, aws, staff):
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
    def test_bucket_create_takes_either_name_in_any_body(self, aws, staff, form, field):
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
    def test_request_without_field_names_it(self, staff, body, field):
        answer = client_of(staff).post(url("create-bucket"), body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_bucket_change_by_user_is_refused(self, aws, user):
        client = client_of(user)
        assert client.get(url("bucket-list")).status_code == 200
        for answer in (
            client.post(url("create-bucket"), {"bucket": "bucket-one"}),
            client.delete(url("delete-bucket", owner_id="x", bucket_name="bucket-one")),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")

    def test_bucket_change_follows_permission_setting(self, aws, user, settings):
        settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = ["rest_framework.permissions.IsAuthenticated"]
        assert client_of(user).post(url("create-bucket"), {"bucket": "bucket-one"}).status_code == 201


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


class TestHealth:
    def test_health_is_200(self, aws, db):
        answer = APIClient().get(url("health"))
        assert (answer.status_code, answer.json()) == (200, {"database": True, "storage": True})

    def test_health_without_store_is_503(self, db, settings):
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
    def test_anonymous_is_401_even_if_host_allows_any(self, db, settings, method, path):
        everybody = [f"{AllowAny.__module__}.AllowAny"]
        settings.S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = everybody
        settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = everybody
        answer = getattr(APIClient(), method)(BASE + path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Token"

    def test_wrong_token_is_401(self, db):
        answer = APIClient().get(url("bucket-list"), headers={"Authorization": f"Token {uuid.uuid4()}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")

    @pytest.mark.parametrize(
        ("by", "challenge"),
        [
            ([SessionAuthentication], "Session"),
            ([SessionAuthentication, BasicAuthentication], 'Basic realm="api"'),
            ([SessionAuthentication, TokenAuthentication, BasicAuthentication], "Token"),
        ],
    )
    def test_anonymous_is_401_with_any_authenticator(self, db, monkeypatch, by, challenge):
        monkeypatch.setattr(ServiceViewSet, "authentication_classes", by)
        answer = APIClient().get(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == challenge
        assert APIClient().get(url("share", share="nothing")).json()["code"] == "share_not_found"

    def test_session_without_csrf_token_is_403(self, user):
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(user)
        answer = client.post(url("create-presigned-url"), {})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")

    def test_permission_of_host_is_applied(self, user, settings):
        settings.S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = ["rest_framework.permissions.IsAdminUser"]
        assert client_of(user).get(url("bucket-list")).status_code == 403


class TestErrors:
    def test_store_outage_is_503(self, user, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
        answer = client_of(user).get(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer["Retry-After"] == "5"

    def test_database_outage_is_503(self, user, settings):
        settings.S3_FILE_UPLOADER_VISIBLE_TO = "tests.unit.api.viewsets.test_viewsets.broken"
        answer = client_of(user).get(url("create-presigned-url"), {"bucket": "bucket-one", "file_name": "a"})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert "secret" not in answer.content.decode()
        assert answer["Retry-After"] == "5"

    def test_missing_setting_is_named(self, user, settings):
        settings.AWS_SECRET_ACCESS_KEY = ""
        answer = client_of(user).get(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured")
        assert "AWS_SECRET_ACCESS_KEY" in answer.json()["detail"]

    def test_unknown_method_is_405(self, user):
        answer = client_of(user).put(url("bucket-list"))
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")

    def test_body_of_unknown_type_is_415(self, user):
        answer = client_of(user).post(url("upload-file"), "<x/>", content_type="text/xml")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_form_type_in_upper_case_is_accepted(self, bucket, user):
        body = encode_multipart(BOUNDARY, {"bucket": bucket, "file": SimpleUploadedFile("file.txt", b"content")})
        sent = {"content_type": f"Multipart/Form-Data; boundary={BOUNDARY}"}
        assert client_of(user).post(url("upload-file"), body, **sent).json()["size"] == 7
        parsed = client_of(user).post(url("create-presigned-url"), body, **sent)
        assert (parsed.status_code, set(parsed.json()["errors"])) == (400, {"file_name"})

    def test_form_with_too_many_fields_is_refused(self, user, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
        answer = client_of(user).post(url("upload-file"), {f"f{n}": n for n in range(9)}, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def broken(queryset, user):
    raise OperationalError("secret dsn")


def put(client, bucket, name, content=b"content", query="", **headers):
    sent = {"content_type": headers.pop("content_type", "text/plain"), "headers": headers}
    return client.put(f"{url('file', bucket_name=bucket, file_name=name)}{query}", content, **sent)


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


class TestPut:
    def test_upload_returns_record(self, bucket, user):
        answer = put(client_of(user), bucket, "a/b é.txt", b"hello")
        assert answer.status_code == 201
        record = answer.json()
        assert (record["file_name"], record["original_name"], record["size"]) == ("a/b é.txt", "b é.txt", 5)
        assert (record["content_type"], record["user_id"], record["status"]) == ("text/plain", str(user.pk), "stored")
        assert client_of(user).get(record["url"]).status_code == 302

    def test_raw_body_in_chunks_is_stored(self, bucket, user):
        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(b"hello")}
        answer = client_of(user).generic("PUT", url("file", bucket_name=bucket, file_name="key"), **chunks)
        assert (answer.status_code, answer.json()["size"]) == (201, 5)

    def test_upload_with_overwrite_replaces_file(self, bucket, user, other):
        assert put(client_of(user), bucket, "key").status_code == 201
        assert put(client_of(user), bucket, "key").json()["code"] == "file_exists"
        assert put(client_of(other), bucket, "key", query="?overwrite=true").json()["code"] == "file_exists"
        assert put(client_of(user), bucket, "key", b"new", query="?overwrite=true").json()["size"] == 3

    @pytest.mark.parametrize("query", ["?overwrite=perhaps"])
    def test_raw_with_invalid_query_names_field(self, bucket, user, query):
        answer = put(client_of(user), bucket, "key", query=query)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["overwrite"])

    def test_raw_with_checksum_is_compared(self, bucket, user):
        wrong = put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": "0" * 64})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "checksum_mismatch")
        none = put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": "abc"})
        assert (none.status_code, list(none.json()["errors"])) == (400, ["x_checksum_sha256"])
        right = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
        assert put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": right}).status_code == 201

    @pytest.mark.parametrize("form", ["multipart/form-data", "Multipart/Form-Data", "MULTIPART/FORM-DATA "])
    def test_raw_with_form_is_415(self, bucket, user, form):
        answer = put(client_of(user), bucket, "key", b"", content_type=f"{form}; boundary=b")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "file/upload/" in answer.json()["detail"]

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "gzip, identity"])
    def test_raw_with_content_encoding_is_415(self, bucket, user, coding):
        answer = put(client_of(user), bucket, "key", **{"Content-Encoding": coding})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "without Content-Encoding" in answer.json()["detail"]
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("coding", ["identity", "Identity", ""])
    def test_raw_with_identity_encoding_is_stored(self, bucket, user, coding):
        assert put(client_of(user), bucket, "key", **{"Content-Encoding": coding}).status_code == 201

    @pytest.mark.parametrize("invented", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded"])
    def test_raw_with_default_type_of_curl_is_detected(self, bucket, user, invented):
        answer = put(client_of(user), bucket, "film.mp4", MP4, content_type=invented)
        assert answer.json()["content_type"] == "video/mp4"

    def test_raw_with_default_type_of_runserver_is_detected(self, bucket, user):
        target, client = url("file", bucket_name=bucket, file_name="film.mp4"), client_of(user)
        answer = client.put(target, MP4, content_type="text/plain", SERVER_SOFTWARE="WSGIServer/0.2")
        assert answer.json()["content_type"] == "video/mp4"
        other = client.put(f"{target}?overwrite=true", MP4, content_type="text/plain", SERVER_SOFTWARE="gunicorn/27")
        assert (other.status_code, other.json()["code"]) == (400, "content_type_mismatch")

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
    def test_idempotency_key_malformed_is_refused(self, bucket, user, key):
        answer = put(client_of(user), bucket, "key", **{"Idempotency-Key": key})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])

    def test_idempotency_key_repeated_returns_record(self, bucket, user):
        key = {"Idempotency-Key": "k"}
        first = put(client_of(user), bucket, "file.txt", **key)
        again = put(
            client_of(user), bucket, "file.txt", **key, **{"X-Checksum-Sha256": first.json()["checksum_sha256"]}
        )
        assert (again.status_code, again.json()) == (201, first.json())
        file = SimpleUploadedFile("file.txt", b"content")
        form = client_of(user).post(url("upload-file"), {"bucket": bucket, "file": file}, headers=key)
        assert (form.status_code, form.json(), form["Idempotency-Replayed"]) == (201, first.json(), "true")
        another = put(client_of(user), bucket, "another", **key)
        assert (another.status_code, another.json()["code"]) == (422, "idempotency_key_reused")

    def test_idempotency_key_with_other_bytes_is_refused(self, bucket, user):
        def form(content, **fields):
            body = {"bucket": bucket, "file": SimpleUploadedFile("file.txt", content), **fields}
            return client_of(user).post(url("upload-file"), body, headers=key)

        key, sum_of_another = {"Idempotency-Key": "k"}, "0" * 64
        put(client_of(user), bucket, "file.txt", **key)
        for answer in (
            put(client_of(user), bucket, "file.txt", b"whatever", **key),
            put(client_of(user), bucket, "file.txt", **key, **{"X-Checksum-Sha256": sum_of_another}),
            form(b"whatever"),
            form(b"content", checksum_sha256=sum_of_another),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert get_client().get_object(Bucket=bucket, Key="file.txt")["Body"].read() == b"content"

    def test_idempotency_key_of_large_form_compares_checksum(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_PART_SIZE_BYTES = mib(5)
        key, content = {"Idempotency-Key": "k"}, b"1" * mib(6)
        first = put(client_of(user), bucket, "file.txt", content, **key)
        for checksum, status in ((first.json()["checksum_sha256"], 201), ("0" * 64, 422)):
            body = {"bucket": bucket, "checksum_sha256": checksum, "file": SimpleUploadedFile("file.txt", content)}
            assert client_of(user).post(url("upload-file"), body, headers=key).status_code == status

    def test_delete_by_address_removes_file(self, bucket, user, other):
        put(client_of(user), bucket, "key")
        address = url("file", bucket_name=bucket, file_name="key")
        assert client_of(other).delete(address).json()["code"] == "file_not_found"
        assert client_of(user).delete(address).status_code == 204
        assert client_of(user).get(address).json()["code"] == "file_not_found"


class TestRead:
    def test_read_ignores_accept(self, bucket, user):
        put(client_of(user), bucket, "film.mp4", MP4, content_type="video/mp4")
        address = f"{url('file', bucket_name=bucket, file_name='film.mp4')}?proxy=true"
        answer = client_of(user).get(address, headers={"Accept": "video/*"})
        assert (answer.status_code, answer.getvalue()) == (200, MP4)
        assert answer["Content-Disposition"] == 'attachment; filename="film.mp4"'

    def test_read_with_conditions_is_304_or_412(self, bucket, user):
        etag = put(client_of(user), bucket, "key").json()["etag"]
        address = url("file", bucket_name=bucket, file_name="key")
        assert client_of(user).get(address, headers={"If-None-Match": f'"{etag}"'}).status_code == 304
        gone = client_of(user).get(address, headers={"If-Match": '"before"'})
        assert (gone.status_code, gone.json()["code"]) == (412, "precondition_failed")
        beyond = client_of(user).get(f"{address}?proxy=true", headers={"Range": "bytes=7-"})
        assert (beyond.status_code, beyond["Content-Range"]) == (416, "bytes */7")

    def test_empty_file_is_stored_and_read(self, bucket, user):
        assert put(client_of(user), bucket, "key", b"", **{"Content-Length": "0"}).json()["size"] == 0
        answer = client_of(user).get(f"{url('file', bucket_name=bucket, file_name='key')}?proxy=true")
        assert (answer.status_code, answer["Content-Length"], answer.getvalue()) == (200, "0", b"")

    def test_read_of_changed_object_is_refused(self, bucket, user):
        put(client_of(user), bucket, "key")
        get_client().put_object(Bucket=bucket, Key="key", Body=b"changed")
        answer = client_of(user).get(f"{url('file', bucket_name=bucket, file_name='key')}?proxy=true")
        assert (answer.status_code, answer.json()["code"]) == (502, "storage_error")


class TestUploads:
    @pytest.fixture
    def three(self, bucket, user, other):
        for person, name in ((user, "a.txt"), (user, "b.png"), (other, "c.txt")):
            is_png = "png" in name
            put(
                client_of(person),
                bucket,
                name,
                PNG if is_png else b"content",
                content_type="image/png" if is_png else "text/plain",
            )

    def names(self, person, **query):
        answer = client_of(person).get(url("upload-list"), query)
        assert answer.status_code == 200, answer.json()
        return [record["file_name"] for record in answer.json()["results"]]

    def test_list_shows_own_uploads_and_all_to_staff(self, three, user, other, staff):
        assert self.names(user) == ["b.png", "a.txt"]
        assert self.names(other) == ["c.txt"]
        assert self.names(staff) == ["c.txt", "b.png", "a.txt"]
        assert self.names(staff, user_id=user.pk) == ["b.png", "a.txt"]
        refused = client_of(user).get(url("upload-list"), {"user_id": other.pk})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_list_with_filters_narrows(self, three, bucket, user):
        middle = FileUpload.objects.get(file_name="b.png").created_at.isoformat()
        assert self.names(user, bucket=bucket) == ["b.png", "a.txt"]
        assert self.names(user, bucket="another") == []
        assert self.names(user, status="pending") == []
        assert self.names(user, content_type="image/png") == ["b.png"]
        assert self.names(user, file_name=".t") == ["a.txt"]
        assert self.names(user, created_before=middle) == ["a.txt"]
        assert self.names(user, created_after=middle) == []
        assert self.names(user, page_size=1) == ["b.png"]

    def test_usage_shows_bytes_and_limits(self, three, bucket, user, other, staff, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": 100, "content_types": ["image/*"]}}
        limits = {"quota_bytes": 100, "quota_files": None, "max_file_bytes": None, "extensions": None}
        limits |= {"content_types": ["image/*"], "key_prefix": "", "may_overwrite": True}
        for person, query, counted in (
            (user, {}, {"bytes": 7 + len(PNG), "files": 2}),
            (staff, {"user_id": other.pk}, {"bytes": 7, "files": 1}),
            (staff, {}, {"bytes": 0, "files": 0}),
        ):
            answer = client_of(person).get(url("usage"), {"bucket": bucket, **query})
            assert (answer.status_code, answer.json()) == (200, counted | limits)
        refused = client_of(user).get(url("usage"), {"bucket": bucket, "user_id": other.pk})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_list_with_foreign_cursor_is_refused(self, user):
        for cursor in ("x", "cD1ub25zZW5zZQ==", "bz0tMQ=="):
            answer = client_of(user).get(url("upload-list"), {"cursor": cursor})
            assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])

    def test_retrieve_shows_own_record_only(self, three, user, other):
        upload = FileUpload.objects.get(file_name="a.txt")
        address = url("upload", upload_id=upload.pk)
        assert client_of(user).get(address).json()["file_name"] == "a.txt"
        for refused in (
            client_of(other).get(address),
            client_of(other).delete(address),
            client_of(user).get(url("upload", upload_id="no-uuid")),
        ):
            assert (refused.status_code, refused.json()["code"]) == (404, "upload_not_found")
        assert client_of(user).delete(address).status_code == 204
        assert client_of(user).get(address).status_code == 404

    def test_upload_named_like_endpoint_has_url_without_slash(self, bucket, user):
        name = "folder/download"
        record = upload(client_of(user), bucket, file_name=name).json()
        assert record["url"].endswith(f"/{name}")
        answer = client_of(user).get(record["url"])
        assert answer.status_code == 302
        assert urlsplit(answer["Location"]).path.endswith(f"/{name}")


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
