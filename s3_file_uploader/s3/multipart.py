"""Multipart uploads after their creation: list their parts, complete or abort them, find unfinished ones."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, cast

from ..exceptions import BucketNotFound, FileNotFound, StorageUnsupported
from ..values import StoredPart
from .client import get_client, list_pages
from .errors import storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """A multipart upload that was neither completed nor aborted; `begun_at` is aware."""

    bucket: str
    key: str
    upload_id: str
    begun_at: datetime


def list_multipart_uploads(*, bucket: str, prefix: str = "") -> Iterator[MultipartUpload]:
    """Yield the unfinished multipart uploads of a bucket; none if the bucket is gone or the store cannot list them.

    The caller may abort them. The next page continues from the last upload of this one, so it is requested first.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html

    Raises:
        StorageProblem: S3 could not answer.
    """
    with suppress(BucketNotFound, FileNotFound, StorageUnsupported):
        listing = list_pages("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
        for page, _next in pairwise(chain(listing, ({},))):
            for upload in page.get("Uploads", ()):
                yield MultipartUpload(bucket, upload["Key"], upload["UploadId"], upload["Initiated"])


def list_parts(*, bucket: str, key: str, upload_id: str) -> tuple[StoredPart, ...]:
    """Return all parts that S3 holds, by number.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html

    Raises:
        FileNotFound: S3 does not know the upload: it was completed or aborted.
        StorageProblem: S3 could not answer.
    """
    with storage_errors():
        listing = get_client().get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
        return tuple(
            StoredPart(part_number=part["PartNumber"], size=part["Size"], etag=part["ETag"].strip('"'))
            for page in listing
            for part in page.get("Parts", ())
        )


def complete_multipart(
    *, bucket: str, key: str, upload_id: str, parts: Sequence[StoredPart], only_if_absent: bool = False
) -> None:
    """Complete a multipart upload: make the object of its parts.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        upload_id: id of the multipart upload.
        parts: in the order of their numbers.
        only_if_absent: refuse to replace an object; for stores with conditional writes.

    Raises:
        FileExists: there is an object of this key.
        FileNotFound: S3 does not know the upload: it was completed or aborted.
        StorageProblem: S3 could not.
    """
    condition: Any = {"IfNoneMatch": "*"} if only_if_absent else {}
    numbered = [{"PartNumber": part.part_number, "ETag": f'"{part.etag}"', **part.checksum} for part in parts]
    named = cast("list[CompletedPartTypeDef]", numbered)
    with storage_errors():
        get_client().complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}, **condition
        )


def abort_multipart(*, bucket: str, key: str, upload_id: str) -> None:
    """Abort a multipart upload; do nothing if S3 no longer knows it, because it was completed or aborted.

    Raises:
        StorageProblem: S3 could not answer.
    """
    with suppress(FileNotFound, BucketNotFound), storage_errors():
        get_client().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)


def abort_unfinished_uploads(*, bucket: str, key: str) -> None:
    """Abort every unfinished multipart upload of exactly this key.

    Raises:
        StorageProblem: S3 could not answer.
    """
    for upload in list_multipart_uploads(bucket=bucket, prefix=key):
        if upload.key == key:
            abort_multipart(bucket=bucket, key=key, upload_id=upload.upload_id)
