"""Rules of all viewsets: names of routes, authentication, permissions, errors."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test.client import BOUNDARY, encode_multipart
from django.urls import resolve, reverse
from rest_framework.authentication import BasicAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from s3_file_uploader.api.viewsets.base import ServiceViewSet
from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import BASE, url


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
        settings.S3_FILE_UPLOADER_VISIBLE_TO = f"{__name__}.broken"
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
