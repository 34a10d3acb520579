"""The objects of a bucket, page by page."""

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from s3_file_uploader.exceptions import BucketNotFound, StorageUnavailable
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.listing import object_pages
from s3_file_uploader.values import ListedObject


def test_a_page_holds_what_aws_gives_at_most_and_the_next_goes_on_from_there():
    listed = {"Key": "b/1", "Size": 4, "ETag": '"e"', "LastModified": datetime(2026, 5, 1, tzinfo=UTC)}
    with Stubber(get_client()) as stub:
        first = {"Bucket": "bucket", "MaxKeys": 1000}
        answer = {"Contents": [listed, listed], "IsTruncated": True, "NextContinuationToken": "next"}
        stub.add_response("list_objects_v2", answer, first)
        stub.add_response("list_objects_v2", {"Contents": [listed]}, {**first, "ContinuationToken": "next"})
        pages = list(object_pages(bucket="bucket"))
    found = ListedObject("b/1", 4, "e", datetime(2026, 5, 1, tzinfo=UTC))
    assert pages == [[found, found], [found]]


def test_keys_of_all_scripts_come_as_they_are(bucket):
    names = ["a b+c%20", "e\u0301", "\u00e9", "日本/ü", "\U0001f600", "<&>", "line\nbreak"]
    for name in names:
        get_client().put_object(Bucket=bucket, Key=name)
    (page,) = object_pages(bucket=bucket)
    assert {found.file_name for found in page} == set(names)


def test_an_empty_bucket(bucket):
    assert list(object_pages(bucket=bucket)) == [[]]


def test_a_folder_has_no_etag_in_some_stores():
    with Stubber(get_client()) as stub:
        listed = {"Key": "folder/", "Size": 0, "LastModified": "2026-05-01T00:00:00Z"}
        stub.add_response("list_objects_v2", {"Contents": [listed]})
        ((found,),) = object_pages(bucket="bucket")
    assert (found.file_name, found.size, found.etag) == ("folder/", 0, "")


@pytest.mark.parametrize(("code", "error"), [("NoSuchBucket", BucketNotFound), ("503", StorageUnavailable)])
def test_the_next_page_may_be_refused(code, error):
    with Stubber(get_client()) as stub:
        stub.add_response("list_objects_v2", {"IsTruncated": True, "NextContinuationToken": "next"})
        stub.add_client_error("list_objects_v2", code)
        pages = object_pages(bucket="bucket")
        assert next(pages) == []
        with pytest.raises(error):
            next(pages)
