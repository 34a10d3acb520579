"""The configuration of a bucket in S3: public access, CORS rules, and the abort of unfinished multipart uploads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import BucketExists, StorageAccessDenied, StorageError, StorageUnsupported
from ..values import CorsRule
from .client import get_client
from .cors_rules import RULE_ID
from .errors import nothing_there, storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CORSRuleOutputTypeDef,
        CORSRuleTypeDef,
        PublicAccessBlockConfigurationTypeDef,
    )

# The size from which on AWS moves objects to another storage class.
MINIMUM_SIZE = "TransitionDefaultMinimumObjectSize"
PROBE_KEY = ".s3-file-uploader-probe"


@dataclass(frozen=True, slots=True)
class DeletingRule:
    """A lifecycle rule that deletes objects: its id, and the beginning of their keys, "" for the whole bucket."""

    rule_id: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The effects of lifecycle rules: the days until multipart uploads are aborted, and the rules that delete objects.

    `abort_days` is None if no rule aborts those of the whole bucket.
    """

    abort_days: int | None
    deleting_rules: tuple[DeletingRule, ...]


def block_public_access(*, bucket: str, region: str) -> None:
    """Block requests without credentials, whatever ACLs and policies allow.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not.
    """
    _access_block_write(bucket, region, refuse_public_acls=True)


def ignore_public_acls(*, bucket: str, region: str) -> None:
    """Ignore public ACLs instead of refusing requests with them, because Ceph RGW 16 would refuse every write.

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not.
    """
    _access_block_write(bucket, region, refuse_public_acls=False)


def _access_block_write(bucket: str, region: str, *, refuse_public_acls: bool) -> None:
    block: PublicAccessBlockConfigurationTypeDef = {
        "BlockPublicAcls": refuse_public_acls,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    with _write_errors():
        get_client(region=region).put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def bucket_is_writable(*, bucket: str, region: str) -> bool:
    """Return True if the store accepts an object; write and remove a probe.

    Raises:
        BucketNotFound, StorageProblem: S3 could not answer, or could not remove the probe.
    """
    client = get_client(region=region)
    try:
        with storage_errors(about="bucket"):
            client.put_object(Bucket=bucket, Key=PROBE_KEY, Body=b"")
    except (StorageAccessDenied, StorageError):
        return False
    with storage_errors(about="bucket"):
        client.delete_object(Bucket=bucket, Key=PROBE_KEY)
    return True


def write_abort_rule(*, bucket: str, region: str, days: int) -> None:
    """Let S3 abort multipart uploads that are not finished in time. The rule replaces all lifecycle rules.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html

    Args:
        bucket: a new bucket, without rules.
        region: region of the bucket.
        days: age of the upload, 1 or more.

    Raises:
        StorageUnsupported: the store does not know the call, or not this kind of rule.
        BucketNotFound, StorageProblem: S3 could not.
    """
    _write_lifecycle_rules(bucket, region, [_build_abort_rule(days)])


def read_lifecycle(*, bucket: str, region: str) -> Lifecycle:
    """Return what the enabled lifecycle rules of a bucket do to multipart uploads and objects.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not answer.
    """
    rules = [rule for rule in read_lifecycle_rules(bucket=bucket, region=region) if rule.get("Status") == "Enabled"]
    aborts = [rule.get("AbortIncompleteMultipartUpload") for rule in rules if not _is_limited(rule)]
    return Lifecycle(
        abort_days=min((abort.get("DaysAfterInitiation", 0) for abort in aborts if abort), default=None),
        deleting_rules=tuple(
            DeletingRule(rule.get("ID", "without a name"), _read_prefix(rule)) for rule in rules if _deletes(rule)
        ),
    )


def _deletes(rule: dict[str, Any]) -> bool:
    """Return True if the rule deletes objects. With `ExpiredObjectDeleteMarker` alone, it deletes only markers."""
    expiration = rule.get("Expiration", {})
    return bool(expiration.get("Days") or expiration.get("Date"))


def _is_limited(rule: dict[str, Any]) -> bool:
    """Return True if the rule is for some keys, tags or sizes only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRuleFilter.html
    """
    return bool(rule.get("Prefix")) or any(rule.get("Filter", {}).values())


def _read_prefix(rule: dict[str, Any]) -> str:
    """Return the beginning of the keys that the rule is for. An old rule names it outside of its filter."""
    filters = rule.get("Filter", {})
    return str(rule.get("Prefix") or filters.get("Prefix") or filters.get("And", {}).get("Prefix") or "")


def add_abort_rule(*, bucket: str, region: str, days: int) -> None:
    """Let S3 abort multipart uploads that are not finished in time, and keep the other lifecycle rules.

    Raises:
        StorageUnsupported: the store does not know the call, or not this kind of rule.
        BucketNotFound, StorageProblem: S3 could not.
    """
    configuration = _read_lifecycle_configuration(bucket, region)
    others = [rule for rule in configuration.get("Rules", ()) if rule.get("ID") != RULE_ID]
    # Without it, AWS sets the default: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
    kept = {name: configuration[name] for name in (MINIMUM_SIZE,) if name in configuration}
    _write_lifecycle_rules(bucket, region, [*others, _build_abort_rule(days)], **kept)


def read_lifecycle_rules(*, bucket: str, region: str) -> list[Any]:
    """Return the lifecycle rules of a bucket as boto3 has them, to write them back.

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not answer.
    """
    return [*_read_lifecycle_configuration(bucket, region).get("Rules", ())]


def _read_lifecycle_configuration(bucket: str, region: str) -> dict[str, Any]:
    with storage_errors(about="bucket"), nothing_there("NoSuchLifecycleConfiguration"):
        return {**get_client(region=region).get_bucket_lifecycle_configuration(Bucket=bucket)}
    return {}


def _write_lifecycle_rules(bucket: str, region: str, rules: list[Any], **options: Any) -> None:
    with _write_errors():
        get_client(region=region).put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **options
        )


