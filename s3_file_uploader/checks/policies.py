"""System checks of the policies: what would let in too much, or refuse everything, only because it is misspelt.

E020 not policies by bucket, or an unknown field     E023 callable unreadable
E021 value of the wrong type                         E024 prefix no part of a key
E022 pattern that nothing fits                       E025 type inline that runs
                                                     W010 pattern of such     W011 bucket is for staff
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from ..conf import conf
from ..content_types.sniff import may_run
from ..policy.bucket_policy import USER_ID, WILDCARDS
from ..policy.names import MAX_PREFIX_BYTES, is_key_prefix

SETTING = "S3_FILE_UPLOADER_POLICIES"
CONTENT_TYPE = re.compile(r"\*/\*|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+*-]+", re.ASCII)
EXTENSION = re.compile(r"(?:[^\s./*?A-Z]+(?:\.[^\s./*?A-Z]+)*)?")
BUCKET = re.compile(r"[a-z0-9.-]*", re.ASCII)
# https://html.spec.whatwg.org/multipage/document-lifecycle.html#read-html and what is XML to a browser
SCRIPTED = (
    "image/svg+xml",
    "text/html",
    "text/xml",
    "application/xhtml+xml",
    "application/xml",
    "text/javascript",
    "application/javascript",
)


def _is_limit(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _is_words_or_none(value: Any) -> bool:
    return value is None or _is_words(value)


A_LIMIT = (_is_limit, "a whole number from 0 on, or None for no limit")
WORDS = (_is_words_or_none, "a list of texts, or None for all")
# What each field takes, and how that is said.
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
def policies_check(**kwargs: Any) -> list[CheckMessage]:
    """E020, E021, E022, E024, E025, W010, W011."""
    policies = conf.policies
    if not isinstance(policies, Mapping) or not all(isinstance(fields, Mapping) for fields in policies.values()):
        hint = "Give a dictionary of dictionaries, such as {'*': {'max_file_bytes': 10_000_000}}."
        return [_error("E020", f"{SETTING} is not a policy for each bucket.", hint)]
    return [message for bucket, fields in policies.items() for message in _messages(bucket, fields)]


@register(Tags.compatibility)
def policy_callable_check(**kwargs: Any) -> list[CheckMessage]:
    """E023."""
    path = conf.policy_path
    try:
        if path is None or callable(import_string(path)):
            return []
        reason = "Name a function (user, bucket, policy) -> policy."
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        reason = str(error)
    return [_error("E023", "S3_FILE_UPLOADER_POLICY cannot be called.", reason)]


def _messages(bucket: Any, fields: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    yield from _bucket_messages(bucket)
    for name, value in fields.items():
        where = f"{SETTING}[{bucket!r}][{name!r}]"
        if name not in FIELDS:
            yield _error("E020", f"{where} is no field of a policy.", f"Name one of {', '.join(FIELDS)}.")
        elif not FIELDS[name][0](value):
            yield _error("E021", f"{where} cannot be used.", f"Give {FIELDS[name][1]}.")
        else:
            yield from _value_messages(where, name, value)


def _bucket_messages(bucket: Any) -> Iterator[CheckMessage]:
    if not isinstance(bucket, str) or not bucket or not BUCKET.fullmatch(WILDCARDS.sub("", bucket)):
        hint = "Give the name of a bucket, or a shell pattern such as photos-*."
        yield _error("E022", f"{SETTING} has a policy for {bucket!r}, which no bucket is called.", hint)
    elif not WILDCARDS.search(bucket) and _is_closed(bucket):
        hint = "Add it to S3_FILE_UPLOADER_ALLOWED_BUCKETS, unless it is for staff."
        yield _warning("W011", f"{SETTING} has a policy for {bucket!r}, which is open to staff alone.", hint)


def _is_closed(bucket: str) -> bool:
    return isinstance(conf.allowed_buckets, list | tuple) and not conf.bucket_is_allowed(bucket)


def _value_messages(where: str, name: str, value: Any) -> Iterator[CheckMessage]:
    match name:
        case "key_prefix":
            yield from _prefix_messages(where, value)
        case "content_types":
            yield from _word_messages(where, value, CONTENT_TYPE, "image/png, image/* or */*, in lower case")
        case "extensions":
            yield from _word_messages(where, value, EXTENSION, "png or tar.gz, in lower case and without the first dot")
        case "inline_content_types":
            yield from _word_messages(where, value, CONTENT_TYPE, "image/png or video/*, in lower case")
            yield from _inline_messages(where, value)


def _prefix_messages(where: str, prefix: str) -> Iterator[CheckMessage]:
    if not is_key_prefix(prefix.replace(USER_ID, "7")) or "{" in prefix.replace(USER_ID, ""):
        hint = (
            f"Give folders that end in a slash, such as users/{USER_ID}/, up to {MAX_PREFIX_BYTES} bytes; or nothing."
        )
        yield _error("E024", f"{where} cannot begin an object key.", hint)


def _word_messages(where: str, words: Any, shape: re.Pattern[str], such_as: str) -> Iterator[CheckMessage]:
    if wrong := [word for word in words or () if not shape.fullmatch(word)]:
        yield _error("E022", f"{where} has what nothing fits: {', '.join(map(repr, wrong))}.", f"Write {such_as}.")


def _inline_messages(where: str, patterns: Any) -> Iterator[CheckMessage]:
    hint = "Take them off: what can run is saved and never shown, whatever stands here."
    if runs := [pattern for pattern in patterns if CONTENT_TYPE.fullmatch(pattern) and may_run(pattern)]:
        yield _error("E025", f"{where} lists what a browser may run: {', '.join(runs)}.", hint)
    rest = [pattern for pattern in patterns if pattern not in runs]
    if named := [kind for kind in SCRIPTED if any(fnmatchcase(kind, pattern) for pattern in rest)]:
        hint = "Name the types one by one: what can run is saved and never shown, whatever stands here."
        yield _warning("W010", f"{where} has patterns for {', '.join(named)}.", hint)


def _error(number: str, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"s3_file_uploader.{number}")


def _warning(number: str, message: str, hint: str) -> CheckWarning:
    return CheckWarning(message, hint=hint, id=f"s3_file_uploader.{number}")
