import bz2
import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_file_uploader.content_types import file_types
from s3_file_uploader.content_types.rare_signatures import SIGNATURES
from s3_file_uploader.content_types.sniff import (
    SNIFFED_BYTES,
    UNKNOWN,
    Verdict,
    guess_content_type,
    may_run,
    normalize_content_type,
    sniff,
    verify_content_type,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)


def build_zip(*names: str, **contents: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, contents.get(name, b"<x/>"))
    return file.getvalue()


def build_box(brand: bytes, *others: bytes) -> bytes:
    brands = brand + bytes(4) + b"".join(others)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands


def build_mp3_frames(count: int, header: bytes = b"\xff\xfb\x90\x00") -> bytes:
    return (header + bytes(413)) * count


def build_adts_frames(count: int) -> bytes:
    return (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)) * count


SAMPLES = {
    "png": (PNG, "image/png"),
    "jpeg": (JPEG, "image/jpeg"),
    "gif": (b"GIF89a\1\0\1\0", "image/gif"),
    "webp": (b"RIFF\x1a\0\0\0WEBPVP8L", "image/webp"),
    "bmp": (b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
    "tiff": (b"II*\0\x08\0\0\0", "image/tiff"),
    "icon": (b"\0\0\1\0\1\0\x10\x10", "image/vnd.microsoft.icon"),
    "heic": (build_box(b"heic", b"mif1"), "image/heic"),
    "heif": (build_box(b"mif1", b"miaf"), "image/heif"),
    "heic by a later brand": (build_box(b"mif1", b"heic"), "image/heic"),
    "avif": (build_box(b"avif", b"mif1"), "image/avif"),
    "avif by a later brand": (build_box(b"mif1", b"avif"), "image/avif"),
    "mp4": (build_box(b"isom", b"iso2", b"mp41"), "video/mp4"),
    "mov": (build_box(b"qt  "), "video/quicktime"),
    "mov without brands": (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
    "piece of an mp4": (b"\0\0\0\x18stypmsdh", "video/mp4"),
    "m4a": (build_box(b"M4A "), "audio/mp4"),
    "3gp": (build_box(b"3gp5"), "video/3gpp"),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
    "mkv": (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", "video/x-matroska"),
    "opus": (b"OggS\0\2" + bytes(22) + b"OpusHead", "audio/ogg"),
    "theora": (b"OggS\0\2" + bytes(22) + b"\x80theora", "video/ogg"),
    "ogg": (b"OggS\0\2" + bytes(22), "application/ogg"),
    "mp3 with a tag": (b"ID3\4\0\0\0\0\0\0", "audio/mpeg"),
    "mp3": (build_mp3_frames(2), "audio/mpeg"),
    "mp3 of MPEG 2": ((b"\xff\xf3\x80\x00" + bytes(204)) * 2 + b"\xff\xf3\x80\x00", "audio/mpeg"),
    "aac": (build_adts_frames(2), "audio/aac"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
    "avi": (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    "aiff": (b"FORM\0\0\0\x24AIFFCOMM", "audio/aiff"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
    "pdf behind a line": (b"\xef\xbb\xbfX\n%PDF-1.7\n", "application/pdf"),
    "rtf": (b"{\\rtf1\\ansi}", "application/rtf"),
    "zip": (build_zip("a.txt"), "application/zip"),
    "empty zip": (build_zip(), "application/zip"),
    "docx": (build_zip("[Content_Types].xml", "_rels/.rels", "word/document.xml"), DOCX_TYPE),
    "jar": (build_zip("META-INF/MANIFEST.MF"), "application/java-archive"),
    "epub": (build_zip("mimetype", mimetype=b"application/epub+zip"), "application/epub+zip"),
    "odt": (
        build_zip("mimetype", "content.xml", mimetype=b"application/vnd.oasis.opendocument.text"),
        "application/vnd.oasis.opendocument.text",
    ),
    "zip of a type of its own": (build_zip("mimetype", mimetype=b"application/x-own"), "application/zip"),
    "ole": (OLE, "application/x-ole-storage"),
    "gzip": (b"\x1f\x8b\x08\0", "application/gzip"),
    "bzip2": (b"BZh91AY&SY", "application/x-bzip2"),
    "tar": (bytes(257) + b"ustar\0" + b"00", "application/x-tar"),
    "exe": (b"MZ\x90\0\3\0\0\0", "application/vnd.microsoft.portable-executable"),
    "elf": (b"\x7fELF\2\1\1", "application/x-executable"),
    "ttf": (b"\0\1\0\0\0\x0b", "font/sfnt"),
    "html": (b" \n\t<!DOCTYPE HTML><p>", "text/html"),
    "html without a type": (b"<HTML><body>", "text/html"),
    "script": (b"\xef\xbb\xbf  <script>alert(1)</script>", "text/html"),
    "html behind comments": (b"<!-- a --> <!-- b\n--><html>", "text/html"),
    "html in UTF-16": ("\ufeff<html>".encode("utf-16-le"), "text/html"),
    "html in UTF-16 without a mark": ("<html>".encode("utf-16-be"), "text/html"),
    "html in UTF-16, little end first": ("  <script>".encode("utf-16-le"), "text/html"),
    "html in UTF-32": ("\ufeff<html>".encode("utf-32-be"), "text/html"),
    "paragraph": (b"<p align=center>A README", "text/html"),
    "comment": (b"<!-- license", "text/html"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"),
    "svg behind everything": (
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><?a b?>\n<!DOCTYPE svg [<!ENTITY a 'b'>]>\n<s:svg ",
        "image/svg+xml",
    ),
    "svg by its document type": (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><svg>", "image/svg+xml"),
    "xhtml": (b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>", "application/xhtml+xml"),
    "xhtml by its document type": (b"<?xml version='1.0'?><!DOCTYPE html><html>", "application/xhtml+xml"),
    "xml with a script": (b"<a xmlns:h='http://www.w3.org/1999/xhtml'><h:script>", "text/xml"),
    "xml with a style": (b"<?xml version='1.0'?><?xml-stylesheet href='a'?><a/>", "text/xml"),
    "xml": (b"<?xml version='1.0'?><gpx>", "text/xml"),
    "xml with a document type": (b"<!DOCTYPE plist PUBLIC 'x' 'y'><plist>", "text/xml"),
    "dicom": (bytes(128) + b"DICM" + bytes(4), "application/dicom"),
}


@pytest.mark.parametrize(("head", "content_type"), SAMPLES.values(), ids=SAMPLES)
def test_sniff_of_a_sample_returns_its_type(head, content_type):
    assert sniff(head).content_type == content_type
    assert verify_content_type(declared="", name="a", head=head) == Verdict(content_type)
    assert verify_content_type(declared=UNKNOWN, name="a", head=head) == Verdict(content_type)
    assert verify_content_type(declared=f"{content_type.upper()}; a=b", name="a", head=head).mismatch == ""


UNIDENTIFIED = {
    "text": b"The free software of mdat, moov and ftyp",
    "other RIFF": b"RIFF\x24\0\0\0XXXX",
    "other FORM": b"FORM\0\0\0\x24ILBM"[:4] + b"\0\0\0\x24XXXX",
    "one frame of MP3": build_mp3_frames(1),
    "MP3 of no version": build_mp3_frames(2, b"\xff\xeb\x90\x00"),
    "MP3 without a rate": build_mp3_frames(2, b"\xff\xfb\xf0\x00"),
    "one frame of AAC": build_adts_frames(1),
    "frames of AAC without a length": b"\xff\xf1\x50\x80\0\x1f\xfc" * 3,
    "BM": b"BM is a short word",
    "MZ": b"MZ, too, and so is BZh",
    "BZh": b"BZh9 is text",
    "math": b"a < b and c > d",
    "other tag": b"<note>",
    "not a tag": b"<3 <html>",
}


@pytest.mark.parametrize("head", UNIDENTIFIED.values(), ids=UNIDENTIFIED)
def test_sniff_of_unidentified_bytes_returns_no_kind(head):
    assert sniff(head).kind is None
    assert verify_content_type(declared="", name="a.unheard-of", head=head).content_type in (
        UNKNOWN,
        *{sniff(head).content_type} - {None},
    )


AGREE = [
    ("image/jpg", JPEG),
    ("audio/x-wav", SAMPLES["wav"][0]),
    ("application/x-zip-compressed", SAMPLES["zip"][0]),
    ("application/vnd.apple.keynote", SAMPLES["zip"][0]),
    (DOCX_TYPE, SAMPLES["zip"][0]),
    ("application/zip", SAMPLES["docx"][0]),
    ("application/msword", SAMPLES["docx"][0]),
    ("application/msword", OLE),
    (DOCX_TYPE, OLE),
    ("application/vnd.ms-outlook", OLE),
    ("application/vnd.ms-excel", b"a;b\n1;2"),
    ("application/vnd.ms-excel", b"<html><table>"),
    ("video/quicktime", SAMPLES["mp4"][0]),
    ("audio/x-m4a", SAMPLES["mp4"][0]),
    ("image/heic", SAMPLES["heif"][0]),
    ("image/x-nikon-nef", SAMPLES["tiff"][0]),
    ("image/svg+xml", SAMPLES["xml"][0]),
    ("image/svg+xml", SAMPLES["comment"][0]),
    ("application/gpx+xml", SAMPLES["xml"][0]),
    ("application/vnd.google-earth.kml+xml", SAMPLES["xml"][0]),
    ("text/markdown", SAMPLES["paragraph"][0]),
    ("text/plain", SAMPLES["comment"][0]),
    ("text/x-vue", SAMPLES["script"][0]),
    ("text/csv", b"a;b"),
    ("text/plain", "\ufeffä".encode("utf-16")),
    ("text/plain", "Müller".encode("latin-1")),
    ("application/json", b"{}"),
    ("application/x-compressed-tar", SAMPLES["gzip"][0]),
    ("audio/mpeg", b"\0\1binary"),
    ("application/x-own", b"\0\1binary"),
    ("model/x-own", b"text"),
    ("text/plain", b"\0\1binary"),
    ("video/mp4", b"\0\1binary"),
    ("image/png", b""),
    ("application/json", b"\0\1binary"),
    ("application/sql", b"a" * 257 + b"ustar"),
    ("application/x-own", SAMPLES["gzip"][0]),
    ("application/vnd.ms-package.3dmanufacturing-3dmodel+xml", SAMPLES["zip"][0]),
    ("application/javascript", SAMPLES["script"][0]),
    ("application/x-sh", SAMPLES["xml"][0]),
    ("application/x-yaml", "\ufeffä".encode("utf-16")),
    ("image/svg+xml", SAMPLES["gzip"][0]),
]


@pytest.mark.parametrize(("declared", "head"), AGREE)
def test_verify_with_an_agreeing_type_keeps_it(declared, head):
    assert verify_content_type(declared=declared, name="a", head=head) == Verdict(declared)


MISMATCH = [
    ("image/png", JPEG, "image/jpeg"),
    ("image/png", b"hello", "text"),
    ("image/png", b"\0\1binary", "binary data of no known type"),
    ("image/x-icon", b"hello", "text"),
    ("application/pdf", SAMPLES["zip"][0], "application/zip"),
    ("application/pdf", b"<script>", "text/html"),
    ("image/jpeg", SAMPLES["svg"][0], "image/svg+xml"),
    ("text/plain", SAMPLES["html"][0], "text/html"),
    ("text/csv", SAMPLES["zip"][0], "application/zip"),
    ("text/plain", SAMPLES["svg"][0], "image/svg+xml"),
    ("text/plain", SAMPLES["xml with a script"][0], "text/xml"),
    ("image/png", SAMPLES["exe"][0], "application/vnd.microsoft.portable-executable"),
    (DOCX_TYPE.replace("wordprocessingml", "spreadsheetml"), SAMPLES["docx"][0], DOCX_TYPE),
    ("image/png", PNG + b"tEXt<script>alert(1)</script>", "image/png with HTML or SVG inside"),
    ("image/gif", b"GIF89a\1\0\1\0<SVG onload=a>", "image/gif with HTML or SVG inside"),
]


@pytest.mark.parametrize(("declared", "head", "described"), MISMATCH)
def test_verify_with_another_type_is_a_mismatch(declared, head, described):
    verdict = verify_content_type(declared=f"{declared}; charset=utf-8", name="a", head=head)
    assert verdict.mismatch == f"{declared} was declared, and the bytes are {described}"


COMPRESSED = {
    **{name: SAMPLES[name][0] for name in ("gzip", "zip", "jar", "ole", "tar", "elf")},
    "bzip2": bz2.compress(b"content"),
    "sqlite": b"SQLite format 3\0",
    "java class": b"\xca\xfe\xba\xbe\0\0\0\x34",
}


@pytest.mark.parametrize("head", COMPRESSED.values(), ids=COMPRESSED)
@pytest.mark.parametrize(
    "declared",
    [
        *("application/json", "application/ld+json", "application/x-ndjson", "application/geo+json-seq"),
        *("application/sql", "application/javascript", "application/x-yaml", "application/graphql", "application/x-sh"),
        "model/gltf+json",
    ],
)
def test_verify_of_a_compressed_file_as_text_is_a_mismatch(declared, head):
    verdict = verify_content_type(declared=declared.upper(), name="a", head=head)
    assert verdict.mismatch.startswith(f"{declared} was declared, and the bytes are ")


def test_verify_of_a_compressed_file_ignores_the_name_of_a_text():
    assert verify_content_type(declared="", name="a.json", head=SAMPLES["gzip"][0]) == Verdict("application/gzip")


def test_verify_with_a_mismatch_returns_the_type_of_the_bytes():
    assert verify_content_type(declared="image/png", name="a", head=JPEG).content_type == "image/jpeg"
    assert verify_content_type(declared="image/png", name="a", head=b"hello").content_type == UNKNOWN
    assert verify_content_type(declared="", name="a.png", head=PNG + b"<script>") == Verdict(UNKNOWN)


@pytest.mark.parametrize(
    ("name", "head", "content_type"),
    [
        ("a.csv", b"a;b", "text/csv"),
        ("README.md", b"# A title", "text/markdown"),
        ("README.md", SAMPLES["paragraph"][0], "text/markdown"),
        ("a.jpg", PNG, "image/png"),
        ("a.docx", SAMPLES["zip"][0], DOCX_TYPE),
        ("a.txt", SAMPLES["html"][0], "text/html"),
        ("a.png", b"hello", UNKNOWN),
        ("a.csv.gz", SAMPLES["gzip"][0], "application/gzip"),
        ("a.png", b"", "image/png"),
    ],
)
@pytest.mark.parametrize("declared", ["", UNKNOWN, "binary/octet-stream"])
def test_verify_without_a_declared_type_follows_the_name(declared, name, head, content_type):
    assert verify_content_type(declared=declared, name=name, head=head) == Verdict(content_type)


@pytest.mark.parametrize(("offset", "magic", "content_type"), SIGNATURES)
def test_sniff_of_a_rare_signature_returns_a_harmless_type(offset, magic, content_type):
    head = bytes(offset) + magic + bytes(64)
    assert sniff(head).content_type == content_type
    assert len(magic) >= 4
    assert normalize_content_type(content_type) == content_type
    assert not may_run(content_type)


NORMALIZED = [
    ("image/png; a=b,text/html", "image/png"),
    ('image/png; a="b,text/html"', "image/png"),
    ("image/png;,text/html", "image/png"),
    ("image/png,text/html", UNKNOWN),
    ("image/png\ttext/html", UNKNOWN),
    ("image/png\r\nContent-Type: text/html", UNKNOWN),
    ("image/png\0", UNKNOWN),
    ("image/png (text/html)", UNKNOWN),
    ("*/*", UNKNOWN),
    ("png", UNKNOWN),
    ("", UNKNOWN),
    (" Image/PNG ", "image/png"),
    ("video/webm;codecs=vp8,opus", "video/webm"),
    ("text/plain;charset=utf-8", "text/plain; charset=utf-8"),
    ('text/csv; header=present; Charset="ISO-8859-1"', "text/csv; charset=ISO-8859-1"),
    ("text/plain; charset=utf-8,text/html", "text/plain"),
    ("text/plain; charset=utf-8 ,text/html; charset=latin-1", "text/plain; charset=latin-1"),
    ("text/plain; xcharset=utf-8", "text/plain"),
    (f"a/{'b' * 127}; charset=utf-8", f"a/{'b' * 127}; charset=utf-8"),
    (f"{'a' * 127}/{'b' * 127}; charset=utf-8", f"{'a' * 127}/{'b' * 127}"),
]


@pytest.mark.parametrize(("declared", "normalized"), NORMALIZED)
def test_normalize_returns_only_essence_and_charset(declared, normalized):
    assert normalize_content_type(declared) == normalized
    assert normalize_content_type(normalized) == normalized


@given(st.text(max_size=60))
def test_normalize_of_any_text_returns_one_type(declared):
    normalized = normalize_content_type(f"image/png; a=b{declared}")
    assert normalized.startswith("image/png")
    assert not set(normalized) & set(',()<>@"\r\n\t\0')


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.png", "image/png"),
        ("a", UNKNOWN),
        ("a.tar.gz", "application/gzip"),
        ("a.svgz", "application/gzip"),
        ("A.MD", "text/markdown"),
    ],
)
def test_guess_returns_the_type_of_the_extension(name, content_type):
    assert guess_content_type(name) == content_type


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "text/xml"),
        *("application/javascript", "text/javascript1.5", "multipart/x-mixed-replace", "message/rfc822"),
        *("", UNKNOWN, "unknown/unknown", "png", "application/wasm", "application/xslt+xml", "text/xsl", "text/css"),
    ],
)
def test_may_run_of_a_scriptable_type_is_true(content_type):
    assert may_run(content_type)


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "application/pdf", "video/mp4", "audio/mpeg"])
def test_may_run_of_a_passive_type_is_false(content_type):
    assert not may_run(content_type)


@given(st.binary(max_size=SNIFFED_BYTES + 10), st.text(max_size=40), st.text(max_size=40))
def test_verify_accepts_any_bytes_types_and_names(head, declared, name):
    verdict = verify_content_type(declared=declared, name=name, head=head)
    assert verdict.content_type or declared
    assert verify_content_type(declared=declared, name=name, head=head[:SNIFFED_BYTES]) == verdict


MARKS = [
    b"<",
    b">",
    b"<!--",
    b"-->",
    b"<?xml ",
    b"?>",
    b"<!DOCTYPE ",
    b"[",
    b"]>",
    b"svg",
    b"html",
    b"xmlns",
    b"\xff\xfe",
]
BEGINNINGS = [
    b"\0",
    b" ",
    b"PK\x03\x04",
    b"ftyp",
    b"\0\0\0\x20",
    b"\xff\xfb\x90",
    b"RIFF",
    b"OggS",
    b"%PDF-",
    PNG,
    JPEG,
]
_PIECES = st.sampled_from([*MARKS, *BEGINNINGS])


@given(st.lists(_PIECES, max_size=60).map(b"".join))
def test_verify_accepts_nearly_valid_files(head):
    assert verify_content_type(declared="image/png", name="a", head=head).content_type


def test_may_be_accepts_every_name_of_a_kind():
    assert all(kind.may_be(name) for kind in file_types.KIND_BY_NAME.values() for name in kind.names)
