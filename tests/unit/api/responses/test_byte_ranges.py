from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_file_uploader.api.responses.byte_ranges import MAX_RANGES, parse_ranges
from s3_file_uploader.exceptions import RangeNotSatisfiable
from tests.conftest import FUZZ_INPUTS


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-9", [(0, 10)]),
        ("bytes=5-", [(5, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=-30", [(0, 10)]),
        ("bytes=8-999999999999999999", [(8, 10)]),
        ("bytes=0-1,4-5", [(0, 2), (4, 6)]),
        ("bytes= 0-1 , ,4-5 ,", [(0, 2), (4, 6)]),
        ("bytes=4-5,0-1", [(4, 6), (0, 2)]),
        ("bytes=0-1,99-", [(0, 2)]),
    ],
)
def test_parse_ranges_of_ten_bytes_are_clipped(header, ranges):
    assert parse_ranges(header, 10) == ranges


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=-",
        "bytes=5-2",
        "bytes=0-1,5-2",
        "lines=0-1",
        "bytes=0-1;4-5",
        "bytes=\u0660-\u0661",
        f"bytes=0-{'9' * 20}",
        "bytes=0-6,3-9",  # Together more than the file: a client wants to keep the server busy.
        "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)),
    ],
)
def test_parse_ranges_unsupported_header_is_empty(header):
    assert parse_ranges(header, 10) == []


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_parse_ranges_after_end_is_not_satisfiable(header, size):
    with pytest.raises(RangeNotSatisfiable, match=f"has {size} bytes") as raised:
        parse_ranges(header, size)
    assert raised.value.size == size


numbers = st.one_of(st.just(""), st.integers(0, 10**21).map(str), st.integers(0, 20).map(str))
listed = st.lists(st.tuples(numbers, numbers).map("-".join), max_size=MAX_RANGES + 2).map(",".join)
headers = st.one_of(listed.map("bytes={}".format), st.text(max_size=50), st.text("0123456789-, =byts", max_size=50))


@settings(max_examples=FUZZ_INPUTS or 50)
@given(headers, st.one_of(st.integers(0, 20), st.integers(0, 5 * 2**40)))
def test_parse_ranges_any_header_stays_within_file(header, size):
    with suppress(RangeNotSatisfiable):
        ranges = parse_ranges(header, size)
        assert len(ranges) <= MAX_RANGES
        assert all(0 <= start < stop <= size for start, stop in ranges)
        assert sum(stop - start for start, stop in ranges) <= size
