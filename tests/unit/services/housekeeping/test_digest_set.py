"""The set of digests on disk: exact, and gone without a trace."""

from hashlib import sha256

import pytest

from s3_file_uploader.services.housekeeping.digest_set import DigestSet, open_digest_set

MANY = 2345


def digests(start, stop):
    return [sha256(f"{number}".encode()).hexdigest() for number in range(start, stop)]


@pytest.fixture
def seen():
    with open_digest_set() as seen:
        yield seen


@pytest.mark.parametrize("at_a_time", [1, 7, 1000])
def test_missing_returns_only_unknown_digests(seen, at_a_time):
    for start in range(0, MANY, at_a_time):
        seen.add(digests(start, min(start + at_a_time, MANY)))
    assert seen.missing(digests(0, MANY)) == set()
    assert seen.missing(digests(MANY - 10, MANY + 10)) == set(digests(MANY, MANY + 10))


def test_missing_of_nothing_is_empty(seen):
    seen.add([])
    assert seen.missing([]) == set()
    assert seen.missing(digests(0, 1)) == set(digests(0, 1))


def test_add_twice_is_no_error(seen):
    seen.add(digests(0, 2))
    seen.add(digests(1, 3))
    assert seen.missing(digests(0, 4)) == set(digests(3, 4))


def test_missing_tells_neighbours_apart(seen):
    (digest,) = digests(0, 1)
    other = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    seen.add([digest])
    assert seen.missing([other]) == {other}


def test_killed_process_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with open_digest_set() as seen:
        seen._database.execute("PRAGMA cache_size = 1")
        seen.add(digests(0, MANY))
        assert list(tmp_path.iterdir()) == []
        assert seen.missing(digests(0, MANY)) == set()


def test_full_disk_error_says_what_to_do(seen):
    with pytest.raises(OSError, match="SQLITE_TMPDIR"), open_digest_set() as full:
        full._database.execute("PRAGMA max_page_count = 5")
        full.add(digests(0, MANY))
    assert isinstance(full, DigestSet)