def _build_abort_rule(days: int) -> dict[str, Any]:
    return {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }


def remove_lifecycle_rules(*, bucket: str, region: str) -> None:
    """Remove all lifecycle rules of the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html

    Raises:
        BucketNotFound, StorageProblem: S3 could not.
    """
    with storage_errors(about="bucket"):
        get_client(region=region).delete_bucket_lifecycle(Bucket=bucket)


def read_cors_rules(*, bucket: str, region: str) -> tuple[CorsRule, ...]:
    """Return the CORS rules in their order; none if the store has no CORS rules at all and does not report that.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html

    Raises:
        StorageUnsupported: the store reports that it does not know the call.
        BucketNotFound, StorageProblem: S3 could not answer.
    """
    rules: Sequence[CORSRuleOutputTypeDef] = ()
    with storage_errors(about="bucket"), nothing_there("NoSuchCORSConfiguration"):
        # A store that does not know the call may answer 200 with another document.
        rules = get_client(region=region).get_bucket_cors(Bucket=bucket).get("CORSRules", ())
    return tuple(
        CorsRule(
            rule_id=rule.get("ID", ""),
            origins=tuple(rule.get("AllowedOrigins", ())),
            methods=tuple(rule.get("AllowedMethods", ())),
            headers=tuple(rule.get("AllowedHeaders", ())),
            exposed=tuple(rule.get("ExposeHeaders", ())),
            max_age_seconds=rule.get("MaxAgeSeconds"),
        )
        for rule in rules
    )


def write_cors_rules(*, bucket: str, region: str, rules: Sequence[CorsRule]) -> None:
    """Replace all CORS rules of the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html

    Args:
        bucket: name of the bucket.
        region: region of the bucket.
        rules: up to 100. Give none only for a bucket that has rules: a store that does not know the call could take
            it for the removal of the bucket.

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not.
    """
    client = get_client(region=region)
    with _write_errors():
        if rules:
            serialized = [_serialize_rule(rule) for rule in rules]
            client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": serialized})
        else:
            client.delete_bucket_cors(Bucket=bucket)


def _serialize_rule(rule: CorsRule) -> "CORSRuleTypeDef":
    serialized: CORSRuleTypeDef = {"AllowedOrigins": rule.origins, "AllowedMethods": rule.methods}
    if rule.rule_id:
        serialized["ID"] = rule.rule_id
    if rule.headers:
        serialized["AllowedHeaders"] = rule.headers
    if rule.exposed:
        serialized["ExposeHeaders"] = rule.exposed
    if rule.max_age_seconds is not None:
        serialized["MaxAgeSeconds"] = rule.max_age_seconds
    return serialized


@contextmanager
def _write_errors() -> Iterator[None]:
    """Translate errors; a store that does not know the call may take it for the creation of the bucket."""
    try:
        with storage_errors(about="bucket"):
            yield
    except BucketExists as error:
        raise StorageUnsupported("This store does not support the call.") from error
