"""Show, check and set the CORS rules of a bucket.

Whoever runs the host does so, on the command line: no user is asked for. S3 keeps all rules of a bucket as one
document, without a lock: of two who change it at the same moment, one wins. A change takes a while to reach all of S3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...exceptions import StorageUnsupported
from ...policy.names import validate_bucket_name
from ...s3.bucket_config import cors_rules_read, cors_rules_write
from ...s3.client import bucket_region, get_client
from ...s3.cors_preflight import reading_refused, sending_refused
from ...s3.cors_rules import (
    NEEDED,
    READ,
    RULE_ID,
    covers,
    origin_check,
    rules_of_others,
    rules_with_own,
    shortcomings,
    stand_in,
)
from ...s3.errors import storage_errors
from ...s3.presign import presigned_url
from ...values import BrowserAccess, CorsChange, CorsRule
from ..audit.operation import Operation

# Nothing needs to be there: a store answers browsers in the same way where there is nothing.
ASKED_KEY = "s3-file-uploader-preflight"
ASKED_FOR_SECONDS = 60
UNSUPPORTED = (
    "This store keeps no CORS rules for a bucket. MinIO, the embedded S3 and others answer browsers by themselves: of "
    "every origin, or of those that MINIO_API_CORS_ALLOW_ORIGIN of the store names. s3_cors with --origin asks yours."
)


def cors_list(*, bucket: str) -> tuple[CorsRule, ...]:
    """Return the CORS rules of a bucket in the order in which S3 tries them.

    MinIO and the embedded S3 have no such rules, and say "none" all the same.

    Raises:
        InvalidBucketName, BucketNotFound: there is no such bucket.
        StorageUnsupported: the store says that it has no such rules; the message says what to do instead.
        StorageProblem: S3 could not answer.
    """
    return _read(bucket, _region_of(bucket))


def cors_check(*, bucket: str, origins: Sequence[str], preflight: bool = False) -> BrowserAccess:
    """Tell whether pages of these origins can upload directly to the bucket and read from it.

    Args:
        bucket: which.
        origins: whose pages; of a pattern, the store is asked about one origin for which it stands.
        preflight: also ask the store itself, at its public address, as a browser would. That is done in any case
            where the bucket has no rules: the store may answer by itself.

    Raises:
        InvalidField: one of them is no origin.
        InvalidBucketName, BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer; StorageUnavailable, too, if its public address is out of reach from here.
    """
    for origin in origins:
        origin_check(origin)
    region = _region_of(bucket)
    try:
        rules = _read(bucket, region)
    except StorageUnsupported:
        rules = ()
    missing = shortcomings(rules, origins) if rules else ()
    if rules and not preflight:
        return BrowserAccess(rules=rules, missing_in_rules=missing)
    refused = tuple(text for origin in origins for text in _store_ask(bucket, stand_in(origin)))
    return BrowserAccess(rules=rules, missing_in_rules=missing, refused_by_store=refused, store_was_asked=True)


def cors_set(*, bucket: str, origins: Sequence[str]) -> CorsChange:
    """Let pages of these origins, and of no others before them, use the bucket; rules of others stay as they are.

    Our own rule is known by its id; to set it again changes nothing. Where a rule of somebody else would answer for it
    and falls short, ours goes first.

    Raises:
        InvalidField: one of them is no origin, or the bucket has as many rules as S3 takes.
        InvalidBucketName, BucketNotFound: there is no such bucket.
        StorageUnsupported: the store has no such rules; the message says what to do instead.
        StorageProblem: S3 could not.
    """
    region = _region_of(bucket)
    before = _read(bucket, region)
    return _change(bucket, region, before, rules_with_own(before, origins))


def cors_remove(*, bucket: str) -> CorsChange:
    """Take our own rule away; those of others stay.

    Raises:
        InvalidBucketName, BucketNotFound: there is no such bucket.
        StorageUnsupported: the store has no such rules; the message says what to do instead.
        StorageProblem: S3 could not.
    """
    region = _region_of(bucket)
    before = _read(bucket, region)
    return _change(bucket, region, before, rules_of_others(before))


def _region_of(bucket: str) -> str:
    """Return it if the bucket is there: what a store without CORS rules says tells nothing of that."""
    validate_bucket_name(bucket)
    region = bucket_region(bucket)
    with storage_errors(about="bucket"):
        get_client(region=region).head_bucket(Bucket=bucket)
    return region


def _read(bucket: str, region: str) -> tuple[CorsRule, ...]:
    with _advice():
        return cors_rules_read(bucket=bucket, region=region)


@contextmanager
def _advice() -> Iterator[None]:
    try:
        yield
    except StorageUnsupported as error:
        raise StorageUnsupported(UNSUPPORTED) from error


def _change(bucket: str, region: str, before: tuple[CorsRule, ...], after: tuple[CorsRule, ...]) -> CorsChange:
    if after == before:
        return CorsChange(rules=before, is_changed=False)
    with Operation("cors_change", user=None, bucket=bucket), _advice():
        cors_rules_write(bucket=bucket, region=region, rules=after)
    now = _own_origins(after)
    gone = tuple(origin for origin in _own_origins(before) if not any(covers(pattern, origin) for pattern in now))
    return CorsChange(rules=after, is_changed=True, origins_gone=gone)


def _own_origins(rules: Sequence[CorsRule]) -> tuple[str, ...]:
    return tuple(origin for rule in rules if rule.rule_id == RULE_ID for origin in rule.origins)


def _store_ask(bucket: str, origin: str) -> Iterator[str]:
    signed = presigned_url(method="GET", bucket=bucket, key=ASKED_KEY, expires_in_seconds=ASKED_FOR_SECONDS).url
    address = signed.partition("?")[0]
    # A form goes to the bucket, all else to the object.
    places = dict.fromkeys(NEEDED, address) | {"POST": address.removesuffix(ASKED_KEY)}
    refused: dict[str, list[str]] = {}
    for method, headers in NEEDED.items():
        if why := sending_refused(url=places[method], origin=origin, method=method, headers=headers):
            refused.setdefault(why, []).append(method)
    for why, methods in refused.items():
        yield f"{origin} may not send {', '.join(methods)}: {why}."
    if why := reading_refused(url=signed, origin=origin, names=READ):
        yield f"{origin} may not read answers: {why}."
