"""Every route writes the event of its action."""

import io
import logging
import re
import uuid
from pathlib import Path

import pytest
from django.urls import get_resolver
from django.utils import timezone

import s3_file_uploader
from s3_file_uploader import urls
from s3_file_uploader.api.authentication import Ticket
from s3_file_uploader.api.viewsets import HealthViewSet
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import share_create, upload_token_create
from s3_file_uploader.services.audit.trail import ACTIONS, OK, QUIET
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.services.audit.conftest import send_request
from tests.unit.services.conftest import sent, started, stored_file

pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # Each test of a route creates all that the route needs.
BASE = "/modules/s3-file-uploader/service"


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
            "UploadViewSet.folder": ("get", f"{BASE}/uploads/folder/", {"bucket": bucket}),
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


def test_refused_anonymous_requests_are_lines_without_rows(routes, read_events, rows):
    read_events()
    for name in [name for name in NAMES if name not in WITHOUT_LOGIN]:
        method, path, *body = routes[name]
        path = re.sub(r"uppy/(signed|token)/[^/]+", r"uppy/\1/forged", path)
        assert send_request(client_of(None), method, path, *body).status_code == 401, name
        (event,) = read_events()
        assert (event["user"], event["outcome"]) == (None, "not_authenticated"), name
        assert not rows.exists(), name


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
