"""Uppy 6 with `signRequest`: bytes go to S3, the other requests to the service, and the record is correct."""

import pytest

from s3_file_uploader.models import FileUpload
from tests.integration.conftest import token_of
from tests.integration.uppy.steps import (
    MIB,
    ODD_NAME,
    endpoint_of,
    file_chosen,
    finished,
    nothing_left_check,
    sent,
    stored_check,
    uppy_open,
)


@pytest.fixture
def visitor(visitor_of):
    return visitor_of(None)


def signing_open(visitor, pages, person, **options):
    headers = {"Authorization": token_of(person)}
    uppy_open(visitor, pages, "six", sign=f"{endpoint_of(pages)}/sign", headers=headers, **options)


@pytest.mark.parametrize(("name", "size"), [("small.mp4", 1000), ("empty.mp4", 0), (ODD_NAME, 1000)])
def test_sign_request_of_a_small_file_stores_it(visitor, pages, user, file_of, name, size):
    path = file_of(size, name)
    signing_open(visitor, pages, user)
    upload = stored_check(user, path, sent(visitor, path))
    assert upload.strategy == "put"
    assert visitor.complaints == []


@pytest.mark.parametrize(("name", "size"), [("video.mp4", 20 * MIB + 1), (ODD_NAME, 1000)])
def test_sign_request_of_a_large_file_stores_it(visitor, pages, user, file_of, name, size):
    path = file_of(size, name)
    signing_open(visitor, pages, user, partsFrom=1)
    result = sent(visitor, path)
    upload = stored_check(user, path, result)
    assert upload.strategy == "multipart"
    assert [answer["uploadURL"] for answer in result["answers"]] == [record["url"] for record in result["records"]]
    assert visitor.complaints == []


def test_sign_request_keeps_the_type_of_uppy(visitor, pages, user, file_of):
    path = file_of(10 * MIB, "data")
    signing_open(visitor, pages, user)
    result = sent(visitor, path, type="application/x-hdf5")
    stored_check(user, path, result, content_type="application/x-hdf5")


def test_sign_request_after_a_reload_resumes(visitor, pages, user, file_of):
    path = file_of(40 * MIB)
    signing_open(visitor, pages, user)
    visitor.run("pauseAfter", 3)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts >= 3")
    (saved,) = visitor.run("savedStates")

    signing_open(visitor, pages, user)
    result = sent(visitor, path, saved=saved)
    upload = stored_check(user, path, result)
    assert saved == {"key": upload.file_name, "uploadId": str(upload.pk)}
    assert result["parts"] == 5
    assert visitor.complaints == []


def test_sign_request_after_a_pause_resumes(visitor, pages, user, file_of):
    path = file_of(20 * MIB)
    signing_open(visitor, pages, user)
    visitor.run("pauseAfter", 2)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts === 2")
    assert FileUpload.objects.get().status == "pending"
    visitor.run("resume")
    stored_check(user, path, finished(visitor))
    assert visitor.complaints == []


def test_sign_request_that_is_cancelled_leaves_nothing(visitor, pages, user, file_of):
    path = file_of(20 * MIB)
    signing_open(visitor, pages, user)
    visitor.run("pauseAfter", 2)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts === 2")
    visitor.run_until_answered("cancel()", "DELETE", "/uppy/signed/")
    nothing_left_check()
    assert visitor.complaints == []
    assert "/uppy/signed/..." in pages.log
    assert "/uppy/signed/ey" not in pages.log
