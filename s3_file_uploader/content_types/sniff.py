"""Detect the type of a file from its first bytes, and compare it with the declared type.

    no type, or application/octet-stream, declared   use the type of the name's extension if the bytes agree with it,
                                                     else the type of the bytes, else octet-stream
    the bytes identify a kind                        keep the declared type if files of this kind may have it: a .docx
                                                     is a zip archive, JSON never is
    the bytes identify nothing                       keep the declared type, unless all its files begin with a
                                                     signature that is missing here
    the file is empty                                keep the declared type

Everything else is a mismatch. Markup that a browser would run as a document agrees only with types of markup. A comment
or a paragraph in HTML agrees with every type of text, because a README may begin with it.
"""

import mimetypes
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..values import MAX_CONTENT_TYPE_LENGTH
from . import file_types
from .file_types import IMAGES, KIND_BY_NAME, Kind, is_textual
from .magic_numbers import detect_kind
from .markup import Markup, decode_text, detect_markup, has_markup_inside
from .rare_signatures import detect_rare_content_type

# Enough for the signatures, for a prolog before the first tag, and for the first file names in an archive.
SNIFFED_BYTES = 4096
UNKNOWN = "application/octet-stream"
# https://www.rfc-editor.org/rfc/rfc6838#section-4.2 ; https://www.rfc-editor.org/rfc/rfc2978#section-2.3
_ESSENCE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII)
_CHARSET = re.compile(r';[ \t]*charset=("?)([a-z0-9][\w.+-]{0,39})\1[ \t]*(?:;|\Z)', re.ASCII | re.IGNORECASE)
# Clients send these when they do not know the type.
_UNDECLARED = frozenset({"", UNKNOWN, "binary/octet-stream", "application/unknown", "unknown/unknown", "*/*"})
# Patterns of types that a browser may run: scriptable types, scripts, and types that contain such parts.
# https://mimesniff.spec.whatwg.org/#scriptable-mime-type ; #javascript-mime-type
_RUNNABLE = (
    *("text/html", "*/xml", "*/*+xml", "text/xsl", "*/*xslt*", "multipart/*", "message/*"),
    *("*/javascript*", "*/x-javascript*", "*/ecmascript", "*/x-ecmascript", "*/jscript", "*/livescript", "text/css"),
    *("application/wasm", "application/x-shockwave-flash", "text/cache-manifest", "application/hta"),
)
_KINDS_OF_MARKUP: dict[Markup, Kind] = {
    "html": file_types.HTML,
    "xhtml": file_types.XHTML,
    "svg": file_types.SVG,
    "xml": file_types.XML,
    "scripted xml": file_types.SCRIPTED_XML,
    "fragment": file_types.FRAGMENT,
}
# `guess_type` returns the type of the content of a compressed file, and the compression separately.
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_COMPRESSED |= {"br": UNKNOWN, "compress": "application/x-compress"}
# Python before 3.13 does not know these extensions, unless the operating system has a list of its own.
_MISSING_EXTENSIONS = {".md": "text/markdown", ".markdown": "text/markdown"}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Result of looking at the first bytes of a file.

    Attributes:
        kind: the kind that the bytes identify reliably, or None.
        content_type: the type of the bytes as far as it is known, or None.
        is_text: True if there are no binary bytes.
        is_empty: True if there are no bytes.
        is_two_things: True if an image also holds markup. One program may read such a file as the image, another as
            the markup.
    """

    kind: Kind | None
    content_type: str | None
    is_text: bool
    is_empty: bool
    is_two_things: bool = False

    @property
    def described(self) -> str:
        """Return a description for messages to users."""
        if self.is_two_things:
            return f"{self.content_type} with HTML or SVG inside"
        return self.content_type or ("text" if self.is_text else "binary data of no known type")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The type under which to store a file, and the mismatch in words, empty if the declared type agrees."""

    content_type: str
    mismatch: str = ""


