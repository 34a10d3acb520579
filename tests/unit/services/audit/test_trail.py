"""The audit trail: an event for each request and each operation, as a log line and as a row."""

import io
import json
import logging
import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

import s3_file_uploader
from s3_file_uploader import urls
from s3_file_uploader.api.authentication import Ticket
from s3_file_uploader.api.viewsets import FileDownloadViewSet, HealthViewSet
from s3_file_uploader.models import AuditEvent, FileUpload, UploadToken
from s3_file_uploader.models.audit_event import escape_text
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.scanners import Verdict
from s3_file_uploader.services import file_delete, housekeeping_run, share_create, upload_token_create
from s3_file_uploader.services.audit.operation import Operation
from s3_file_uploader.services.audit.trail import (
    ACTIONS,
    OK,
    QUIET,
    follow_request,
    get_trail,
    record_event,
    set_event_object,
)
from s3_file_uploader.services.housekeeping.expire import BATCH
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.services.conftest import sent, started, stored_file

pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # Each test of a route creates all that the route needs.
BASE = "/modules/s3-file-uploader/service"
FIELDS = ("action", "user", "bucket", "file_name", "object_id", "outcome")


@pytest.fixture
def read_events(caplog):
    """Return a function that returns the events of the log since its last call."""
    caplog.set_level(logging.INFO, "s3_file_uploader")

    def read_events():
        events = [record.audit for record in caplog.records if record.name == "s3_file_uploader.audit"]
        caplog.clear()
        return events

    return read_events


@pytest.fixture
def rows(settings):
    settings.S3_FILE_UPLOADER_AUDIT_ROWS = True
    return AuditEvent.objects


# --- every route -----------------------------------------------------------------------------------------------------


