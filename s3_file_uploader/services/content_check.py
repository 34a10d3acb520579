"""Compare the first bytes of a file with its declared type; the policy of its owner decides about a mismatch.

An upload through this server is checked before S3 gets the file, a direct upload before its record becomes `stored`.
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
from ..models.transitions import held_values
from ..policy.bucket_policy import Policy
from ..s3.transfer.object_reader import read_object
from ..values import StoredObject
from .limits import get_upload_policy, validate_content_type


class Contents:
    """The MIME type of a file that comes through this server: as declared, then as its first bytes show."""

    def __init__(self, policy: Policy, *, declared: str, name: str) -> None:
        """Take the type that the client declares, or an empty text.

        Raises:
            ContentTypeNotAllowed: the policy does not allow the declared type.
        """
        declared = normalize_content_type(declared) if declared else ""
        self.content_type = declared or guess_content_type(name)
        self.mismatch = ""
        self._policy, self._declared, self._name = policy, declared, name
        if not is_undeclared(declared):
            validate_content_type(policy, declared)

    def described(self) -> dict[str, Any]:
        """Return the values of the stored record: the MIME type, and the quarantine that the policy demands."""
        return {"content_type": self.content_type, **(held_values(self.mismatch) if self.mismatch else {})}

    def look(self, head: bytes) -> str:
        """Return the MIME type under which to store the file, by its first bytes.

        Raises:
            ContentTypeMismatch: they are not of the declared type, and the policy refuses that.
            ContentTypeNotAllowed: the policy does not allow their type.
        """
        judged = verify_content_type(declared=self._declared, name=self._name, head=head)
        self.mismatch = _apply_policy(self._policy, judged)
        self.content_type = judged.content_type
        if not judged.mismatch:
            validate_content_type(self._policy, self.content_type)
        return self.content_type


def check_arrived_contents(upload: FileUpload, stored: StoredObject) -> str:
    """Read the first bytes of an object; return the reason to quarantine it, or an empty text.

    The declared type stays, because S3 keeps it with the object.

    Raises:
        ContentTypeMismatch: the bytes are not of the declared type, and the policy refuses that.
        FileNotFound, StorageProblem: S3 could not return them.
    """
    head = _read_head(upload, stored) if stored.content is None else stored.content
    judged = verify_content_type(declared=stored.content_type or UNKNOWN, name=upload.original_name, head=head)
    return _apply_policy(get_upload_policy(upload), judged)


def _read_head(upload: FileUpload, stored: StoredObject) -> bytes:
    stop = min(stored.size, SNIFFED_BYTES)
    with closing(read_object(**upload.s3_address, etag=stored.etag, start=0, stop=stop)) as chunks:
        return b"".join(chunks)


def _apply_policy(policy: Policy, judged: Verdict) -> str:
    if judged.mismatch and policy.on_mismatch == "refuse":
        raise ContentTypeMismatch(f"{judged.mismatch}: send it as what it is, or as application/octet-stream.")
    return judged.mismatch
