"""The objects of a bucket as S3 lists them, however many there are."""

from collections.abc import Iterator, Mapping
from typing import Any

from . import s3
from .values import ListedObject


def object_pages(*, bucket: str) -> Iterator[list[ListedObject]]:
    """Yield all objects of a bucket, up to `PAGE_KEYS` at a time; no page but the present one is kept.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    for page in s3.pages("list_objects_v2", Bucket=bucket):
        yield [object_listed(found) for found in page.get("Contents", ())]


def object_listed(found: Mapping[str, Any]) -> ListedObject:
    """Return one entry of a listing as ours."""
    return ListedObject(
        file_name=found["Key"],
        size=found["Size"],
        etag=found.get("ETag", "").strip('"'),
        changed_at=found["LastModified"],
    )