class Routes:
    """One successful request to each action, as method and URL. Everything that the requests need is created before."""

    def __init__(self, bucket, user):
        self.bucket, self.user = bucket, user
        self.file = f"{BASE}/buckets/{bucket}/files/escaped.txt/"
        self.upload = started(user, bucket, size=mib(20)).upload
        self.small = started(user, bucket).upload
        sent(self.small)
        self.token = upload_token_create(user=user, expires_in_seconds=60)
        stored_file(user, bucket, "escaped.txt")
        stored_file(user, bucket, "a/download")
        self.share = f"{BASE}/buckets/{bucket}/files/a/"
        self.link = share_create(user=user, bucket=bucket, file_name="escaped.txt")

    def uppy(self, ending="", query=""):
        return f"{BASE}/uppy/s3/multipart/{self.upload.pk}{ending}?key={self.upload.file_name}{query}"

    def named(self):
        bucket, upload = self.bucket, f"{BASE}/uploads/{self.upload.pk}"
        form = {"bucket": bucket, "file": io.BytesIO(b"content"), "file_name": "form.txt"}
        start = {"bucket": bucket, "file_name": "f", "size": 7}
        uppy = {"filename": "f.txt", "type": "text/plain", "metadata": {"bucket": bucket}}
        ticket = Ticket(str(self.user.pk), "GET", str(self.upload.pk)).text()
        abort = Ticket(str(self.user.pk), "DELETE", str(self.upload.pk)).text()
        begin = Ticket(str(self.user.pk), "POST", str(uuid.uuid4()), "f.txt").text()
        presign = {"bucket": bucket, "file_name": "escaped.txt"}
        params_url = f"uppy/s3/params?filename=f.txt&type=text/plain&metadata[bucket]={bucket}"
        return {
            "BucketViewSet.list": ("get", f"{BASE}/bucket/list/"),
            "BucketViewSet.create": ("post", f"{BASE}/bucket/create/", {"bucket": "bucket-new"}),
            "BucketViewSet.destroy": ("delete", f"{BASE}/owners/{get_owner_id()}/buckets/bucket-empty/remove/"),
            "FileViewSet.upload": ("post", f"{BASE}/file/upload/", form, "multipart"),
            "FileDownloadViewSet.download": ("get", f"{self.file}download/"),
            "FileDownloadViewSet.retrieve_or_download": ("get", f"{self.file}download"),
            "FileDownloadViewSet.store": ("put", f"{self.file}download/", "content", "json"),
            "FileDownloadViewSet.retrieve": ("head", f"{self.share}download/"),
            "FileDownloadViewSet.destroy": ("delete", f"{self.share}download/"),
            "FileViewSet.destroy": ("delete", f"{BASE}/users/{self.user.pk}{self.file.removeprefix(BASE)}remove/"),
            "FileViewSet.presign_from_query": ("get", f"{BASE}/file/presigned/url/", presign),
            "FileViewSet.presign_from_body": ("post", f"{BASE}/file/presigned/url/", presign),
            "ObjectViewSet.list": ("get", f"{BASE}/buckets/{bucket}/files/"),
            "ObjectViewSet.store": ("put", f"{self.file}put.txt/", "content", "json"),
            "ObjectViewSet.retrieve": ("get", self.file),
            "ObjectViewSet.destroy": ("delete", self.file),
            "UploadViewSet.list": ("get", f"{BASE}/uploads/"),
            "UploadViewSet.usage": ("get", f"{BASE}/uploads/usage/", {"bucket": bucket}),
            "UploadViewSet.create": ("post", f"{BASE}/uploads/", start),
            "UploadViewSet.retrieve": ("get", f"{upload}/"),
            "UploadViewSet.destroy": ("delete", f"{upload}/"),
            "UploadViewSet.parts": ("get", f"{upload}/parts/"),
            "UploadViewSet.parts_sign": ("post", f"{upload}/parts/", {"missing": True}),
            "UploadViewSet.complete": ("post", f"{BASE}/uploads/{self.small.pk}/complete/"),
            "UploadTokenViewSet.list": ("get", f"{BASE}/uppy/tokens/"),
            "UploadTokenViewSet.create": ("post", f"{BASE}/uppy/tokens/", {}),
            "UploadTokenViewSet.destroy": ("delete", f"{BASE}/uppy/tokens/{self.token.pk}/"),
            "UppySignViewSet.sign": ("post", f"{BASE}/uppy/sign", {"method": "POST", "key": "f.txt"}),
            "UppySignedViewSet.parts": ("get", f"{BASE}/uppy/signed/{ticket}"),
            "UppySignedViewSet.begin_or_complete": ("post", f"{BASE}/uppy/signed/{begin}"),
            "UppySignedViewSet.abort": ("delete", f"{BASE}/uppy/signed/{abort}"),
            "UppySignedViewSet.missing": ("get", f"{BASE}/uppy/signed/{ticket}/x"),
            "UppyViewSet.params": ("get", f"{BASE}/{params_url}"),
            "UppyViewSet.create": ("post", f"{BASE}/uppy/s3/multipart", uppy),
            "UppyViewSet.sign_part": ("get", self.uppy("/1")),
            "UppyViewSet.sign_parts": ("get", self.uppy("/batch", "&partNumbers=1,2")),
            "UppyViewSet.parts": ("get", self.uppy()),
            "UppyViewSet.complete": ("post", self.uppy("/complete"), {"parts": [{"PartNumber": 1, "ETag": "e"}]}),
            "UppyViewSet.abort": ("delete", self.uppy()),
            "UppyViewSet.arrived": ("post", f"{BASE}/uppy/s3/complete?key={self.small.file_name}"),
            "UppyViewSet.missing": ("get", f"{BASE}/uppy/token/{self.token.text}/elsewhere"),
            "ShareListViewSet.create": ("post", f"{BASE}/shares/", presign),
            "ShareListViewSet.list": ("get", f"{BASE}/shares/"),
            "ShareViewSet.retrieve": ("get", f"{BASE}/shares/{self.link.secret}/"),
            "ShareViewSet.missing": ("get", f"{BASE}/shares/{self.link.secret}/x"),
            "ShareViewSet.destroy": ("delete", f"{BASE}/shares/{self.link.link.pk}/"),
            "HealthViewSet.retrieve": ("get", f"{BASE}/health/"),
            "HealthViewSet.live": ("get", f"{BASE}/health/live/"),
            "HealthViewSet.ready": ("get", f"{BASE}/health/ready/"),
        }


NAMES = sorted(
    {
        f"{pattern.callback.cls.__name__}.{action}"
        for pattern in urls.service
        for action in pattern.callback.actions.values()
    }
)
# Actions whose operation has another name in the audit trail.
OPERATION_NAMES = {
    "ObjectViewSet.retrieve": "file_redirect",
    "FileDownloadViewSet.retrieve": "file_redirect",
    "FileViewSet.presign_from_query": "file_presign",
    "FileViewSet.presign_from_body": "file_presign",
}
# Requests that cannot succeed here, because parts or the route are missing.
REFUSED = {
    "UppyViewSet.complete": "parts_missing",
    "UppyViewSet.missing": "not_found",
    "UppySignedViewSet.missing": "not_found",
    "ShareViewSet.missing": "not_found",
}
WITHOUT_LOGIN = (
    "ShareViewSet.retrieve",
    "ShareViewSet.missing",
    "HealthViewSet.retrieve",
    "HealthViewSet.live",
    "HealthViewSet.ready",
)
NO_OBJECT = {
    "ShareViewSet.missing",
    *(
        "UppySignViewSet.sign",
        "UppyViewSet.missing",
        "UppySignedViewSet.missing",
    ),  # These have no file yet, or none at all.
}


