"""The lifecycle rules of a bucket in S3: the abort of unfinished multipart uploads, and rules that delete objects."""

from dataclasses import dataclass
from typing import Any

from .bucket_config import write_errors
from .client import get_client
from .cors_rules import RULE_ID
from .errors import nothing_there, storage_errors

# The size from which on AWS moves objects to another storage class.
MINIMUM_SIZE = "TransitionDefaultMinimumObjectSize"


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
    with write_errors():
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
