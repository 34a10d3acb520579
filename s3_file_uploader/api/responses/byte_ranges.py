"""The Range header of RFC 9110: which bytes of a file a client asks for.

https://www.rfc-editor.org/rfc/rfc9110.html#name-range-requests
"""

import re

from ...exceptions import RangeNotSatisfiable

# More than a player or a download manager asks for at once; a header with more is answered with the whole file.
MAX_RANGES = 16
RANGE = re.compile(r"\d{1,19}-\d{0,19}|-\d{1,19}", re.ASCII)

Range = tuple[int, int]


def ranges_wanted(header: str, size: int) -> list[Range]:
    """Return the wanted ranges, each from its first byte to the one behind its last.

    Args:
        header: what stands behind `Range:`; empty if nothing does.
        size: of the file, in bytes.

    Returns:
        None of them where the header asks for nothing that this server serves in ranges: then the file is sent whole.

    Raises:
        RangeNotSatisfiable: every one lies behind the end of the file.
    """
    unit, _, listed = header.partition("=")
    wanted = [part.strip() for part in listed.split(",") if part.strip()]
    if unit.strip() != "bytes" or not 0 < len(wanted) <= MAX_RANGES or not all(map(_is_range, wanted)):
        return []
    ranges = [clipped for part in wanted if (clipped := _clipped(part, size))]
    if not ranges:
        raise RangeNotSatisfiable(f"The file has {size} bytes: ask for a range within.", size)
    return ranges if sum(stop - start for start, stop in ranges) <= size else []


def _is_range(part: str) -> bool:
    first, _, last = part.partition("-")
    return bool(RANGE.fullmatch(part)) and not (first and last and int(last) < int(first))


def _clipped(part: str, size: int) -> Range | None:
    first, _, last = part.partition("-")
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    return (start, stop) if start < stop else None