def get_owner_id():
    return get_client().list_buckets()["Owner"]["ID"]


def get_audit_action(name):
    view, _, action = name.partition(".")
    (cls,) = {p.callback.cls for p in urls.service if p.callback.cls.__name__ == view}
    return cls.audit_actions[action]


@pytest.fixture
def routes(bucket, user, settings):
    settings.S3_FILE_UPLOADER_UPPY_BUCKET = bucket
    settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = ["rest_framework.permissions.IsAuthenticated"]
    get_client().create_bucket(Bucket="bucket-empty")
    return Routes(bucket, user).named()


def send_request(client, method, path, body=None, form="json"):
    options = {} if method == "get" or body is None else {"format": form}
    return getattr(client, method)(path, body, **options)


def test_routes_cover_every_view_and_action(routes):
    assert sorted(routes) == NAMES
    operations = set()
    for file in Path(s3_file_uploader.__file__).parent.rglob("*.py"):
        operations |= set(re.findall(r'\bOperation(?:\.on)?\(\s*"(\w+)"', file.read_text()))
    assert len(operations) > 10
    assert {get_audit_action(name) for name in NAMES} | operations | {"housekeeping"} == set(ACTIONS)
    assert get_resolver().resolve(f"{BASE}/health/").func.cls is HealthViewSet


@pytest.mark.parametrize("name", NAMES)
def test_request_that_changes_something_is_an_event(routes, read_events, rows, user, name):
    read_events()
    answer = send_request(
        client_of(None if name.startswith(("UppySigned", "ShareViewSet.retrieve")) else user), *routes[name]
    )
    if name in REFUSED:
        assert answer.json()["code"] == REFUSED[name]
    else:
        assert answer.status_code < 400, answer.content
    action = OPERATION_NAMES.get(name, get_audit_action(name))
    if action in QUIET and name not in REFUSED:
        assert read_events() == []
        assert not rows.exists()
        return
    (event,) = read_events()
    user_id = "" if name == "ShareViewSet.retrieve" else str(user.pk)
    assert (event["action"], event["user"] or "", event["address"]) == (action, user_id, "127.0.0.1")
    assert event["outcome"] == REFUSED.get(name, OK)
    assert bool(event["bucket"] or event["object_id"]) is (name not in NO_OBJECT)
    row = rows.get()
    assert (row.user_id, row.user_name, row.created_at <= timezone.now()) == (user_id, "user" if user_id else "", True)
    same = ("action", "address", "bucket", "file_name", "object_id", "outcome")
    assert {field: getattr(row, field) for field in same} == {field: event[field] for field in same}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_LOGIN])
def test_refused_anonymous_request_is_a_line_without_a_row(routes, read_events, rows, name):
    read_events()
    method, path, *body = routes[name]
    path = re.sub(r"uppy/(signed|token)/[^/]+", r"uppy/\1/forged", path)
    assert send_request(client_of(None), method, path, *body).status_code == 401
    (event,) = read_events()
    assert (event["user"], event["outcome"]) == (None, "not_authenticated")
    assert not rows.exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("FileDownloadViewSet.download", "file_not_found"),
        ("FileViewSet.destroy", "not_your_file"),
        ("FileViewSet.presign_from_body", "file_not_found"),
        ("ObjectViewSet.retrieve", "file_not_found"),
        ("UploadViewSet.retrieve", "upload_not_found"),
        ("UploadViewSet.parts", "upload_not_found"),
        ("UploadViewSet.complete", "upload_not_found"),
        ("UppyViewSet.abort", "upload_not_found"),
        ("UploadTokenViewSet.destroy", "upload_token_not_found"),
    ],
)
def test_refused_request_of_another_user_is_an_event(routes, read_events, rows, other, name, code):
    read_events()
    assert send_request(client_of(other), *routes[name]).json()["code"] == code
    (event,) = read_events()
    assert (event["user"], event["outcome"]) == (str(other.pk), code)
    assert event["file_name"] or event["object_id"]
    assert rows.get().outcome == code


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


