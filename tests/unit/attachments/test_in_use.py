"""A file that a field refers to cannot be removed or replaced behind the back of its row."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from s3_file_uploader.exceptions import FileInUse
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import Repairs, bucket_compare, record_delete
from s3_file_uploader.services.references import release, releasing
from s3_file_uploader.services.reports import Outcome
from tests.conftest import client_of
from tests.gallery.models import Profile, Report
from tests.unit.attachments.conftest import is_attached, is_there
from tests.unit.services.conftest import bytes_at, objects_in

pytestmark = pytest.mark.django_db
SERVICE = "/modules/s3-file-uploader/service/"


def in_use(answer):
    assert (answer.status_code, answer.json()["code"]) == (409, "file_in_use")
    assert "remove it there" in answer.json()["detail"]
    return True


def test_api_neither_deletes_nor_replaces(user, upload, profile, bucket):
    client = client_of(user)
    address = f"{SERVICE}buckets/{bucket}/files/{upload.file_name}/"
    assert in_use(client.delete(f"{SERVICE}uploads/{upload.pk}/"))
    assert in_use(client.delete(address))
    assert in_use(client.delete(f"{SERVICE}users/{user.pk}/buckets/{bucket}/files/{upload.file_name}/remove/"))
    assert in_use(client.put(f"{address}?overwrite=true", data=b"other", content_type="text/plain"))
    form = {"bucket": bucket, "file_name": upload.file_name, "overwrite": "true"}
    assert in_use(client.post(f"{SERVICE}file/upload/", {**form, "file": SimpleUploadedFile("a.txt", b"other")}))
    assert bytes_at(bucket, upload.file_name) == b"content"
    assert FileUpload.objects.get().status == "stored"


def test_admin_shows_who_refers_and_deletes_nothing(client, staff, upload, profile):
    client.force_login(staff)
    page = client.get(reverse("admin:s3_file_uploader_fileupload_delete", args=[upload.pk]))
    assert "would require deleting the following protected related objects" in page.content.decode()
    for post in ({"post": "yes"}, {"action": "delete_selected", "_selected_action": str(upload.pk), "post": "yes"}):
        where = "changelist" if "action" in post else "delete"
        client.post(
            reverse(f"admin:s3_file_uploader_fileupload_{where}", args=[] if "action" in post else [upload.pk]), post
        )
    assert is_there(upload)


@pytest.mark.parametrize("status", ["stored", "quarantined", "rejected"])
def test_record_is_not_deleted_in_any_status(upload, profile, status):
    FileUpload.objects.update(status=status, status_reason="reason")
    with pytest.raises(FileInUse):
        record_delete(user=None, upload=FileUpload.objects.get())
    assert FileUpload.objects.get().status == status


@pytest.mark.parametrize("status", ["stored", "rejected"])
def test_reference_that_has_not_attached_holds_too(upload, bucket, status):
    Profile.objects.create()
    Profile.objects.update(avatar=upload)
    FileUpload.objects.update(status=status, status_reason="reason")
    assert not is_attached(upload)
    with pytest.raises(FileInUse):
        record_delete(user=None, upload=FileUpload.objects.get())
    assert objects_in(bucket) == [upload.file_name]


def test_plain_foreign_key_holds_too(upload, bucket):
    Report.objects.create(mentioned=upload)
    with pytest.raises(FileInUse):
        record_delete(user=None, upload=upload)


def test_comparison_keeps_the_record_of_a_lost_object(upload, profile, bucket):
    get_client().delete_object(Bucket=bucket, Key=upload.file_name)
    report = bucket_compare(bucket=bucket, repairs=Repairs(remove_records=True))
    assert (report.records_without_object, report.left, report.is_complete) == (1, 1, False)
    assert Profile.objects.get().avatar == upload


def test_comparison_describes_a_changed_object_anew(upload, profile, bucket):
    get_client().put_object(Bucket=bucket, Key=upload.file_name, Body=b"changed by another program")
    report = bucket_compare(bucket=bucket, repairs=Repairs(update_records=True))
    assert [finding.outcome for finding in report.examples] == [Outcome.RECORD_UPDATED]
    assert (Profile.objects.get().avatar.size, is_attached(upload)) == (26, True)


def test_release_of_a_referenced_file_changes_nothing(upload, profile):
    assert release(upload.pk) is False
    assert is_attached(upload)


def test_claim_says_who_was_faster(upload, profile):
    with pytest.raises(FileInUse):
        claim_record(upload, FileUpload.Status.DELETING)
    claim_record(upload, FileUpload.Status.PENDING, even_attached=True)


def test_deletion_after_a_release_finds_a_new_reference(upload, profile):
    """Another request attached the file between the look for references and the lock."""
    with pytest.raises(FileInUse), releasing(upload):
        pytest.fail("The file is referred to.")
    assert is_attached(upload)
