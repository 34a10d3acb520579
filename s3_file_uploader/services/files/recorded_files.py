"""List records as S3 lists objects: in the order of keys or paths, with folders rolled up.

A page reads records in the order of an index and skips each folder as a whole. Its cost depends on the size of the
page, not on the number of files. S3 is not asked, so a page reveals nothing about files that the caller may not see.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from ...models import FileUpload, FileUploadQuerySet

# After a folder, the next key is often another folder, so few records are read. The number doubles from there.
FIRST_BATCH = 16
LAST_CHARACTER = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)


class Position(NamedTuple):
    """The begin of a page: after the record `pk` with the key `after`, or after every key that begins with `after`."""

    after: str
    pk: str | None


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page: records and folders in one order, and the begin of the next page, None on the last."""

    uploads: tuple[FileUpload, ...]
    prefixes: tuple[str, ...]
    end: Position | None


def recorded_files(
    *, records: FileUploadQuerySet, prefix: str, delimiter: str, position: Position | None, page_size: int
) -> RecordPage:
    """Return one page of a bucket.

    Args:
        records: those that the caller may see, `by_key` or `by_path`.
        prefix: the beginning of the keys.
        delimiter: keys with it after the prefix are rolled up; empty for none.
        position: the end of the page before.
        page_size: 1 to 1,000 records and prefixes.
    """
    entries: list[FileUpload | str] = []
    for entry in _iterate_entries(records, prefix, delimiter, position, page_size):
        if len(entries) == page_size:
            return _build_page(entries, _build_position_behind(entries[-1]))
        entries.append(entry)
    return _build_page(entries, None)


def _build_page(entries: list[FileUpload | str], end: Position | None) -> RecordPage:
    return RecordPage(
        uploads=tuple(entry for entry in entries if isinstance(entry, FileUpload)),
        prefixes=tuple(entry for entry in entries if isinstance(entry, str)),
        end=end,
    )


def _build_position_behind(entry: FileUpload | str) -> Position:
    return Position(entry, None) if isinstance(entry, str) else Position(_get_key(entry), str(entry.pk))


def _get_key(upload: FileUpload) -> str:
    """Return what the records are ordered by, an annotation of the query."""
    return cast(str, cast(Any, upload).key)


def _iterate_entries(
    records: FileUploadQuerySet, prefix: str, delimiter: str, position: Position | None, page_size: int
) -> Iterator[FileUpload | str]:
    """Yield files, and folders as their prefixes, in the order of keys."""
    largest = page_size + 1  # One entry more than a page shows that there is another page.
    size = min(FIRST_BATCH, largest) if delimiter else largest
    rest = _begin_behind(records, prefix, position)
    while rest is not None:
        batch, rest = list(rest[:size]), None
        for upload in batch:
            key = _get_key(upload)
            if not key.startswith(prefix):
                return
            folder = _find_folder(key, prefix, delimiter)
            if folder:
                yield folder
                size, rest = min(FIRST_BATCH, largest), _skip_prefix(records, folder)
                break
            yield upload
        else:
            if len(batch) == size:
                size, rest = min(2 * size, largest), records.behind(_get_key(batch[-1]), batch[-1].pk)


def _begin_behind(records: FileUploadQuerySet, prefix: str, position: Position | None) -> FileUploadQuerySet | None:
    """Narrow to the keys after the position that may have the prefix, None if there can be none."""
    if position is None or position.after < prefix:
        return records.from_key(prefix) if prefix else records
    return records.behind(position.after, position.pk) if position.pk else _skip_prefix(records, position.after)


def _skip_prefix(records: FileUploadQuerySet, prefix: str) -> FileUploadQuerySet | None:
    """Narrow to the keys after all that begin with the prefix, None if there can be none."""
    following = _find_following(prefix)
    return records.from_key(following) if following else None


def _find_following(prefix: str) -> str:
    """Return the first text after all that begin with the prefix, empty if there is none.

    The order of code points is the order of their bytes in UTF-8 (RFC 3629, section 1).
    """
    text = prefix.rstrip(chr(LAST_CHARACTER))
    if not text:
        return ""
    following = ord(text[-1]) + 1
    return text[:-1] + chr(SURROGATES.stop if following in SURROGATES else following)


def _find_folder(key: str, prefix: str, delimiter: str) -> str:
    """Return the key up to its first delimiter after the prefix, empty if there is none."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return "" if end < 0 else key[: end + len(delimiter)]
