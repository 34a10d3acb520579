"""Detect the kinds of files that a fixed prefix does not identify: containers, and streams of frames.

Each function takes the first bytes of a file and returns its kind, or None if the file is of another kind.
"""

# ruff: noqa: PLR2004 - bits of headers, as the standards draw them

import re

from . import file_types
from .file_types import Kind

# https://developers.google.com/speed/webp/docs/riff_container ; https://tech.ebu.ch/docs/tech/tech3306v1_0.pdf
_RIFF = {b"WEBP": file_types.WEBP, b"WAVE": file_types.WAV, b"AVI ": file_types.AVI, b"RMID": file_types.MIDI}
# https://mp4ra.org/registered-types/brands
_BRANDS: tuple[tuple[bytes, Kind], ...] = (
    (b"avi[fs]", file_types.AVIF),
    (b"he[iv][cxms]", file_types.HEIC),
    (b"m[is]f1", file_types.HEIF),
    (b"qt  ", file_types.QUICKTIME),
    (b"M4[ABP] ", file_types.MP4_AUDIO),
    (b"3g[a-z0-9][a-z0-9]", file_types.MOBILE_VIDEO),
    (b"crx ", file_types.TIFF),
)
# The first box of a QuickTime film without brands, or of an MP4 segment.
_BOXES = dict.fromkeys((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"), file_types.QUICKTIME)
_BOXES |= dict.fromkeys((b"styp", b"sidx", b"moof"), file_types.MP4)
_OGG_CODECS: tuple[tuple[bytes, Kind], ...] = (
    (b"\x80theora", file_types.OGG_VIDEO),
    (b"\x01vorbis", file_types.OGG_AUDIO),
    (b"OpusHead", file_types.OGG_AUDIO),
    (b"Speex   ", file_types.OGG_AUDIO),
    (b"\x7fFLAC", file_types.OGG_AUDIO),
)
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Names of files in the archive. An archive without any of them near its beginning is an ordinary zip archive.
_IN_ZIPS: tuple[tuple[bytes, Kind], ...] = (
    (b"word/", file_types.DOCX),
    (b"xl/", file_types.XLSX),
    (b"ppt/", file_types.PPTX),
    (b"META-INF/", file_types.JAR),
)
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7
_NAME_IN_ZIP = re.compile(rb"PK\x03\x04.{26}([\w\[\]. /-]+)", re.DOTALL)
# The first file of the archive, stored without compression.
# https://www.w3.org/TR/epub-33/#sec-zip-container-mime ; OpenDocument 1.3, part 2, 3.3
_TYPE_IN_ZIP = re.compile(rb"PK\x03\x04.{26}mimetype(application/[\w.+-]+?)PK", re.DOTALL)
_TYPED_ZIPS = {kind.content_type.encode(): kind for kind in (file_types.EPUB, *file_types.OPEN_DOCUMENTS)}
# ISO 32000-1, implementation note 13: readers look for the header in the first 1024 bytes.
_PDF_WITHIN_BYTES = 1024
# Bit rates in kbit/s by index: the first row is for MPEG 1, the second for MPEG 2 and 2.5.
# https://mimesniff.spec.whatwg.org/#signature-for-mp3-without-id3
_MP3_KBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_MP3_HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ADTS_HEADER_BYTES = 7


def detect_riff(head: bytes) -> Kind | None:
    """Detect WebP, WAV, AVI and MIDI in RIFF, and AIFF, which has the same structure with big-endian numbers."""
    if head.startswith((b"RIFF", b"RF64", b"BW64")):
        return _RIFF.get(head[8:12])
    return file_types.AIFF if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC") else None


def detect_iso_media(head: bytes) -> Kind | None:
    """Detect MP4, QuickTime, HEIC and AVIF by the first brand that is known (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        is_size = not head[:4].decode("latin-1").isprintable()  # Four printable characters are text, not a box size.
        return _BOXES.get(head[4:8]) if is_size else None
    end = max(16, min(int.from_bytes(head[:4]), len(head)))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    for brand in brands:
        for pattern, kind in _BRANDS:
            if re.fullmatch(pattern, brand):
                return _refine_heif(kind, brands)
    return file_types.MP4


def _refine_heif(kind: Kind, brands: list[bytes]) -> Kind:
    if kind is not file_types.HEIF:
        return kind
    return file_types.AVIF if b"avif" in brands else file_types.HEIC if b"heic" in brands else kind


def detect_matroska(head: bytes) -> Kind | None:
    """Detect WebM and Matroska by the DocType (RFC 8794, 11.2.6)."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return file_types.WEBM if b"webm" in head[:64] else file_types.MATROSKA


def detect_ogg(head: bytes) -> Kind | None:
    """Detect Ogg, and its kind by the codecs in the first pages (RFC 5334)."""
    if not head.startswith(b"OggS"):
        return None
    return next((kind for codec, kind in _OGG_CODECS if codec in head), file_types.OGG)


def detect_zip(head: bytes) -> Kind | None:
    """Detect a zip archive, and the document formats that are zip archives, by the names of the first files."""
    if not head.startswith(_ZIP_SIGNATURES):
        return None
    if typed := _TYPE_IN_ZIP.match(head):
        return _TYPED_ZIPS.get(typed.group(1), file_types.ZIP)
    names = _NAME_IN_ZIP.findall(head)
    return next((kind for folder, kind in _IN_ZIPS if any(name.startswith(folder) for name in names)), file_types.ZIP)


def detect_pdf(head: bytes) -> Kind | None:
    """Detect a PDF. Other bytes may precede its header."""
    return file_types.PDF if b"%PDF-" in head[:_PDF_WITHIN_BYTES] else None


def detect_tar(head: bytes) -> Kind | None:
    """Detect a tar archive in the format of POSIX or GNU."""
    return file_types.TAR if head[257:262] == b"ustar" else None


def detect_bitmap(head: bytes) -> Kind | None:
    """Detect BMP by its two letters and its reserved bytes, which are zero."""
    return file_types.BMP if head.startswith(b"BM") and head[6:10] == bytes(4) else None


def detect_bzip2(head: bytes) -> Kind | None:
    """Detect bzip2 by three letters, a digit, and the marker of a block (pi) or of the end of an empty stream."""
    is_block = head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
    return file_types.BZIP2 if head.startswith(b"BZh") and is_block else None


def detect_program(head: bytes) -> Kind | None:
    """Detect a program for DOS or Windows by its two letters and a zero byte among the numbers that follow."""
    return file_types.PROGRAM if head.startswith((b"MZ", b"ZM")) and b"\0" in head[2:64] else None


def detect_mp3(head: bytes) -> Kind | None:
    """Detect MP3 without an ID3 tag by two consecutive frames."""
    length = _measure_mp3_frame(head)
    return file_types.MP3 if length and _measure_mp3_frame(head[length:]) else None


def _measure_mp3_frame(frame: bytes) -> int:
    """Return the length in bytes of the MPEG audio frame, layer III, at the beginning, or 0 if there is none."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version, kbits, hertz = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or kbits in (0, 15) or hertz == 3:
        return 0
    is_first = version == 3
    bits = _MP3_KBITS[not is_first][kbits] * 1000
    return (144 if is_first else 72) * bits // _MP3_HERTZ[version][hertz] + (frame[2] >> 1 & 1)


def detect_aac(head: bytes) -> Kind | None:
    """Detect AAC in ADTS by two consecutive frames (ISO/IEC 13818-7, 6.2)."""
    length = _measure_adts_frame(head)
    return file_types.AAC if length and _measure_adts_frame(head[length:]) else None


def _measure_adts_frame(frame: bytes) -> int:
    if len(frame) < _ADTS_HEADER_BYTES or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
        return 0
    length = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    return length if length > _ADTS_HEADER_BYTES else 0


DETECTORS = (
    *(detect_riff, detect_iso_media, detect_matroska, detect_ogg, detect_zip, detect_tar),
    *(detect_bitmap, detect_bzip2, detect_program, detect_mp3, detect_aac, detect_pdf),
)
