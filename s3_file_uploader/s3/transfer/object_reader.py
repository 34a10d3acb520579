"""The bytes of one object on their way out of S3: in pieces of bounded size, begun again where they broke off."""

import errno
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from hashlib import sha256
from itertools import count, takewhile
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

from ...conf import conf
from ...exceptions import StorageError, StorageTimeout, StorageUnavailable
from ...values import CHUNK_BYTES, mib
from ..client import get_client
from ..errors import storage_errors
from .range_reader import RangeReader

if TYPE_CHECKING:
    from botocore.response import StreamingBody

# A store reads ahead within one call, and has to begin anew with the next.
RANGE_BYTES = mib(32)
# More write to the file at once than the kernel lets through: they would wait for its lock, spinning.
RANGES_IN_FLIGHT = 2
# What is said where no room can be set aside.
NO_SUCH_CALL = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOSYS)
# How many bytes were written, each time; then that there will be no more.
Lengths = SimpleQueue[int]
NO_MORE = 0
# What the kernel is told about at once, and how many of these later the disk has taken one.
ADVISED_BYTES = mib(8)
ADVISED_TO_DISK = 2


def object_read(*, bucket: str, key: str, etag: str, start: int, stop: int) -> Generator[bytes]:
    """Read a range of an object; closing the iterator ends the call to S3.

    Where S3 breaks off, the rest is asked for again: as often as S3_FILE_UPLOADER_MAX_ATTEMPTS says without a byte
    between. A call that S3 does not answer was repeated as often by then.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    Args:
        bucket: its name.
        key: the object's.
        etag: without quotes; of the object as it was stored.
        start: the first byte, counted from 0.
        stop: the byte behind the last.

    Yields:
        Up to `CHUNK_BYTES` at a time.

    Raises:
        StorageError: these would be other bytes: the object has another ETag by now, or the store gives another range.
        FileNotFound, StorageProblem: as S3 answered.
    """
    attempts = count(1)
    while start < stop:
        with storage_errors():
            body = _opened(bucket, key, etag, start, stop)
        try:
            with storage_errors(), closing(body):
                while chunk := body.read(min(CHUNK_BYTES, stop - start)):
                    start, attempts = start + len(chunk), count(1)
                    yield chunk
            _whole_check(start, stop)
        except (StorageUnavailable, StorageTimeout):
            if next(attempts) >= conf.max_attempts:
                raise


def object_checksum(*, bucket: str, key: str, etag: str, size: int, on_progress: Callable[[], object]) -> str:
    """Read an object through and return its SHA-256 in lower-case hex; errors as of `object_read`.

    Args:
        bucket: its name.
        key: the object's.
        etag: without quotes.
        size: in bytes.
        on_progress: called with each piece; what it raises ends the reading.
    """
    digest = sha256()
    with closing(object_read(bucket=bucket, key=key, etag=etag, start=0, stop=size)) as chunks:
        for chunk in chunks:
            on_progress()
            digest.update(chunk)
    return digest.hexdigest()


