"""The JSON for the pages of staff."""

import re
from dataclasses import fields
from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.console.staff import FIGURES, MAX_USERS, HousekeepingView
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services.reports import HousekeepingReport
from tests.gallery.models import Profile
from tests.support.host import ROOT
from tests.unit.services.conftest import started, stored_file

USERS, HOUSEKEEPING = "/staff/users/", "/staff/housekeeping/"


@pytest.mark.parametrize("address", [USERS, HOUSEKEEPING])
def test_staff_pages_refuse_everybody_else(client, user, address):
    refused = client.get(address)
    assert (refused.status_code, refused.headers["Cache-Control"]) == (401, "no-store")
    client.force_login(user)
    assert client.get(address).status_code == 403


def test_users_are_found_by_the_beginning_of_their_names(client, staff, django_user_model):
    django_user_model.objects.bulk_create(django_user_model(username=f"Ada-{n:02}") for n in range(MAX_USERS + 5))
    client.force_login(staff)
    found = client.get(USERS, {"search": "ada"}).json()["results"]
    assert [user["name"] for user in found] == [f"Ada-{n:02}" for n in range(MAX_USERS)]


def test_users_are_found_by_their_primary_keys(client, staff, user):
    client.force_login(staff)
    found = client.get(USERS, {"id": [str(user.pk), "no-number", "999999", "9" * 30, "\0"]}).json()["results"]
    assert found == [{"id": str(user.pk), "name": user.username}]


def test_name_with_a_nul_character_is_refused(client, staff):
    client.force_login(staff)
    response = client.get(USERS, {"search": "a\0"})
    assert (response.status_code, response.json()) == (400, {"detail": "Null characters are not allowed."})


def test_housekeeping_counts_and_changes_nothing(client, staff, user, bucket, settings):
    upload = started(user, bucket).upload
    upload.created_at -= timedelta(days=30)
    upload.claimed_until = upload.created_at
    upload.save()
    client.force_login(staff)
    answer = client.get(HOUSEKEEPING).json()
    assert answer["is_whole"] is True
    assert answer["counts"]["records_settled"] == 1
    upload.refresh_from_db()
    assert upload.status == "pending"


def test_housekeeping_counts_files_of_fields(client, staff, user, bucket, settings):
    settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 1
    attached = stored_file(user, bucket, "attached")
    stored_file(user, bucket, "expired")
    FileUpload.objects.update(completed_at=timezone.now() - timedelta(seconds=2))
    Profile.objects.create()
    Profile.objects.update(avatar=attached)
    client.force_login(staff)
    counts = client.get(HOUSEKEEPING).json()["counts"]
    assert (counts["attachments_mended"], counts["unattached_removed"]) == (1, 1)
    assert FileUpload.objects.unattached().count() == 2


def test_page_of_housekeeping_names_each_figure():
    page = (ROOT / "console" / "src" / "staff" / "housekeeping.tsx").read_text()
    figures = {field.name for field in fields(HousekeepingReport)}
    assert set(re.findall(r'^    \["(\w+)", _\(', page, re.MULTILINE)) == figures
    assert set(FIGURES.values()) <= figures


def test_housekeeping_stops_when_its_time_is_over(rf, staff, user, bucket):
    upload = started(user, bucket).upload
    upload.claimed_until = upload.created_at
    upload.save()
    request = rf.get(HOUSEKEEPING)
    request.user = staff
    response = HousekeepingView.as_view(seconds=-1)(request)
    assert b'"is_whole": false' in response.content
    assert b'"records_settled": 1' in response.content


def test_housekeeping_stops_also_while_the_store_is_down(rf, staff, user, bucket, settings):
    started(user, bucket)
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    request = rf.get(HOUSEKEEPING)
    request.user = staff
    assert HousekeepingView.as_view(seconds=-1)(request).content == b'{"is_whole": false, "counts": {}}'
