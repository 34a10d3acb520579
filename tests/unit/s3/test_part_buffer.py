from io import SEEK_CUR, SEEK_END

import pytest

from s3_file_uploader.s3.part_buffer import PIECE_BYTES, PartBuffer


@pytest.fixture
def filled():
    buffer = PartBuffer(8)
    assert bytes(buffer.fill(memoryview(b"content"))) == b""
    return buffer


def test_fill_beyond_the_capacity_returns_the_rest(filled):
    assert (len(filled), filled.is_full) == (7, False)
    assert bytes(filled.fill(memoryview(b"!?"))) == b"?"
    assert (len(filled), filled.is_full) == (8, True)
    assert bytes(filled.read()) == b"content!"


def test_head_copies_the_first_bytes(filled):
    assert (filled.head(3), filled.head(99)) == (b"con", b"content")


def test_read_after_seek_returns_the_bytes_again(filled):
    assert (bytes(filled.read()), bytes(filled.read()), filled.tell()) == (b"content", b"", 7)
    assert filled.seek(3) == 3
    assert bytes(filled.read()) == b"tent"
    assert filled.seek(-2, SEEK_END) == 5
    assert filled.seek(-1, SEEK_CUR) == 4
    assert bytes(filled.read(-1)) == b"ent"


def test_read_of_less_than_a_piece_returns_a_piece():
    buffer = PartBuffer(3 * PIECE_BYTES)
    buffer.fill(memoryview(bytes(2 * PIECE_BYTES + 5)))
    assert [len(buffer.read(16_384)) for _ in range(4)] == [PIECE_BYTES, PIECE_BYTES, 5, 0]
    buffer.seek(0)
    assert len(buffer.read(2 * PIECE_BYTES)) == 2 * PIECE_BYTES


def test_fill_after_empty_replaces_the_content(filled):
    filled.read()
    filled.empty()
    assert (len(filled), bytes(filled.read())) == (0, b"")
    filled.fill(memoryview(b"new"))
    assert bytes(filled.read()) == b"new"
