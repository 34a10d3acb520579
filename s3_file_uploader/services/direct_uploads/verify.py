"""Ask S3 which parts and which object of a direct upload arrived, and compare them with the announced values."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import sha256
from time import sleep

from ...conf import conf
from ...content_types.sniff import normalize_content_type
from ...exceptions import (
    ChecksumMismatch,
    ClaimLost,
    ContentTypeMismatch,
    ContentTypeNotAllowed,
    FileNotFound,
    FileTooLarge,
    PartsMissing,
    QuotaExceeded,
    SizeMismatch,
    StorageTimeout,
    UploadInProgress,
)
from ...models import FileUpload
from ...models.direct_transitions import begin_joining, end_joining, keep_completion_lease, refresh_times
from ...s3.multipart import complete_multipart
from ...s3.objects import find_object, get_small_object, head_object
from ...s3.transfer.object_reader import hash_object
from ...values import StoredObject, StoredPart
from ..limits import get_upload_policy, validate_upload
from ..plan import part_sizes
from .part_totals import list_stored_parts, validate_parts_total
from .parts import BEING_COMPLETED, unknown_parts_error

NOTHING_ARRIVED = "The file has not arrived in S3: send it, then complete the upload again."
SHOWN_NUMBERS = 20
# A file of this size arrives with the answer that describes it. Its type and checksum need no further call.
SMALL_BYTES = 64 * 1024
# An upload with one of these errors is removed.
UNWANTED = (SizeMismatch, ContentTypeMismatch, ChecksumMismatch, FileTooLarge, ContentTypeNotAllowed, QuotaExceeded)
# Pauses while another request has S3 join the parts; in all, about as long as a client waits before it retries.
WAITS_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)


def find_arrived(upload: FileUpload, part_numbers: Collection[int] = ()) -> StoredObject:
    """Return the object in S3, after S3 joined its parts if it came in parts.

    If several requests complete an upload at once, one of them has S3 join the parts; the others wait a little.

    Args:
        upload: pending.
        part_numbers: the parts that make the file, if its size was not announced; by default all that S3 holds.

    Raises:
        ClaimLost: another request completed or removed the upload.
        PartsMissing, SizeMismatch: parts, or the file, are missing, or parts have the wrong size.
        UploadInProgress: another request has S3 join the parts, and may not have finished.
        UploadNotPending: S3 has no parts any more, and no object.
        BucketNotFound, StorageProblem: S3 could not answer.
    """
    for is_first in poll_attempts():
        if not is_first:
            refresh_times(upload)
        if stored := _find_or_join(upload, part_numbers):
            return stored
    raise UploadInProgress(BEING_COMPLETED)


def poll_attempts() -> Iterator[bool]:
    """Yield True at once, then False a few times after longer and longer waits."""
    yield True
    for seconds in WAITS_SECONDS:
        sleep(seconds)
        yield False


def _find_or_join(upload: FileUpload, part_numbers: Collection[int]) -> StoredObject | None:
    if upload.strategy == FileUpload.Strategy.MULTIPART:
        return _find_joined(upload, part_numbers)
    with expect_arrival(upload):
        if upload.size is not None and upload.size <= SMALL_BYTES:
            return get_small_object(**upload.s3_address, max_bytes=SMALL_BYTES)
        return head_object(**upload.s3_address, with_checksum=True)


def validate_announced(upload: FileUpload, stored: StoredObject) -> str:
    """Pass if S3 holds the announced file; return its SHA-256 in lower-case hex, or an empty text if it is unknown.

    Raises:
        SizeMismatch, ContentTypeMismatch, ChecksumMismatch: S3 holds another file.
        FileTooLarge, ContentTypeNotAllowed: the owner's policy does not allow it, or no longer.
        FileNotFound: another program removed the object.
        ClaimLost: another request completed or removed the upload.
        StorageProblem: S3 could not answer.
    """
    validate_shape(upload, stored)
    if not upload.checksum_sha256:  # The checksum of bytes that may still be rewritten proves nothing.
        return "" if upload.rewritable_until else stored.checksum_sha256 or ""
    if upload.checksum_sha256 != (stored.checksum_sha256 or _read_checksum(upload, stored)):
        raise ChecksumMismatch(
            "The SHA-256 of what arrived is not the one you gave: it was removed, start a new upload."
        )
    return upload.checksum_sha256


def validate_shape(upload: FileUpload, stored: StoredObject) -> None:
    """Pass if S3 holds the announced size and type, and the owner's policy allows them.

    Raises:
        SizeMismatch, ContentTypeMismatch: it does not.
        FileTooLarge, ContentTypeNotAllowed: the policy does not allow them, or no longer.
    """
    if upload.size is not None and stored.size != upload.size:
        raise SizeMismatch(
            f"{upload.size} bytes were announced and {stored.size} arrived: they were removed, start a new upload."
        )
    if "," in stored.content_type or normalize_content_type(stored.content_type) != upload.served_content_type:
        raise ContentTypeMismatch(
            f"The file arrived as {stored.content_type!r} and not as {upload.content_type!r}: it was removed, start a "
            "new upload, and send the headers and fields as they were given to you."
        )
    validate_upload(
        get_upload_policy(upload), names=(upload.original_name,), content_type=upload.content_type, size=stored.size
    )


def _read_checksum(upload: FileUpload, stored: StoredObject) -> str:
    if stored.content is not None:
        return sha256(stored.content).hexdigest()
    keep_lease = partial(keep_completion_lease, upload)
    return hash_object(**upload.s3_address, etag=stored.etag, size=stored.size, on_progress=keep_lease)


@contextmanager
def expect_arrival(upload: FileUpload) -> Iterator[None]:
    """Let the block read the object of an upload; if there is none, ask the client to send it.

    Raises:
        PartsMissing: there is no object.
        ClaimLost: another request completed or removed the upload.
    """
    try:
        yield
    except FileNotFound as error:
        refresh_times(upload)  # A client that is told to send the file still has an upload to send it to.
        raise PartsMissing(NOTHING_ARRIVED) from error


# --- parts -----------------------------------------------------------------------------------------------------------


def _find_joined(upload: FileUpload, part_numbers: Collection[int]) -> StoredObject | None:
    """Return the object that this request or another has S3 make of the parts; None while another is at it."""
    if not upload.multipart_upload_id:
        raise PartsMissing(NOTHING_ARRIVED)
    # S3 was asked before, or an older database was restored; if there is an object, remaining parts are debris.
    if upload.writable_until or upload.is_abandoned:
        stored = find_object(**upload.s3_address, with_checksum=True)
        if stored or upload.may_become_an_object:
            return stored
    try:
        held = list_stored_parts(upload)
    except FileNotFound as error:
        return _find_joined_by_another(upload, error)
    validate_parts_total(upload, held)
    try:
        parts = _choose_parts(upload, part_numbers, held)
        if begin_joining(upload):
            _join(upload, parts)
    except (FileNotFound, PartsMissing, SizeMismatch) as error:
        return _find_joined_by_another(upload, error)
    return find_object(**upload.s3_address, with_checksum=True)


def _join(upload: FileUpload, parts: Sequence[StoredPart]) -> None:
    """Ask S3 to join the parts; if it fails, other requests may try. After a time-out S3 may still be joining them."""
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _let_others_join(upload, error))
        complete_multipart(**upload.s3_address, upload_id=upload.multipart_upload_id, parts=parts)
        undo.pop_all()


def _let_others_join(upload: FileUpload, error: BaseException | None) -> None:
    with suppress(ClaimLost):  # The upload was removed meanwhile; S3's own error goes on to the caller.
        end_joining(upload, conf.read_timeout_seconds if isinstance(error, StorageTimeout) else 0)


def _find_joined_by_another(upload: FileUpload, error: Exception) -> StoredObject | None:
    """Return the object if parts are missing because another request had them joined; else raise the error."""
    refresh_times(upload)
    is_gone = isinstance(error, FileNotFound)
    stored = find_object(**upload.s3_address, with_checksum=True) if is_gone or upload.writable_until else None
    if stored or upload.may_become_an_object:
        return stored
    raise (unknown_parts_error(upload) if is_gone else error) from error


def _choose_parts(upload: FileUpload, part_numbers: Collection[int], parts: Sequence[StoredPart]) -> list[StoredPart]:
    """Return the parts that make the file, without parts that no URL of this app can have brought.

    Raises:
        PartsMissing, SizeMismatch: the client has to send some parts, or send them again.
    """
    held = {part.part_number: part for part in parts}
    planned = _plan_sizes(upload, part_numbers, held)
    if missing := [number for number in planned if number not in held]:
        raise PartsMissing(f"S3 does not hold all parts: send {_shorten(missing)}, then complete the upload again.")
    if wrong := [number for number, size in planned.items() if held[number].size != size]:
        raise SizeMismatch(f"Parts have another size than planned: send {_shorten(wrong)} again, as planned.")
    return [held[number] for number in planned]


def _plan_sizes(upload: FileUpload, part_numbers: Collection[int], held: Mapping[int, StoredPart]) -> dict[int, int]:
    if upload.size is None:  # The numbers that the client names, or all up to the highest, without a gap.
        numbers = sorted(part_numbers) or range(1, max(held, default=1) + 1)
        return {number: held[number].size if number in held else 0 for number in numbers}
    return dict(enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1))


def _shorten(numbers: Sequence[int]) -> str:
    more = len(numbers) - SHOWN_NUMBERS
    return ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (f" and {more} more" if more > 0 else "")
