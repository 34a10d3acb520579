"""The pages that ask before a deletion, and the page of the sums."""

import uuid

import pytest
from django.contrib.admin import site
from django.utils import timezone

from s3_file_uploader.admin import FileUploadAdmin, upload_deletion, usage
from s3_file_uploader.models import FileUpload, ShareLink, usage_sums
from s3_file_uploader.models.usage_sums import BucketSum, UserSum, add_up_usage
from tests.unit.admin.conftest import LIST, give, make_record


def share(upload, user, **values):
    fields = {"digest": uuid.uuid4().hex, "expires_at": timezone.now() + timezone.timedelta(hours=1), **values}
    return ShareLink.objects.create(upload=upload, user=user, **fields)


@pytest.fixture
def records(user):
    upload = make_record(user, "a", size=3_670_016)
    share(upload, user)
    share(upload, user, revoked_at=timezone.now())
    return [upload, make_record(user, "b"), make_record(user, "c", status="pending", size=9, completed_at=None)]


def test_delete_pages_say_what_goes(admin, records):
    html = admin.get(f"{LIST}{records[0].pk}/delete/").content.decode().replace("\xa0", " ")
    assert "<strong>1 file, 3.5 MB (3,670,016 bytes)</strong>, will be removed from S3" in html
    assert "<strong>1 share link</strong> will stop working (of 2 that were made)" in html
    assert "unfinished" not in html
    body = {"action": "delete_selected", "_selected_action": [record.pk for record in records]}
    html = admin.post(LIST, body).content.decode().replace("\xa0", " ")
    assert "<strong>2 files, 3.5 MB (3,672,064 bytes)</strong>" in html
    assert "1 record of unfinished or rejected uploads" in html
    assert FileUpload.objects.count() == 3


def test_delete_page_counts_many_links_instead_of_listing_them(client, admin, records, other, monkeypatch):
    monkeypatch.setattr(upload_deletion, "MAX_COLLECTED_LINKS", 1)
    link = ShareLink.objects.first()
    html = admin.get(f"{LIST}{records[0].pk}/delete/").content.decode()
    assert str(link.pk) not in html
    assert "bucket-one/a" in html
    client.force_login(give(other, "view_fileupload", "delete_fileupload"))
    html = client.get(f"{LIST}{records[0].pk}/delete/").content.decode()
    assert "your account doesn't have permission to delete" in html
    assert "share link" in html


def test_delete_of_a_missing_file_without_permission_returns_403(client, records, other):
    client.force_login(give(other, "view_fileupload"))
    assert client.get(f"{LIST}{records[0].pk}/delete/").status_code == 403


def test_add_up_usage_sums_by_user_and_bucket(user, other):
    make_record(user, "a", size=5, bucket="bucket-one")
    make_record(user, "b", size=7, bucket="bucket-two")
    make_record(other, "c", size=20)
    make_record(None, "d", size=1)
    make_record(user, "e", size=1000, status="rejected", status_reason="x")
    sums = add_up_usage(FileUpload.objects.all())
    assert (sums.files, sums.bytes, sums.is_whole) == (4, 33, True)
    assert sums.largest == (
        UserSum(other.pk, 1, 20, (BucketSum("bucket-one", 1, 20),)),
        UserSum(user.pk, 2, 12, (BucketSum("bucket-two", 1, 7), BucketSum("bucket-one", 1, 5))),
        UserSum(None, 1, 1, (BucketSum("bucket-one", 1, 1),)),
    )
    assert add_up_usage(FileUpload.objects.all(), user_id=user.pk, bucket="bucket-two").bytes == 7
    assert add_up_usage(FileUpload.objects.all(), bucket="bucket-nine").largest == ()


def test_add_up_usage_reads_a_limited_number_of_rows(user, monkeypatch):
    for name in "abc":
        make_record(user, name, size=1)
    monkeypatch.setattr(usage_sums, "MAX_ADDED", 1)
    sums = add_up_usage(FileUpload.objects.all())
    assert (sums.files, sums.bytes, sums.is_whole) == (1, 2, False)


def test_usage_page_shows_exact_sums_and_limits(admin, user, other, monkeypatch):
    make_record(user, "a", size=3_670_016)
    make_record(user, "b", size=1, bucket="bucket-two")
    make_record(None, "c", size=2)
    html = admin.get(f"{LIST}usage/").content.decode().replace("\xa0", " ")
    for text in (
        "3.5 MB (3,670,019 bytes)",
        "3,670,017",
        f"{LIST}?user={user.pk}&amp;bucket=bucket-two",
        "Without a user",
    ):
        assert text in html, text
    assert f"{LIST}?user=-" in html
    assert "3,670,016" in admin.get(f"{LIST}usage/", {"user": "user", "bucket": "bucket-one"}).content.decode()
    assert "No user has this login name" in admin.get(f"{LIST}usage/", {"user": "nobody"}).content.decode()
    assert "no stored files" in admin.get(f"{LIST}usage/", {"user": other.pk}).content.decode()
    assert "at most 63 characters" in admin.get(f"{LIST}usage/", {"bucket": "b" * 64}).content.decode()
    assert admin.post(f"{LIST}usage/").status_code == 405
    monkeypatch.setattr(usage_sums, "MAX_ADDED", 1)
    monkeypatch.setattr(usage, "MAX_BUCKETS", 1)
    html = admin.get(f"{LIST}usage/").content.decode()
    assert "There are more than 1,000,000 files" in html
    monkeypatch.setattr(usage_sums, "MAX_ADDED", 100)
    assert "and 1 more bucket<" in admin.get(f"{LIST}usage/").content.decode()


def test_usage_page_shows_only_what_a_host_lets_the_viewer_see(rf, staff, user):
    make_record(user, "a", size=1_111_111)
    make_record(user, "b", size=2_222_222, bucket="bucket-two")

    class Narrowed(FileUploadAdmin):
        def get_queryset(self, request):
            return super().get_queryset(request).filter(bucket=request.headers["x-bucket"])

    for bucket, expected in (("bucket-one", "1,111,111"), ("bucket-nine", "no stored files")):
        request = rf.get("/", headers={"x-bucket": bucket})
        request.user = staff
        html = Narrowed(FileUpload, site).usage_view(request).render().content.decode()
        assert expected in html
        assert "2,222,222" not in html
