"""What kind of binary file its first bytes say it is.

The kinds that browsers know and people send are told for sure, by their own signatures; puremagic knows the rarer ones.

https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern
"""

import re
from functools import lru_cache

import puremagic

from . import kinds
from .containers import CONTAINERS
from .kinds import Kind

_PREFIXES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", kinds.PNG),
    (b"\xff\xd8\xff", kinds.JPEG),
    (b"GIF87a", kinds.GIF),
    (b"GIF89a", kinds.GIF),
    (b"II*\0", kinds.TIFF),
    (b"MM\0*", kinds.TIFF),
    (b"II+\0", kinds.TIFF),
    (b"MM\0+", kinds.TIFF),
    (b"8BPS\0", kinds.PHOTOSHOP),
    (b"\0\0\0\x0cjP  \r\n\x87\n", kinds.JPEG_2000),
    (b"\xff\x4f\xff\x51", kinds.JPEG_2000),
    (b"\0\0\0\x0cJXL \r\n\x87\n", kinds.JPEG_XL),
    (b"\xff\x0a", kinds.JPEG_XL),
    (b"\0\0\1\0", kinds.ICON),
    (b"ID3", kinds.TAGGED_AUDIO),
    (b"fLaC", kinds.FLAC),
    (b"MThd\0\0\0\6", kinds.MIDI),
    (b"\0\0\1\xba", kinds.MPEG),
    (b"\0\0\1\xb3", kinds.MPEG),
    (b"0&\xb2u\x8ef\xcf\x11", kinds.ASF),
    (b"FLV\1", kinds.FLASH_VIDEO),
    (b"%!PS", kinds.POSTSCRIPT),
    (b"\xc5\xd0\xd3\xc6", kinds.POSTSCRIPT),
    (b"{\\rtf", kinds.RTF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", kinds.OLE),
    (b"\x1f\x8b\x08", kinds.GZIP),
    (b"\xfd7zXZ\0", kinds.XZ),
    (b"\x28\xb5\x2f\xfd", kinds.ZSTD),
    (b"7z\xbc\xaf\x27\x1c", kinds.SEVEN_ZIP),
    (b"Rar!\x1a\7", kinds.RAR),
    (b"\x7fELF", kinds.ELF),
    (b"\xfe\xed\xfa\xce", kinds.MACH_O),
    (b"\xfe\xed\xfa\xcf", kinds.MACH_O),
    (b"\xce\xfa\xed\xfe", kinds.MACH_O),
    (b"\xcf\xfa\xed\xfe", kinds.MACH_O),
    (b"\xca\xfe\xba\xbe", kinds.MACH_O),
    (b"\0asm", kinds.WASM),
    (b"wOFF", kinds.WOFF),
    (b"wOF2", kinds.WOFF2),
    (b"OTTO\0", kinds.OPENTYPE),
    (b"ttcf\0", kinds.OPENTYPE),
    (b"\0\1\0\0\0", kinds.OPENTYPE),
    (b"SQLite format 3\0", kinds.SQLITE),
)
# Shorter ones of puremagic fit many files by chance.
_RARE_FROM_BYTES = 4
_CONTENT_TYPE = re.compile(r"(application|audio|font|image|model|video)/[a-z0-9][a-z0-9.+-]*")


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file, None where its first bytes say nothing for sure."""
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    for look in CONTAINERS:
        if found := look(head):
            return found
    return None


def rare_content_type_of(head: bytes) -> str | None:
    """Return what puremagic takes binary bytes for, by its longest signature that fits; None where none does."""
    for (start, stop), content_types in _rare_signatures().items():
        if found := content_types.get(head[start:stop]):
            return found
    return None


@lru_cache(maxsize=1)
def _rare_signatures() -> dict[tuple[int, int], dict[bytes, str]]:
    """Return the signatures of puremagic by their place, the longest first: to look them up is faster than to try each.

    https://github.com/cdgriffith/puremagic
    """
    by_place: dict[tuple[int, int], dict[bytes, str]] = {}
    for row in sorted(puremagic.magic_header_array, key=lambda row: -len(row.byte_match)):
        if len(row.byte_match) >= _RARE_FROM_BYTES and _CONTENT_TYPE.fullmatch(row.mime_type):
            place = by_place.setdefault((row.offset, row.offset + len(row.byte_match)), {})
            place.setdefault(row.byte_match, row.mime_type)
    return by_place
