"""Unfinished multipart uploads as S3 lists them, page by page, while the caller aborts them."""

from collections import Counter

import pytest
from botocore.stub import Stubber
from django.utils import timezone

from s3_file_uploader.exceptions import StorageAccessDenied
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.multipart import abort_multipart, list_multipart_uploads

PAGES = 5


def page(number):
    """Return one of two uploads, and where the next one begins."""
    listed = [{"Key": f"{number}{name}", "UploadId": f"{number}{name}", "Initiated": timezone.now()} for name in "ab"]
    if number == PAGES:
        return {"Uploads": listed, "IsTruncated": False}
    return {"Uploads": listed, "IsTruncated": True, "NextKeyMarker": f"{number}b", "NextUploadIdMarker": f"{number}b"}


@pytest.fixture
def calls():
    """Answer `PAGES` pages, and count the calls."""
    calls, client = Counter(), get_client()

    def count(model, **kwargs):
        calls[model.name] += 1

    client.meta.events.register("provide-client-params.s3", count)
    with Stubber(client) as stub:
        for number in range(1, PAGES + 1):
            begin = {"KeyMarker": f"{number - 1}b", "UploadIdMarker": f"{number - 1}b"} if number > 1 else {}
            stub.add_response(
                "list_multipart_uploads",
                page(number),
                {"Bucket": "bucket", "Prefix": "", "MaxUploads": 1000, **begin},
            )
        yield calls
    client.meta.events.unregister("provide-client-params.s3", count)


def test_list_multipart_uploads_requests_one_page_ahead(calls):
    taken = []
    for upload in list_multipart_uploads(bucket="bucket"):
        taken.append(upload.key)
        assert calls["ListMultipartUploads"] == min((len(taken) + 1) // 2 + 1, PAGES)
    assert taken == [f"{number}{name}" for number in range(1, PAGES + 1) for name in "ab"]


def test_list_multipart_uploads_first_upload_needs_two_pages(calls):
    next(list_multipart_uploads(bucket="bucket"))
    assert calls["ListMultipartUploads"] == 2


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchUpload", "NotImplemented"])
def test_list_multipart_uploads_that_cannot_be_listed_are_none(code):
    with Stubber(get_client()) as stub:
        stub.add_client_error("list_multipart_uploads", code)
        assert list(list_multipart_uploads(bucket="bucket")) == []


def test_list_multipart_uploads_denied_is_access_denied():
    with Stubber(get_client()) as stub, pytest.raises(StorageAccessDenied):
        stub.add_client_error("list_multipart_uploads", "AccessDenied")
        list(list_multipart_uploads(bucket="bucket"))


def test_list_multipart_uploads_aborted_meanwhile_are_all_listed(bucket):
    for number in range(20):
        get_client().create_multipart_upload(Bucket=bucket, Key=f"{number % 3}")
    for upload in list_multipart_uploads(bucket=bucket):
        abort_multipart(bucket=bucket, key=upload.key, upload_id=upload.upload_id)
    assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
