"""The bytes of one file on their way to S3: a single PUT, or parts with a bounded number of them in memory."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from . import s3
from .conf import conf
from .exceptions import (
    BucketNotFound,
    ChecksumMismatch,
    FileExists,
    FileNotFound,
    SizeMismatch,
    StorageProblem,
    StorageUnsupported,
)
from .s3_errors import storage_errors
from .values import MAX_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

logger = logging.getLogger(__name__)

PARTS_IN_FLIGHT = 2


class Readable(Protocol):
    """Anything with bytes to read: an upload of Django's, an open file, a socket's file."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none at the end."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the bytes go, and what S3 keeps beside them."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    may_replace: bool

    def create_arguments(self) -> dict[str, Any]:
        """Return what PutObject and CreateMultipartUpload both take."""
        return {**self.address(), "ContentType": self.content_type, "Metadata": dict(self.metadata)}

    def address(self) -> dict[str, str]:
        """Return bucket and key alone."""
        return {"Bucket": self.bucket, "Key": self.key}

    def condition(self) -> dict[str, Any]:
        """Return the second lock, where the store honours it: AWS does, others ignore or refuse it."""
        return {} if self.may_replace or conf.endpoint_url else {"IfNoneMatch": "*"}


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: bytes and lower-case hex."""

    size: int
    checksum_sha256: str


def object_send(
    *,
    destination: Destination,
    content: Readable,
    size: int,
    checksum_sha256: str | None,
    on_progress: Callable[[], None],
) -> Sent:
    """Send a file; until the last call to S3 returns, nothing can be read under its key.

    At most `PARTS_IN_FLIGHT` + 1 parts are in memory, whatever the size. A failure leaves no parts behind, unless
    S3 itself is gone.

    Args:
        destination: where to.
        content: read once, from where it stands to its end.
        size: the number of bytes that must come.
        checksum_sha256: what they must add up to, in lower-case hex, or None.
        on_progress: called after each part; what it raises ends the upload.

    Raises:
        SizeMismatch, ChecksumMismatch: found before S3 was told to keep anything.
        S3FileUploaderError: as S3 answered.
    """
    part_size = max(conf.part_size_bytes, ceil(size / MAX_PARTS))
    digest = sha256()
    first = _read_full(content, part_size)
    digest.update(first)
    second = _read_full(content, part_size) if len(first) == part_size else b""
    if not second:
        sent = _proven(Sent(len(first), digest.hexdigest()), size, checksum_sha256)
        with _own_object_is_no_conflict(destination), storage_errors():
            s3.client().put_object(Body=first, **destination.create_arguments(), **destination.condition())
        return sent
    with _multipart_upload(destination) as upload:
        total = 0
        part = first
        while part:
            if upload.part_count:
                digest.update(part)
            upload.add(part)
            total += len(part)
            on_progress()
            part, second = second or _read_full(content, part_size), b""
        sent = _proven(Sent(total, digest.hexdigest()), size, checksum_sha256)
        upload.complete()
    return sent


def multipart_debris_remove(*, bucket: str, key: str) -> None:
    """Abort every multipart upload that was begun under exactly this key and not finished.

    Raises:
        StorageProblem: S3 could not answer.
    """
    debris: list[str] = []
    with suppress(BucketNotFound, FileNotFound, StorageUnsupported), storage_errors():
        pages = s3.client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
        debris += [found["UploadId"] for page in pages for found in page.get("Uploads", ()) if found["Key"] == key]
    for upload_id in debris:
        _abort_if_unfinished({"Bucket": bucket, "Key": key, "UploadId": upload_id})


class _Parts:
    """The parts of one multipart upload, some still on their way."""

    def __init__(self, upload: dict[str, Any], destination: Destination, workers: ThreadPoolExecutor) -> None:
        self.part_count = 0
        self._upload, self._destination, self._workers = upload, destination, workers
        self._on_the_way: list[Future[CompletedPartTypeDef]] = []
        self._done: list[CompletedPartTypeDef] = []

    def add(self, body: bytes) -> None:
        """Send a part; waits while as many as may be are on the way."""
        while len(self._on_the_way) >= PARTS_IN_FLIGHT:
            self._done.append(self._on_the_way.pop(0).result())
        self.part_count += 1
        self._on_the_way.append(self._workers.submit(self._send, self.part_count, body))

    def complete(self) -> None:
        """Wait for the rest and make the object of them."""
        self._done += [part.result() for part in self._on_the_way]
        with _own_object_is_no_conflict(self._destination), storage_errors():
            s3.client().complete_multipart_upload(
                **self._upload, MultipartUpload={"Parts": self._done}, **self._destination.condition()
            )

    def _send(self, number: int, body: bytes) -> "CompletedPartTypeDef":
        with storage_errors():
            answer = s3.client().upload_part(**self._upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": answer["ETag"]}


@contextmanager
def _multipart_upload(destination: Destination) -> "Iterator[_Parts]":
    with ExitStack() as undo:
        with storage_errors():
            answer = s3.client().create_multipart_upload(**destination.create_arguments())
        upload = {**destination.address(), "UploadId": answer["UploadId"]}
        undo.callback(_abort_if_possible, upload)
        workers = undo.enter_context(ThreadPoolExecutor(PARTS_IN_FLIGHT, thread_name_prefix="s3-part"))
        yield _Parts(upload, destination, workers)
        workers.shutdown()
        undo.pop_all()


def _abort_if_unfinished(upload: Mapping[str, Any]) -> None:
    """Abort, unless S3 no longer knows the upload: it was completed and only the answer was lost."""
    with suppress(FileNotFound), storage_errors():
        s3.client().abort_multipart_upload(**upload)


def _abort_if_possible(upload: Mapping[str, Any]) -> None:
    """Abort on the way out of an error, which must not be hidden by a second one: debris is found later."""
    try:
        _abort_if_unfinished(upload)
    except StorageProblem:
        logger.warning("The parts of upload %s to %s are left to housekeeping.", upload["UploadId"], upload["Bucket"])


@contextmanager
def _own_object_is_no_conflict(destination: Destination) -> "Iterator[None]":
    """Let pass what S3 refuses because it has done it: boto3 repeats a call whose answer was lost.

    A repeated PUT then meets its own object, a repeated completion an upload that is there no more.
    """
    try:
        yield
    except (FileExists, FileNotFound):
        if not _own_object_is_there(destination):
            raise


def _own_object_is_there(destination: Destination) -> bool:
    try:
        found = s3.object_head(bucket=destination.bucket, key=destination.key)
    except FileNotFound:
        return False
    return found.metadata == destination.metadata


def _read_full(content: Readable, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end: sockets and decoders give less at a time."""
    data = content.read(size)
    if not data or len(data) == size:
        return data
    pieces = [data]
    missing = size - len(data)
    while missing and (data := content.read(missing)):
        pieces.append(data)
        missing -= len(data)
    return b"".join(pieces)


def _proven(sent: Sent, size: int, checksum_sha256: str | None) -> Sent:
    if sent.size != size:
        raise SizeMismatch(f"{size} bytes were announced and {sent.size} arrived: send the whole file again.")
    if checksum_sha256 and sent.checksum_sha256 != checksum_sha256:
        raise ChecksumMismatch("The SHA-256 of what arrived is not the one you gave: send the file again.")
    return sent
