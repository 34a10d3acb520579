"""Plan a direct upload: its key, its strategy (one request or parts), and the size of its parts."""

import re
from collections.abc import Iterable
from functools import cache
from math import ceil
from typing import Literal
from uuid import UUID

from ..conf import conf
from ..exceptions import FileTooLarge, InvalidField, InvalidFileName
from ..policy.bucket_policy import Policy, list_key_prefixes
from ..policy.names import normalize_file_name
from ..values import CHECKSUMS, CONDITIONAL_WRITES, MAX_KEY_BYTES, MAX_PARTS, MAX_PUT_BYTES, mib

# Matches every slash but the one in `[^/]+`, which stands for the id of a user.
_SLASH = re.compile(r"(?<!\[\^)/")
UPLOAD_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# A file from 256 MiB to 1 GiB has this many parts; smaller files have fewer, larger files have more.
PARTS_OF_A_FILE = 32
SMALLEST_SHARE_BYTES, LARGEST_SHARE_BYTES = mib(8), mib(32)

Wish = Literal["auto", "put", "post", "multipart"]


def choose_strategy(*, size: int | None, wish: str, with_checksum: bool = False) -> str:
    """Return put, post or multipart: the client's wish, if the size and the store allow it.

    Args:
        size: of the file in bytes, up to the limit of S3; None if it is not announced.
        wish: one of them, or `auto`. An empty file has no parts, so multipart becomes put.
        with_checksum: True if the client announced a SHA-256.

    Raises:
        FileTooLarge: this store takes no file of that size.
        InvalidField: the size or the store does not allow it.
    """
    strategy = _choose_best(size) if wish == "auto" or (wish == "multipart" and size == 0) else wish
    if strategy not in conf.direct_strategies:
        possible = ", ".join(("auto", *conf.direct_strategies))
        raise InvalidField("strategy", f"This store does not do that: choose one of {possible}.")
    if strategy == "post" and with_checksum and not conf.store_can(CHECKSUMS):
        raise InvalidField(
            "strategy",
            "This store does not compare the SHA-256 of a form: choose put or multipart, or leave out the SHA-256.",
        )
    if strategy != "multipart" and size is not None and size > MAX_PUT_BYTES:
        raise _build_too_large_error()
    return strategy


def _build_too_large_error() -> FileTooLarge | InvalidField:
    if "multipart" in conf.direct_strategies:
        return InvalidField("strategy", f"One request takes up to {MAX_PUT_BYTES} bytes: choose multipart or auto.")
    limit = {"max_file_bytes": MAX_PUT_BYTES}
    return FileTooLarge(f"This store takes files up to {MAX_PUT_BYTES} bytes: split this one.", limit=limit)


def _choose_best(size: int | None) -> str:
    in_parts = size is None or size > MAX_PUT_BYTES or size >= max(_get_multipart_from_bytes(), 1)
    preferred = ("multipart", "put", "post") if in_parts else ("put", "post", "multipart")
    return next((strategy for strategy in preferred if strategy in conf.direct_strategies), preferred[0])


def _get_multipart_from_bytes() -> int:
    """Return the size from which a file is sent in parts.

    With scanners, and a store that lets a client repeat its PUT after the scan, every file is.
    """
    can_be_rewritten = not conf.store_can(CONDITIONAL_WRITES)
    return 0 if conf.scanner_paths and can_be_rewritten else conf.direct_multipart_from_bytes


def choose_part_size(size: int | None) -> int:
    """Return the size of every part but the last: as configured, or by the size of the file, in whole MiB.

    Each part costs a store some milliseconds, and a part is sent again if the line breaks, so a part is a small share
    of its file, within limits, and large enough for 10,000 parts to hold the file. The client of a file without an
    announced size may choose another size.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """
    needed = ceil((size or 0) / MAX_PARTS)
    preferred = conf.direct_part_size_bytes or _choose_share(size or 0)
    return preferred if needed <= preferred else _round_up_to_mib(needed)


def _choose_share(size: int) -> int:
    return min(max(_round_up_to_mib(size / PARTS_OF_A_FILE), SMALLEST_SHARE_BYTES), LARGEST_SHARE_BYTES)


def _round_up_to_mib(size: float) -> int:
    return ceil(size / mib(1)) * mib(1)


def count_parts(*, size: int, part_size: int) -> int:
    """Return the number of parts of a file, at least one."""
    return max(1, ceil(size / part_size))


def part_sizes(*, size: int, part_size: int) -> Iterable[int]:
    """Yield the size of each part in order, in bytes."""
    for offset in range(0, max(size, 1), part_size):
        yield min(part_size, size - offset)


def build_direct_key(policy: Policy, upload_id: UUID, file_name: str) -> str:
    """Return a key that is unique to the upload and ends in the file name, for people to read.

    Raises:
        InvalidFileName: the name cannot be the end of a key.
    """
    file_name = normalize_file_name(file_name)
    key = f"{policy.key_prefix}{conf.direct_prefix}{upload_id}/{file_name}"
    if (excess := len(key.encode()) - MAX_KEY_BYTES) > 0:
        longest = len(file_name.encode()) - excess
        raise InvalidFileName(f"A file name has at most {longest} bytes of UTF-8 here: shorten it.")
    return key


def find_direct_id(key: str) -> str | None:
    """Return the upload id in a direct key, after any prefix of its owner; None for other keys."""
    match = _compile_shape("(?:.*?/)??", conf.direct_prefix).match(key)
    return match and match["id"]


def is_direct_key(key: str) -> bool:
    """Return True for a direct key after one of the prefixes that the settings name."""
    return any(_compile_shape(before, conf.direct_prefix).match(key) for before in list_key_prefixes())


def is_folder_of_direct_keys(key: str) -> bool:
    """Return True if a key is the path of a folder that contains keys of direct uploads.

    On a store that keeps keys as paths, a file of that name would block these uploads.
    """
    return any(_compile_folders(before, conf.direct_prefix).fullmatch(f"{key}/") for before in list_key_prefixes())


@cache
def _compile_folders(before: str, prefix: str) -> re.Pattern[str]:
    """Return the pattern of every folder above the keys, the last one with an id; arguments as `_compile_shape`."""
    folders = _SLASH.split(f"{before}{re.escape(prefix)}{UPLOAD_ID}")
    shape = f"{folders.pop()}/"
    for folder in reversed(folders):
        shape = f"{folder}/(?:{shape})?"
    return re.compile(shape, re.DOTALL)


@cache
def _compile_shape(before: str, prefix: str) -> re.Pattern[str]:
    """Return the pattern of a key; `before` is a pattern already, `prefix` a plain text."""
    return re.compile(f"{before}{re.escape(prefix)}(?P<id>{UPLOAD_ID})/", re.DOTALL)