def test_events_of_all_routes_contain_no_secret(routes, caplog, rows, user):
    caplog.set_level(logging.DEBUG, "s3_file_uploader")
    answers = {
        name: send_request(client_of(None if "/uppy/signed/" in routes[name][1] else user), *routes[name])
        for name in NAMES
    }
    made = answers["UploadTokenViewSet.create"].json()["token"]
    written = "\n".join([record.getMessage() for record in caplog.records] + [str(row) for row in rows.values()])
    tickets = [
        path.partition("/signed/")[2].removesuffix("/x") for _, path, *_ in routes.values() if "/uppy/signed/" in path
    ]
    tickets.append(routes["ShareViewSet.retrieve"][1].split("/")[-2])
    for secret in ("X-Amz-Signature", "test-secret-key", made, *tickets):
        assert secret not in written
    assert routes["UppyViewSet.missing"][1].split("/")[-2] not in written


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("plain é 😀.txt", "plain é 😀.txt"),
        ("a\nb\x00\x1b[31m", "a\\nb\\x00\\x1b[31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("line\u2028end", "line\\u2028end"),
        ("half\ud800", "half\\ud800"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("no-break\u00a0space", "no-break\u00a0space"),
        ("x" * 2000, "x" * 1024),
    ],
)
def test_row_escapes_control_characters_in_names(user, rows, read_events, name, escaped):
    with follow_request(action="file_delete", address="") as trail:
        trail.user = user
        set_event_object(bucket="b", file_name=name)
    assert rows.get().file_name == escaped
    assert read_events()[0]["file_name"] == name
    assert list(rows.at(bucket="b", file_name=escaped)) == [rows.get()]


def test_line_escapes_line_breaks(user, caplog):
    caplog.set_level(logging.INFO, "s3_file_uploader.audit")
    record_event(action="file_delete", user=None, outcome=OK, file_name='a"\n\u2028\ud800')
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.isascii()
    assert line.startswith('action="file_delete" user=null address="" bucket="" file_name="a\\"\\n\\u2028\\ud800" ')
    assert json.loads(line.partition("file_name=")[2].partition(" object_id")[0]) == 'a"\n\u2028\ud800'


def test_escape_text_cuts_long_texts():
    assert escape_text("\x00" * 10, 10) == "\\x00\\x00\\x"


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


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_off_makes_no_query(bucket, user, read_events):
    stored_file(user, bucket)
    with CaptureQueriesContext(connection) as queries:
        assert client_of(user).get(f"{BASE}/buckets/{bucket}/files/file/").status_code == 302
    assert not [query for query in queries if "auditevent" in query["sql"]]
    assert len(read_events()) == 2
    assert not AuditEvent.objects.exists()


@pytest.fixture
def no_table(rows):
    """Let the database refuse to insert events."""
    with connection.execute_wrapper(refuse_events):
        yield


def refuse_events(execute, sql, params, many, context):
    if "auditevent" in sql and sql.startswith("INSERT"):
        raise Error("secret dsn")
    return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
def test_row_that_fails_does_not_fail_the_upload(bucket, user, read_events, no_table, caplog):
    answer = client_of(user).put(f"{BASE}/buckets/{bucket}/files/file/", "content", content_type="text/plain")
    assert answer.status_code == 201
    assert FileUpload.objects.get().status == "stored"
    assert "The event above is in the log only" in caplog.text
    assert [event["action"] for event in read_events()] == ["file_upload"]
    missing = client_of(user).get(f"{BASE}/buckets/{bucket}/files/another/")
    assert (missing.status_code, missing.json()["code"]) == (404, "file_not_found")


@pytest.mark.django_db(transaction=True)
def test_row_that_fails_leaves_the_transaction_usable(user, rows):
    with transaction.atomic():
        with connection.execute_wrapper(break_events):
            record_event(action="file_delete", user=user, outcome=OK)
        record_event(action="file_upload", user=user, outcome=OK)
    assert [row.action for row in rows.all()] == ["file_upload"]


def break_events(execute, sql, params, many, context):
    broken = "auditevent" in sql and sql.startswith("INSERT")
    return execute(sql.replace("auditevent", "no_such_table") if broken else sql, params, many, context)


def make_event(rows, days=0, **fields):
    event = AuditEvent.build(user=None, outcome=OK, **{"action": "file_delete", **fields})
    event.created_at = timezone.now() - timedelta(days=days, seconds=1)
    event.save()
    return event


