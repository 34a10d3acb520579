"""The places of files of file fields: nothing else comes there, and housekeeping removes what was rolled back."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.test.utils import isolate_apps
from django.utils import timezone

from s3_file_uploader.exceptions import InvalidFileName
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_buckets, housekeeping_run
from s3_file_uploader.services.housekeeping.rolled_back import LOOK_BACK
from s3_file_uploader.services.recovery import WRITTEN_BY
from s3_file_uploader.services.reports import Kind, Outcome
from s3_file_uploader.services.storage_places import StoragePlace, build_file_id, find_places, list_places
from s3_file_uploader.storage import UploadStorage
from tests.gallery.models import Profile, Report
from tests.support.storages import STATIC, use_storage
from tests.unit.services.conftest import meanwhile, objects_in, out_of_order, parts_left_in, refusing, stored_file

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timedelta(0)


def swept(**options):
    """Return the number of removed files, what was found, and the number of buckets that wait."""
    findings = []
    report = housekeeping_run(
        rolled_back_older_than=options.pop("older_than", NOW), on_finding=findings.append, **options
    )
    listed = [(finding.kind, finding.file_name, finding.outcome) for finding in findings]
    return report.rolled_back_files_removed, listed, report.buckets_left


def rolled_back_file(storage, name="a.txt"):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        name = storage.save(name, ContentFile(b"content"))
        raise ZeroDivisionError
    return f"files/{name}"


def put(bucket, key, **options):
    get_client().put_object(Bucket=bucket, Key=key, Body=b"content", **options)
    return key


class TestPlaces:
    def test_places_are_those_of_settings_and_fields(self, storage, settings):
        assert find_places() == {StoragePlace("bucket-one", "files/")}
        assert "bucket-one" in housekeeping_buckets()
        settings.STORAGES = {"default": STATIC, "staticfiles": STATIC}
        assert find_places() == frozenset()
        with isolate_apps("tests.people") as registry:
            type(
                "Report",
                (models.Model,),
                {
                    "__module__": __name__,
                    "Meta": type("Meta", (), {"app_label": "people"}),
                    "file": models.FileField(storage=UploadStorage(bucket="bucket-two", prefix="a/")),
                    "nowhere": models.FileField(storage=UploadStorage()),
                    "other": models.FileField(),
                },
            )
            assert list_places(registry) == {StoragePlace("bucket-two", "a/")}

    @pytest.mark.parametrize("name", ["files", "files/a.txt", "files/a/b.txt"])
    def test_uploads_do_not_come_among_the_files(self, storage, bucket, user, name):
        with pytest.raises(InvalidFileName, match="File fields of this site"):
            stored_file(user, bucket, name)
        get_client().create_bucket(Bucket="bucket-two")
        assert stored_file(user, "bucket-two", name)
        assert stored_file(user, bucket, f"a/{name}")


class TestRolledBack:
    def test_only_old_files_without_a_record_are_removed(self, storage, bucket):
        stored = f"files/{storage.save('a.txt', ContentFile(b'kept'))}"
        gone = rolled_back_file(storage)
        assert swept(older_than=timedelta(days=1)) == (0, [], 0)
        expected = [(Kind.FILE_ROLLED_BACK, gone, Outcome.OBJECT_DELETED)]
        assert swept(dry_run=True) == (1, expected, 0)
        assert objects_in(bucket) == sorted([stored, gone])
        assert swept() == (1, expected, 0)
        assert objects_in(bucket) == [stored]
        assert FileUpload.objects.count() == 1
        assert swept() == (0, [], 0)

    def test_other_objects_stay(self, storage, bucket, user):
        storage.save("a.txt", ContentFile(b"kept"))
        mine = {"Metadata": {WRITTEN_BY: "claim"}}
        put(bucket, f"files/{build_file_id()}/foreign.txt")
        put(bucket, "files/without-id.txt", **mine)
        put(bucket, f"other/{build_file_id()}/a.txt", **mine)
        put(bucket, f"files/{build_file_id(timezone.now() + timedelta(hours=1))}/later.txt", **mine)
        put(bucket, f"files/{build_file_id(timezone.now() - LOOK_BACK - timedelta(days=1))}/long-ago.txt", **mine)
        assert swept() == (0, [], 0)
        assert len(objects_in(bucket)) == 6

    def test_bucket_without_records_may_be_another_site_s(self, storage, bucket):
        gone = rolled_back_file(storage)
        assert swept() == (0, [], 0)
        assert objects_in(bucket) == [gone]

    def test_file_whose_key_is_claimed_meanwhile_stays(self, storage, bucket, user):
        storage.save("a.txt", ContentFile(b"kept"))
        gone = rolled_back_file(storage)
        with meanwhile("HeadObject", lambda: create_claimed(user=user, bucket=bucket, file_name=gone)):
            assert swept() == (0, [], 0)
        FileUpload.objects.get(file_name=gone).delete()
        with meanwhile("HeadObject", lambda: get_client().delete_object(Bucket=bucket, Key=gone)):
            assert swept() == (0, [], 0)

    def test_store_that_fails_is_left_to_the_next_run(self, storage, bucket):
        storage.save("a.txt", ContentFile(b"kept"))
        gone = rolled_back_file(storage)
        with refusing("ListObjectsV2"):
            assert swept()[2] == 1
        with out_of_order(bucket):
            assert swept()[2] == 2
        assert gone in objects_in(bucket)

    def test_parts_of_a_killed_process_are_aborted(self, storage, bucket):
        storage.save("a.txt", ContentFile(b"kept"))
        for key in (f"files/{build_file_id()}/a.bin", "files/other.bin"):
            get_client().create_multipart_upload(Bucket=bucket, Key=key)
        report = housekeeping_run()
        assert (report.multipart_uploads_aborted, report.multipart_uploads_unexplained) == (1, 1)
        assert parts_left_in(bucket) == ["files/other.bin"]


def test_files_of_a_storage_that_the_settings_lack_are_left(storage, bucket, settings, monkeypatch):
    for field in (Profile._meta.get_field("cover"), Report._meta.get_field("pictures")):
        monkeypatch.setattr(field, "cleanup", "delete")
    storage.save("a.txt", ContentFile(b"content"))
    FileUpload.objects.update(attached_at=timezone.now() - timedelta(days=1))
    use_storage(settings, bucket, prefix="renamed/")
    assert housekeeping_run().attachments_mended == 0
    assert FileUpload.objects.stored().exists()
