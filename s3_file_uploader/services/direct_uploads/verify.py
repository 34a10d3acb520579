"""What S3 says of a direct upload: which parts and which object arrived, and whether they are what was announced."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from time import sleep
from typing import Any

from ...conf import conf
from ...content_types.sniff import normalize_content_type
from ...exceptions import (
    ChecksumMismatch,
    ContentTypeMismatch,
    ContentTypeNotAllowed,
    FileExists,
    FileNotFound,
    FileTooLarge,
    PartsMissing,
    QuotaExceeded,
    SizeMismatch,
    StorageTimeout,
    UploadInProgress,
)
from ...models import FileUpload
from ...s3.multipart import multipart_complete, multipart_parts
from ...s3.objects import object_head
from ...s3.transfer.object_reader import object_checksum
from ...values import StoredObject, StoredPart
from ..content_check import arrived_contents_check
from ..limits import arrival_check
from ..plan import part_sizes
from .part_totals import parts_total_check
from .parts import BEING_COMPLETED, parts_unknown

NOTHING_ARRIVED = "The file has not arrived in S3: send it, then complete the upload again."
SHOWN_NUMBERS = 20
# What S3 holds is removed for.
UNWANTED = (
    SizeMismatch,
    ContentTypeMismatch,
    ChecksumMismatch,
    FileTooLarge,
    ContentTypeNotAllowed,
    QuotaExceeded,
)
# Between looks at what another request is having S3 make; about as long as its client would be told to wait.
WAITS_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)


def object_arrived(upload: FileUpload, part_numbers: Collection[int] = ()) -> StoredObject:
    """Return what lies in S3, having had it made of its parts if it came in parts.

    Of several requests at once, one has S3 join the parts; the others wait a little for what comes of it.

    Args:
        upload: pending.
        part_numbers: of the parts that make the file, where its size was not announced; by default all that S3 holds.

    Raises:
        FileExists: the upload was completed or removed meanwhile.
        PartsMissing, SizeMismatch: not everything is there, or some parts are of the wrong size.
        UploadInProgress: another request is at it, or was a while ago and may be still.
        UploadNotPending: S3 has no parts any more, and no object.
        BucketNotFound, StorageProblem: S3 could not tell.
    """
    for is_first in patience():
        if not is_first:
            upload.look_again()
        if found := _object_found(upload, part_numbers):
            return found
    raise UploadInProgress(BEING_COMPLETED)


def patience() -> Iterator[bool]:
    """Yield at once, and then after longer and longer waits for what another request has S3 do, a few times."""
    yield True
    for seconds in WAITS_SECONDS:
        sleep(seconds)
        yield False


def _object_found(upload: FileUpload, part_numbers: Collection[int]) -> StoredObject | None:
    if upload.strategy == FileUpload.Strategy.MULTIPART:
        return _object_of_parts(upload, part_numbers)
    found = object_there(upload)
    if found is None:
        upload.look_again()  # Who is told to send it has somewhere to send it to.
        raise PartsMissing(NOTHING_ARRIVED)
    return found


def object_there(upload: FileUpload) -> StoredObject | None:
    """Return what lies under the key of an upload, None if nothing does.

    Raises:
        StorageProblem: S3 could not tell.
    """
    try:
        return object_head(bucket=upload.bucket, key=upload.file_name, with_checksum=True)
    except FileNotFound:
        return None


def announced_check(upload: FileUpload, found: StoredObject) -> str:
    """Pass if S3 holds what was announced; return its SHA-256 in lower-case hex, or nothing if nobody told it.

    Raises:
        SizeMismatch, ContentTypeMismatch, ChecksumMismatch: it holds something else.
        FileTooLarge, ContentTypeNotAllowed: the policy of the owner does not allow it, or no longer.
        PartsMissing: it holds nothing any more.
        FileExists: the upload was completed or removed meanwhile.
        StorageProblem: S3 could not tell.
    """
    shape_check(upload, found)
    if not upload.checksum_sha256:  # The checksum of bytes that may still be rewritten is worth nothing.
        return "" if upload.rewritable_until else found.checksum_sha256 or ""
    if upload.checksum_sha256 != (found.checksum_sha256 or _checksum_read(upload, found)):
        raise ChecksumMismatch(
            "The SHA-256 of what arrived is not the one you gave: it was removed, start a new upload."
        )
    return upload.checksum_sha256


def shape_check(upload: FileUpload, found: StoredObject) -> None:
    """Pass if S3 holds the size and type that were announced, and the policy of the owner allows them.

    Raises:
        SizeMismatch, ContentTypeMismatch: it does not.
        FileTooLarge, ContentTypeNotAllowed: the policy does not, or no longer.
    """
    if upload.size is not None and found.size != upload.size:
        raise SizeMismatch(
            f"{upload.size} bytes were announced and {found.size} arrived: they were removed, start a new upload."
        )
    if "," in found.content_type or normalize_content_type(found.content_type) != upload.served_content_type:
        raise ContentTypeMismatch(
            f"The file arrived as {found.content_type!r} and not as {upload.content_type!r}: it was removed, start a "
            "new upload, and send the headers and fields as they were given to you."
        )
    arrival_check(upload, found.size)


def contents_mismatch(upload: FileUpload, found: StoredObject) -> str:
    """Return why the first bytes belong in quarantine by the policy, or nothing.

    Raises:
        ContentTypeMismatch: by the policy they are refused.
        PartsMissing, FileExists, StorageProblem: as `announced_check`.
    """
    try:
        return arrived_contents_check(upload, found)
    except FileNotFound as error:
        upload.look_again()
        raise PartsMissing(NOTHING_ARRIVED) from error


def _checksum_read(upload: FileUpload, found: StoredObject) -> str:
    try:
        return object_checksum(
            bucket=upload.bucket,
            key=upload.file_name,
            etag=found.etag,
            size=found.size,
            on_progress=upload.completion_keep,
        )
    except FileNotFound as error:
        upload.look_again()
        raise PartsMissing(NOTHING_ARRIVED) from error


# --- parts -----------------------------------------------------------------------------------------------------------


def _object_of_parts(upload: FileUpload, part_numbers: Collection[int]) -> StoredObject | None:
    """Return the object, made by this request or another; None while another is at it."""
    if not upload.multipart_upload_id:
        raise PartsMissing(NOTHING_ARRIVED)
    if upload.writable_until:  # S3 was asked before; where there is an object, what is left of the parts is debris.
        found = object_there(upload)
        if found or upload.may_become_an_object:
            return found
    try:
        held = multipart_parts(**_where(upload))
    except FileNotFound as error:
        return _joined_meanwhile(upload, error)
    parts_total_check(upload, held)
    try:
        parts = _planned(upload, part_numbers, held)
        if upload.joining_begin():
            _join(upload, parts)
    except (FileNotFound, PartsMissing, SizeMismatch) as error:
        return _joined_meanwhile(upload, error)
    return object_there(upload)


def _where(upload: FileUpload) -> dict[str, Any]:
    return {"bucket": upload.bucket, "key": upload.file_name, "upload_id": upload.multipart_upload_id}


def _join(upload: FileUpload, parts: Sequence[StoredPart]) -> None:
    """Have S3 join them; if it does not, others may try. After a time-out it may be at it still."""
    with ExitStack() as undo:
        undo.push(lambda _kind, error, _trace: _joining_end(upload, error))
        multipart_complete(**_where(upload), parts=parts)
        undo.pop_all()


def _joining_end(upload: FileUpload, error: BaseException | None) -> None:
    with suppress(FileExists):  # Removed meanwhile; what S3 said goes on to the caller.
        upload.joining_end(conf.read_timeout_seconds if isinstance(error, StorageTimeout) else 0)


def _joined_meanwhile(upload: FileUpload, error: Exception) -> StoredObject | None:
    """Return the object, if parts are missing because another request had it made of them; else the error stands."""
    upload.look_again()
    is_gone = isinstance(error, FileNotFound)
    found = object_there(upload) if is_gone or upload.writable_until else None
    if found or upload.may_become_an_object:
        return found
    raise (parts_unknown(upload) if is_gone else error) from error


def _planned(upload: FileUpload, part_numbers: Collection[int], parts: Sequence[StoredPart]) -> list[StoredPart]:
    """Return the parts that make the file; others, which no URL of ours can have brought, are left out.

    Raises:
        PartsMissing, SizeMismatch: some have to be sent, or sent again.
    """
    held = {part.part_number: part for part in parts}
    wanted = _wanted_sizes(upload, part_numbers, held)
    if missing := [number for number in wanted if number not in held]:
        raise PartsMissing(f"S3 does not hold all parts: send {_numbers(missing)}, then complete the upload again.")
    if wrong := [number for number, size in wanted.items() if held[number].size != size]:
        raise SizeMismatch(f"Parts have another size than planned: send {_numbers(wrong)} again, as planned.")
    return [held[number] for number in wanted]


def _wanted_sizes(upload: FileUpload, part_numbers: Collection[int], held: Mapping[int, StoredPart]) -> dict[int, int]:
    if upload.size is None:  # What the client counts, or whatever was sent, without a gap.
        wanted = sorted(part_numbers) or range(1, max(held, default=1) + 1)
        return {number: held[number].size if number in held else 0 for number in wanted}
    return dict(enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1))


def _numbers(numbers: Sequence[int]) -> str:
    more = len(numbers) - SHOWN_NUMBERS
    return ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (f" and {more} more" if more > 0 else "")
