"""Sessions need no CSRF token from the page of the same origin."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from s3_file_uploader.models import FileUpload
from tests.support.uppy_requests import BASE, NAME, address, refused
from tests.unit.services.conftest import started, stored_file

pytestmark = pytest.mark.usefixtures("uppy_bucket")


def of_a_page(site, destination="empty"):
    return {"sec-fetch-site": site, "sec-fetch-dest": destination}


class TestSessions:
    @pytest.fixture
    def client(self, user):
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return client

    def begin(self, client, **headers):
        return client.post(f"{BASE}/s3/multipart", {"filename": NAME}, "application/json", headers=headers)

    def test_session_from_same_origin_needs_no_csrf_token(self, client, user):
        assert self.begin(client, **of_a_page("same-origin")).status_code == 200
        upload = FileUpload.objects.get()
        assert client.delete(address(upload), headers=of_a_page("same-origin")).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"sec-fetch-site": "same-origin"},
            *(of_a_page(site) for site in ("same-site", "cross-site", "none", "", "SAME-ORIGIN", "same-origin, none")),
            *(of_a_page("same-origin", destination) for destination in ("document", "iframe", "image", "")),
        ],
    )
    def test_session_from_elsewhere_needs_csrf_token(self, client, headers):
        answer = self.begin(client, **headers)
        assert refused(answer) == (403, "permission_denied")
        assert "CSRF" in answer.json()["detail"]
        assert not FileUpload.objects.exists()

    def test_session_with_csrf_token_is_accepted(self, client):
        token = "x" * 32
        client.cookies["csrftoken"] = token
        assert self.begin(client, **{"x-csrftoken": token}).status_code == 200

    def test_session_at_other_endpoints_needs_csrf_token(self, client):
        answer = client.post(reverse("s3_service-create-presigned-url"), headers=of_a_page("same-origin"))
        assert refused(answer) == (403, "permission_denied")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"sec-fetch-site": "same-origin"},
            *(of_a_page(site) for site in ("same-site", "cross-site", "none", "")),
            *(of_a_page("same-origin", destination) for destination in ("document", "iframe", "image")),
        ],
    )
    @pytest.mark.parametrize(
        "path", ["params?filename=x", "multipart/{pk}/1?key={key}", "multipart/{pk}/batch?key={key}"]
    )
    def test_get_that_writes_by_a_session_needs_the_same_origin(self, client, user, bucket, headers, path):
        upload = started(user, bucket, strategy="multipart").upload
        before = FileUpload.objects.values().get()
        url = f"{BASE}/s3/{path.format(pk=upload.pk, key=upload.file_name)}&partNumbers=1"
        answer = client.get(url, headers=headers)
        assert refused(answer) == (403, "permission_denied")
        assert FileUpload.objects.values().get() == before
        assert client.get(url, headers=of_a_page("same-origin")).status_code == 200

    def test_get_that_writes_by_a_session_takes_the_csrf_token(self, client):
        client.cookies["csrftoken"] = token = "x" * 32
        assert client.get(f"{BASE}/s3/params?filename=x", headers={"x-csrftoken": token}).status_code == 200
        answer = client.get(f"{BASE}/s3/params?filename=x", headers={"x-csrftoken": "y" * 32})
        assert refused(answer) == (403, "permission_denied")

    def test_get_of_parts_writes_nothing_and_needs_no_proof(self, client, user, bucket):
        upload = started(user, bucket, strategy="multipart").upload
        assert client.get(address(upload)).status_code == 200

    @pytest.mark.parametrize(
        ("site", "status"), [("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)]
    )
    def test_download_that_another_site_asks_for_saves_nothing(self, client, user, bucket, tmp_path, site, status):
        stored_file(user, bucket)
        url = reverse("s3_service-download-file", args=[bucket, "file"])
        assert client.get(url, headers=of_a_page(site, "image")).status_code == status
        assert (tmp_path / bucket / "file").exists() is (status == 200)

    def test_token_in_header_is_accepted_from_any_origin(self, user):
        headers = {"authorization": f"Token {Token.objects.create(user=user).key}", **of_a_page("cross-site")}
        client = Client(enforce_csrf_checks=True)
        assert client.get(f"{BASE}/s3/params?filename=x", headers=headers).status_code == 200
        assert self.begin(client, **headers).status_code == 200
