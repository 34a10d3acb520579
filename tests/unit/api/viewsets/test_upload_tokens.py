"""Upload tokens: how they are created, used and revoked."""

import json
import uuid

import pytest
from django.test import Client

from s3_file_uploader.models import FileUpload, UploadToken
from s3_file_uploader.services import upload_token_create
from tests.conftest import client_of
from tests.support.uppy_requests import BASE, params, refused

pytestmark = pytest.mark.usefixtures("uppy_bucket")


class TestTokens:
    def test_token_is_created_used_listed_and_revoked(self, user, bucket):
        client = client_of(user)
        made = client.post(f"{BASE}/tokens/", {"expires_in": 60}, format="json")
        assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
        token = UploadToken.objects.get()
        assert made.json().keys() == {"id", "token", "endpoint", "expires_at"}
        assert (made.json()["id"], made.json()["token"]) == (str(token.pk), token.text)
        assert made.json()["endpoint"] == f"http://testserver{BASE}/token/{token.text}"

        listed = client.get(f"{BASE}/tokens/").json()
        assert [token.keys() for token in listed["results"]] == [{"id", "created_at", "expires_at", "revoked_at"}]
        assert token.text not in json.dumps(listed)
        used = params(Client(), f"{BASE}/token/{token.text}")
        assert used.status_code == 200
        assert FileUpload.objects.get().user == user

        assert client.delete(f"{BASE}/tokens/{token.pk}/").status_code == 204
        assert client.get(f"{BASE}/tokens/").json()["results"][0]["revoked_at"]
        answer = params(Client(), f"{BASE}/token/{token.text}")
        assert refused(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Upload-Token"
        assert token.text not in answer.content.decode()
        assert refused(client.delete(f"{BASE}/tokens/{uuid.uuid4()}/")) == (404, "upload_token_not_found")

    def test_token_without_expiry_lasts_an_hour(self, user):
        made = client_of(user).post(f"{BASE}/tokens/").json()
        token = UploadToken.objects.get(pk=made["id"])
        assert round((token.expires_at - token.created_at).total_seconds()) == 3600

    @pytest.mark.parametrize("seconds", [0, -1, 86_401, "soon", None, 1e300, 10**40])
    def test_token_with_long_expiry_is_refused(self, user, seconds):
        answer = client_of(user).post(f"{BASE}/tokens/", {"expires_in": seconds}, format="json")
        assert refused(answer) == (400, "invalid")
        assert answer.json()["errors"].keys() == {"expires_in"}

    def test_token_list_is_paged(self, user):
        for _ in range(3):
            upload_token_create(user=user, expires_in_seconds=60)
        page = client_of(user).get(f"{BASE}/tokens/?page_size=2").json()
        assert len(page["results"]) == 2
        assert len(client_of(user).get(page["next"]).json()["results"]) == 1

    def test_token_opens_endpoints_of_uppy_only(self, user):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        for path in ("tokens/", "signed/x", "../uploads/", "uploads/"):
            assert Client().get(f"{BASE}/token/{text}/{path}").status_code == 404
        headers = {"authorization": f"Token {text}"}
        assert Client().get(f"{BASE}/tokens/", headers=headers).status_code == 401
        assert Client().get(f"{BASE}/s3/params?filename=x", headers=headers).status_code == 401

    @pytest.mark.parametrize("ending", ["", "/", "//s3/params", "/s3/sts", "/s3/params/", "/nothing", "/a%0Ab"])
    @pytest.mark.parametrize("method", ["get", "post", "delete"])
    def test_token_in_unknown_address_is_not_logged(self, user, caplog, ending, method):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        answer = getattr(Client(), method)(f"{BASE}/token/{text}{ending}")
        assert refused(answer) == (404, "not_found")
        assert "no slash at its end" in answer.json()["detail"]
        assert "/token/..." in caplog.text
        assert text not in caplog.text + answer.content.decode()

    def test_token_overrides_session(self, user, other):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        client = Client()
        client.force_login(other)
        assert params(client, f"{BASE}/token/{text}").status_code == 200
        assert FileUpload.objects.get().user == user
        assert params(client, f"{BASE}/token/{text}x").status_code == 401
