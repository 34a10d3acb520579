"""Housekeeping makes marks and references agree, and expires what nothing attached."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import Repairs, bucket_compare, housekeeping_run
from s3_file_uploader.services.housekeeping.attachments import expire_unattached
from s3_file_uploader.services.reports import Kind, Outcome
from tests.gallery.models import Profile, Report
from tests.unit.services.conftest import meanwhile, objects_in, refusing, stored_file
from tests.unit.services.housekeeping.test_run import figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_keeping_field(monkeypatch):
    """Let every field of the project remove what it lets go of."""
    for field in (Profile._meta.get_field("cover"), Report._meta.get_field("pictures")):
        monkeypatch.setattr(field, "cleanup", "delete")


def age(**ago):
    FileUpload.objects.update(attached_at=timezone.now() - timedelta(**ago))


def run(**options):
    findings = []
    report = housekeeping_run(on_finding=findings.append, **options)
    return figures(report), [(finding.kind, finding.outcome) for finding in findings]


@pytest.mark.parametrize("where", ["one", "many"])
def test_references_without_a_mark_get_one(user, bucket, where):
    upload = stored_file(user, bucket)
    if where == "one":
        Profile.objects.create()
        Profile.objects.update(avatar=upload)
    else:
        Report.attachments.through.objects.create(report=Report.objects.create(), fileupload=upload)
    found = [(Kind.ATTACHMENT, Outcome.MARKED_ATTACHED)]
    assert run(dry_run=True) == ({"attachments_mended": 1}, found)
    assert FileUpload.objects.get().attached_at is None
    assert run() == ({"attachments_mended": 1}, found)
    assert FileUpload.objects.get().attached_at
    assert run() == ({}, [])


def test_marks_without_a_reference_are_removed_with_the_file(user, bucket, no_keeping_field):
    Profile.objects.create(logo=stored_file(user, bucket))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gallery_profile")
    age(minutes=59)
    assert run() == ({}, [])
    age(minutes=61)
    found = [(Kind.ATTACHMENT, Outcome.RECORD_AND_OBJECT_REMOVED)]
    assert run(dry_run=True) == ({"attachments_mended": 1}, found)
    assert objects_in(bucket) == ["file"]
    assert run() == ({"attachments_mended": 1}, found)
    assert objects_in(bucket) == []


def test_marks_without_a_reference_keep_the_file_if_a_field_keeps(user, bucket):
    stored_file(user, bucket)
    age(hours=2)
    assert run() == ({"attachments_mended": 1}, [(Kind.ATTACHMENT, Outcome.RELEASED)])
    assert FileUpload.objects.get().attached_at is None


@pytest.fixture
def missing_app(db):
    """Add a table of an app that was removed from INSTALLED_APPS."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE missing_app (file_id char(32) REFERENCES {FileUpload._meta.db_table} (id))")
        cursor.execute("CREATE TABLE another_program (id integer)")


def test_files_of_a_missing_app_are_not_let_go_of(user, bucket, no_keeping_field, missing_app, settings, caplog):
    settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 1
    stored_file(user, bucket, "attached")
    age(hours=2)
    stored_file(user, bucket, "free")
    FileUpload.objects.update(completed_at=timezone.now() - timedelta(hours=1))
    assert run() == ({}, [])
    assert FileUpload.objects.unattached().get().file_name == "free"
    assert len(objects_in(bucket)) == 2
    assert "no app in INSTALLED_APPS has them: missing_app." in caplog.text


def test_broken_store_leaves_the_file_for_the_next_run(user, bucket, no_keeping_field):
    stored_file(user, bucket)
    age(hours=2)
    with refusing("DeleteObject"):
        counted, found = run()
    assert counted == {"records_left": 1}
    assert found == [(Kind.ATTACHMENT, Outcome.LEFT)]
    assert run()[0] == {"records_settled": 1}
    assert objects_in(bucket) == []


class TestUnattached:
    @pytest.fixture(autouse=True)
    def old_files(self, user, bucket, settings):
        settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 3600
        for name in ("attached", "mentioned", "free"):
            stored_file(user, bucket, name)
        FileUpload.objects.update(completed_at=timezone.now() - timedelta(seconds=3601))
        stored_file(user, bucket, "new")
        Profile.objects.create(logo=FileUpload.objects.get(file_name="attached"))
        Report.objects.create(mentioned=FileUpload.objects.get(file_name="mentioned"))

    def test_old_files_that_nothing_attached_are_removed(self, bucket):
        found = [(Kind.UPLOAD_UNATTACHED, Outcome.RECORD_AND_OBJECT_REMOVED)]
        assert run(dry_run=True) == ({"unattached_removed": 1}, found)
        assert len(objects_in(bucket)) == 4
        assert run() == ({"unattached_removed": 1}, found)
        assert objects_in(bucket) == ["attached", "mentioned", "new"]

    def test_adopted_file_stays(self, bucket, user):
        get_client().put_object(Bucket=bucket, Key="of-another-program", Body=b"content")
        bucket_compare(bucket=bucket, repairs=Repairs(adopt_for=user))
        FileUpload.objects.update(completed_at=timezone.now() - timedelta(days=1))
        assert run()[0] == {"unattached_removed": 2}
        assert objects_in(bucket) == ["attached", "mentioned", "of-another-program"]

    def test_setting_is_off_by_default(self, bucket, settings):
        del settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS
        assert run() == ({}, [])

    def test_file_that_is_attached_meanwhile_stays(self, bucket):
        findings = []
        FileUpload.objects.filter(file_name="new").update(completed_at=timezone.now() - timedelta(days=1))
        _, second = FileUpload.objects.filter(file_name__in=("free", "new")).order_by("pk")
        with meanwhile("DeleteObject", lambda: Profile.objects.create(logo=second)):
            assert expire_unattached(dry_run=False, on_finding=findings.append) == (2, 0)
        assert [finding.outcome for finding in findings] == [Outcome.RECORD_AND_OBJECT_REMOVED, Outcome.OVERTAKEN]
        assert second.file_name in objects_in(bucket)