def sniff(head: bytes) -> Sniffed:
    """Detect the type of a file from its first `SNIFFED_BYTES`, or from all bytes of a smaller file."""
    head = head[:SNIFFED_BYTES]
    text = decode_text(head)
    kind = detect_kind(head)
    if kind is None and text is not None and (markup := detect_markup(text)):
        kind = _KINDS_OF_MARKUP[markup]
    if kind is not None:
        is_two = kind.content_type in IMAGES and has_markup_inside(head)
        return Sniffed(kind, kind.content_type, text is not None, is_empty=False, is_two_things=is_two)
    rare = detect_rare_content_type(head) if text is None else None
    return Sniffed(None, rare, text is not None, is_empty=not head)


def verify_content_type(*, declared: str, name: str, head: bytes) -> Verdict:
    """Compare the declared type of a file with its first bytes.

    Args:
        declared: a MIME type, with or without parameters. Empty if the client declared none.
        name: the name of the file. Without a declared type, its extension decides, if the bytes agree with it.
        head: the first `SNIFFED_BYTES`, or all bytes of a smaller file.
    """
    sniffed, essence = sniff(head), get_essence(declared)
    if is_undeclared(declared):
        return Verdict(_choose_content_type(sniffed, guessed=guess_content_type(name)))
    if _agrees(essence, sniffed):
        return Verdict(declared)
    return Verdict(_get_unambiguous_type(sniffed), f"{essence} was declared, and the bytes are {sniffed.described}")


def get_essence(content_type: str) -> str:
    """Return a MIME type in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def normalize_content_type(content_type: str) -> str:
    """Return the essence and the charset of a MIME type, or octet-stream if it has no valid essence.

    Every other parameter is dropped. Browsers split the header at commas and take the last type in it, so they would
    run `image/png; a=b,text/html` as a page. `video/webm;codecs=vp8,opus`, the type of a browser's own recordings, is
    valid.

    https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
    """
    essence = get_essence(content_type)
    if not _ESSENCE.fullmatch(essence):
        return UNKNOWN
    charset = _CHARSET.search(content_type)
    normalized = f"{essence}; charset={charset.group(2)}" if charset else essence
    return normalized if len(normalized) <= MAX_CONTENT_TYPE_LENGTH else essence


def get_canonical_type(content_type: str) -> str:
    """Return the first of the names of a type, without parameters: image/jpeg for image/jpg."""
    essence = get_essence(content_type)
    kind = KIND_BY_NAME.get(essence)
    return kind.content_type if kind else essence


def guess_content_type(name: str) -> str:
    """Return the type for the extension of a file name, or octet-stream."""
    content_type, compression = mimetypes.guess_type(name)
    if compression:
        return _COMPRESSED.get(compression, UNKNOWN)
    return content_type or _MISSING_EXTENSIONS.get(PurePosixPath(name).suffix.lower(), UNKNOWN)


def is_undeclared(content_type: str) -> bool:
    """Return True if a declared type is empty or means that the client does not know the type."""
    return get_essence(content_type) in _UNDECLARED


def may_run(content_type: str) -> bool:
    """Return True if a browser may run files of a type as a program or a page, or if the type is unknown.

    The server never offers such files inline, whatever the settings are.
    """
    essence = get_essence(content_type)
    return essence in _UNDECLARED or "/" not in essence or any(fnmatchcase(essence, pattern) for pattern in _RUNNABLE)


def _choose_content_type(sniffed: Sniffed, *, guessed: str) -> str:
    if guessed != UNKNOWN and _agrees(get_essence(guessed), sniffed):
        return guessed
    return _get_unambiguous_type(sniffed)


def _get_unambiguous_type(sniffed: Sniffed) -> str:
    return UNKNOWN if sniffed.is_two_things else sniffed.content_type or UNKNOWN


def _agrees(essence: str, sniffed: Sniffed) -> bool:
    if sniffed.is_empty:
        return True
    if sniffed.kind is not None:
        is_compressed_text = not sniffed.is_text and is_textual(essence)
        return sniffed.kind.may_be(essence) and not sniffed.is_two_things and not is_compressed_text
    kind = KIND_BY_NAME.get(essence)
    return kind is None or kind.begins == "mostly" or (kind.begins == "never as text" and not sniffed.is_text)
