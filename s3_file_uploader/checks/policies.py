"""System checks of the policies. A misspelt policy could allow too much, or refuse every file.

E020 no policy by bucket, or field unknown     E024 prefix cannot begin a key
E021 value of the wrong type                   E025 inline type that a browser may run
E022 pattern that nothing can match            W010 inline pattern that includes such types
E023 policy function cannot be called          W011 bucket is for staff
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.utils.module_loading import import_string

from ..conf import conf
from ..content_types.sniff import may_run
from ..policy.bucket_policy import USER_ID, WILDCARDS
from ..policy.names import MAX_PREFIX_BYTES, is_key_prefix
from ..services.storage_places import find_places
from .messages import build_error, build_warning

SETTING = "S3_FILE_UPLOADER_POLICIES"
CONTENT_TYPE = re.compile(r"\*/\*|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+*-]+", re.ASCII)
EXTENSION = re.compile(r"(?:[^\s./*?A-Z]+(?:\.[^\s./*?A-Z]+)*)?")
BUCKET = re.compile(r"[a-z0-9.-]*", re.ASCII)
# Browsers run scripts in HTML and XML: https://html.spec.whatwg.org/multipage/document-lifecycle.html#read-html
SCRIPTED = (
    *("image/svg+xml", "text/html", "text/xml", "application/xhtml+xml", "application/xml"),
    *("text/javascript", "application/javascript"),
)


def _is_limit(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _is_words_or_none(value: Any) -> bool:
    return value is None or _is_words(value)


A_LIMIT = (_is_limit, "a whole number of 0 or more, or None for no limit")
WORDS = (_is_words_or_none, "a list of texts, or None for all")
# Each field with the check of its value, and the values in words.
FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "key_prefix": (lambda value: isinstance(value, str), "a text"),
    "max_file_bytes": A_LIMIT,
    "content_types": WORDS,
    "extensions": WORDS,
    "quota_bytes": A_LIMIT,
    "quota_files": A_LIMIT,
    "may_overwrite": (lambda value: isinstance(value, bool), "True or False"),
    "inline_content_types": (_is_words, "a list of texts"),
    "on_mismatch": (lambda value: value in ("refuse", "quarantine"), "refuse or quarantine"),
}


@register(Tags.security)
def check_policies(**kwargs: Any) -> list[CheckMessage]:
    """Check the policies of the settings: their shape (E020), and each bucket and field (E021 to E025, W010, W011)."""
    policies = conf.policies
    if not isinstance(policies, Mapping) or not all(isinstance(fields, Mapping) for fields in policies.values()):
        hint = "Give a dictionary of dictionaries, such as {'*': {'max_file_bytes': 10_000_000}}."
        return [build_error("E020", f"{SETTING} is not a policy for each bucket.", hint)]
    return [message for bucket, fields in policies.items() for message in _check_policy(bucket, fields)]


@register(Tags.compatibility)
def check_policy_callable(**kwargs: Any) -> list[CheckMessage]:
    """Check the policy function (E023)."""
    path = conf.policy_path
    try:
        if path is None or callable(import_string(path)):
            return []
        reason = "Name a function (user, bucket, policy) -> policy."
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        reason = str(error)
    return [build_error("E023", "S3_FILE_UPLOADER_POLICY cannot be called.", reason)]


def _check_policy(bucket: Any, fields: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    yield from _check_bucket(bucket)
    for name, value in fields.items():
        where = f"{SETTING}[{bucket!r}][{name!r}]"
        if name not in FIELDS:
            yield build_error("E020", f"{where} is no field of a policy.", f"Name one of {', '.join(FIELDS)}.")
        elif not FIELDS[name][0](value):
            yield build_error("E021", f"{where} has a wrong value.", f"Give {FIELDS[name][1]}.")
        else:
            yield from _check_value(where, name, value)


def _check_bucket(bucket: Any) -> Iterator[CheckMessage]:
    if not isinstance(bucket, str) or not bucket or not BUCKET.fullmatch(WILDCARDS.sub("", bucket)):
        hint = "Give the name of a bucket, or a shell pattern such as photos-*."
        yield build_error("E022", f"{SETTING} has a policy for {bucket!r}, which matches no bucket name.", hint)
    elif not WILDCARDS.search(bucket) and _is_closed(bucket):
        hint = "Add it to S3_FILE_UPLOADER_ALLOWED_BUCKETS, unless it is for staff."
        yield build_warning("W011", f"{SETTING} has a policy for {bucket!r}, which only staff may use.", hint)


def _is_closed(bucket: str) -> bool:
    """Return True if no user has files there: an `UploadStorage` works in a bucket that is not open to users."""
    is_of_storage = any(place.bucket == bucket for place in find_places())
    return isinstance(conf.allowed_buckets, list | tuple) and not conf.bucket_is_allowed(bucket) and not is_of_storage


def _check_value(where: str, name: str, value: Any) -> Iterator[CheckMessage]:
    match name:
        case "key_prefix":
            yield from _check_prefix(where, value)
        case "content_types":
            yield from _check_words(where, value, CONTENT_TYPE, "image/png, image/* or */*, in lower case")
        case "extensions":
            yield from _check_words(where, value, EXTENSION, "png or tar.gz, in lower case and without the first dot")
        case "inline_content_types":
            yield from _check_words(where, value, CONTENT_TYPE, "image/png or video/*, in lower case")
            yield from _check_inline_types(where, value)


def _check_prefix(where: str, prefix: str) -> Iterator[CheckMessage]:
    if not is_key_prefix(prefix.replace(USER_ID, "7")) or "{" in prefix.replace(USER_ID, ""):
        hint = (
            f"Give folders that end in a slash, such as users/{USER_ID}/, or nothing. {MAX_PREFIX_BYTES} bytes at most."
        )
        yield build_error("E024", f"{where} cannot begin an object key.", hint)


def _check_words(where: str, words: Any, shape: re.Pattern[str], examples: str) -> Iterator[CheckMessage]:
    if wrong := [word for word in words or () if not shape.fullmatch(word)]:
        message = f"{where} has patterns that nothing matches: {', '.join(map(repr, wrong))}."
        yield build_error("E022", message, f"Write {examples}.")


def _check_inline_types(where: str, patterns: Any) -> Iterator[CheckMessage]:
    hint = "Remove them: browsers always download files of types that can run, and never show them inline."
    if runnable := [pattern for pattern in patterns if CONTENT_TYPE.fullmatch(pattern) and may_run(pattern)]:
        yield build_error("E025", f"{where} lists types that a browser may run: {', '.join(runnable)}.", hint)
    rest = [pattern for pattern in patterns if pattern not in runnable]
    if scripted := [kind for kind in SCRIPTED if any(fnmatchcase(kind, pattern) for pattern in rest)]:
        hint = "Name each type: browsers always download files of types that can run, and never show them inline."
        yield build_warning("W010", f"{where} has patterns that include {', '.join(scripted)}.", hint)
