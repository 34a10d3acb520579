"""What S3 keeps with a bucket: that it is private, which pages may use it, when unfinished multipart uploads end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

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

PROBE_KEY = ".s3-file-uploader-probe"


def public_access_block(*, bucket: str, region: str) -> None:
    """Keep everybody out who has no credentials, whatever ACLs and policies say.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not.
    """
    _access_block_write(bucket, region, refuse_public_acls=True)


def public_acls_ignore(*, bucket: str, region: str) -> None:
    """Ignore public ACLs instead of refusing the requests that bring them: Ceph RGW 16 refuses every write then.

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
    with _writing():
        get_client(region=region).put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def bucket_is_writable(*, bucket: str, region: str) -> bool:
    """Return True if the store takes an object; a probe is written and removed.

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


def abort_rule_write(*, bucket: str, region: str, days: int) -> None:
    """Have S3 abort multipart uploads that are not finished in time; takes the place of all lifecycle rules.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html

    Args:
        bucket: a new one, without rules.
        region: of it.
        days: after the upload was begun, 1 or more.

    Raises:
        StorageUnsupported: the store does not know the call, or not this kind of rule.
        BucketNotFound, StorageProblem: S3 could not.
    """
    with _writing():
        get_client(region=region).put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": RULE_ID,
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
                    }
                ]
            },
        )


def lifecycle_rules_remove(*, bucket: str, region: str) -> None:
    """Remove all lifecycle rules of the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html

    Raises:
        BucketNotFound, StorageProblem: S3 could not.
    """
    with storage_errors(about="bucket"):
        get_client(region=region).delete_bucket_lifecycle(Bucket=bucket)


def cors_rules_read(*, bucket: str, region: str) -> tuple[CorsRule, ...]:
    """Return the CORS rules in their order; none, too, where the store has no such rules and does not say so.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html

    Raises:
        StorageUnsupported: the store does not know the call, and says so.
        BucketNotFound, StorageProblem: S3 could not answer.
    """
    found: Sequence[CORSRuleOutputTypeDef] = ()
    with storage_errors(about="bucket"), nothing_there("NoSuchCORSConfiguration"):
        # Who does not know the call may answer 200 with something else.
        found = get_client(region=region).get_bucket_cors(Bucket=bucket).get("CORSRules", ())
    return tuple(
        CorsRule(
            rule_id=rule.get("ID", ""),
            origins=tuple(rule.get("AllowedOrigins", ())),
            methods=tuple(rule.get("AllowedMethods", ())),
            headers=tuple(rule.get("AllowedHeaders", ())),
            exposed=tuple(rule.get("ExposeHeaders", ())),
            max_age_seconds=rule.get("MaxAgeSeconds"),
        )
        for rule in found
    )


def cors_rules_write(*, bucket: str, region: str, rules: Sequence[CorsRule]) -> None:
    """Replace all CORS rules of the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html

    Args:
        bucket: where.
        region: of it.
        rules: up to 100. To write none is for buckets that were seen to have some: a store that does not know the
            call could take it for the removal of the bucket.

    Raises:
        StorageUnsupported: the store does not know the call.
        BucketNotFound, StorageProblem: S3 could not.
    """
    client = get_client(region=region)
    with _writing():
        if rules:
            written = [_as_s3_takes_it(rule) for rule in rules]
            client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": written})
        else:
            client.delete_bucket_cors(Bucket=bucket)


def _as_s3_takes_it(rule: CorsRule) -> "CORSRuleTypeDef":
    taken: CORSRuleTypeDef = {"AllowedOrigins": rule.origins, "AllowedMethods": rule.methods}
    if rule.rule_id:
        taken["ID"] = rule.rule_id
    if rule.headers:
        taken["AllowedHeaders"] = rule.headers
    if rule.exposed:
        taken["ExposeHeaders"] = rule.exposed
    if rule.max_age_seconds is not None:
        taken["MaxAgeSeconds"] = rule.max_age_seconds
    return taken


@contextmanager
def _writing() -> Iterator[None]:
    """Translate errors; who does not know the call may take it for the creation of the bucket."""
    try:
        with storage_errors(about="bucket"):
            yield
    except BucketExists as error:
        raise StorageUnsupported("This store does not support the call.") from error
