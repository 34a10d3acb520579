import pytest

from s3_file_uploader.exceptions import RangeNotSatisfiable
from s3_file_uploader.ranges import MAX_RANGES, ranges_wanted


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
def test_what_is_wanted_of_ten_bytes(header, ranges):
    assert ranges_wanted(header, 10) == ranges


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
        "bytes=0-6,3-9",  # Together more than the file: somebody wants to keep us busy.
        "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)),
    ],
)
def test_what_is_no_range_of_ours_is_answered_with_the_whole(header):
    assert ranges_wanted(header, 10) == []


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_behind_the_end(header, size):
    with pytest.raises(RangeNotSatisfiable, match=f"has {size} bytes") as raised:
        ranges_wanted(header, size)
    assert raised.value.size == size
