"""Kinds of files that their first bytes identify reliably, and the MIME types that such bytes may be declared as.

    names    the type that IANA registered, if any, then other names of the same type
    also     types or patterns of types whose files may begin with the same bytes: a .docx is a zip archive. A pattern
             does not match a type that has a kind of its own
    begins   `always`: every file of this type begins with these bytes. `never as text`: it begins with these or other
             binary bytes. `mostly`: it may also begin with anything else

https://www.iana.org/assignments/media-types/media-types.xhtml
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Begins = Literal["always", "never as text", "mostly"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file. Its `content_type` is the first of its names."""

    names: tuple[str, ...]
    also: tuple[str, ...] = ()
    begins: Begins = "always"

    @property
    def content_type(self) -> str:
        """Return the MIME type."""
        return self.names[0]

    def may_be(self, content_type: str) -> bool:
        """Return True if a file of this kind may be declared as a type, in lower case and without parameters."""
        if content_type in self.names or content_type in self.also:
            return True
        return content_type not in KIND_BY_NAME and any(fnmatchcase(content_type, pattern) for pattern in self.also)


_APPLICATION, _MODEL = "application/*", "model/*"
# Office programs, old and new, write OLE, zip, RTF, HTML and CSV under these types.
_OFFICE = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/x-msexcel")
_OOXML = "application/vnd.openxmlformats-officedocument"
_DOCX, _XLSX = f"{_OOXML}.wordprocessingml.document", f"{_OOXML}.spreadsheetml.sheet"
_PPTX = f"{_OOXML}.presentationml.presentation"
_ZIPPED = (_DOCX, _XLSX, _PPTX, *_OFFICE, "application/epub+zip", "application/java-archive", "image/openraster")
_ZIP = ("application/zip", "application/x-zip-compressed", "application/x-zip")
_ISO_IMAGES = ("image/heic", "image/heif", "image/avif", "image/heic-sequence", "image/heif-sequence")
_3GP = ("video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2")
_M4A = ("audio/mp4", "audio/x-m4a", "audio/m4a", "audio/x-m4b")
_MP4 = ("video/mp4", "application/mp4", "video/x-m4v", "video/m4v")
_MOVING = (*_MP4, *_M4A, *_3GP, "video/quicktime", "audio/aac")
_MATROSKA = ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska", "video/matroska", "audio/matroska")
_OGG_AUDIO = ("audio/ogg", "audio/x-ogg", "audio/opus", "audio/vorbis", "audio/x-vorbis+ogg", "audio/x-opus+ogg")
_OGG = (*_OGG_AUDIO, "application/ogg", "application/x-ogg", "video/ogg", "video/x-ogg", "video/x-ogm+ogg")
# Source code that may begin with markup, such as PHP and Vue.
_SOURCES = ("text/x-*", "application/x-php", "application/x-httpd-php", "application/javascript", "text/javascript")
_XML = ("text/xml", "application/xml")

# Types that are text by definition, so a compressed file never has them, although patterns such as application/* match.
# +xml is missing here because 3MF files for 3D printers have such a type and are zip archives (https://3mf.io/spec/).
_TEXTUAL = frozenset(
    {
        f"application/{name}"
        for name in (
            *("json", "json5", "json-seq", "jsonl", "jsonlines", "x-jsonlines", "ndjson", "x-ndjson", "yaml", "x-yaml"),
            *("toml", "csv", "sql", "x-sql", "graphql", "sparql-query", "n-triples", "n-quads", "trig", "xml-dtd"),
            *("javascript", "x-javascript", "ecmascript", "x-ecmascript", "typescript", "x-typescript", "node"),
            *("x-php", "x-httpd-php", "x-perl", "x-ruby", "x-sh", "x-shellscript", "x-csh", "x-tcl", "x-powershell"),
            *("x-tex", "x-latex", "x-texinfo", "x-subrip", "x-www-form-urlencoded"),
        )
    }
)
_TEXTUAL_SUFFIXES = ("+json", "+json-seq", "+yaml")


