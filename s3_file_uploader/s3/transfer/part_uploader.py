"""Upload one object from memory: with a single PUT, or in parts, of which two may be in flight.

Only `UPLOADS_WITH_TWO_PARTS` uploads at a time have a second part in flight. More uploads keep the connection to S3
busy anyway, and the limit keeps memory low.
"""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from ...conf import conf
from ...exceptions import FileExists, FileNotFound, StorageProblem
from ...values import CONDITIONAL_WRITES, StoredPart
from ..checksums import part_checksum
from ..multipart import abort_multipart, complete_multipart
from ..objects import create_multipart, find_object, put_object, put_part
from ..part_buffer import PartBuffer

logger = logging.getLogger(__name__)

UPLOADS_WITH_TWO_PARTS = 2

_second_parts = BoundedSemaphore(UPLOADS_WITH_TWO_PARTS)


@dataclass(frozen=True, slots=True)
class Destination:
    """Bucket, key and metadata of an object."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    may_replace: bool

    @property
    def address(self) -> dict[str, Any]:
        """Return bucket and key only."""
        return {"bucket": self.bucket, "key": self.key}

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the calls that create the object."""
        return {**self.address, "content_type": self.content_type, "metadata": self.metadata}

    @property
    def only_if_absent(self) -> bool:
        """Return True if S3 must refuse to replace an object: a second lock, for stores with conditional writes."""
        return not self.may_replace and conf.store_can(CONDITIONAL_WRITES)


def send_object(destination: Destination, body: PartBuffer, checksum_sha256: str) -> str | None:
    """Store an object with one PUT; return its ETag, or None if an earlier attempt stored it or the store reports none.

    Args:
        destination: bucket, key and metadata of the object.
        body: all bytes of the object.
        checksum_sha256: their SHA-256 in lower-case hex.

    Raises:
        S3FileUploaderError: S3 did not store it.
    """
    with _accept_own_object(destination):
        etag = put_object(
            **destination.arguments,
            body=body,
            checksum_sha256=checksum_sha256,
            only_if_absent=destination.only_if_absent,
        )
        return etag or None
    return None


class PartsInFlight:
    """The parts of one multipart upload, some of them in flight."""

    def __init__(self, destination: Destination, undo: ExitStack) -> None:
        """Create the upload, and register its abort in `undo`."""
        self._checksum = part_checksum()
        upload_id = create_multipart(**destination.arguments, checksum=self._checksum)
        self.count = 0
        self._destination = destination
        self._upload = {**destination.address, "upload_id": upload_id}
        undo.callback(_abort_if_possible, destination, upload_id)
        # Registered last, so it unwinds first: stop the workers before the abort, because S3 may keep a part that
        # completes after AbortMultipartUpload.
        self._resources = undo.enter_context(ExitStack())
        self._at_once = 1
        if _second_parts.acquire(blocking=False):
            self._at_once = 2
            self._resources.callback(_second_parts.release)
        self._workers = ThreadPoolExecutor(self._at_once, thread_name_prefix="s3-part")
        self._resources.callback(self._workers.shutdown)
        self._in_flight: list[tuple[PartBuffer, Future[StoredPart]]] = []
        self._done: list[StoredPart] = []

    def add(self, body: PartBuffer) -> list[PartBuffer]:
        """Send a part; block while the allowed number of parts is in flight.

        Returns:
            The buffers of completed parts, to be filled again.
        """
        free = self._collect_completed(self._at_once - 1)
        self.count += 1
        # The call belongs to the request, whose id and trace are in the context.
        sent = self._workers.submit(copy_context().run, self._send, self.count, body)
        self._in_flight.append((body, sent))
        return free

    def complete(self) -> None:
        """Wait for the parts in flight and complete the upload."""
        self._collect_completed(0)
        self._resources.close()
        with _accept_own_object(self._destination):
            complete_multipart(**self._upload, parts=self._done, only_if_absent=self._destination.only_if_absent)

    def _collect_completed(self, in_flight: int) -> list[PartBuffer]:
        """Wait until at most so many parts are in flight; return the buffers of all completed parts."""
        free = []
        while len(self._in_flight) > in_flight or (self._in_flight and self._in_flight[0][1].done()):
            body, part = self._in_flight.pop(0)
            self._done.append(part.result())
            free.append(body)
        return free

    def _send(self, number: int, body: PartBuffer) -> StoredPart:
        return put_part(**self._upload, part_number=number, body=body, checksum=self._checksum)


def _abort_if_possible(destination: Destination, upload_id: str) -> None:
    """Abort after an error; a failure of the abort must not hide it, and housekeeping finds the parts."""
    try:
        abort_multipart(bucket=destination.bucket, key=destination.key, upload_id=upload_id)
    except StorageProblem:
        logger.warning("The parts of upload %s to %s are left to housekeeping.", upload_id, destination.bucket)


@contextmanager
def _accept_own_object(destination: Destination) -> Iterator[None]:
    """Ignore an error whose cause is an earlier attempt that succeeded: boto3 retries a call whose answer was lost.

    The retried PUT then finds its own object, and the retried completion finds no upload.
    """
    try:
        yield
    except (FileExists, FileNotFound):
        if not _own_object_is_there(destination):
            raise


def _own_object_is_there(destination: Destination) -> bool:
    existing = find_object(**destination.address)
    return existing is not None and existing.metadata == destination.metadata
