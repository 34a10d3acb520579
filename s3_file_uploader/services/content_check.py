"""Whether the bytes of a file are what was declared, and what becomes of it if not: by the policy of its owner.

through this server    the first bytes are looked at before S3 hears of the file
sent to S3 directly    they are read from S3 before the record says that they are stored
"""

from contextlib import closing
from typing import Any

from ..content_types.sniff import (
    SNIFFED_BYTES,
    UNKNOWN,
    Verdict,
    guess_content_type,
    is_undeclared,
    normalize_content_type,
    verify_content_type,
)
from ..exceptions import ContentTypeMismatch
from ..models import FileUpload
from ..policy.bucket_policy import Policy
from ..s3.transfer.object_reader import object_read
from ..values import StoredObject
from .limits import content_type_check, policy_of


class Contents:
    """The type of a file that comes through this server: as far as it is known before its bytes, and by them."""

    def __init__(self, policy: Policy, *, declared: str, name: str) -> None:
        """Take what the sender says; an empty `declared` is nothing.

        Raises:
            ContentTypeNotAllowed: the policy does not allow what was declared. What was not waits for the bytes.
        """
        declared = normalize_content_type(declared) if declared else ""
        self.content_type = declared or guess_content_type(name)
        self.mismatch = ""
        self._policy, self._declared, self._name = policy, declared, name
        if not is_undeclared(declared):
            content_type_check(policy, declared)

    def described(self) -> dict[str, Any]:
        """Return what the record says of it once it is stored: its type, and that it is held, by the policy."""
        return {"content_type": self.content_type, **(FileUpload.held(self.mismatch) if self.mismatch else {})}

    def look(self, head: bytes) -> str:
        """Return under which type the file is to be stored, by its first bytes.

        Raises:
            ContentTypeMismatch: they are not of the declared type, and the policy refuses that.
            ContentTypeNotAllowed: it does not allow what they are.
        """
        found = verify_content_type(declared=self._declared, name=self._name, head=head)
        self.mismatch = _told(self._policy, found)
        self.content_type = found.content_type
        if not found.mismatch:
            content_type_check(self._policy, self.content_type)
        return self.content_type


def arrived_contents_check(upload: FileUpload, found: StoredObject) -> str:
    """Read the first bytes of what S3 holds; return why it belongs in quarantine, or nothing.

    The type stays as it was declared, since S3 keeps it so.

    Raises:
        ContentTypeMismatch: the bytes are not of the declared type, and the policy refuses that.
        FileNotFound, StorageProblem: S3 could not give them.
    """
    declared = found.content_type or UNKNOWN
    stop = min(found.size, SNIFFED_BYTES)
    with closing(
        object_read(bucket=upload.bucket, key=upload.file_name, etag=found.etag, start=0, stop=stop)
    ) as chunks:
        head = b"".join(chunks)
    return _told(policy_of(upload), verify_content_type(declared=declared, name=upload.original_name, head=head))


def _told(policy: Policy, found: Verdict) -> str:
    if found.mismatch and policy.on_mismatch == "refuse":
        raise ContentTypeMismatch(f"{found.mismatch}: send it as what it is, or as application/octet-stream.")
    return found.mismatch
