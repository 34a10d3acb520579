"""What kind of binary file its first bytes say it is.

The kinds that browsers know and people send are told for sure, by their own signatures. `rare_signatures.py` has more.

https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern
"""

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


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file, None where its first bytes say nothing for sure."""
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    for look in CONTAINERS:
        if found := look(head):
            return found
    return None
