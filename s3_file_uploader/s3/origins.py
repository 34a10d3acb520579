"""Origins: how browsers name the site that a page comes from."""

import re
from urllib.parse import urlsplit

from ..exceptions import InvalidField

EVERY_ORIGIN = "*"
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ORIGIN_LENGTH = 255
HOST = re.compile(r"[a-z0-9*_-]+(\.[a-z0-9*_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)


def origin_check(text: str) -> str:
    """Return `text` if a browser would name a site so, or if it is a pattern of such names.

    A pattern is `*` for every site, or has one `*` in its host, as in https://*.example.com.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html#cors-allowed-origin

    Raises:
        InvalidField: it is none. A store compares letter by letter, so another spelling of the same site is refused
            too: capitals, a path, a slash at the end, a port that goes without saying.
    """
    if text == EVERY_ORIGIN:
        return text
    try:
        origin = _as_browsers_send_it(text)
    except ValueError as error:
        raise InvalidField(
            "origin",
            f"{text[:80]!r} is no origin: give scheme and host, and the port if it has one, such as "
            "https://app.example.com or http://localhost:3000.",
        ) from error
    if origin != text:
        raise InvalidField("origin", f"Browsers send {origin}, not {text!r}: give it as they do.")
    return text


def covers(pattern: str, text: str) -> bool:
    """Tell whether a pattern with at most one `*` stands for the text, or for all that the text as a pattern does."""
    before, wild, after = pattern.partition("*")
    if not wild:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def stand_in(pattern: str) -> str:
    """Return one origin for which the pattern stands; an origin stands for itself."""
    return "https://any.example.com" if pattern == EVERY_ORIGIN else pattern.replace("*", "any")


def _as_browsers_send_it(text: str) -> str:
    """Return the ASCII serialisation of an origin: https://html.spec.whatwg.org/multipage/browsers.html#origin .

    Raises:
        ValueError: there is none.
    """
    parts = urlsplit(text)
    host = (parts.hostname or "").encode("idna").decode()
    if len(text) > MAX_ORIGIN_LENGTH or text.count("*") > 1 or not (parts.scheme and HOST.fullmatch(host)):
        raise ValueError(text)
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}"
