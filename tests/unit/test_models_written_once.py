import uuid

import pytest
from django.utils import timezone

from s3_file_uploader.models import FileUpload, record_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(user):
    started = FileUpload.objects.pending(
        user=user,
        bucket="bucket",
        file_name="uploads/file \N{SNOWMAN}",
        size=2**40,
        content_type="x/y",
        strategy="multipart",
        part_size=8,
        multipart_upload_id="%s \"'",
        claimed_until=timezone.now(),
    )
    started.insert()
    return started


def values_of(record):
    return {field.attname: getattr(record, field.attname) for field in FileUpload._meta.concrete_fields}


def test_the_record_is_the_one_that_django_would_get(user, upload):
    found = record_of(FileUpload, id=upload.pk, user=user.pk)
    assert values_of(found) == values_of(FileUpload.objects.get(pk=upload.pk))
    assert not found.get_deferred_fields()
    assert not found._state.adding


def test_every_value_counts(user, other, upload):
    assert record_of(FileUpload, id=upload.pk) == upload
    assert record_of(FileUpload, id=upload.pk, user=other.pk) is None
    assert record_of(FileUpload, id=uuid.uuid4(), user=user.pk) is None


def test_a_text_is_a_value_whatever_it_says(upload):
    assert record_of(FileUpload, multipart_upload_id=upload.multipart_upload_id) == upload
    assert record_of(FileUpload, multipart_upload_id="' OR 1=1 --") is None


def test_one_query_finds_it(upload, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert record_of(FileUpload, id=upload.pk)
