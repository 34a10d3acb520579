"""Throttles by scope and user, beside the host's own throttles."""

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle

from s3_file_uploader import urls
from s3_file_uploader.api.throttling import ACTIONS_OF, SCOPE_OF, build_throttles
from s3_file_uploader.api.viewsets import UploadViewSet
from s3_file_uploader.models import FileUpload, ShareLink
from s3_file_uploader.services.audit.trail import ACTIONS
from tests.conftest import client_of
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db
BASE = "/modules/s3-file-uploader/service"
LIST = f"{BASE}/uploads/"


@pytest.fixture(autouse=True)
def clear_counts():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def rates(settings):
    def rates(**by_scope):
        settings.S3_FILE_UPLOADER_THROTTLE_RATES = by_scope

    return rates


def test_scopes_cover_every_action():
    declared = {name for pattern in urls.service for name in pattern.callback.cls.audit_actions.values()}
    assert declared - set(SCOPE_OF) == {"health"}
    assert set(SCOPE_OF) <= set(ACTIONS)
    assert len(SCOPE_OF) == sum(len(actions) for actions in ACTIONS_OF.values())


def test_throttles_without_rates_allow_everything(user):
    assert all(client_of(user).get(LIST).status_code == 200 for _ in range(20))
    assert [build_throttles(action) for action in ("upload_list", "health", "of a host")] == [[], [], []]


def test_throttle_over_the_rate_returns_429(user, other, rates):
    rates(list="2/min")
    assert [client_of(user).get(LIST).status_code for _ in range(3)] == [200, 200, 429]
    answer = client_of(user).get(LIST)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 60
    assert client_of(other).get(LIST).status_code == 200
    assert client_of(user).get(f"{BASE}/bucket/list/").status_code == 429
    assert client_of(user).delete(f"{LIST}x/").status_code == 404  # This action has another scope.


def test_throttle_with_a_lowered_rate_waits_the_whole_period(user, rates):
    rates(list="5/hour")
    assert [client_of(user).get(LIST).status_code for _ in range(5)] == [200] * 5
    rates(list="2/hour")
    answer = client_of(user).get(LIST)
    assert (answer.status_code, answer["Retry-After"]) == (429, "3600")


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("sign", "post", "/file/presigned/url/", {"bucket": "bucket-one", "file_name": "file"}),
        ("sign", "get", "/buckets/bucket-one/files/file/", None),
        ("upload", "put", "/buckets/bucket-one/files/another/", {}),
        ("upload", "post", "/uploads/", {"bucket": "bucket-one", "file_name": "f", "size": 1}),
        ("list", "get", "/buckets/bucket-one/files/", None),
        ("bucket", "post", "/bucket/create/", {"bucket": "bucket-two"}),
        ("share", "post", "/shares/", {"bucket": "bucket-one", "file_name": "file"}),
    ],
)
def test_throttle_of_each_scope_stops_the_second_request(bucket, staff, rates, scope, method, path, body):
    stored_file(staff, bucket)
    rates(**{scope: "1/day"})
    client = client_of(staff)
    options = {} if body is None else {"format": "json"}
    assert getattr(client, method)(BASE + path, body, **options).status_code < 400
    before = FileUpload.objects.count()
    assert getattr(client, method)(BASE + path, body, **options).json()["code"] == "throttled"
    assert FileUpload.objects.count() == before


def test_throttle_of_share_links_counts_the_ip_address(bucket, user, rates, settings):
    stored_file(user, bucket)
    url = client_of(user).post(f"{BASE}/shares/", {"bucket": bucket, "file_name": "file"}).json()["url"]
    rates(share="2/min")
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": None}
    forged = [{"X-Forwarded-For": f"10.0.0.{number}"} for number in range(4)]
    assert [APIClient().get(url, headers=headers).status_code for headers in forged] == [302, 302, 429, 429]
    assert APIClient().get(url, REMOTE_ADDR="10.9.9.9").status_code == 302
    assert APIClient().get(url, REMOTE_ADDR="2001:db8::1").status_code == 302
    assert ShareLink.objects.get().downloads == 4
    assert client_of(user).get(LIST).status_code == 200


def test_throttles_never_stop_health(aws, rates):
    rates(sign="1/day", upload="1/day", list="1/day", bucket="1/day", share="1/day")
    assert [APIClient().get(f"{BASE}/health/").status_code for _ in range(3)] == [200] * 3


def test_throttle_without_unauthenticated_user_counts_addresses(aws, rates, settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "UNAUTHENTICATED_USER": None}
    rates(share="1/day")
    assert [APIClient().get(f"{BASE}/shares/x/").status_code for _ in range(2)] == [404, 429]


class Never(BaseThrottle):
    def allow_request(self, request, view):
        return False


def test_throttles_of_the_host_apply_too(user, rates, monkeypatch):
    monkeypatch.setattr(UploadViewSet, "throttle_classes", [Never])
    assert client_of(user).get(LIST).status_code == 429
    rates(list="5/min")
    assert client_of(user).get(LIST).status_code == 429


def test_throttle_rates_are_read_at_each_request(user):
    assert "throttle_rates" not in vars(api_settings)
    with override_settings(S3_FILE_UPLOADER_THROTTLE_RATES={"list": "1/h"}):
        assert [client_of(user).get(LIST).status_code for _ in range(2)] == [200, 429]
    assert client_of(user).get(LIST).status_code == 200
