from inspect import signature
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.stub import Stubber
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.urls import reverse

from s3_file_uploader.admin import FileUploadAdmin
from s3_file_uploader.models import FileUpload, UploadToken
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_token_create, upload_token_find
from tests.support.scanners import FOUND, VIRUS, use
from tests.unit.services.conftest import stored_file

LIST = "/admin/s3_file_uploader/fileupload/"


@pytest.fixture
def admin(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture(params=[False, True], ids=["", "ATOMIC_REQUESTS"])
def transactional(transactional_db, request, monkeypatch):
    """Real transactions: what the admin or the host wraps in one must not swallow the claim."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", request.param)


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def test_the_list_shows_searches_and_filters(admin, bucket, user):
    stored_file(user, bucket, "holiday.mp4", b"\0\0\0\x18ftypisom" + bytes(1524), content_type="video/mp4")
    stored_file(user, bucket, "notes.txt")
    create_claimed(user=user, bucket=bucket, file_name="coming", content_type="x/y")
    page = admin.get(LIST).content.decode()
    assert "1.5\xa0KB" in page
    assert page.count(">open</a>") == 2
    for query, shown in (
        ("q=holiday", "holiday.mp4"),
        ("status__exact=stored&content_type=text/plain", "notes.txt"),
        ("bucket=bucket-one&status__exact=pending", "coming"),
    ):
        page = admin.get(f"{LIST}?{query}").content.decode()
        assert [name for name in ("holiday.mp4", "notes.txt", "coming") if f">{name}</a>" in page] == [shown]


def test_nothing_can_be_added_or_changed(admin, bucket, user):
    upload = stored_file(user, bucket)
    assert admin.get(f"{LIST}add/").status_code == 403
    page = admin.get(f"{LIST}{upload.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin.post(f"{LIST}{upload.pk}/change/", {"bucket": "x"}).status_code == 403


def test_the_link_opens_the_file_by_a_fresh_url(admin, bucket, user):
    upload = stored_file(user, bucket)
    answer = admin.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="my file.txt"']


def test_the_link_is_for_staff_alone(client, bucket, user):
    upload = stored_file(user, bucket)
    client.force_login(user)
    answer = client.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))
    assert answer["Location"].startswith("/admin/login/")


def test_staff_without_the_right_to_look_cannot_open(client, bucket, user, other):
    upload = stored_file(user, bucket)
    other.is_staff = True
    other.save()
    client.force_login(other)
    assert client.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk])).status_code == 403


def test_a_file_that_is_not_there_yet_has_no_link(admin, bucket, user):
    upload = create_claimed(user=user, bucket=bucket, file_name="f", content_type="x/y")
    answer = admin.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]), follow=True)
    assert said(answer) == ["You have no stored file of that name in this bucket."]


def test_deleting_one_deletes_the_object_too(transactional, admin, bucket, user):
    upload = stored_file(user, bucket)
    answer = admin.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}, follow=True)
    assert "deleted successfully" in said(answer)[0]
    assert not FileUpload.objects.exists()
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert LogEntry.objects.get().object_id == str(upload.pk)


def test_deleting_many(transactional, admin, bucket, user):
    uploads = [stored_file(user, bucket, name) for name in "ab"]
    body = {"action": "delete_selected", "post": "yes", "_selected_action": [upload.pk for upload in uploads]}
    answer = admin.post(LIST, body, follow=True)
    assert "Successfully deleted 2" in said(answer)[0]
    assert not FileUpload.objects.exists()
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert LogEntry.objects.count() == 2


def test_what_s3_refuses_is_said_and_nothing_is_logged(transactional, admin, bucket, user):
    upload = stored_file(user, bucket)
    with Stubber(get_client()) as stub:
        stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
        answer = admin.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}, follow=True)
    assert said(answer) == ["S3 denies this service the call: give its credentials the right for it."]
    assert FileUpload.objects.get().status == "stored"
    assert not LogEntry.objects.exists()


def test_tokens_are_seen_and_deleted_but_not_shown_or_changed(admin, user):
    text = upload_token_create(user=user, expires_in_seconds=60).text
    token, tokens = UploadToken.objects.get(), "/admin/s3_file_uploader/uploadtoken/"
    for address in (tokens, f"{tokens}{token.pk}/change/"):
        page = admin.get(address).content.decode()
        assert str(token.pk) in page
        assert text not in page
    assert admin.get(f"{tokens}add/").status_code == 403
    assert admin.post(f"{tokens}{token.pk}/change/", {"expires_at_0": "2099-01-01"}).status_code == 403
    assert admin.post(f"{tokens}{token.pk}/delete/", {"post": "yes"}).status_code == 302
    assert upload_token_find(text=text) is None


def test_a_scan_is_offered_where_there_are_scanners(admin, bucket, user, settings):
    stored_file(user, bucket)
    assert "Scan selected files again" not in admin.get(LIST).content.decode()
    use(settings, "LooksForVirus")
    assert "Scan selected files again" in admin.get(LIST).content.decode()


def test_get_actions_names_the_parameter_that_django_looks_for():
    """Django 6.1 passes it only where it finds the name, and warns where it does not."""
    assert "action_location" in signature(FileUploadAdmin.get_actions).parameters


def test_get_actions_with_a_location_passes_it_on_and_without_passes_none(rf):
    given = []

    class OfSomeDjango(ModelAdmin):
        def get_actions(self, request, **options):
            given.append(options)
            return {}

    class Page(FileUploadAdmin, OfSomeDjango):  # type: ignore[misc]
        pass

    Page(FileUpload, site).get_actions(rf.get(LIST))
    Page(FileUpload, site).get_actions(rf.get(LIST), action_location="change list")
    assert given == [{}, {"action_location": "change list"}]


def test_files_are_scanned_again(transactional, admin, bucket, user, settings):
    uploads = [stored_file(user, bucket, "clean"), stored_file(user, bucket, "infected", VIRUS)]
    use(settings, "LooksForVirus")
    body = {"action": "scan_again", "_selected_action": [upload.pk for upload in uploads]}
    answer = admin.post(LIST, body, follow=True)
    assert said(answer) == [f"bucket-one/infected: {FOUND}", "Files that were scanned, or will be: 2."]
    assert dict(FileUpload.objects.values_list("file_name", "status")) == {"clean": "stored", "infected": "rejected"}
    page = admin.get(f"{LIST}{uploads[1].pk}/change/").content.decode()
    assert FOUND in page
    assert ">open</a>" not in page
