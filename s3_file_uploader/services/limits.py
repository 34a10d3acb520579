"""Apply the policy of the owner to a file: before its upload, during it, and after it.

    before     name, type, announced size   validate_upload, validate_key
               its share of the quota       reserve_quota, around the statement that writes the record
    during     bytes so far                 Intake, for uploads through this server
    after      size and type in S3          validate_arrival; reserve_quota again, if the size was not announced

Every record of the owner in the bucket counts for the quota. A stored file counts with its size; an upload with its
announced size, or else with the bytes so far; an upload that replaces a file with the larger of both sizes. Each
addition is checked under a lock of the owner, in its own transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ..conf import conf
from ..exceptions import ContentTypeNotAllowed, FileTooLarge, InvalidFileName, QuotaExceeded
from ..models import FileUpload, UsageLock, Within, durable_transaction
from ..models.transitions import count_incoming
from ..policy.bucket_policy import Policy, get_policy
from ..values import MAX_OBJECT_BYTES, MAX_PUT_BYTES, Usage
from .plan import is_folder_of_direct_keys


def get_upload_policy(upload: FileUpload) -> Policy:
    """Return the policy for an existing record; its owner is fetched only if a callable needs them.

    Do not use its key prefix: without an owner it is incomplete, and the record has a key already.
    """
    return get_policy(upload.user if conf.policy_path else None, upload.bucket)


def validate_upload(policy: Policy, *, names: tuple[str, ...], content_type: str | None, size: int | None) -> None:
    """Check a file against the policy of its owner.

    Args:
        policy: of the owner.
        names: the names of the file, each with or without folders.
        content_type: as announced or detected; None if the bytes will decide it.
        size: in bytes, if it is known.

    Raises:
        FileTooLarge, ContentTypeNotAllowed: the policy does not allow the file.
    """
    if size is not None:
        validate_size(policy, size)
    if content_type is not None:
        validate_content_type(policy, content_type)
    if not all(policy.allows_extension(name) for name in names):
        endings = policy.extensions or ()
        raise ContentTypeNotAllowed(
            f"Files with this extension are not taken here: send one that ends in {_join_words(endings)}.",
            limit={"extensions": list(endings)},
        )


def validate_content_type(policy: Policy, content_type: str) -> None:
    """Check a type against the policy.

    Raises:
        ContentTypeNotAllowed: the policy does not allow it.
    """
    if not policy.allows_content_type(content_type):
        allowed = policy.content_types or ()
        raise ContentTypeNotAllowed(
            f"Files of the type {content_type!r} are not taken here: send one of {_join_words(allowed)}.",
            limit={"content_types": list(allowed)},
        )


def validate_size(policy: Policy, size: int) -> None:
    """Check a size against the policy and the limit of S3.

    Raises:
        FileTooLarge: it is over a limit.
    """
    largest = policy.max_file_bytes
    if largest is not None and size > largest:
        raise FileTooLarge(f"Files up to {largest} bytes are taken here.", limit={"max_file_bytes": largest})
    if size > MAX_OBJECT_BYTES:
        raise FileTooLarge(
            f"S3 keeps files up to {MAX_OBJECT_BYTES} bytes: split this one.",
            limit={"max_file_bytes": MAX_OBJECT_BYTES},
        )


def validate_key(policy: Policy, file_name: str) -> None:
    """Check that the owner may use an object key for an upload through this server.

    Raises:
        InvalidFileName: the key is outside of their prefix, or would block the keys of direct uploads.
    """
    if is_folder_of_direct_keys(file_name):
        raise InvalidFileName("Direct uploads lie below this name: choose another.")
    if not file_name.startswith(policy.key_prefix) or file_name == policy.key_prefix:
        raise InvalidFileName(
            f"The file name must begin with {policy.key_prefix!r}, and go on.", limit={"key_prefix": policy.key_prefix}
        )


def validate_arrival(upload: FileUpload, size: int) -> None:
    """Check a direct upload that has arrived against the present policy, not that of its start.

    Raises:
        FileTooLarge, ContentTypeNotAllowed: the policy does not allow the file.
    """
    validate_upload(
        get_upload_policy(upload), names=(upload.original_name,), content_type=upload.content_type, size=size
    )


def get_unannounced_max_bytes(upload: FileUpload) -> int:
    """Return the maximum size of a direct upload in one request, whose size was not announced."""
    policy = get_upload_policy(upload)
    room = None if policy.quota_bytes is None else max(0, policy.quota_bytes - _count_others(upload).bytes)
    return min(limit for limit in (MAX_PUT_BYTES, policy.max_file_bytes, room) if limit is not None)


# --- the quota -------------------------------------------------------------------------------------------------------


def reserve_quota(policy: Policy, size: int | None) -> Within | None:
    """Return a context manager that opens a durable transaction in which a record may grow to `size` bytes.

    It locks the usage of the owner. Without a quota, return None and make no query.

    Args:
        policy: of the owner.
        size: in bytes; if it is unknown, one byte must fit.

    Raises:
        QuotaExceeded: on entry; nothing was written.
    """
    return partial(_hold_quota, policy, 1 if size is None else size) if policy.has_quota else None


@contextmanager
def _hold_quota(policy: Policy, size: int, upload: FileUpload) -> Iterator[int | None]:
    """Yield the number of bytes to which the record may grow."""
    with durable_transaction():
        UsageLock.objects.take(upload.user_id)
        yield _validate_room(policy, upload, size)


def _validate_room(policy: Policy, upload: FileUpload, size: int) -> int | None:
    others, is_new = _count_others(upload), upload._state.adding
    if policy.quota_files is not None and is_new and others.files >= policy.quota_files:
        raise QuotaExceeded(
            f"You have {others.files} of {policy.quota_files} files in this bucket, unfinished ones included: "
            "remove one.",
            limit={"quota_files": policy.quota_files, "files": others.files},
        )
    held = 0 if is_new else upload.size or 0
    if policy.quota_bytes is not None and size > held and others.bytes + size > policy.quota_bytes:
        raise QuotaExceeded(
            f"You have {others.bytes + held} of {policy.quota_bytes} bytes in this bucket, unfinished uploads "
            "included: remove some files, or send a smaller one.",
            limit={"quota_bytes": policy.quota_bytes, "bytes": others.bytes + held},
        )
    return None if policy.quota_bytes is None else policy.quota_bytes - others.bytes


def count_parts(upload: FileUpload, total: int) -> None:
    """Pass if the parts of a direct upload may have this total size; bytes without announcement count from now on.

    Raises:
        FileTooLarge, QuotaExceeded: they may not.
        ClaimLost: the upload was completed or removed meanwhile.
    """
    policy = _validate_announced(upload, total)
    if policy is not None and policy.quota_bytes is not None and total > (upload.incoming_size or 0):
        with _hold_quota(policy, total, upload):
            count_incoming(upload, total)


def validate_parts(upload: FileUpload, total: int) -> None:
    """Pass if `count_parts` would; nothing is counted.

    Raises:
        FileTooLarge, QuotaExceeded: it would not.
    """
    policy = _validate_announced(upload, total)
    if policy is not None:
        _validate_room(policy, upload, total)


def has_limit(upload: FileUpload) -> bool:
    """Return True if the policy of its owner limits how many bytes an upload may come to."""
    policy = get_upload_policy(upload)
    return policy.max_file_bytes is not None or policy.quota_bytes is not None


def _validate_announced(upload: FileUpload, total: int) -> Policy | None:
    """Check against the announced size; without one, against the policy, which is returned for the quota."""
    if upload.size is None:
        policy = get_upload_policy(upload)
        validate_size(policy, total)
        return policy
    if total > upload.size:
        raise FileTooLarge(
            f"{upload.size} bytes were announced and the parts come to {total}: they were removed, start a new upload."
        )
    return None


class Intake:
    """Check the bytes of one upload through this server against the policy, while they arrive."""

    def __init__(self, policy: Policy, upload: FileUpload, size: int | None) -> None:
        """Start with no bytes; the announced `size` is counted already."""
        self._policy, self._upload = policy, upload
        self._counted, self._room = size or 0, 0

    def comes(self, size: int) -> None:
        """Pass if so many bytes, in all so far, may come; they are counted now and then, and if they may not.

        Raises:
            FileTooLarge, QuotaExceeded: they may not.
            ClaimLost: the claim is lost.
        """
        validate_size(self._policy, size)
        if size > self._room or size - self._counted >= conf.part_size_bytes:
            self.ends(size)

    def ends(self, size: int) -> None:
        """Pass if so many bytes may stay; all are counted.

        Raises:
            QuotaExceeded: they may not.
            ClaimLost: the claim is lost.
        """
        if self._policy.quota_bytes is None or size <= self._counted:
            return
        with _hold_quota(self._policy, size, self._upload) as room:
            count_incoming(self._upload, size)
        self._counted, self._room = size, room or 0


def _count_others(upload: FileUpload) -> Usage:
    others = FileUpload.objects.exclude(pk=upload.pk)
    return others.usage(user_id=upload.user_id, bucket=upload.bucket)


def _join_words(words: tuple[str, ...]) -> str:
    return ", ".join(word or "no ending" for word in words) or "none"