def object_fetch(*, bucket: str, key: str, etag: str, size: int, file: BinaryIO) -> str:
    """Write an object into a file, by ranges at the same time.

    It is hashed a step behind, while it is still in the page cache, in the order of the file. Then it is sent on to the
    disk, and leaves memory: a large file pushes nothing else out of it, and whoever waits for the disk at the end does
    not wait for all of it.

    Args:
        bucket: its name.
        key: the object's.
        etag: without quotes; of the object as it was stored.
        size: of the object, in bytes.
        file: empty, open to read and write.

    Returns:
        The SHA-256 of what the file holds now, in lower-case hex.

    Raises:
        OSError: the file cannot be written.
        StorageError, FileNotFound, StorageProblem: as `object_read`.
    """
    descriptor, digest, is_over, position, advised = file.fileno(), sha256(), Event(), 0, 0
    _room_take(descriptor, size)
    wanted = {"bucket": bucket, "key": key, "etag": etag}
    readers: SimpleQueue[RangeReader] = SimpleQueue()

    def fetch(start: int, stop: int, written: Lengths) -> None:
        reader = readers.get()
        try:
            with closing(_range_read(reader, start=start, stop=stop, **wanted)) as pieces:
                for piece in takewhile(lambda _: not is_over.is_set(), pieces):
                    _write_at(descriptor, piece, start)
                    start += len(piece)
                    written.put(len(piece))
        finally:
            readers.put(reader)
            written.put(NO_MORE)

    ranges = [(start, min(start + RANGE_BYTES, size), Lengths()) for start in range(0, size, RANGE_BYTES)]
    with ExitStack() as opened, ThreadPoolExecutor(RANGES_IN_FLIGHT, thread_name_prefix="s3-range") as workers:
        for _ in range(RANGES_IN_FLIGHT):
            readers.put(opened.enter_context(closing(RangeReader(**wanted))))
        try:
            fetched = [(written, workers.submit(fetch, start, stop, written)) for start, stop, written in ranges]
            for length in _in_order(fetched):
                digest.update(os.pread(descriptor, length, position))
                position += length
                if position - advised >= ADVISED_BYTES:
                    _not_needed(descriptor, advised)
                    _not_needed(descriptor, advised - ADVISED_TO_DISK * ADVISED_BYTES)
                    advised += ADVISED_BYTES
        finally:
            is_over.set()
            workers.shutdown(cancel_futures=True)
    return digest.hexdigest()


def _in_order(fetched: Iterable[tuple[Lengths, Future[None]]]) -> Iterator[int]:
    """Yield how much was written, piece after piece as in the file; a range that failed raises where it would stand."""
    for written, done in fetched:
        yield from iter(written.get, NO_MORE)
        done.result()


def _range_read(
    reader: RangeReader, *, bucket: str, key: str, etag: str, start: int, stop: int
) -> Generator[bytes | memoryview]:
    """Yield a range piece by piece; the next takes the place of the one before. Errors as of `object_read`."""
    with closing(reader.pieces(start=start, stop=stop)) as pieces:
        for piece in pieces:
            start += len(piece)
            yield piece
    yield from object_read(bucket=bucket, key=key, etag=etag, start=start, stop=stop)


def _opened(bucket: str, key: str, etag: str, start: int, stop: int) -> "StreamingBody":
    answer = get_client().get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
    with ExitStack() as undo:
        undo.callback(answer["Body"].close)
        if answer.get("ETag", "").strip('"') != etag:
            raise StorageError("S3 holds other bytes than were stored: try again, or upload the file anew.")
        # Of all that stores tell of a range, this is what those leave out that give the whole file.
        if start and not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
            raise StorageError(
                "S3 gives another range than it was asked for: check AWS_S3_ENDPOINT_URL, and a proxy there."
            )
        undo.pop_all()
    return answer["Body"]


def _whole_check(start: int, stop: int) -> None:
    if start < stop:
        raise StorageUnavailable("S3 ended its answer before the file was whole: try again in a moment.")


def _room_take(descriptor: int, size: int) -> None:
    """Have the file system set the room aside, where it can: it says at once if there is none, and writes for less."""
    if not size or not hasattr(os, "posix_fallocate"):  # macOS has no such call.
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in NO_SUCH_CALL:
            raise


def _write_at(descriptor: int, data: bytes | memoryview, position: int) -> None:
    """Write all of it: a disk that is nearly full takes a part, and says so with the next."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, position)
        rest, position = rest[written:], position + written


def _not_needed(descriptor: int, start: int) -> None:
    """Have the kernel begin to write a range to the disk, or, once that is done, forget it.

    https://man7.org/linux/man-pages/man2/posix_fadvise.2.html: dirty pages are written, and not forgotten meanwhile.
    """
    if start >= 0 and hasattr(os, "posix_fadvise"):  # macOS has no such call.
        os.posix_fadvise(descriptor, start, ADVISED_BYTES, os.POSIX_FADV_DONTNEED)
