"""Parse the Range header of RFC 9110.

https://www.rfc-editor.org/rfc/rfc9110.html#name-range-requests
"""

import re

from ...exceptions import RangeNotSatisfiable

# Players and download managers send fewer ranges; a header with more gets the whole file.
MAX_RANGES = 16
RANGE = re.compile(r"\d{1,19}-\d{0,19}|-\d{1,19}", re.ASCII)

Range = tuple[int, int]


def parse_ranges(header: str, size: int) -> list[Range]:
    """Return the requested ranges, each from its first byte to the byte after its last.

    Args:
        header: the value of `Range`; empty without the header.
        size: of the file, in bytes.

    Returns:
        An empty list if this server does not serve the header in ranges; then send the whole file.

    Raises:
        RangeNotSatisfiable: every range begins after the end of the file.
    """
    unit, _, listed = header.partition("=")
    parts = [part.strip() for part in listed.split(",") if part.strip()]
    if unit.strip() != "bytes" or not 0 < len(parts) <= MAX_RANGES or not all(map(_is_range, parts)):
        return []
    ranges = [clipped for part in parts if (clipped := _clip(part, size))]
    if not ranges:
        raise RangeNotSatisfiable(f"The file has {size} bytes: ask for a range within.", size)
    return ranges if sum(stop - start for start, stop in ranges) <= size else []


def _is_range(part: str) -> bool:
    first, _, last = part.partition("-")
    return bool(RANGE.fullmatch(part)) and not (first and last and int(last) < int(first))


def _clip(part: str, size: int) -> Range | None:
    first, _, last = part.partition("-")
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    return (start, stop) if start < stop else None
