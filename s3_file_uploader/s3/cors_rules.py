"""CORS rules of a bucket: the rules that a browser needs to upload and read, and the origins in them. No I/O.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from ..exceptions import InvalidField
from ..values import CorsRule
from .client import build_host

# The id of our own rule among the others of a bucket.
RULE_ID = "s3-file-uploader"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSConfiguration.html
MAX_RULES = 100
# Chrome caches a preflight response for two hours at most.
MAX_AGE_SECONDS = 3600

# The headers that a page sends with each method. A PUT sends the signed ones. A form sends none, but a page that shows
# its progress causes a preflight. DELETE is never signed.
NEEDED: dict[str, tuple[str, ...]] = {
    "GET": (),
    "HEAD": (),
    "PUT": ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-name"),
    "POST": (),
}
# The response headers that uploaders such as Uppy read after an upload.
READ = ("ETag", "Location")
READ_OF: dict[str, tuple[str, ...]] = {"PUT": ("ETag",), "POST": READ}
# Players and resumed downloads read these too.
ALSO_EXPOSED = ("Content-Length", "Content-Range", "Accept-Ranges")

EVERY_ORIGIN = "*"
MAX_ORIGIN_LENGTH = 255
HOST = re.compile(r"[a-z0-9*_-]+(\.[a-z0-9*_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)

# --- rules -----------------------------------------------------------------------------------------------------------


def build_own_rule(origins: Sequence[str]) -> CorsRule:
    """Return the rule that lets pages of these origins upload and read.

    The rule allows every header, because the signature of a request decides what the request may do.

    Raises:
        InvalidField: one of the origins is malformed.
    """
    return CorsRule(
        rule_id=RULE_ID,
        origins=tuple(dict.fromkeys(map(validate_origin, origins))),
        methods=tuple(NEEDED),
        headers=("*",),
        exposed=READ + ALSO_EXPOSED,
        max_age_seconds=MAX_AGE_SECONDS,
    )


def add_own_rule(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[CorsRule, ...]:
    """Return the other rules, unchanged, and our own.

    Our rule comes last, where it changes nothing for other pages. If an earlier rule would match our origins and allow
    too little, our rule comes first and also exposes the headers of that rule, so that no page loses anything.

    Raises:
        InvalidField: an origin is malformed, or the bucket has as many rules as S3 keeps.
    """
    others, own = exclude_own_rule(rules), build_own_rule(origins)
    if len(others) >= MAX_RULES:
        raise InvalidField("bucket", f"It has {len(others)} CORS rules, and S3 takes {MAX_RULES}: join or remove some.")
    if not list_shortcomings((*others, own), own.origins):
        return (*others, own)
    shared = [name for rule in others if _share_an_origin(rule, own) for name in rule.exposed]
    return (replace(own, exposed=tuple(dict.fromkeys([*own.exposed, *shared]))), *others)


def exclude_own_rule(rules: Iterable[CorsRule]) -> tuple[CorsRule, ...]:
    """Return all rules except our own."""
    return tuple(rule for rule in rules if rule.rule_id != RULE_ID)


def list_shortcomings(rules: Sequence[CorsRule], origins: Iterable[str]) -> tuple[str, ...]:
    """Return sentences about the actions that the rules deny to pages of these origins; empty if they deny none.

    Args:
        rules: in the order of the bucket.
        origins: origins or patterns. For a pattern, origins in the rules that match it are examined too.
    """
    examined = (one for origin in origins for one in [origin, *_iterate_matching_origins(origin, rules)])
    return tuple(dict.fromkeys(text for origin in examined for text in _describe_denied(origin, rules)))


def _iterate_matching_origins(pattern: str, rules: Sequence[CorsRule]) -> Iterator[str]:
    return (origin for rule in rules for origin in rule.origins if covers(pattern, origin))


def _describe_denied(origin: str, rules: Sequence[CorsRule]) -> Iterator[str]:
    matching = [rule for rule in rules if any(covers(pattern, origin) for pattern in rule.origins)]
    if not matching:
        yield f"No rule allows {origin}."
        return
    for method, headers in NEEDED.items():
        allowing = [rule for rule in matching if method in rule.methods]
        if not allowing:
            yield f"{origin} may not send {method}."
            continue
        refused = min((_list_uncovered(rule.headers, headers) for rule in allowing), key=len)
        if refused:
            yield f"{origin} may not send {method} with {', '.join(refused)}."
        # S3 compares headers in the preflight only. The first rule for the method applies to the request itself.
        if hidden := _list_uncovered(allowing[0].exposed, READ_OF.get(method, ())):
            yield f"{origin} cannot read {', '.join(hidden)} of the answer to {method}."


def _list_uncovered(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    lower = [pattern.lower() for pattern in patterns]
    return [name for name in names if not any(covers(pattern, name.lower()) for pattern in lower)]


def _share_an_origin(one: CorsRule, other: CorsRule) -> bool:
    return any(covers(a, b) or covers(b, a) for a in one.origins for b in other.origins)


# --- origins ---------------------------------------------------------------------------------------------------------


def validate_origin(text: str) -> str:
    """Return `text` if it is an origin as browsers send it, or a pattern of origins.

    A pattern is `*` for every site, or has one `*` in its host, as in https://*.example.com.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html#cors-allowed-origin

    Raises:
        InvalidField: it is neither. A store compares letter by letter, so another spelling of the same site is refused
            too: capitals, a path, a slash at the end, the default port.
    """
    if text == EVERY_ORIGIN:
        return text
    try:
        origin = _serialize_origin(text)
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
    """Return True if a pattern with at most one `*` matches the text, or everything that the text as a pattern does."""
    before, wild, after = pattern.partition("*")
    if not wild:
        return pattern == text
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def build_matching_origin(pattern: str) -> str:
    """Return one origin that the pattern matches; an origin matches itself."""
    return "https://any.example.com" if pattern == EVERY_ORIGIN else pattern.replace("*", "any")


def _serialize_origin(text: str) -> str:
    """Return the ASCII serialisation of an origin: https://html.spec.whatwg.org/multipage/browsers.html#origin .

    Raises:
        ValueError: the text is no origin.
    """
    url = urlsplit(text)
    host = (url.hostname or "").encode("idna").decode()
    if len(text) > MAX_ORIGIN_LENGTH or text.count("*") > 1 or not (url.scheme and HOST.fullmatch(host)):
        raise ValueError(text)
    return f"{url.scheme}://{build_host(host, url.scheme, url.port)}"
