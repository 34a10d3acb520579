"""Detect markup that a browser would render or run as a document.

A browser skips only white space before the first tag. An XML document may begin with a byte order mark, a declaration,
comments, processing instructions and a document type, and it may be UTF-16. This module skips all of these.

https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
https://www.w3.org/TR/xml/#sec-guessing
"""

import codecs
import re
from typing import Literal

# https://mimesniff.spec.whatwg.org/#binary-data-byte
BINARY_BYTES = bytes([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
# UTF-32 precedes UTF-16, because the mark of UTF-32 begins with the mark of UTF-16.
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
# Browsers recognise documents by these tags and by the fragment tags below, but a README in Markdown may begin with
# a fragment tag, too.
_DOCUMENT_TAGS = frozenset({"html", "head", "body", "script", "iframe", "style", "title"})
_FRAGMENT_TAGS = frozenset({"h1", "div", "font", "table", "a", "b", "br", "p"})
_SCRIPTED_NAMESPACES = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg")
_INSIDE = re.compile(rb"<(?:!doctype\s+html|html|script|iframe|(?:[\w.-]+:)?svg)[\s/>]", re.IGNORECASE)


def decode_text(head: bytes) -> str | None:
    """Return the first bytes of a file as text, or None if they are binary.

    Without a byte order mark and without the zeros of UTF-16, each byte becomes one character. This is enough, because
    all markup is ASCII.

    Args:
        head: the first bytes of the file. An incomplete character at the end is dropped.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "ignore")
    if utf_16 := _detect_utf_16(head):
        return head.decode(utf_16, "ignore")
    return None if head.translate(None, BINARY_BYTES) != head else head.decode("latin-1")


def detect_markup(text: str) -> Markup | None:
    """Return the kind of markup that a text begins with, or None if it begins with other text.

    A `fragment`, such as a comment or a paragraph, may also be the beginning of plain text.
    """
    position = _skip_prolog(text)
    document: str | None = None
    if doctype := _DOCTYPE.match(text, position):
        document = doctype.group(1).lower()
        if document == "html" and not _begins_as_xml(text):
            return "html"
        position = _skip_prolog(text, doctype.end())
    root = _TAG.match(text, position)
    return _classify_root(root.group(1).lower() if root else document, text, is_document=document is not None)


def has_markup_inside(head: bytes) -> bool:
    """Return True if there is markup among other bytes, for example in the comment of an image."""
    return _INSIDE.search(head) is not None


def _classify_root(root: str | None, text: str, *, is_document: bool) -> Markup | None:
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


def _skip_prolog(text: str, position: int = 0) -> int:
    """Return the position after white space, comments and instructions. A comment without an end is not skipped."""
    while prolog := _PROLOG.match(text, position):
        position = prolog.end()
    return position


def _detect_utf_16(head: bytes) -> str | None:
    """Return the encoding of UTF-16 text that begins with a tag, by the position of its zeros (XML, appendix F)."""
    begins = head.lstrip(b"\0\t\n\f\r ")
    if not begins.startswith(b"<\0"):
        return None
    return "utf-16-be" if (len(head) - len(begins)) % 2 else "utf-16-le"
