"""Whether text is markup that a browser would run, whatever stands before its first tag.

Browsers skip white space alone; XML may begin with a byte order mark, a declaration, comments, processing instructions
and a document type, and be UTF-16. All of that is passed over here.

https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
https://www.w3.org/TR/xml/#sec-guessing
"""

import codecs
import re
from typing import Literal

# https://mimesniff.spec.whatwg.org/#binary-data-byte
BINARY_BYTES = bytes([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
# The longer ones first: UTF-32 begins as UTF-16 does.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

Markup = Literal["html", "xhtml", "svg", "xml", "scripted xml", "fragment"]

_PROLOG = re.compile(r"[\s\0\ufeff]+|<!--.*?-->|<\?(?!xml\b).*?\?>|<\?xml\b[^>]*>", re.DOTALL | re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype\s+([\w:.-]+)([^\[>]*(?:\[.*?\]\s*)?>)?", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)(?=[\s/>]|$)", re.IGNORECASE)
_BEGINS_AS_XML = re.compile(r"[\s\0\ufeff]*<\?xml\b", re.IGNORECASE)
# Tags by which a browser knows a document; others of the table also begin a README in Markdown.
_DOCUMENT_TAGS = frozenset({"html", "head", "body", "script", "iframe", "style", "title"})
_FRAGMENT_TAGS = frozenset({"h1", "div", "font", "table", "a", "b", "br", "p"})
_SCRIPTED_NAMESPACES = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
_INSIDE = re.compile(rb"<(?:!doctype\s+html|html|script|iframe|(?:[\w.-]+:)?svg)[\s/>]", re.IGNORECASE)


def text_of(head: bytes) -> str | None:
    """Return the first bytes of a file as text, or None if they are none.

    Args:
        head: as many as are known; half a character at the end is left out. Where no byte order mark tells, and no
            pattern of zeros, bytes are taken for characters one by one: all markup is ASCII.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "ignore")
    if unmarked := _utf_16_of(head):
        return head.decode(unmarked, "ignore")
    return None if head.translate(None, BINARY_BYTES) != head else head.decode("latin-1")


def markup_of(text: str) -> Markup | None:
    """Return what kind of markup a text begins as, None if it is none.

    `fragment` is what may as well be the beginning of a text of another kind, such as a comment or a paragraph.
    """
    position = _prolog_end(text)
    document: str | None = None
    if found := _DOCTYPE.match(text, position):
        document = found.group(1).lower()
        if document == "html" and not _begins_as_xml(text):
            return "html"
        position = _prolog_end(text, found.end())
    root = _TAG.match(text, position)
    return _kind_of(root.group(1).lower() if root else document, text, is_document=document is not None)


def has_markup_inside(head: bytes) -> bool:
    """Tell whether there is markup among other bytes, such as the comment of an image."""
    return _INSIDE.search(head) is not None


def _kind_of(root: str | None, text: str, *, is_document: bool) -> Markup | None:
    is_xml = _begins_as_xml(text)
    if root == "svg":
        return "svg"
    if root == "html" and (is_xml or _SCRIPTED_NAMESPACES[0] in text):
        return "xhtml"
    if root in _DOCUMENT_TAGS and not is_xml:
        return "html"
    if is_xml or is_document or (root is not None and "xmlns" in text):
        scripted = "xml-stylesheet" in text or any(namespace in text for namespace in _SCRIPTED_NAMESPACES)
        return "scripted xml" if scripted else "xml"
    return "fragment" if root in _FRAGMENT_TAGS or text.lstrip("\0\ufeff \t\n\f\r").startswith("<!--") else None


def _begins_as_xml(text: str) -> bool:
    return _BEGINS_AS_XML.match(text) is not None


def _prolog_end(text: str, position: int = 0) -> int:
    """Return where what may stand before the first tag ends; a comment that does not end leads nowhere."""
    while found := _PROLOG.match(text, position):
        position = found.end()
    return position


def _utf_16_of(head: bytes) -> str | None:
    """Return the encoding of a text that begins with a tag, by its zeros (XML, appendix F)."""
    begins = head.lstrip(b"\0\t\n\f\r ")
    if not begins.startswith(b"<\0"):
        return None
    return "utf-16-be" if (len(head) - len(begins)) % 2 else "utf-16-le"
