"""Detect the kind of a binary file by the signature in its first bytes.

This table has the formats that browsers know and that users send often. `rare_signatures.py` has more.

https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern
"""

from . import file_types
from .containers import DETECTORS
from .file_types import Kind

_PREFIXES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", file_types.PNG),
    (b"\xff\xd8\xff", file_types.JPEG),
    (b"GIF87a", file_types.GIF),
    (b"GIF89a", file_types.GIF),
    (b"II*\0", file_types.TIFF),
    (b"MM\0*", file_types.TIFF),
    (b"II+\0", file_types.TIFF),
    (b"MM\0+", file_types.TIFF),
    (b"8BPS\0", file_types.PHOTOSHOP),
    (b"\0\0\0\x0cjP  \r\n\x87\n", file_types.JPEG_2000),
    (b"\xff\x4f\xff\x51", file_types.JPEG_2000),
    (b"\0\0\0\x0cJXL \r\n\x87\n", file_types.JPEG_XL),
    (b"\xff\x0a", file_types.JPEG_XL),
    (b"\0\0\1\0", file_types.ICON),
    (b"ID3", file_types.TAGGED_AUDIO),
    (b"fLaC", file_types.FLAC),
    (b"MThd\0\0\0\6", file_types.MIDI),
    (b"\0\0\1\xba", file_types.MPEG),
    (b"\0\0\1\xb3", file_types.MPEG),
    (b"0&\xb2u\x8ef\xcf\x11", file_types.ASF),
    (b"FLV\1", file_types.FLASH_VIDEO),
    (b"%!PS", file_types.POSTSCRIPT),
    (b"\xc5\xd0\xd3\xc6", file_types.POSTSCRIPT),
    (b"{\\rtf", file_types.RTF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", file_types.OLE),
    (b"\x1f\x8b\x08", file_types.GZIP),
    (b"\xfd7zXZ\0", file_types.XZ),
    (b"\x28\xb5\x2f\xfd", file_types.ZSTD),
    (b"7z\xbc\xaf\x27\x1c", file_types.SEVEN_ZIP),
    (b"Rar!\x1a\7", file_types.RAR),
    (b"\x7fELF", file_types.ELF),
    (b"\xfe\xed\xfa\xce", file_types.MACH_O),
    (b"\xfe\xed\xfa\xcf", file_types.MACH_O),
    (b"\xce\xfa\xed\xfe", file_types.MACH_O),
    (b"\xcf\xfa\xed\xfe", file_types.MACH_O),
    (b"\xca\xfe\xba\xbe", file_types.MACH_O),
    (b"\0asm", file_types.WASM),
    (b"wOFF", file_types.WOFF),
    (b"wOF2", file_types.WOFF2),
    (b"OTTO\0", file_types.OPENTYPE),
    (b"ttcf\0", file_types.OPENTYPE),
    (b"\0\1\0\0\0", file_types.OPENTYPE),
    (b"SQLite format 3\0", file_types.SQLITE),
)


def detect_kind(head: bytes) -> Kind | None:
    """Return the kind of a binary file, or None if its first bytes do not identify one."""
    if prefixed := next((kind for prefix, kind in _PREFIXES if head.startswith(prefix)), None):
        return prefixed
    return next(filter(None, (detect(head) for detect in DETECTORS)), None)
