"""The bytes of one object on their way out of S3: in chunks of bounded size, continued where a response broke off."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING

from ...conf import conf
from ...exceptions import StorageError, StorageTimeout, StorageUnavailable
from ...values import CHUNK_BYTES
from ..client import get_client
from ..errors import storage_errors

if TYPE_CHECKING:
    from botocore.response import StreamingBody


def read_object(*, bucket: str, key: str, etag: str, start: int, stop: int) -> Generator[bytes]:
    """Read a range of an object; closing the iterator ends the call to S3.

    If a response breaks off, the rest is requested again, until S3_FILE_UPLOADER_MAX_ATTEMPTS requests in a row brought
    no byte. A request that S3 does not answer is not repeated here, because boto3 has repeated it already.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        etag: the ETag of the object as it was stored, without quotes.
        start: the first byte, counted from 0.
        stop: the byte behind the last one.

    Yields:
        Up to `CHUNK_BYTES` at a time.

    Raises:
        StorageError: the bytes would be wrong: the object has another ETag now, or the store returns another range.
        FileNotFound, StorageProblem: S3 could not.
    """
    attempts = count(1)
    while start < stop:
        with storage_errors():
            body = _open_range(bucket, key, etag, start, stop)
        try:
            with storage_errors(), closing(body):
                while chunk := body.read(min(CHUNK_BYTES, stop - start)):
                    start, attempts = start + len(chunk), count(1)
                    yield chunk
            _require_whole(start, stop)
        except (StorageUnavailable, StorageTimeout):
            if next(attempts) >= conf.max_attempts:
                raise


def hash_object(*, bucket: str, key: str, etag: str, size: int, on_progress: Callable[[], object]) -> str:
    """Read a whole object and return its SHA-256 in lower-case hex.

    Args:
        bucket: name of the bucket.
        key: key of the object.
        etag: the ETag of the object as it was stored, without quotes.
        size: in bytes.
        on_progress: called with each chunk; an exception from it ends the reading.

    Raises:
        StorageError, FileNotFound, StorageProblem: as `read_object`.
    """
    digest = sha256()
    with closing(read_object(bucket=bucket, key=key, etag=etag, start=0, stop=size)) as chunks:
        for chunk in chunks:
            on_progress()
            digest.update(chunk)
    return digest.hexdigest()


def _open_range(bucket: str, key: str, etag: str, start: int, stop: int) -> "StreamingBody":
    response = get_client().get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
    with ExitStack() as undo:
        undo.callback(response["Body"].close)
        if response.get("ETag", "").strip('"') != etag:
            raise StorageError("S3 holds other bytes than were stored: try again, or upload the file anew.")
        # Stores that ignore `Range` and return the whole object omit `Content-Range`.
        if start and not response.get("ContentRange", "").startswith(f"bytes {start}-"):
            raise StorageError(
                "S3 returned another range than requested: check AWS_S3_ENDPOINT_URL, and a proxy there."
            )
        undo.pop_all()
    return response["Body"]


def _require_whole(start: int, stop: int) -> None:
    if start < stop:
        raise StorageUnavailable("S3 ended its answer before the file was whole: try again in a moment.")