def is_textual(content_type: str) -> bool:
    """Return True if files of an application type, in lower case and without parameters, are text by definition."""
    return content_type in _TEXTUAL or content_type.endswith(_TEXTUAL_SUFFIXES)


PNG = Kind(("image/png", "image/x-png"), ("image/apng", "image/vnd.mozilla.apng"))
JPEG = Kind(("image/jpeg", "image/jpg", "image/pjpeg", "image/x-jpeg"), ("image/jfif", "image/mpo"))
GIF = Kind(("image/gif",))
WEBP = Kind(("image/webp",))
BMP = Kind(("image/bmp", "image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp"))
ICON = Kind(("image/vnd.microsoft.icon", "image/x-icon", "image/ico", "image/icon"), (), "never as text")
TIFF = Kind(("image/tiff", "image/x-tiff", "image/tif"), ("image/*",))
PHOTOSHOP = Kind(("image/vnd.adobe.photoshop", "image/x-psd", "image/psd", "application/x-photoshop"))
JPEG_2000 = Kind(("image/jp2", "image/jpx", "image/jpm", "image/x-jp2"))
JPEG_XL = Kind(("image/jxl",))
AVIF, HEIC, HEIF = (Kind((name,), _ISO_IMAGES) for name in ("image/avif", "image/heic", "image/heif"))
# A segment of a film may begin with any box.
MP4 = Kind(_MP4, _MOVING, "never as text")
QUICKTIME = Kind(("video/quicktime",), _MOVING, "never as text")
MP4_AUDIO = Kind(_M4A, _MOVING, "never as text")
MOBILE_VIDEO = Kind(_3GP, _MOVING, "never as text")
WEBM, MATROSKA = Kind(_MATROSKA[:2], _MATROSKA), Kind(_MATROSKA[2:], _MATROSKA)
OGG, OGG_AUDIO, OGG_VIDEO = Kind(_OGG[6:8], _OGG), Kind(_OGG_AUDIO, _OGG), Kind(_OGG[8:], _OGG)
MP3 = Kind(("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/x-mpeg", "audio/mpeg3"), ("audio/x-*",), "never as text")
TAGGED_AUDIO = Kind(MP3.names, ("audio/*", "audio/aac", "audio/flac", "audio/x-flac"), "never as text")
AAC = Kind(("audio/aac", "audio/aacp", "audio/x-aac", "audio/x-hx-aac-adts"), (), "never as text")
WAV = Kind(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"))
AVI = Kind(("video/x-msvideo", "video/avi", "video/msvideo", "video/vnd.avi", "video/x-avi"))
AIFF = Kind(("audio/aiff", "audio/x-aiff", "sound/aiff"))
FLAC = Kind(("audio/flac", "audio/x-flac"))
MIDI = Kind(("audio/midi", "audio/x-midi", "audio/mid"))
MPEG = Kind(("video/mpeg", "video/mpg", "video/x-mpeg"), ("video/*", "application/dicom"), "never as text")
ASF = Kind(("video/x-ms-asf", "video/x-ms-wmv", "audio/x-ms-wma"), ("video/x-ms-*", "audio/x-ms-*"))
FLASH_VIDEO = Kind(("video/x-flv", "video/flv"))
PDF = Kind(("application/pdf", "application/x-pdf"), ("application/*illustrator", "application/vnd.fdf"))
POSTSCRIPT = Kind(("application/postscript",), ("image/*eps", "application/*eps", "application/*illustrator"), "mostly")
RTF = Kind(("application/rtf", "text/rtf"), ("text/richtext", "text/plain", *_OFFICE))
ZIP = Kind(_ZIP, (*_ZIPPED, _APPLICATION, _MODEL))
DOCX = Kind((_DOCX,), (*_ZIP, *_OFFICE, f"{_OOXML}.wordprocessingml.*", "application/vnd.ms-word.*"))
XLSX = Kind((_XLSX,), (*_ZIP, *_OFFICE, f"{_OOXML}.spreadsheetml.*", "application/vnd.ms-excel.*"))
PPTX = Kind((_PPTX,), (*_ZIP, *_OFFICE, f"{_OOXML}.presentationml.*", "application/vnd.ms-powerpoint.*"))
EPUB = Kind(("application/epub+zip",), _ZIP)
JAR = Kind(
    ("application/java-archive", "application/x-java-archive"), (*_ZIP, "application/vnd.android.*", "application/*")
)
OPEN_DOCUMENTS = tuple(
    Kind((f"application/vnd.oasis.opendocument.{name}",), (*_ZIP, "application/vnd.oasis.opendocument.*"))
    for name in ("text", "spreadsheet", "presentation", "graphics")
)
OLE = Kind(("application/x-ole-storage",), (_DOCX, _XLSX, _PPTX, "image/vnd.fpx", *_OFFICE, _APPLICATION))
GZIP = Kind(
    ("application/gzip", "application/x-gzip"),
    ("application/x-tar", "image/svg+xml", "image/*emf", "image/*wmf", _APPLICATION, _MODEL),
)
BZIP2 = Kind(("application/x-bzip2", "application/x-bzip", "application/bzip2"), ("application/x-tar", _APPLICATION))
XZ = Kind(("application/x-xz",), ("application/x-tar", _APPLICATION))
ZSTD = Kind(("application/zstd", "application/x-zstd"), ("application/x-tar", _APPLICATION))
SEVEN_ZIP = Kind(("application/x-7z-compressed",), (_APPLICATION,))
RAR = Kind(("application/vnd.rar", "application/x-rar-compressed", "application/x-rar"), (_APPLICATION,))
TAR = Kind(("application/x-tar", "application/tar"), (_APPLICATION,), "mostly")
PROGRAM = Kind(
    ("application/vnd.microsoft.portable-executable",),
    ("application/x-ms*", "application/x-dos*", "application/*exe", "application/*executable"),
    "mostly",
)
ELF = Kind(("application/x-executable",), ("application/x-*", "application/vnd.appimage"), "mostly")
MACH_O = Kind(("application/x-mach-binary",), ("application/x-*", "application/java*"), "mostly")
WASM = Kind(("application/wasm",))
WOFF = Kind(("font/woff", "application/font-woff", "application/x-font-woff"))
WOFF2 = Kind(("font/woff2", "application/font-woff2", "application/x-font-woff2"))
OPENTYPE = Kind(("font/sfnt", "font/otf", "font/ttf", "font/collection"), ("application/*font*",), "never as text")
SQLITE = Kind(("application/vnd.sqlite3", "application/x-sqlite3"), (_APPLICATION,))

# Markup. Any text may precede the first tag, so a file without a tag at its beginning does not contradict these types.
HTML = Kind(("text/html",), ("application/xhtml+xml", *_OFFICE, *_SOURCES), "mostly")
XHTML = Kind(("application/xhtml+xml",), ("text/html", *_XML, *_OFFICE, *_SOURCES), "mostly")
SVG = Kind(("image/svg+xml",), ("text/html", *_XML, *_SOURCES), "mostly")
SCRIPTED_XML = Kind(
    _XML, ("image/svg+xml", "application/xhtml+xml", *_OFFICE, "*/*+xml", _APPLICATION, _MODEL), "mostly"
)
XML = Kind(_XML, (*SCRIPTED_XML.also, "text/*", "video/*", "audio/*"), "mostly")
# A comment or a paragraph. A browser takes it for HTML, but a README or an XML document may begin with it, too.
FRAGMENT = Kind(("text/html",), ("text/*", "text/xml", "image/svg+xml", *XML.also), "mostly")

_ALL = tuple(kind for kind in (*globals().values(), *OPEN_DOCUMENTS) if isinstance(kind, Kind))
KIND_BY_NAME = {name: kind for kind in reversed(_ALL) for name in kind.names}
IMAGES = frozenset(kind.content_type for kind in _ALL if kind.content_type.startswith("image/")) - {SVG.content_type}
