"""Apply the policy of the owner to a file, when its upload begins and when it has arrived; `quota.py` has the sums."""

from ..conf import conf
from ..exceptions import ContentTypeNotAllowed, FileTooLarge, InvalidFileName
from ..models import FileUpload
from ..policy.bucket_policy import Policy, get_policy
from .plan import is_folder_of_direct_keys
from .storage_places import find_places


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
    if size > conf.max_object_bytes:
        raise FileTooLarge(
            f"S3 keeps files up to {conf.max_object_bytes} bytes: split this one.",
            limit={"max_file_bytes": conf.max_object_bytes},
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


def validate_outside_storages(bucket: str, file_name: str) -> None:
    """Check that an object key for an upload through this server does not lie among the files of file fields.

    Raises:
        InvalidFileName: the key lies there, or would block the keys there on a store that keeps keys as paths.
    """
    if any(place.bucket == bucket and place.blocks(file_name) for place in find_places()):
        raise InvalidFileName("File fields of this site keep their files below this name: choose another.")


def _join_words(words: tuple[str, ...]) -> str:
    return ", ".join(word or "no ending" for word in words) or "none"
