"""Multipart uploads that were begun and not finished: what they are, and how they end."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise

from . import s3
from .exceptions import BucketNotFound, FileNotFound, StorageUnsupported
from .s3_errors import storage_errors


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """One that was begun and neither completed nor aborted; `begun_at` is aware, as S3 says."""

    bucket: str
    key: str
    upload_id: str
    begun_at: datetime


def multipart_uploads(*, bucket: str, prefix: str = "") -> Iterator[MultipartUpload]:
    """Yield the unfinished multipart uploads of a bucket; none where it is gone, or the store cannot list them.

    Whoever takes them may abort them: a page ends with the upload from which the next one goes on, so that is asked
    for first.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html

    Raises:
        StorageProblem: S3 could not answer.
    """
    with suppress(BucketNotFound, FileNotFound, StorageUnsupported):
        listing = s3.pages("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
        for page, _next in pairwise(chain(listing, ({},))):
            for upload in page.get("Uploads", ()):
                yield MultipartUpload(bucket, upload["Key"], upload["UploadId"], upload["Initiated"])


def multipart_abort(*, bucket: str, key: str, upload_id: str) -> None:
    """Abort, unless S3 no longer knows the upload: it was completed and only the answer was lost.

    Raises:
        StorageProblem: S3 could not answer.
    """
    with suppress(FileNotFound, BucketNotFound), storage_errors():
        s3.client().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)


def multipart_debris_remove(*, bucket: str, key: str) -> None:
    """Abort every multipart upload that was begun under exactly this key and not finished.

    Raises:
        StorageProblem: S3 could not answer.
    """
    for upload in multipart_uploads(bucket=bucket, prefix=key):
        if upload.key == key:
            multipart_abort(bucket=bucket, key=key, upload_id=upload.upload_id)
