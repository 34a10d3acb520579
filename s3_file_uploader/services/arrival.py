"""What S3 says of a direct upload: which parts and which object arrived, and whether they are what was announced."""

from collections.abc import Mapping, Sequence

from .. import s3
from ..egress import object_checksum
from ..exceptions import ChecksumMismatch, ContentTypeMismatch, FileNotFound, PartsMissing, SizeMismatch
from ..models import FileUpload
from ..multipart import multipart_complete, multipart_parts
from ..plans import part_sizes
from ..values import StoredObject, StoredPart
from .parts import parts_unknown

NOTHING_ARRIVED = "The file has not arrived in S3: send it, then complete the upload again."
SHOWN_NUMBERS = 20


def object_arrived(upload: FileUpload) -> StoredObject:
    """Return what lies in S3, having made it of its parts if it came in parts.

    Raises:
        FileExists: the upload was completed or removed meanwhile.
        PartsMissing, SizeMismatch: not everything is there, or some parts are of the wrong size.
        UploadInProgress, UploadNotPending: S3 has no parts any more, and no object.
        BucketNotFound, StorageProblem: S3 could not tell.
    """
    if upload.strategy == FileUpload.Strategy.MULTIPART:
        _parts_join(upload)
    try:
        return s3.object_head(bucket=upload.bucket, key=upload.file_name, with_checksum=True)
    except FileNotFound as error:
        if upload.strategy == FileUpload.Strategy.MULTIPART:
            raise parts_unknown(upload) from error
        raise PartsMissing(NOTHING_ARRIVED) from error


def announced_check(upload: FileUpload, found: StoredObject) -> str:
    """Pass if S3 holds what was announced; return its SHA-256 in lower-case hex, or nothing if nobody told it.

    Raises:
        SizeMismatch, ContentTypeMismatch, ChecksumMismatch: it holds something else.
        PartsMissing: it holds nothing any more.
        FileExists: the upload was completed or removed meanwhile.
        StorageProblem: S3 could not tell.
    """
    if upload.size is not None and found.size != upload.size:
        raise SizeMismatch(
            f"{upload.size} bytes were announced and {found.size} arrived: they were removed, start a new upload."
        )
    if found.content_type != upload.content_type:
        raise ContentTypeMismatch(
            f"The file arrived as {found.content_type!r} and not as {upload.content_type!r}: it was removed, start a "
            "new upload, and send the headers and fields as they were given to you."
        )
    if not upload.checksum_sha256:
        return found.checksum_sha256 or ""
    if upload.checksum_sha256 != (found.checksum_sha256 or _checksum_read(upload, found)):
        raise ChecksumMismatch(
            "The SHA-256 of what arrived is not the one you gave: it was removed, start a new upload."
        )
    return upload.checksum_sha256


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
        raise PartsMissing(NOTHING_ARRIVED) from error


# --- parts -----------------------------------------------------------------------------------------------------------


def _parts_join(upload: FileUpload) -> None:
    where = {"bucket": upload.bucket, "key": upload.file_name, "upload_id": upload.multipart_upload_id}
    if not upload.multipart_upload_id:
        raise PartsMissing(NOTHING_ARRIVED)
    try:
        parts = _planned(upload, multipart_parts(**where))
        upload.completion_keep()
        multipart_complete(**where, parts=parts)
    except FileNotFound:
        return  # Joined by another request, or given up by S3: the object tells.


def _planned(upload: FileUpload, parts: Sequence[StoredPart]) -> list[StoredPart]:
    """Return the parts that make the file; others, which no URL of ours can have brought, are left out.

    Raises:
        PartsMissing, SizeMismatch: some have to be sent, or sent again.
    """
    held = {part.part_number: part for part in parts}
    wanted = _wanted_sizes(upload, held)
    if missing := [number for number in wanted if number not in held]:
        raise PartsMissing(f"S3 does not hold all parts: send {_numbers(missing)}, then complete the upload again.")
    if wrong := [number for number, size in wanted.items() if held[number].size != size]:
        raise SizeMismatch(f"Parts have another size than planned: send {_numbers(wrong)} again, as planned.")
    return [held[number] for number in wanted]


def _wanted_sizes(upload: FileUpload, held: Mapping[int, StoredPart]) -> dict[int, int]:
    if upload.size is None:  # Whatever was sent, without a gap.
        return {number: held[number].size if number in held else 0 for number in range(1, max(held, default=1) + 1)}
    return dict(enumerate(part_sizes(size=upload.size, part_size=upload.part_size or 1), start=1))


def _numbers(numbers: Sequence[int]) -> str:
    more = len(numbers) - SHOWN_NUMBERS
    return ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (f" and {more} more" if more > 0 else "")
