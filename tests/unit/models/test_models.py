from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_save
from django.utils import timezone

from s3_file_uploader.exceptions import ClaimLost, FileExists
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.byte_order import ByteOrder
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in, keep_lease, renew_lease
from s3_file_uploader.models.transitions import mark_stored, remove_record

pytestmark = pytest.mark.django_db
Status = FileUpload.Status


def claimed(user, file_name="file", **fields):
    return create_claimed(user=user, bucket="bucket", file_name=file_name, content_type="x/y", **fields)


def stored(user, file_name="file"):
    upload = claimed(user, file_name)
    mark_stored(upload, size=1, etag="e", completed_at=timezone.now())
    return upload


def test_create_claimed_twice_is_refused(user, other):
    upload = claimed(user)
    assert (upload.status, upload.was_stored, upload.is_abandoned) == (Status.PENDING, False, False)
    with pytest.raises(FileExists):
        claimed(other)
    assert FileUpload.objects.get() == upload
    assert str(upload) == "bucket/file"


@pytest.mark.parametrize(
    "names", [("File", "file"), ("é", "e\u0301"), ("a", "a "), ("ß", "ss"), ("x" * 1023 + "a", "x" * 1023 + "b")]
)
def test_create_claimed_with_similar_names_creates_two(user, names):
    for name in names:
        claimed(user, name)
        assert FileUpload.objects.at(bucket="bucket", file_name=name).get().file_name == name


def test_create_claimed_in_another_bucket_creates_two(user):
    claimed(user)
    create_claimed(user=user, bucket="other", file_name="file", content_type="x/y")
    assert FileUpload.objects.count() == 2


def test_claim_record_by_two_requests_lets_one_win(user):
    stored(user)
    first, second = FileUpload.objects.get(), FileUpload.objects.get()
    claim_record(first, Status.PENDING)
    with pytest.raises(ClaimLost):
        claim_record(second, Status.DELETING)
    assert FileUpload.objects.get().status == Status.PENDING


def test_claim_record_after_expiry_stops_the_former_holder(user):
    late = claimed(user)
    end_lease_in(late, -1)
    assert FileUpload.objects.abandoned().get().is_abandoned
    taker = FileUpload.objects.get()
    claim_record(taker, Status.PENDING)
    for step in (lambda: renew_lease(late), lambda: mark_stored(late, size=1, etag="e"), lambda: end_lease_in(late, 0)):
        with pytest.raises(ClaimLost):
            step()
    remove_record(late)
    assert FileUpload.objects.get().claim_id == taker.claim_id
    assert not FileUpload.objects.abandoned().exists()


def test_keep_lease_renews_it_after_half_of_it(user, django_assert_num_queries, settings):
    settings.S3_FILE_UPLOADER_CLAIM_SECONDS = 1000
    upload = claimed(user)
    with django_assert_num_queries(0):
        keep_lease(upload)
    end_lease_in(upload, 499)
    keep_lease(upload)
    assert upload.claimed_until > timezone.now() + timedelta(seconds=990)
    upload.claimed_until = None
    with django_assert_num_queries(1):
        keep_lease(upload)


def test_mark_stored_without_size_or_etag_is_refused(user):
    for lacking in ({"size": None}, {"etag": ""}, {"completed_at": None}, {"size": -1}):
        upload = claimed(user, file_name=str(lacking))
        with pytest.raises(IntegrityError), transaction.atomic():
            mark_stored(upload, **{"size": 1, "etag": "e", "completed_at": timezone.now(), **lacking})


def test_save_with_an_unknown_status_is_refused(user):
    stored(user)
    with pytest.raises(IntegrityError), transaction.atomic():
        FileUpload.objects.update(status="lost")


def test_visible_to_each_user_narrows_to_their_files(user, other, staff, settings):
    mine, theirs = stored(user, "mine"), stored(other, "theirs")
    assert set(FileUpload.objects.visible_to(user)) == {mine}
    assert set(FileUpload.objects.visible_to(staff)) == {mine, theirs}
    settings.S3_FILE_UPLOADER_VISIBLE_TO = "tests.unit.models.test_models.everything"
    assert set(FileUpload.objects.visible_to(user)) == {mine, theirs}


def test_visible_to_an_anonymous_user_is_empty(user):
    stored(None)
    assert not FileUpload.objects.visible_to(AnonymousUser()).exists()


def everything(queryset, user):
    return queryset


@pytest.mark.django_db(transaction=True)
def test_claim_record_inside_a_transaction_is_refused(user):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claimed(user)
    assert not FileUpload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_claim_record_with_autocommit_opens_no_transaction(user, django_assert_num_queries):
    with django_assert_num_queries(1):
        upload = claimed(user)
    end_lease_in(upload, -1)
    with django_assert_num_queries(1):
        claim_record(upload, Status.DELETING)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sender", [FileUpload, None], ids=["its own", "any model's"])
def test_create_claimed_with_a_failing_listener_leaves_no_record(user, sender):
    def fail(**kwargs):
        raise ZeroDivisionError

    post_save.connect(fail, sender=sender)
    try:
        with pytest.raises(ZeroDivisionError):
            claimed(user)
    finally:
        post_save.disconnect(fail, sender=sender)
    assert not FileUpload.objects.exists()
    assert claimed(user).status == Status.PENDING


def test_listing_of_a_user_reads_its_index_in_order(user):
    plan = FileUpload.objects.filter(user=user).explain()
    assert "s3_upload_of_user" in plan or "Seq Scan" in plan  # PostgreSQL scans what is nearly empty.
    assert "TEMP B-TREE" not in plan


def test_byte_order_on_postgresql_names_the_c_collation():
    compiler = FileUpload.objects.by_key("bucket").query.get_compiler(connection=connection)
    column = ByteOrder("file_name").resolve_expression(compiler.query)
    assert column.as_postgresql(compiler, connection)[0].endswith('"file_name" COLLATE "C"')
