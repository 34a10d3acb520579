"""List, check and set the CORS rules of a bucket.

The operator of the host does so on the command line, so these services take no user. S3 keeps all rules of a bucket as
one document without a lock: of two concurrent changes, one wins. A change takes a while to reach all of S3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...conf import conf
from ...exceptions import StorageUnsupported
from ...policy.names import validate_bucket_name
from ...s3.bucket_config import read_cors_rules, write_cors_rules
from ...s3.client import find_bucket_region, get_client
from ...s3.cors_preflight import find_read_refusal, find_send_refusal
from ...s3.cors_rules import (
    NEEDED,
    READ,
    RULE_ID,
    add_own_rule,
    build_matching_origin,
    covers,
    exclude_own_rule,
    list_shortcomings,
    validate_origin,
)
from ...s3.errors import storage_errors
from ...s3.presign import presign_url
from ...values import BUCKET_CORS, CorsRule
from ..audit.operation import Operation

# The object need not exist: a store answers browsers in the same way.
ASKED_KEY = "s3-file-uploader-preflight"
ASKED_FOR_SECONDS = 60
UNSUPPORTED = (
    "This store keeps no CORS rules for a bucket. MinIO, the embedded S3 and others allow every origin, or the origins "
    "in MINIO_API_CORS_ALLOW_ORIGIN of the store. `s3_cors --origin` asks your store about an origin."
)


@dataclass(frozen=True, slots=True)
class CorsChange:
    """The rules of a bucket after a change, and the origins that this app's rule no longer allows."""

    rules: tuple[CorsRule, ...]
    is_changed: bool
    origins_gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrowserAccess:
    """Access of browsers to a bucket: what its rules and the store's responses to preflight requests forbid, in words.

    `refused_by_store` is empty if the store was not asked. A store without rules is always asked.
    """

    rules: tuple[CorsRule, ...]
    missing_in_rules: tuple[str, ...] = ()
    refused_by_store: tuple[str, ...] = ()
    store_was_asked: bool = False

    @property
    def is_enough(self) -> bool:
        """Return True if pages can upload and read."""
        return not self.missing_in_rules and not self.refused_by_store


def cors_list(*, bucket: str) -> tuple[CorsRule, ...]:
    """Return the CORS rules of a bucket in the order in which S3 tries them.

    MinIO and the embedded S3 have no such rules, but answer "none".

    Raises:
        InvalidBucketName, BucketNotFound: the bucket does not exist.
        StorageUnsupported: the store reports that it has no such rules; the message says what to do instead.
        StorageProblem: S3 could not answer.
    """
    return _read(bucket, _find_region(bucket))


def cors_check(*, bucket: str, origins: Sequence[str], preflight: bool = False) -> BrowserAccess:
    """Check if web pages of these origins can upload directly to the bucket and read from it.

    Args:
        bucket: name of the bucket.
        origins: origins of the pages; for a pattern, the store is asked about one matching origin.
        preflight: also ask the store itself, at its public URL, as a browser would. A bucket without rules is always
            checked that way, because the store may answer by itself.

    Raises:
        InvalidField: one of them is not an origin.
        InvalidBucketName, BucketNotFound: the bucket does not exist.
        StorageProblem: S3 could not answer, or its public URL cannot be reached from here.
    """
    for origin in origins:
        validate_origin(origin)
    region = _find_region(bucket)
    try:
        rules = _read(bucket, region)
    except StorageUnsupported:
        rules = ()
    missing = list_shortcomings(rules, origins) if rules else ()
    if rules and not preflight:
        return BrowserAccess(rules=rules, missing_in_rules=missing)
    refused = tuple(text for origin in origins for text in _ask_store(bucket, build_matching_origin(origin)))
    return BrowserAccess(rules=rules, missing_in_rules=missing, refused_by_store=refused, store_was_asked=True)


def cors_set(*, bucket: str, origins: Sequence[str]) -> CorsChange:
    """Let web pages of these origins use the bucket, instead of earlier ones; keep the rules of other programs.

    The app's own rule has an id, and setting it again changes nothing. If another rule would match first and falls
    short, the app's own rule goes first.

    Raises:
        InvalidField: one of them is not an origin, or the bucket has as many rules as S3 takes.
        InvalidBucketName, BucketNotFound: the bucket does not exist.
        StorageUnsupported: the store has no such rules; the message says what to do instead.
        StorageProblem: S3 could not.
    """
    region = _find_region(bucket)
    before = _read(bucket, region)
    return _write(bucket, region, before, add_own_rule(before, origins))


def cors_remove(*, bucket: str) -> CorsChange:
    """Remove the app's own rule; keep the rules of other programs.

    Raises:
        InvalidBucketName, BucketNotFound: the bucket does not exist.
        StorageUnsupported: the store has no such rules; the message says what to do instead.
        StorageProblem: S3 could not.
    """
    region = _find_region(bucket)
    before = _read(bucket, region)
    return _write(bucket, region, before, exclude_own_rule(before))


def _find_region(bucket: str) -> str:
    """Return the region of an existing bucket: a store without CORS rules does not report a missing bucket."""
    validate_bucket_name(bucket)
    region = find_bucket_region(bucket)
    with storage_errors(about="bucket"):
        get_client(region=region).head_bucket(Bucket=bucket)
    return region


def _read(bucket: str, region: str) -> tuple[CorsRule, ...]:
    if not conf.store_can(BUCKET_CORS):
        raise StorageUnsupported(UNSUPPORTED)
    with _add_advice():
        return read_cors_rules(bucket=bucket, region=region)


@contextmanager
def _add_advice() -> Iterator[None]:
    try:
        yield
    except StorageUnsupported as error:
        raise StorageUnsupported(UNSUPPORTED) from error


def _write(bucket: str, region: str, before: tuple[CorsRule, ...], after: tuple[CorsRule, ...]) -> CorsChange:
    if after == before:
        return CorsChange(rules=before, is_changed=False)
    with Operation("cors_change", user=None, bucket=bucket), _add_advice():
        write_cors_rules(bucket=bucket, region=region, rules=after)
    now = _own_origins(after)
    gone = tuple(origin for origin in _own_origins(before) if not any(covers(pattern, origin) for pattern in now))
    return CorsChange(rules=after, is_changed=True, origins_gone=gone)


def _own_origins(rules: Sequence[CorsRule]) -> tuple[str, ...]:
    return tuple(origin for rule in rules if rule.rule_id == RULE_ID for origin in rule.origins)


def _ask_store(bucket: str, origin: str) -> Iterator[str]:
    signed = presign_url(method="GET", bucket=bucket, key=ASKED_KEY, expires_in_seconds=ASKED_FOR_SECONDS).url
    address = signed.partition("?")[0]
    # A form goes to the bucket, all else to the object.
    places = dict.fromkeys(NEEDED, address) | {"POST": address.removesuffix(ASKED_KEY)}
    refused: dict[str, list[str]] = {}
    for method, headers in NEEDED.items():
        if why := find_send_refusal(url=places[method], origin=origin, method=method, headers=headers):
            refused.setdefault(why, []).append(method)
    for why, methods in refused.items():
        yield f"{origin} may not send {', '.join(methods)}: {why}."
    if why := find_read_refusal(url=signed, origin=origin, names=READ):
        yield f"{origin} may not read answers: {why}."
