"""Which names S3, and every S3-compatible store, can keep apart."""

import re
import unicodedata

from .exceptions import InvalidBucketName, InvalidFileName
from .values import MAX_KEY_BYTES

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_SHAPE = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
# Leaves half of a key for the id and the name of the file.
MAX_PREFIX_BYTES = MAX_KEY_BYTES // 2
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name_check(name: str) -> str:
    """Return `name` if S3 allows it for a bucket.

    Raises:
        InvalidBucketName: it breaks a rule of
            https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if not BUCKET_SHAPE.fullmatch(name):
        raise InvalidBucketName(
            "A bucket name has 3 to 63 characters: lower-case letters, digits, hyphens and single dots, "
            "beginning and ending with a letter or digit."
        )
    if IP_ADDRESS.fullmatch(name):
        raise InvalidBucketName("A bucket name cannot look like an IP address.")
    if name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIXES):
        raise InvalidBucketName("This beginning or ending of a bucket name is reserved by S3; choose another name.")
    return name


def is_key_prefix(prefix: object) -> bool:
    """Tell whether keys can begin like that: with folders that end in a slash, or with nothing."""
    if not isinstance(prefix, str) or not prefix:
        return prefix == ""
    try:
        file_name_check(prefix.removesuffix("/"))
    except InvalidFileName:
        return False
    return prefix.endswith("/") and len(prefix.encode()) <= MAX_PREFIX_BYTES


def file_name_check(name: str) -> str:
    """Return `name` if it can be an object key on every store.

    Stores that keep keys as paths collapse or refuse empty, `.` and `..` segments, so no store gets them.

    Raises:
        InvalidFileName: it is empty, too long, has such a segment, a control character, or is no valid unicode.
            https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidFileName("A file name must be valid UTF-8, percent-encoded in a URL.") from error
    if not 1 <= size <= MAX_KEY_BYTES:
        raise InvalidFileName(f"A file name has 1 to {MAX_KEY_BYTES} bytes of UTF-8; this one has {size}.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InvalidFileName("A file name cannot contain control characters.")
    if any(segment in {"", ".", ".."} for segment in name.split("/")):
        raise InvalidFileName("A file name cannot begin or end with '/' or contain an empty, '.' or '..' segment.")
    return name
