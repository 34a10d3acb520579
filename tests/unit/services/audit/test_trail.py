"""The audit trail: an event for each request and each operation."""

import json
import logging
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.test import APIClient

from s3_file_uploader.api.viewsets import FileDownloadViewSet
from s3_file_uploader.models import UploadToken
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.scanners import Verdict
from s3_file_uploader.services import file_delete, housekeeping_run, upload_token_create
from s3_file_uploader.services.audit.operation import Operation
from s3_file_uploader.services.audit.trail import OK, get_trail, record_event, set_event_object
from tests.conftest import client_of
from tests.unit.services.audit.conftest import send_request
from tests.unit.services.conftest import stored_file

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
BASE = "/modules/s3-file-uploader/service"
FIELDS = ("action", "user", "bucket", "file_name", "object_id", "outcome")


# --- every route -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "outcome"),
    [
        ("post", "/bucket/create/", {"bucket": "bucket-two"}, "permission_denied"),
        ("put", "/buckets/bucket-one/files/escaped.txt/", {}, "file_exists"),
        ("post", "/uploads/", {"bucket": "bucket-one", "file_name": "f", "size": 2**60}, "file_too_large"),
        ("post", "/file/upload/", {}, "unsupported_media_type"),
        ("get", "/buckets/secret/files/", None, "bucket_not_allowed"),
        ("get", "/buckets/secret/files/a/", None, "bucket_not_allowed"),
    ],
)
def test_refused_request_is_an_event_with_its_code(bucket, user, read_events, settings, method, path, body, outcome):
    stored_file(user, bucket, "escaped.txt")
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = [bucket]
    read_events()
    send_request(client_of(user), method, f"{BASE}{path}", body)
    (event,) = read_events()
    assert event["outcome"] == outcome


def test_invalid_query_or_method_is_no_event(bucket, user, read_events):
    assert client_of(user).get(f"{BASE}/uploads/?page_size=0").status_code == 400
    assert client_of(user).patch(f"{BASE}/uploads/").status_code == 405
    assert client_of(user).options(f"{BASE}/uploads/").status_code == 200
    assert read_events() == []


def test_unknown_share_link_is_a_line_without_a_row(read_events, rows):
    assert APIClient().get(f"{BASE}/shares/forged/").status_code == 404
    (event,) = read_events()
    assert [event[field] for field in FIELDS] == ["share_follow", None, "", "", "", "share_not_found"]
    assert not rows.exists()


def test_proxied_download_is_one_event(bucket, user, read_events):
    upload = stored_file(user, bucket)
    read_events()
    answer = client_of(user).get(f"{BASE}/buckets/{bucket}/files/file/?proxy=true")
    assert answer.getvalue() == b"content"
    (event,) = read_events()
    assert [event[field] for field in FIELDS] == ["file_read", str(user.pk), bucket, "file", str(upload.pk), OK]


def test_response_304_is_the_event_file_get(bucket, user, read_events):
    etag = stored_file(user, bucket).etag
    read_events()
    headers = {"If-None-Match": f'"{etag}"'}
    assert client_of(user).get(f"{BASE}/buckets/{bucket}/files/file/", headers=headers).status_code == 304
    assert [event["action"] for event in read_events()] == ["file_get"]


class SuspectsX:
    """Reject files that begin with an x."""

    def scan(self, chunks, *, upload):
        content = b"".join(chunks)
        return Verdict(is_clean=False, reason="An x.") if content.startswith(b"x") else Verdict(is_clean=True)


@pytest.mark.django_db(transaction=True)
def test_scan_within_a_request_keeps_the_name_of_the_event(bucket, user, read_events, settings):
    settings.S3_FILE_UPLOADER_SCANNERS = ["tests.unit.services.audit.test_trail.SuspectsX"]
    for content, outcome in (("clean", OK), ("x", "file_rejected")):
        path = f"{BASE}/buckets/{bucket}/files/{outcome}/"
        client_of(user).put(path, content, content_type="text/plain")
        events = read_events()
        assert (events[-1]["action"], events[-1]["user"], events[-1]["outcome"]) == (
            "file_upload",
            str(user.pk),
            outcome,
        )
        removed = [(event["action"], event["user"], event["file_name"]) for event in events[:-1]]
        assert removed == ([] if outcome == OK else [("file_reject", None, outcome)])


class _Broken(FileDownloadViewSet):
    def download(self, request, **kwargs):
        raise ZeroDivisionError


