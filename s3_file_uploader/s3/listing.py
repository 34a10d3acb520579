"""The objects of a bucket as S3 lists them, however many there are."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..exceptions import StorageAccessDenied, StorageUnsupported
from ..values import ListedObject
from .client import get_client, pages
from .errors import storage_errors


def object_pages(*, bucket: str) -> Iterator[list[ListedObject]]:
    """Yield all objects of a bucket, up to `PAGE_KEYS` at a time; no page but the present one is kept.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    for page in pages("list_objects_v2", Bucket=bucket):
        yield [object_listed(found) for found in page.get("Contents", ())]


def bucket_is_empty(*, bucket: str, region: str) -> bool:
    """Return True if a bucket holds no object, no old version of one, and no delete marker.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    client = get_client(region=region)
    with storage_errors(about="bucket"):
        if client.list_objects_v2(Bucket=bucket, MaxKeys=1).get("Contents"):
            return False
    # A store without versions, or credentials without the right to see them: there the store itself has to refuse.
    with suppress(StorageUnsupported, StorageAccessDenied), storage_errors(about="bucket"):
        listed = client.list_object_versions(Bucket=bucket, MaxKeys=1)
        return not (listed.get("Versions") or listed.get("DeleteMarkers"))
    return True


def object_listed(found: Mapping[str, Any]) -> ListedObject:
    """Return one entry of a listing as ours."""
    return ListedObject(
        file_name=found["Key"],
        size=found["Size"],
        etag=found.get("ETag", "").strip('"'),
        changed_at=found["LastModified"],
    )