def test_expired_rows_are_deleted_in_batches(rows, settings):
    old = AuditEvent.build(user=None, action="file_delete", outcome=OK)
    old.created_at = timezone.now() - timedelta(days=31)
    rows.bulk_create([AuditEvent(action="a", created_at=old.created_at) for _ in range(BATCH + 1)])
    young = make_event(rows, 29)
    settings.S3_FILE_UPLOADER_AUDIT_DAYS = None
    assert housekeeping_run().audit_events_forgotten == 0
    settings.S3_FILE_UPLOADER_AUDIT_DAYS = 30
    assert housekeeping_run(dry_run=True).audit_events_forgotten == BATCH + 1
    assert rows.count() == BATCH + 2
    with CaptureQueriesContext(connection) as queries:
        assert housekeeping_run().audit_events_forgotten == BATCH + 1
    deleted = [query for query in queries if query["sql"].startswith("DELETE") and "auditevent" in query["sql"]]
    assert len(deleted) >= 2
    assert list(rows.all()) == [young]


# --- the admin's list ------------------------------------------------------------------------------------------------

LIST = "/admin/s3_file_uploader/auditevent/"


@pytest.fixture
def admin(client, staff):
    client.force_login(staff)
    return client


def list_shown_ids(answer):
    return [row.pk for row in answer.context["cl"].result_list]


def test_admin_search_finds_whole_values(admin, rows, user):
    upload_id = str(uuid.uuid4())
    named = AuditEvent.build(user=user, action="file_upload", outcome=OK, bucket="b", file_name="a/c d.txt")
    named.save()
    refused = AuditEvent.build(
        user=None, action="file_read", outcome="file_not_found", address="10.0.0.1", object_id=upload_id
    )
    refused.save()
    gone = make_event(rows, 1, address="::1")
    AuditEvent.objects.filter(pk=gone.pk).update(user_name="gone@example.com", user_id="77")
    everything = [refused.pk, named.pk, gone.pk]
    for term, expected in (
        ("", everything),
        (" b/a/c d.txt ", [named.pk]),
        ("b/a", []),
        ("user", [named.pk]),
        (str(user.pk), [named.pk]),
        ("77", [gone.pk]),
        ("10.0.0.1", [refused.pk]),
        ("::1", [gone.pk]),
        (upload_id, [refused.pk]),
        ("gone@example.com", [gone.pk]),
    ):
        assert list_shown_ids(admin.get(LIST, {"q": term})) == expected, term
    assert list_shown_ids(admin.get(LIST, {"action": "file_read"})) == [refused.pk]
    assert list_shown_ids(admin.get(LIST, {"outcome": "not_done"})) == [refused.pk]
    assert list_shown_ids(admin.get(LIST, {"outcome": "done"})) == [named.pk, gone.pk]


def test_admin_cannot_change_events(admin, rows):
    event = make_event(rows)
    page = admin.get(f"{LIST}{event.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin.get(f"{LIST}add/").status_code == 403
    assert admin.post(f"{LIST}{event.pk}/change/", {"action": "x"}).status_code == 403
    assert admin.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in admin.get(LIST).content
    assert rows.get().action == "file_delete"


def test_admin_list_counts_at_most_the_shown_rows(admin, rows):
    rows.bulk_create([AuditEvent(action="a", outcome=OK) for _ in range(300)])
    with CaptureQueriesContext(connection) as queries:
        assert admin.get(LIST, {"p": 2}).status_code == 200
    counted = [query["sql"] for query in queries if "COUNT" in query["sql"] and "auditevent" in query["sql"]]
    assert counted
    assert all("LIMIT 10000" in sql for sql in counted)
    assert not [query for query in queries if "DISTINCT" in query["sql"] and "auditevent" in query["sql"]]


def test_admin_actions_are_events_with_the_address(admin, bucket, user, staff, read_events):
    uploads = [stored_file(user, bucket, name) for name in "ab"]
    read_events()
    admin.get(f"/admin/s3_file_uploader/fileupload/{uploads[0].pk}/open/")
    body = {"action": "delete_selected", "post": "yes", "_selected_action": [upload.pk for upload in uploads]}
    events = read_events()
    assert [(event["action"], event["user"], event["address"]) for event in events] == [
        ("file_presign", str(staff.pk), "127.0.0.1")
    ]
    admin.post("/admin/s3_file_uploader/fileupload/", body)
    assert [(event["action"], event["user"], event["address"]) for event in read_events()] == [
        ("file_delete", str(staff.pk), "127.0.0.1")
    ] * 2


def test_health_is_no_event(aws, read_events):
    assert APIClient().get(f"{BASE}/health/").status_code == 200
    assert read_events() == []
