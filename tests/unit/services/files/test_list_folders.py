import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.exceptions import BucketNotAllowed, BucketNotFound, InvalidBucketName, InvalidField
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import folder_list
from tests.unit.services.conftest import started, stored_file

pytestmark = pytest.mark.django_db


def recorded(owner, bucket, *paths, status="stored"):
    """Insert records with these paths, without objects."""
    now = timezone.now()
    FileUpload.objects.bulk_create(
        FileUpload(
            user=owner,
            bucket=bucket,
            file_name=path,
            path=path,
            location_digest=f"{number} {status} {path}",
            status=status,
            status_reason="Bad." if status == "rejected" else "",
            size=1,
            etag="e",
            completed_at=now,
        )
        for number, path in enumerate(paths)
    )


def walked(person, bucket, **options):
    """Return the paths and the prefixes of all pages."""
    paths, prefixes, cursor = [], [], ""
    while cursor is not None:
        page = folder_list(user=person, bucket=bucket, cursor=cursor, **options)
        assert len(page.uploads) + len(page.prefixes) <= options.get("page_size", 100)
        paths += [upload.path for upload in page.uploads]
        prefixes += page.prefixes
        cursor = page.next_cursor
    return paths, prefixes


def test_folder_list_shows_direct_uploads_under_their_names(bucket, user, settings):
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": "users/{user_id}/"}}
    before = f"users/{user.pk}/"
    stored_file(user, bucket, f"{before}photos/a.txt")
    FileUpload.objects.filter(pk=started(user, bucket, file_name="photos/2026/b.txt").upload.pk).update(
        status="stored", etag="e", completed_at=timezone.now()
    )
    assert walked(user, bucket, prefix=before) == ([], [f"{before}photos/"])
    assert walked(user, bucket, prefix=f"{before}photos/") == ([f"{before}photos/a.txt"], [f"{before}photos/2026/"])
    assert walked(user, bucket, delimiter="")[0] == [f"{before}photos/2026/b.txt", f"{before}photos/a.txt"]


def test_folder_list_same_path_on_several_pages_shows_each_record_once(bucket, user):
    recorded(user, bucket, "a", "b", "b", "b", "c/1", "c/1", "d")
    for page_size in (1, 2, 3, 100):
        assert walked(user, bucket, page_size=page_size) == (["a", "b", "b", "b", "d"], ["c/"])
        assert walked(user, bucket, page_size=page_size, prefix="c/") == (["c/1", "c/1"], [])


def test_folder_list_leaves_out_unfinished_records(bucket, user):
    for status in FileUpload.Status.values:
        recorded(user, bucket, status, status=status)
    assert walked(user, bucket)[0] == ["quarantined", "rejected", "stored"]


def test_folder_list_shows_each_user_what_they_may_see(bucket, user, other, staff):
    recorded(user, bucket, "mine", "folder/mine")
    recorded(other, bucket, "theirs", "other folder/theirs")
    assert walked(user, bucket) == (["mine"], ["folder/"])
    assert walked(staff, bucket) == (["mine", "theirs"], ["folder/", "other folder/"])
    assert walked(staff, bucket, owner=other) == (["theirs"], ["other folder/"])


def test_folder_list_many_files_in_few_folders_costs_few_queries(bucket, user):
    recorded(user, bucket, *[f"{folder}/{number:05}" for folder in range(3) for number in range(500)], "file")
    with CaptureQueriesContext(connection) as queries:
        assert walked(user, bucket) == (["file"], ["0/", "1/", "2/"])
    assert len(queries) == 4


def test_folder_list_foreign_cursor_is_refused(bucket, user, other):
    recorded(user, bucket, "a", "b")
    cursor = folder_list(user=user, bucket=bucket, page_size=1).next_cursor
    for person, text in ((user, f"{cursor}x"), (other, cursor)):
        with pytest.raises(InvalidField):
            folder_list(user=person, bucket=bucket, cursor=text)


def test_folder_list_bucket_not_open_or_missing_is_refused(bucket, user, settings):
    with pytest.raises(BucketNotFound):
        folder_list(user=user, bucket="no-such-bucket")
    with pytest.raises(InvalidBucketName):
        folder_list(user=user, bucket="No Bucket")
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["another"]
    with pytest.raises(BucketNotAllowed):
        folder_list(user=user, bucket=bucket)
