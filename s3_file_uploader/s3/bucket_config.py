"""The configuration of a bucket in S3: public access and CORS rules."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..exceptions import BucketExists, StorageAccessDenied, StorageError, StorageUnsupported
from ..values import CorsRule
from .client import get_client
from .errors import nothing_there, storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CORSRuleOutputTypeDef,
        CORSRuleTypeDef,
        PublicAccessBlockConfigurationTypeDef,
    )

PROBE_KEY = ".s3-file-uploader-probe"


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
    with write_errors():
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
    with write_errors():
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
def write_errors() -> Iterator[None]:
    """Translate errors of a write; a store that does not know the call may take it for the creation of the bucket."""
    try:
        with storage_errors(about="bucket"):
            yield
    except BucketExists as error:
        raise StorageUnsupported("This store does not support the call.") from error
