"""Limit uploads to a bucket by type, size, quota and key, and decide which types a browser may show.

    the defaults below  <──"*"──  <──patterns that fit──  <──the bucket's own name──  <──the callable──
                                  fewer fixed characters first; of equals the later

Each later source overrides the fields that it names. S3_FILE_UPLOADER_POLICIES holds patterns and names;
S3_FILE_UPLOADER_POLICY is the callable, a function of the user. The policy of a file is that of its owner, also when
staff upload it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

from django.utils.module_loading import import_string

from ..conf import conf

OnMismatch = Literal["refuse", "quarantine"]

# Types that a browser shows without running code; SVG and HTML can hold scripts.
INLINE_CONTENT_TYPES = (
    *("image/apng", "image/avif", "image/bmp", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp"),
    *("application/pdf", "audio/*", "video/*", "text/plain"),
)
EVERY_BUCKET = "*"
USER_ID = "{user_id}"
WILDCARDS = re.compile(r"\[[^]]*\]|[*?]")

_Value = TypeVar("_Value")
_decided: ContextVar[dict[tuple[Any, str], "Policy"] | None] = ContextVar("s3_file_uploader.policies", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits of one user in one bucket; None in a field is no limit.

    Attributes:
        is_open: True if users who are not staff may use the bucket; S3_FILE_UPLOADER_ALLOWED_BUCKETS says so, and the
            callable overrides it.
        key_prefix: the beginning of every key; `{user_id}` in the settings is the primary key of the owner.
        max_file_bytes: the largest file.
        content_types: MIME types, `image/png` or `image/*`, in lower case.
        extensions: endings of names without the first dot, `png` or `tar.gz`, in lower case; empty: no ending.
        quota_bytes: of all files of the owner in the bucket, unfinished uploads included.
        quota_files: the number of these files.
        may_overwrite: True if owners may replace their files.
        inline_content_types: MIME types that a browser may show instead of saving the file.
        on_mismatch: how to treat bytes that are not of the declared type.
    """

    is_open: bool = True
    key_prefix: str = ""
    max_file_bytes: int | None = None
    content_types: tuple[str, ...] | None = None
    extensions: tuple[str, ...] | None = None
    quota_bytes: int | None = None
    quota_files: int | None = None
    may_overwrite: bool = True
    inline_content_types: tuple[str, ...] = INLINE_CONTENT_TYPES
    on_mismatch: OnMismatch = "refuse"

    @property
    def has_quota(self) -> bool:
        """Return True if the existing files of the owner count."""
        return self.quota_bytes is not None or self.quota_files is not None

    def allows_content_type(self, content_type: str) -> bool:
        """Return True if files of that type, with or without parameters, may be stored."""
        return self.content_types is None or _fits(content_type, self.content_types)

    def allows_inline(self, content_type: str) -> bool:
        """Return True if a browser may show files of that type, with or without parameters."""
        return _fits(content_type, self.inline_content_types)

    def allows_extension(self, name: str) -> bool:
        """Return True if files of that name, with or without folders, may be stored."""
        if self.extensions is None:
            return True
        name = name.rpartition("/")[2].lower()
        return any(name.endswith(f".{ending}") if ending else "." not in name for ending in self.extensions)


def get_policy(user: Any, bucket: str) -> Policy:
    """Return the policy for the files of a user in a bucket; during a request, decide it once.

    Args:
        user: the owner of the files. None if that user was deleted; the callable is not called then.
        bucket: its name.
    """
    decided = _decided.get()
    if user is None or decided is None:
        return _decide(user, bucket)
    key = user.pk, bucket
    if key not in decided:
        decided[key] = _decide(user, bucket)
    return decided[key]


@contextmanager
def decide_policies_once() -> Iterator[None]:
    """Keep, within the block, what the callable has decided for a user and a bucket."""
    token = _decided.set({})
    try:
        yield
    finally:
        _decided.reset(token)


def _decide(user: Any, bucket: str) -> Policy:
    policy = Policy(is_open=conf.bucket_is_allowed(bucket), **_configured(bucket))
    if user is not None and conf.policy_path:
        policy = import_string(conf.policy_path)(user, bucket, policy)
    if user is None or USER_ID not in policy.key_prefix:
        return policy
    return replace(policy, key_prefix=policy.key_prefix.replace(USER_ID, str(user.pk)))


def list_key_prefixes() -> Iterator[str]:
    """Yield each prefix in the settings as a regular expression, and the empty prefix."""
    yield ""
    for fields in conf.policies.values():
        if prefix := fields.get("key_prefix"):
            yield "[^/]+".join(re.escape(text) for text in prefix.split(USER_ID))


def _configured(bucket: str) -> dict[str, Any]:
    """Return the fields in the settings for a bucket, lists as tuples."""
    policies: Mapping[str, Mapping[str, Any]] = conf.policies
    fields: dict[str, Any] = {}
    for pattern in sorted(policies, key=_specificity):
        if pattern == bucket or fnmatchcase(bucket, pattern):
            fields |= {name: _freeze(value) for name, value in policies[pattern].items()}
    return fields


def _specificity(pattern: str) -> tuple[bool, int]:
    fixed = WILDCARDS.sub("", pattern)
    return fixed == pattern, len(fixed)


def _freeze(value: _Value) -> _Value | tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else value


def _fits(content_type: str, patterns: tuple[str, ...]) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    return any(fnmatchcase(essence, pattern) for pattern in patterns)