def test_crash_is_an_event_of_the_user(user, read_events, rf, rows):
    with pytest.raises(ZeroDivisionError):
        view = _Broken.as_view({"get": "download"})
        request = rf.get("/")
        request._force_auth_user = user
        view(request, bucket_name="bucket-one", file_name="f")
    (event,) = read_events()
    assert (event["action"], event["user"], event["outcome"]) == ("file_download", str(user.pk), "ZeroDivisionError")
    assert rows.get().file_name == "f"


# --- addresses and secrets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (None, "6.6.6.6", "127.0.0.1"),
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 10.0.0.1", "10.0.0.1"),
        (2, "6.6.6.6, 10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (2, "10.0.0.1", "10.0.0.1"),
        (1, None, "127.0.0.1"),
    ],
)
def test_address_with_num_proxies_skips_the_proxies(user, read_events, settings, proxies, forwarded, expected):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    client_of(user).delete(f"{BASE}/uploads/{uuid.uuid4()}/", headers=headers)
    assert [event["address"] for event in read_events()] == [expected]


def test_address_that_is_unknown_is_empty(user, read_events):
    client_of(user).delete(f"{BASE}/uploads/{uuid.uuid4()}/", REMOTE_ADDR="")
    assert [event["address"] for event in read_events()] == [""]


def test_line_escapes_line_breaks(user, caplog):
    caplog.set_level(logging.INFO, "s3_file_uploader.audit")
    record_event(action="file_delete", user=None, outcome=OK, file_name='a"\n\u2028\ud800')
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.isascii()
    assert line.startswith('action="file_delete" user=null address="" bucket="" file_name="a\\"\\n\\u2028\\ud800" ')
    assert json.loads(line.partition("file_name=")[2].partition(" object_id")[0]) == 'a"\n\u2028\ud800'


# --- outside of requests ---------------------------------------------------------------------------------------------


def test_operation_outside_a_request_is_an_event(bucket, user, read_events, rows):
    upload = stored_file(user, bucket)
    file_delete(user=user, bucket=bucket, file_name="file")
    expected = [(name, str(user.pk), bucket, "file", str(upload.pk), OK) for name in ("file_upload", "file_delete")]
    assert [tuple(event[field] for field in FIELDS) for event in read_events()] == expected
    assert rows.count() == 2
    with pytest.raises(KeyError), Operation("file_delete", user=AnonymousUser()):
        raise KeyError
    assert [event["outcome"] for event in read_events()] == ["KeyError"]


def test_housekeeping_records_what_it_removes(bucket, user, read_events, rows):
    upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
    end_lease_in(upload, -1)
    housekeeping_run(dry_run=True)
    assert read_events() == []
    housekeeping_run()
    (event,) = read_events()
    expected = ["housekeeping", None, bucket, "file", str(upload.pk), "record_removed"]
    assert [event[field] for field in FIELDS] == expected
    assert (rows.get().user_id, rows.get().user_name) == ("", "")


@pytest.mark.django_db(transaction=True)
def test_deleted_user_leaves_events_of_the_files(bucket, user, read_events, settings):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
    stored_file(user, bucket)
    read_events()
    user.delete()
    assert [(event["action"], event["user"], event["file_name"]) for event in read_events()] == [
        ("file_delete", None, "file")
    ]


def test_new_upload_token_is_an_event_with_its_id(user, read_events):
    made = client_of(user).post(f"{BASE}/uppy/tokens/").json()
    assert [(event["action"], event["object_id"]) for event in read_events()] == [("token_create", made["id"])]


@pytest.mark.parametrize("many", [False, True])
def test_upload_token_deleted_in_the_admin_is_an_event(client, user, staff, read_events, many):
    tokens = [upload_token_create(user=user, expires_in_seconds=60) for _ in range(2 if many else 1)]
    client.force_login(staff)
    admin, keys = "/admin/s3_file_uploader/uploadtoken/", [str(token.pk) for token in tokens]
    if many:
        body = {"action": "delete_selected", "post": "yes", "_selected_action": keys}
        client.post(admin, body)
    else:
        client.post(f"{admin}{keys[0]}/delete/", {"post": "yes"})
    expected = {("token_revoke", str(staff.pk), "127.0.0.1", key, OK) for key in keys}
    fields = ("action", "user", "address", "object_id", "outcome")
    assert {tuple(event[field] for field in fields) for event in read_events()} == expected
    assert not UploadToken.objects.exists()


def test_about_outside_a_request_does_nothing():
    assert get_trail() is None
    set_event_object(bucket="b")


def test_health_is_no_event(aws, read_events):
    assert APIClient().get(f"{BASE}/health/").status_code == 200
    assert read_events() == []
