from io import SEEK_CUR, SEEK_END

import pytest

from s3_file_uploader.s3.part_buffer import PIECE_BYTES, PartBuffer


@pytest.fixture
def filled():
    buffer = PartBuffer(8)
    assert bytes(buffer.fill(memoryview(b"content"))) == b""
    return buffer


def test_it_takes_what_there_is_room_for(filled):
    assert (len(filled), filled.is_full) == (7, False)
    assert bytes(filled.fill(memoryview(b"!?"))) == b"?"
    assert (len(filled), filled.is_full) == (8, True)
    assert bytes(filled.read()) == b"content!"


def test_what_must_all_be_taken_is_not_taken_in_part(filled):
    filled.write(b"!")
    assert bytes(filled.read()) == b"content!"
    with pytest.raises(BufferError, match="More than 8"):
        filled.write(b"?")


def test_it_is_read_once_and_again(filled):
    assert (bytes(filled.read()), bytes(filled.read()), filled.tell()) == (b"content", b"", 7)
    assert filled.seek(3) == 3
    assert bytes(filled.read()) == b"tent"
    assert filled.seek(-2, SEEK_END) == 5
    assert filled.seek(-1, SEEK_CUR) == 4
    assert bytes(filled.read(-1)) == b"ent"


def test_small_reads_get_larger_pieces():
    buffer = PartBuffer(3 * PIECE_BYTES)
    buffer.fill(memoryview(bytes(2 * PIECE_BYTES + 5)))
    assert [len(buffer.read(16_384)) for _ in range(4)] == [PIECE_BYTES, PIECE_BYTES, 5, 0]
    buffer.seek(0)
    assert len(buffer.read(2 * PIECE_BYTES)) == 2 * PIECE_BYTES


def test_emptied_it_takes_other_bytes(filled):
    filled.read()
    filled.empty()
    assert (len(filled), bytes(filled.read())) == (0, b"")
    filled.fill(memoryview(b"new"))
    assert bytes(filled.read()) == b"new"


def test_what_is_written_into_its_room_is_taken(filled):
    room = filled.room()
    room[:] = b"!"
    assert (bytes(filled.wrote(1)), filled.is_full, bytes(filled.read())) == (b"!", True, b"content!")
