"""Files that stock Uppy uploads through this service are complete in S3, each with a record of its user."""

from uuid import uuid4

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.uppy.steps import (
    MAJORS,
    MIB,
    ODD_NAME,
    PART_BYTES,
    file_chosen,
    finished,
    nothing_left_check,
    sent,
    stored_check,
    uppy_open,
)

pytestmark = pytest.mark.parametrize("major", MAJORS)


@pytest.fixture
def visitor(visitor_of, user):
    return visitor_of(user)


@pytest.fixture
def other_bucket(store):
    name = f"bucket-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(("name", "size"), [("small.mp4", 1000), ("empty.mp4", 0), (ODD_NAME, 1000)])
def test_upload_of_a_small_file_stores_it(visitor, pages, user, file_of, major, name, size):
    path = file_of(size, name)
    uppy_open(visitor, pages, major)
    upload = stored_check(user, path, sent(visitor, path))
    assert upload.strategy == "post"
    assert visitor.complaints == []


@pytest.mark.parametrize("size", [20 * MIB + 1, 300 * MIB])
def test_upload_of_a_large_file_stores_it(visitor, pages, user, file_of, major, size):
    path = file_of(size)
    uppy_open(visitor, pages, major)
    result = sent(visitor, path)
    upload = stored_check(user, path, result)
    assert upload.strategy == "multipart"
    assert result["parts"] == -(-size // PART_BYTES)
    assert [answer["uploadURL"] for answer in result["answers"]] == [record["url"] for record in result["records"]]
    assert visitor.complaints == []


def test_upload_of_an_odd_name_in_parts_stores_it(visitor, pages, user, file_of, major):
    path = file_of(1000, ODD_NAME)
    uppy_open(visitor, pages, major, partsFrom=1)
    upload = stored_check(user, path, sent(visitor, path))
    assert upload.strategy == "multipart"
    assert visitor.complaints == []


@pytest.mark.parametrize("parts_from", [1, 2000])
def test_upload_to_another_bucket_stores_it(visitor, pages, file_of, other_bucket, major, parts_from):
    uppy_open(visitor, pages, major, partsFrom=parts_from)
    result = sent(visitor, file_of(1000), meta={"bucket": other_bucket})
    assert result["successful"] == 1
    assert FileUpload.objects.get(status="stored").bucket == other_bucket
    assert visitor.complaints == []


def test_upload_after_a_pause_resumes(visitor, pages, user, file_of, major):
    path = file_of(40 * MIB)
    uppy_open(visitor, pages, major)
    visitor.run("pauseAfter", 2)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts >= 2")
    assert FileUpload.objects.get().status == "pending"
    visitor.run("resume")
    stored_check(user, path, finished(visitor))
    assert visitor.complaints == []


def test_upload_after_a_reload_resumes(visitor, pages, user, file_of, major):
    path = file_of(80 * MIB)  # 16 parts, more than are sent or in transit at the pause.
    uppy_open(visitor, pages, major)
    visitor.run("pauseAfter", 3)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts >= 3")
    (saved,) = visitor.run("savedStates")  # Uppy's Golden Retriever restores this after a reload.

    uppy_open(visitor, pages, major)
    result = sent(visitor, path, saved=saved)
    upload = stored_check(user, path, result)
    assert saved == {"key": upload.file_name, "uploadId": str(upload.pk)}
    assert 0 < result["parts"] < 16  # S3 has the other parts.
    assert visitor.complaints == []


def test_upload_that_is_cancelled_leaves_nothing(visitor, pages, file_of, major):
    path = file_of(20 * MIB)
    uppy_open(visitor, pages, major)
    visitor.run("pauseAfter", 2)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts >= 2")
    visitor.run_until_answered("cancel()", "DELETE", "/s3/multipart/")
    nothing_left_check()
    assert visitor.complaints == []
