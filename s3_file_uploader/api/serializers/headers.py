"""Headers that describe a file: its type, its checksum and its Idempotency-Key."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.serializers import CharField

from ...content_types.sniff import guess_content_type, normalize_content_type
from ...exceptions import InvalidField
from ...values import MAX_CONTENT_TYPE_LENGTH

CHECKSUM = re.compile(r"[0-9a-f]{64}", re.ASCII)
# https://www.rfc-editor.org/rfc/rfc9110.html#name-media-type
CONTENT_TYPE = re.compile(
    r"[a-zA-Z0-9][\w!#$&^.+-]{0,126}/[a-zA-Z0-9][\w!#$&^.+-]{0,126}"
    r"([ \t]*;[ \t]*[\w*-]+=[^;\x00-\x1f\x7f-\U0010ffff]+)*",
    re.ASCII,
)
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)


def content_type_declared(declared: str | None) -> str:
    """Return essence and charset of the declared type; an empty string if it is not shaped like a MIME type."""
    if declared and len(declared) <= MAX_CONTENT_TYPE_LENGTH and CONTENT_TYPE.fullmatch(declared):
        return normalize_content_type(declared)
    return ""


def content_type_of(declared: str | None, name: str) -> str:
    """Return the declared type, or the type that the name suggests if the declared one is not a MIME type."""
    return content_type_declared(declared) or guess_content_type(name)


class ChecksumField(CharField):
    """A SHA-256: accepts 64 hex digits or an empty text, and returns them in lower case."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Give 64 hex digits."}

    def __init__(self, **options: Any) -> None:
        words = "SHA-256 of the file in hex. On a mismatch, nothing is stored."
        super().__init__(allow_blank=True, help_text=words, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the digits."""
        value = super().to_internal_value(data).lower()
        if not CHECKSUM.fullmatch(value):
            self.fail("invalid")
        return value


def idempotency_key_of(headers: Mapping[str, str]) -> str | None:
    """Return the Idempotency-Key of a request, or None.

    Raises:
        InvalidField: the key has characters that may change on their way, or too many.
    """
    key = headers.get("Idempotency-Key")
    if key is None or IDEMPOTENCY_KEY.fullmatch(key):
        return key
    raise InvalidField("Idempotency-Key", "Give 1 to 255 visible ASCII characters, such as a UUID of your own.")
