"""How a direct upload goes to S3: under which key, in one request or in parts, and how large those are."""

import re
from collections.abc import Iterable
from functools import cache
from math import ceil
from typing import Literal
from uuid import UUID

from ..conf import conf
from ..exceptions import FileTooLarge, InvalidField
from ..policy.bucket_policy import list_key_prefixes
from ..values import CHECKSUMS, CONDITIONAL_WRITES, MAX_OBJECT_BYTES, MAX_PARTS, MAX_PUT_BYTES, mib

# Not the one in the `[^/]+` that stands for the id of a user.
_SLASH = re.compile(r"(?<!\[\^)/")
UPLOAD_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# As many as files from 256 MiB to 1 GiB have; below, parts are not smaller, above, not larger.
PARTS_OF_A_FILE = 32
SMALLEST_SHARE_BYTES, LARGEST_SHARE_BYTES = mib(8), mib(32)

Wish = Literal["auto", "put", "post", "multipart"]


def strategy_for(*, size: int | None, wish: str, with_checksum: bool = False) -> str:
    """Return put, post or multipart: what the client wishes, if the size and the store allow it.

    Args:
        size: of the file in bytes, None if it is not announced.
        wish: one of them, or `auto`. An empty file has no parts: wished for in parts, it is put.
        with_checksum: whether the client announced a SHA-256.

    Raises:
        FileTooLarge: S3 keeps none of that size, or the store takes none.
        InvalidField: the size or the store does not allow it.
    """
    if size is not None and size > MAX_OBJECT_BYTES:
        limit = {"max_file_bytes": MAX_OBJECT_BYTES}
        raise FileTooLarge(f"S3 keeps files up to {MAX_OBJECT_BYTES} bytes: split this one.", limit=limit)
    strategy = _best(size) if wish == "auto" or (wish == "multipart" and size == 0) else wish
    if strategy not in conf.direct_strategies:
        possible = ", ".join(("auto", *conf.direct_strategies))
        raise InvalidField("strategy", f"This store does not do that: choose one of {possible}.")
    if strategy == "post" and with_checksum and not conf.store_can(CHECKSUMS):
        raise InvalidField(
            "strategy",
            "This store does not compare the SHA-256 of a form: choose put or multipart, or leave out the SHA-256.",
        )
    if strategy != "multipart" and size is not None and size > MAX_PUT_BYTES:
        raise _too_large_for_one()
    return strategy


def _too_large_for_one() -> FileTooLarge | InvalidField:
    if "multipart" in conf.direct_strategies:
        return InvalidField("strategy", f"One request takes up to {MAX_PUT_BYTES} bytes: choose multipart or auto.")
    limit = {"max_file_bytes": MAX_PUT_BYTES}
    return FileTooLarge(f"This store takes files up to {MAX_PUT_BYTES} bytes: split this one.", limit=limit)


def _best(size: int | None) -> str:
    in_parts = size is None or size > MAX_PUT_BYTES or size >= max(_multipart_from_bytes(), 1)
    preferred = ("multipart", "put", "post") if in_parts else ("put", "post", "multipart")
    return next((strategy for strategy in preferred if strategy in conf.direct_strategies), preferred[0])


def _multipart_from_bytes() -> int:
    """Return from which size on: with scanners soon, where the URL of a PUT still works once the file was scanned."""
    can_be_rewritten = not conf.store_can(CONDITIONAL_WRITES)
    return 0 if conf.scanner_paths and can_be_rewritten else conf.direct_multipart_from_bytes


def part_size_for(size: int | None) -> int:
    """Return the size of every part but the last: as configured, or by the size of the file, in whole MiB.

    A store takes some milliseconds for each part, and what is sent of one when a line breaks is sent again: so a part
    is a small share of its file, within limits. All are as large as 10,000 must be. A file whose size is not announced
    gets the size that its client chooses; this is what it is told.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """
    needed = ceil((size or 0) / MAX_PARTS)
    wanted = conf.direct_part_size_bytes or _share_of(size or 0)
    return wanted if needed <= wanted else _whole_mib(needed)


def _share_of(size: int) -> int:
    return min(max(_whole_mib(size / PARTS_OF_A_FILE), SMALLEST_SHARE_BYTES), LARGEST_SHARE_BYTES)


def _whole_mib(size: float) -> int:
    return ceil(size / mib(1)) * mib(1)


def part_count_of(*, size: int, part_size: int) -> int:
    """Return into how many parts the file goes, at least one."""
    return max(1, ceil(size / part_size))


def part_sizes(*, size: int, part_size: int) -> Iterable[int]:
    """Yield the size of each part in order, in bytes."""
    for offset in range(0, max(size, 1), part_size):
        yield min(part_size, size - offset)


def direct_key(upload_id: UUID, file_name: str) -> str:
    """Return a key that nobody else can get, and that ends in the name so that it means something to people."""
    return f"{conf.direct_prefix}{upload_id}/{file_name}"


def direct_id(key: str) -> str | None:
    """Return the id that stands in a key like that, behind whatever prefix of its owner; None in others."""
    found = _shape("(?:.*?/)??", conf.direct_prefix).match(key)
    return found and found["id"]


def is_direct_key(key: str) -> bool:
    """Tell whether a key is one of those, behind a prefix that the settings name."""
    return any(_shape(before, conf.direct_prefix).match(key) for before in list_key_prefixes())


def is_folder_of_direct_keys(key: str) -> bool:
    """Return True if a key, taken as a folder, is one in which the keys of direct uploads lie.

    On a store that keeps keys as paths, a file of that name would keep everybody from them.
    """
    return any(_folders(before, conf.direct_prefix).fullmatch(f"{key}/") for before in list_key_prefixes())


@cache
def _folders(before: str, prefix: str) -> re.Pattern[str]:
    """Return the shape of each folder that leads to the keys, the last one with an id; arguments as `_shape`."""
    folders = _SLASH.split(f"{before}{re.escape(prefix)}{UPLOAD_ID}")
    shape = f"{folders.pop()}/"
    for folder in reversed(folders):
        shape = f"{folder}/(?:{shape})?"
    return re.compile(shape, re.DOTALL)


@cache
def _shape(before: str, prefix: str) -> re.Pattern[str]:
    """Return the shape of a key; `before` is one already, `prefix` a text."""
    return re.compile(f"{before}{re.escape(prefix)}(?P<id>{UPLOAD_ID})/", re.DOTALL)
