from inspect import signature
from urllib.parse import parse_qs, urlsplit

from botocore.stub import Stubber
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from s3_file_uploader.admin import FileUploadAdmin
from s3_file_uploader.models import FileUpload, UploadToken
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_token_create, upload_token_find
from tests.support.scanners import use
from tests.unit.admin.conftest import LIST, list_messages
from tests.unit.services.conftest import stored_file


def test_list_shows_searches_and_filters(admin, bucket, user):
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
        assert [name for name in ("holiday.mp4", "notes.txt", "coming") if f"<bdi>{name}</bdi>" in page] == [shown]


def test_records_cannot_be_added_or_changed(admin, bucket, user):
    upload = stored_file(user, bucket)
    assert admin.get(f"{LIST}add/").status_code == 403
    page = admin.get(f"{LIST}{upload.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin.post(f"{LIST}{upload.pk}/change/", {"bucket": "x"}).status_code == 403


def test_open_redirects_to_a_presigned_url(admin, bucket, user):
    upload = stored_file(user, bucket)
    answer = admin.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="my file.txt"']


def test_open_without_staff_status_redirects_to_login(client, bucket, user):
    upload = stored_file(user, bucket)
    client.force_login(user)
    answer = client.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]))
    assert answer["Location"].startswith("/admin/login/")


def test_open_without_view_permission_returns_403(client, bucket, user, other):
    upload = stored_file(user, bucket)
    other.is_staff = True
    other.save()
    client.force_login(other)
    assert client.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk])).status_code == 403


def test_open_of_a_pending_file_shows_the_error(admin, bucket, user):
    upload = create_claimed(user=user, bucket=bucket, file_name="f", content_type="x/y")
    answer = admin.get(reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk]), follow=True)
    assert list_messages(answer) == ["You have no stored file of that name in this bucket."]


def test_delete_removes_object_and_record(transactional, admin, bucket, user):
    upload = stored_file(user, bucket)
    answer = admin.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}, follow=True)
    assert "deleted successfully" in list_messages(answer)[0]
    assert not FileUpload.objects.exists()
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert LogEntry.objects.get().object_id == str(upload.pk)


def test_delete_of_many_removes_objects_and_records(transactional, admin, bucket, user):
    uploads = [stored_file(user, bucket, name) for name in "ab"]
    body = {"action": "delete_selected", "post": "yes", "_selected_action": [upload.pk for upload in uploads]}
    answer = admin.post(LIST, body, follow=True)
    assert "Successfully deleted 2" in list_messages(answer)[0]
    assert not FileUpload.objects.exists()
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert LogEntry.objects.count() == 2


def test_delete_refused_by_s3_shows_the_error(transactional, admin, bucket, user):
    upload = stored_file(user, bucket)
    with Stubber(get_client()) as stub:
        stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
        answer = admin.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}, follow=True)
    assert list_messages(answer) == ["S3 denies this service the call: give its credentials the right for it."]
    assert FileUpload.objects.get().status == "stored"
    assert not LogEntry.objects.exists()


def test_tokens_can_be_listed_and_deleted_only(admin, user):
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


def test_get_actions_with_a_scanner_offers_a_scan(admin, bucket, user, settings):
    stored_file(user, bucket)
    assert "Scan selected files again" not in admin.get(LIST).content.decode()
    use(settings, "LooksForVirus")
    assert "Scan selected files again" in admin.get(LIST).content.decode()


def test_get_actions_has_the_parameter_of_django_61():
    """Django 6.1 passes the location only if it finds this name, and warns otherwise."""
    assert "action_location" in signature(FileUploadAdmin.get_actions).parameters


def test_get_actions_passes_on_the_location_if_given(rf):
    calls = []

    class RecordingAdmin(ModelAdmin):
        def get_actions(self, request, **options):
            calls.append(options)
            return {}

    class Page(FileUploadAdmin, RecordingAdmin):  # type: ignore[misc]
        pass

    Page(FileUpload, site).get_actions(rf.get(LIST))
    Page(FileUpload, site).get_actions(rf.get(LIST), action_location="change list")
    assert calls == [{}, {"action_location": "change list"}]
