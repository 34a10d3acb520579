"""Validate names of buckets and files, for S3 and every S3-compatible store."""

import re
import unicodedata

from ..exceptions import InvalidBucketName, InvalidFileName
from ..values import MAX_KEY_BYTES

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_SHAPE = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
JOINERS = "\u200c\u200d"
RESERVED_ON_WINDOWS = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
# Half of a key is left for the id and the name of the file.
MAX_PREFIX_BYTES = MAX_KEY_BYTES // 2
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def validate_bucket_name(name: str) -> str:
    """Return `name` if S3 allows it for a bucket.

    Raises:
        InvalidBucketName: it violates a rule of
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
    """Return True if keys can begin with this: with folders that end in a slash, or with nothing."""
    if not isinstance(prefix, str) or not prefix:
        return prefix == ""
    try:
        validate_file_name(prefix.removesuffix("/"))
    except InvalidFileName:
        return False
    return prefix.endswith("/") and len(prefix.encode()) <= MAX_PREFIX_BYTES


def normalize_file_name(name: str) -> str:
    """Return `name`, normalised, if a new file may have it; stricter than for existing files.

    The name is composed (NFC), because phones and Macs send the same letters in two ways, and two keys would look the
    same.

    Raises:
        InvalidFileName: as `validate_file_name`; or the name has a character that is invisible or changes the order of
            others, so that it looks like another name; or Windows cannot keep a file of that name.
            https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
    """
    name = unicodedata.normalize("NFC", validate_file_name(name))
    validate_file_name(name)
    if any(is_deceptive(character) for character in name):
        raise InvalidFileName(
            "A file name cannot contain characters that are invisible or change the direction of writing: leave them "
            "out."
        )
    for segment in name.split("/"):
        if segment.endswith((".", " ")) or RESERVED_ON_WINDOWS.fullmatch(segment):
            raise InvalidFileName(
                f"Windows cannot keep a file or folder called {segment!r}: choose another name, without a dot or space "
                "at its end."
            )
    return name


def list_spellings(name: str) -> tuple[str, ...]:
    """Return the keys that an existing file may have: as the client writes it, and as the server would store it."""
    composed = unicodedata.normalize("NFC", name)
    return (name,) if composed == name else (name, composed)


def strip_deceptive_characters(name: str) -> str:
    """Return the name of a file for display: as the client sent it, without deceptive characters."""
    return "".join(character for character in name if not is_deceptive(character)).strip()


def is_deceptive(character: str) -> bool:
    """Return True if a character is invisible or changes the order of others: controls, formats, line separators.

    Joiners are not deceptive: Persian and emoji need them.
    https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
    """
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} and character not in JOINERS


def validate_file_name(name: str) -> str:
    """Return `name` if it can be an object key on every store.

    Some stores keep keys as paths, and collapse or refuse empty, `.` and `..` segments.

    Raises:
        InvalidFileName: it is empty or too long, has such a segment or a control character, or is not valid unicode.
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
