"""List the files of a bucket from their records, as S3 lists objects: in the order of keys, with folders rolled up.

A page reads records in the order of an index and skips each folder as a whole. Its cost depends on the size of the
page, not on the number of files. S3 is not asked, so a page reveals nothing about files that the caller may not see.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from ...models import FileUpload, FileUploadQuerySet
from ...values import ListedObject, ObjectListing

# After a folder, the next key is often another folder, so few records are read. The number doubles from there.
FIRST_BATCH = 16
LAST_CHARACTER = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class Position:
    """The begin of a page: after the key `after`, or after every key that begins with it, if it is a prefix."""

    after: str
    is_prefix: bool


def recorded_objects(
    *,
    records: FileUploadQuerySet,
    bucket: str,
    prefix: str,
    delimiter: str,
    position: Position | None,
    page_size: int,
) -> tuple[ObjectListing, Position | None]:
    """Return one page of a bucket, and the begin of the next page, None on the last.

    Args:
        records: the records that the caller may see.
        bucket: its name.
        prefix: the beginning of the keys.
        delimiter: keys with it after the prefix are rolled up; empty for none.
        position: the end of the page before.
        page_size: 1 to 1,000 objects and prefixes.
    """
    entries: list[ListedObject | str] = []
    for entry in _iterate_entries(records.by_key(bucket), prefix, delimiter, position, page_size):
        if len(entries) == page_size:
            return _build_page(entries), _build_position_behind(entries[-1])
        entries.append(entry)
    return _build_page(entries), None


def _build_page(entries: list[ListedObject | str]) -> ObjectListing:
    return ObjectListing(
        objects=tuple(entry for entry in entries if isinstance(entry, ListedObject)),
        prefixes=tuple(entry for entry in entries if isinstance(entry, str)),
        next_cursor=None,
    )


def _build_position_behind(entry: ListedObject | str) -> Position:
    return Position(entry, is_prefix=True) if isinstance(entry, str) else Position(entry.file_name, is_prefix=False)


def _iterate_entries(
    records: FileUploadQuerySet, prefix: str, delimiter: str, position: Position | None, page_size: int
) -> Iterator[ListedObject | str]:
    """Yield files, and folders as their prefixes, in the order of keys."""
    largest = page_size + 1  # One entry more than a page shows that there is another page.
    size = min(FIRST_BATCH, largest) if delimiter else largest
    rest = _begin_behind(records, prefix, position)
    while rest is not None:
        batch, rest = list(rest[:size]), None
        for upload in batch:
            if not upload.file_name.startswith(prefix):
                return
            folder = _find_folder(upload.file_name, prefix, delimiter)
            if folder:
                yield folder
                size, rest = min(FIRST_BATCH, largest), _skip_prefix(records, folder)
                break
            yield _build_listed(upload)
        else:
            if len(batch) == size:
                size, rest = min(2 * size, largest), records.with_key(gt=batch[-1].file_name)


def _begin_behind(records: FileUploadQuerySet, prefix: str, position: Position | None) -> FileUploadQuerySet | None:
    """Narrow to the keys after the position that may have the prefix, None if there can be none."""
    if position is None or position.after < prefix:
        return records.with_key(gte=prefix) if prefix else records
    return _skip_prefix(records, position.after) if position.is_prefix else records.with_key(gt=position.after)


def _skip_prefix(records: FileUploadQuerySet, prefix: str) -> FileUploadQuerySet | None:
    """Narrow to the keys after all that begin with the prefix, None if there can be none."""
    following = _find_following(prefix)
    return records.with_key(gte=following) if following else None


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


def _build_listed(upload: FileUpload) -> ListedObject:
    return ListedObject(
        file_name=upload.file_name,
        size=cast(int, upload.size),
        etag=upload.etag,
        changed_at=cast(datetime, upload.completed_at),
    )
