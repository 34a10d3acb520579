"""Scratch objects: each run writes below a prefix of its own, removes it, and removes what killed runs left."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...exceptions import FileNotFound, StorageAccessDenied, StorageUnsupported
from ..client import find_bucket_region, get_client
from ..errors import storage_errors
from ..multipart import abort_multipart, list_multipart_uploads
from ..objects import list_object_pages

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = ".s3-file-uploader-doctor/"
# A user may have files below PREFIX, too.
KEY = re.compile(re.escape(PREFIX) + "[0-9a-f]{32}/")
CONTENT = b"scratch of s3_doctor"
# A run takes seconds, so older objects are those of a killed run.
OLD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The scratch objects of one run in one bucket."""

    bucket: str
    prefix: str = field(default_factory=lambda: f"{PREFIX}{uuid4().hex}/")

    @property
    def where(self) -> dict[str, str]:
        """Return the bucket and its region, as the functions of `bucket_config` take them."""
        return {"bucket": self.bucket, "region": find_bucket_region(self.bucket)}

    @property
    def client(self) -> "S3Client":
        """Return the client for the region of the bucket."""
        return get_client(region=find_bucket_region(self.bucket))

    def at(self, name: str) -> dict[str, Any]:
        """Return bucket and key of an object as arguments of boto3."""
        return {"Bucket": self.bucket, "Key": self.key(name)}

    def key(self, name: str) -> str:
        """Return the key of an object."""
        return f"{self.prefix}{name}"

    def put(self, name: str, body: bytes = CONTENT, **options: Any) -> str:
        """Store an object; return its ETag without quotes.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        with storage_errors():
            return self.client.put_object(**self.at(name), Body=body, **options).get("ETag", "").strip('"')

    def read(self, name: str, **options: Any) -> bytes | None:
        """Return the bytes of an object, or None if there is no such object.

        Raises:
            S3FileUploaderError: S3 did not answer.
        """
        with suppress(FileNotFound), storage_errors():
            return bytes(self.client.get_object(**self.at(name), **options)["Body"].read())
        return None

    def begin(self, name: str) -> str:
        """Create a multipart upload; return its id.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        with storage_errors():
            return self.client.create_multipart_upload(**self.at(name))["UploadId"]

    @contextmanager
    def unfinished(self, name: str) -> Iterator[str]:
        """Create a multipart upload; return its id, and abort it at the end.

        The credentials may not have the right to abort or to list multipart uploads, which has a trial of its own.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        upload_id = self.begin(name)
        try:
            yield upload_id
        finally:
            with suppress(StorageAccessDenied, StorageUnsupported):
                abort_multipart(bucket=self.bucket, key=self.key(name), upload_id=upload_id)

    def put_part(self, name: str, upload_id: str, body: bytes = CONTENT) -> dict[str, Any]:
        """Store the first part; return it as S3 wants it when the upload is completed.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        with storage_errors():
            part = self.client.upload_part(**self.at(name), UploadId=upload_id, PartNumber=1, Body=body)
        return {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

    def complete(self, name: str, upload_id: str, parts: Any, **options: Any) -> None:
        """Complete a multipart upload.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        with storage_errors():
            self.client.complete_multipart_upload(**self.at(name), UploadId=upload_id, MultipartUpload=parts, **options)

    def remove(self) -> None:
        """Remove the objects of this run, and abort its multipart uploads.

        Raises:
            S3FileUploaderError: S3 did not.
        """
        _remove_below(self.bucket, self.prefix)


def remove_old_scratch(bucket: str, *, older_than: timedelta = OLD) -> int:
    """Remove what killed runs left in a bucket; return the number of objects and multipart uploads.

    Raises:
        S3FileUploaderError: S3 did not.
    """
    return _remove_below(bucket, PREFIX, before=datetime.now(UTC) - older_than)


def _remove_below(bucket: str, prefix: str, *, before: datetime | None = None) -> int:
    """Remove objects one by one, because many stores refuse DeleteObjects as boto3 sends it."""
    removed, client = 0, get_client(region=find_bucket_region(bucket))
    for page in list_object_pages(bucket=bucket, prefix=prefix):
        for listed in page:
            if _is_scratch(listed.file_name, prefix) and (before is None or listed.changed_at < before):
                with storage_errors():
                    client.delete_object(Bucket=bucket, Key=listed.file_name)
                removed += 1
    with suppress(StorageUnsupported):
        for upload in list_multipart_uploads(bucket=bucket, prefix=prefix):
            if _is_scratch(upload.key, prefix) and (before is None or upload.begun_at < before):
                abort_multipart(bucket=bucket, key=upload.key, upload_id=upload.upload_id)
                removed += 1
    return removed


def _is_scratch(key: str, prefix: str) -> bool:
    """Return True if the key is that of a run below this prefix: a store that ignores Prefix lists the whole bucket."""
    return key.startswith(prefix) and KEY.match(key) is not None
