"""What S3 is told of one object, whose bytes are in memory: a single PUT, or parts that are on their way at once.

A part more is on its way only for the first `UPLOADS_WITH_TWO_PARTS` uploads at once: more of them keep the way to S3
busy anyway, and memory low.
"""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from ...conf import conf
from ...exceptions import FileExists, FileNotFound, StorageProblem
from ...values import CONDITIONAL_WRITES, StoredPart
from ..multipart import multipart_abort, multipart_complete
from ..objects import multipart_create, object_head, object_put, part_put
from ..part_buffer import PartBuffer

logger = logging.getLogger(__name__)

UPLOADS_WITH_TWO_PARTS = 2

_second_parts = BoundedSemaphore(UPLOADS_WITH_TWO_PARTS)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the bytes go, and what S3 keeps beside them."""

    bucket: str
    key: str
    content_type: str
    metadata: Mapping[str, str]
    may_replace: bool

    @property
    def address(self) -> dict[str, Any]:
        """Bucket and key alone."""
        return {"bucket": self.bucket, "key": self.key}

    @property
    def kept(self) -> dict[str, Any]:
        """What S3 keeps, and under which address."""
        return {**self.address, "content_type": self.content_type, "metadata": self.metadata}

    @property
    def only_if_absent(self) -> bool:
        """The second lock, where the store honours it."""
        return not self.may_replace and conf.store_can(CONDITIONAL_WRITES)


def object_send(destination: Destination, body: PartBuffer) -> str | None:
    """Store an object by one PUT; return its ETag, if the store tells one and this PUT was the one that stored it.

    Raises:
        S3FileUploaderError: as S3 answered.
    """
    with _own_object_is_no_conflict(destination):
        return object_put(**destination.kept, body=body, only_if_absent=destination.only_if_absent) or None
    return None


class PartsOnTheWay:
    """The parts of one multipart upload, some still on their way."""

    def __init__(self, destination: Destination, undo: ExitStack) -> None:
        """Begin it, and register its end on the way out of an error."""
        upload_id = multipart_create(**destination.kept)
        self.count = 0
        self._destination = destination
        self._upload = {**destination.address, "upload_id": upload_id}
        undo.callback(_abort_if_possible, destination, upload_id)
        # Entered after, so left before: S3 may keep a part that is still on its way when the abort comes.
        self._resources = undo.enter_context(ExitStack())
        self._at_once = 1
        if _second_parts.acquire(blocking=False):
            self._at_once = 2
            self._resources.callback(_second_parts.release)
        self._workers = ThreadPoolExecutor(self._at_once, thread_name_prefix="s3-part")
        self._resources.callback(self._workers.shutdown)
        self._on_the_way: list[tuple[PartBuffer, Future[StoredPart]]] = []
        self._done: list[StoredPart] = []

    def add(self, body: PartBuffer) -> list[PartBuffer]:
        """Send a part; waits while as many as may be are on the way.

        Returns:
            The buffers of those that have arrived, free to be filled again.
        """
        free = self._arrived(self._at_once - 1)
        self.count += 1
        self._on_the_way.append((body, self._workers.submit(self._send, self.count, body)))
        return free

    def complete(self) -> None:
        """Wait for the rest and make the object of them."""
        self._arrived(0)
        self._resources.close()
        with _own_object_is_no_conflict(self._destination):
            multipart_complete(**self._upload, parts=self._done, only_if_absent=self._destination.only_if_absent)

    def _arrived(self, still_on_the_way: int) -> list[PartBuffer]:
        """Wait until no more are on the way; take those too that have arrived by then: a slow sender needs them not."""
        free = []
        while len(self._on_the_way) > still_on_the_way or (self._on_the_way and self._on_the_way[0][1].done()):
            body, part = self._on_the_way.pop(0)
            self._done.append(part.result())
            free.append(body)
        return free

    def _send(self, number: int, body: PartBuffer) -> StoredPart:
        return StoredPart(number, len(body), part_put(**self._upload, part_number=number, body=body))


def _abort_if_possible(destination: Destination, upload_id: str) -> None:
    """Abort on the way out of an error, which must not be hidden by a second one: debris is found later."""
    try:
        multipart_abort(bucket=destination.bucket, key=destination.key, upload_id=upload_id)
    except StorageProblem:
        logger.warning("The parts of upload %s to %s are left to housekeeping.", upload_id, destination.bucket)


@contextmanager
def _own_object_is_no_conflict(destination: Destination) -> Iterator[None]:
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
        found = object_head(**destination.address)
    except FileNotFound:
        return False
    return found.metadata == destination.metadata
