"""What a file is, by its first bytes, and whether that is what it was declared to be.

    nothing, or application/octet-stream, declared   the type is what the name says, if the bytes may be of it; else
                                                     what the bytes say; else octet-stream
    the bytes say a kind for sure                    it agrees with its own names and those that its bytes may have:
                                                     a .docx is a zip archive, and no JSON is. The declared one is kept
    the bytes say nothing that is known              the declared one is kept; unless its files always begin with
                                                     something that is missing here
    the file is empty                                the declared one is kept

Everything else is a mismatch. Markup that a browser would run as a document agrees with no text but its own; a comment
or a paragraph in HTML with any, since a README begins so.
"""

import mimetypes
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..values import MAX_CONTENT_TYPE_LENGTH
from . import file_types
from .file_types import IMAGES, OF_NAME, Kind, is_textual
from .magic_numbers import kind_of
from .markup import Markup, has_markup_inside, markup_of, text_of
from .rare_signatures import rare_content_type_of

# Enough for the signatures, for what stands before a first tag, and for the first names in an archive.
SNIFFED_BYTES = 4096
UNKNOWN = "application/octet-stream"
# https://www.rfc-editor.org/rfc/rfc6838#section-4.2 ; https://www.rfc-editor.org/rfc/rfc2978#section-2.3
_ESSENCE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII)
_CHARSET = re.compile(r';[ \t]*charset=("?)([a-z0-9][\w.+-]{0,39})\1[ \t]*(?:;|\Z)', re.ASCII | re.IGNORECASE)
# What senders say who do not know.
_SAYS_NOTHING = frozenset({"", UNKNOWN, "binary/octet-stream", "application/unknown", "unknown/unknown", "*/*"})
# What runs in a browser, or may: scriptable types, scripts, and what is sent in their place.
# https://mimesniff.spec.whatwg.org/#scriptable-mime-type ; #javascript-mime-type
_RUNS = (
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
# The names of packed files say first what is inside.
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_PACKED |= {"br": UNKNOWN, "compress": "application/x-compress"}
# Python before 3.13 does not know them, unless the machine has a list of its own.
_MISSING_ENDINGS = {".md": "text/markdown", ".markdown": "text/markdown"}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the first bytes of a file say.

    Attributes:
        kind: for sure; None where they do not.
        content_type: as far as they say, else None.
        is_text: whether there is nothing binary among them.
        is_empty: whether there are none.
        is_two_things: an image that holds markup, too: whoever takes it for the one, another may take for the other.
    """

    kind: Kind | None
    content_type: str | None
    is_text: bool
    is_empty: bool
    is_two_things: bool = False

    @property
    def described(self) -> str:
        """Return it in words."""
        if self.is_two_things:
            return f"{self.content_type} with HTML or SVG inside"
        return self.content_type or ("text" if self.is_text else "binary data of no known type")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The type under which to store a file, and what is wrong with the declared one; nothing where it agrees."""

    content_type: str
    mismatch: str = ""


def sniffed(head: bytes) -> Sniffed:
    """Look at the first `SNIFFED_BYTES` of a file, or at all of a smaller one; any bytes will do."""
    head = head[:SNIFFED_BYTES]
    text = text_of(head)
    kind = kind_of(head)
    if kind is None and text is not None and (found := markup_of(text)):
        kind = _KINDS_OF_MARKUP[found]
    if kind is not None:
        is_two = kind.content_type in IMAGES and has_markup_inside(head)
        return Sniffed(kind, kind.content_type, text is not None, is_empty=False, is_two_things=is_two)
    rare = rare_content_type_of(head) if text is None else None
    return Sniffed(None, rare, text is not None, is_empty=not head)


def verdict(*, declared: str, name: str, head: bytes) -> Verdict:
    """Hold the declared type of a file against its first bytes.

    Args:
        declared: a MIME type, with or without parameters; empty if nobody said.
        name: of the file; its ending counts where no type is declared, and the bytes may be of that type.
        head: the first `SNIFFED_BYTES`, or all of a smaller file.
    """
    found, essence = sniffed(head), essence_of(declared)
    if says_nothing(declared):
        return Verdict(_undeclared(found, by_name=content_type_by_name(name)))
    if _agrees(essence, found):
        return Verdict(declared)
    return Verdict(_unless_two(found), f"{essence} was declared, and the bytes are {found.described}")


def essence_of(content_type: str) -> str:
    """Return a MIME type in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def content_type_kept(content_type: str) -> str:
    """Return what is stored, signed and sent of a MIME type: essence and charset, or octet-stream if it has no essence.

    Every other parameter is dropped. Browsers split the header at commas and take the last type that they find, so
    they would run `image/png; a=b,text/html` as a page. `video/webm;codecs=vp8,opus`, which browsers call their own
    recordings, is a good type.

    https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
    """
    essence = essence_of(content_type)
    if not _ESSENCE.fullmatch(essence):
        return UNKNOWN
    charset = _CHARSET.search(content_type)
    kept = f"{essence}; charset={charset.group(2)}" if charset else essence
    return kept if len(kept) <= MAX_CONTENT_TYPE_LENGTH else essence


def canonical(content_type: str) -> str:
    """Return the first of the names of a type, without parameters: image/jpg is image/jpeg."""
    essence = essence_of(content_type)
    kind = OF_NAME.get(essence)
    return kind.content_type if kind else essence


def content_type_by_name(name: str) -> str:
    """Return the type that the ending of a name stands for, or octet-stream."""
    content_type, packing = mimetypes.guess_type(name)
    if packing:
        return _PACKED.get(packing, UNKNOWN)
    return content_type or _MISSING_ENDINGS.get(PurePosixPath(name).suffix.lower(), UNKNOWN)


def says_nothing(content_type: str) -> bool:
    """Tell whether a declared type is what senders say who do not know."""
    return essence_of(content_type) in _SAYS_NOTHING


def may_run(content_type: str) -> bool:
    """Tell whether a browser may run files of a type as a program or a page; of an unknown one nobody can tell.

    Such files are never shown inside a page, whatever the settings say.
    """
    essence = essence_of(content_type)
    return essence in _SAYS_NOTHING or "/" not in essence or any(fnmatchcase(essence, runs) for runs in _RUNS)


def _undeclared(found: Sniffed, *, by_name: str) -> str:
    if by_name != UNKNOWN and _agrees(essence_of(by_name), found):
        return by_name
    return _unless_two(found)


def _unless_two(found: Sniffed) -> str:
    return UNKNOWN if found.is_two_things else found.content_type or UNKNOWN


def _agrees(essence: str, found: Sniffed) -> bool:
    if found.is_empty:
        return True
    if found.kind is not None:
        is_packed_text = not found.is_text and is_textual(essence)
        return found.kind.may_be(essence) and not found.is_two_things and not is_packed_text
    declared = OF_NAME.get(essence)
    return declared is None or declared.begins == "mostly" or (declared.begins == "never as text" and not found.is_text)
