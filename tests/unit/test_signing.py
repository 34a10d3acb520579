import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from s3_file_uploader import s3
from s3_file_uploader.signing import presigned_url


class RoleOfTheHost(BaseHTTPRequestHandler):
    """Hands out temporary credentials, as a container's host does."""

    def do_GET(self):
        until = datetime.now(UTC) + timedelta(hours=1)
        role = {"AccessKeyId": "test-role", "SecretAccessKey": "test-secret", "Token": "test-token"}
        body = json.dumps({**role, "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def role(settings, monkeypatch):
    """Leave the keys out of the settings and give the host a role."""
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    with HTTPServer(("127.0.0.1", 0), RoleOfTheHost) as host:
        threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{host.server_port}/")
        s3._client_build.cache_clear()
        s3._session.cache_clear()
        yield
        s3._client_build.cache_clear()
        s3._session.cache_clear()
        host.shutdown()


def query_of():
    url = presigned_url(method="GET", bucket="bucket", key="key", expires_in_seconds=60).url
    return parse_qs(urlsplit(url).query)


def test_without_keys_the_role_of_the_host_signs(role, settings):
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    query = query_of()
    assert query["X-Amz-Credential"][0].startswith("test-role/")
    assert query["X-Amz-Security-Token"] == ["test-token"]


def test_a_session_token_goes_with_its_keys(settings):
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    assert "X-Amz-Security-Token" not in query_of()
    settings.AWS_SESSION_TOKEN = "test-session"
    assert query_of()["X-Amz-Security-Token"] == ["test-session"]


def test_when_it_ends(settings):
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    presigned = presigned_url(method="GET", bucket="bucket", key="key", expires_in_seconds=60)
    signed_at = datetime.strptime(parse_qs(urlsplit(presigned.url).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%S%z")
    assert abs(presigned.expires_at - signed_at - timedelta(seconds=60)) < timedelta(seconds=2)


KEYS = ["a.txt", "a/b c.txt", "ключ/é.mp4", "100%.txt", "a#b?c&d+e=f;g", "a%2Fb", "😀", "~!*'();:@,", "n" * 1024]
ENDPOINTS = [None, "http://store.example:9000", "https://Store.Example:443", "http://[::1]:80", "http://s.example/base"]


@pytest.fixture(params=ENDPOINTS)
def store(request, settings, bucket):
    """Use AWS, or a store at an address of its own."""
    settings.AWS_S3_ENDPOINT_URL = request.param


def signed_at(url):
    return datetime.strptime(parse_qs(urlsplit(url).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%S%z")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("token", ["", "test/token+=="])
def test_urls_are_those_of_boto3(store, settings, key, token):
    settings.AWS_SESSION_TOKEN = token
    params = {"Bucket": "bucket-one", "Key": key, "ResponseContentDisposition": "attachment; filename*=utf-8''%C3%A9"}
    url = s3.client().generate_presigned_url("get_object", Params=params, ExpiresIn=77)
    ours = presigned_url(
        method="GET",
        bucket="bucket-one",
        key=key,
        expires_in_seconds=77,
        content_disposition=params["ResponseContentDisposition"],
        now=signed_at(url),
    )
    assert ours.url == url
