"""Give a new bucket the rules of the settings, if the store knows them and still takes files."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ...conf import conf
from ...exceptions import StorageAccessDenied, StorageUnsupported
from ...s3.bucket_config import block_public_access, bucket_is_writable, ignore_public_acls, write_cors_rules
from ...s3.cors_rules import build_own_rule
from ...s3.lifecycle import remove_lifecycle_rules, write_abort_rule
from ...values import BUCKET_CORS, LIFECYCLE

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule for new buckets, and how to remove it; both functions take `bucket` and `region`.

    `ability` is the ability of the store to have it; without one, the store is asked.
    """

    right: str
    write: Callable[..., None]
    undo: Callable[..., None]
    unsupported: str
    refused: str
    ability: str = ""


def set_up_bucket(*, name: str, region: str) -> None:
    """Make a new bucket private, and write the rules of the settings.

    Args:
        name: name of the empty bucket.
        region: its region.

    Raises:
        StorageAccessDenied: the credentials lack a right; the message names it.
        StorageProblem: S3 could not.
    """
    for rule in _rules():
        if _write(rule, name, region):
            _undo_if_blocking(rule, name, region)


def _rules() -> Iterator[_Rule]:
    yield _Rule(
        right="s3:PutBucketPublicAccessBlock",
        write=block_public_access,
        undo=ignore_public_acls,
        unsupported="This store has no public access block; bucket %s is as private as the store makes it.",
        refused="With BlockPublicAcls this store takes no file: bucket %s does without it, and ignores public ACLs.",
    )
    if conf.abort_multipart_days:
        yield _Rule(
            right="s3:PutLifecycleConfiguration",
            write=partial(write_abort_rule, days=conf.abort_multipart_days),
            undo=remove_lifecycle_rules,
            unsupported="This store ends no multipart uploads by itself: in bucket %s, s3_housekeeping does.",
            refused="With lifecycle rules this store takes no file: in bucket %s, s3_housekeeping does their work.",
            ability=LIFECYCLE,
        )
    if conf.cors_origins:
        yield _Rule(
            right="s3:PutBucketCORS",
            write=partial(write_cors_rules, rules=[build_own_rule(conf.cors_origins)]),
            undo=partial(write_cors_rules, rules=[]),
            unsupported="This store keeps no CORS rules: `s3_cors` shows which origins may use bucket %s.",
            refused="With CORS rules this store takes no file: bucket %s has none.",
            ability=BUCKET_CORS,
        )


def _write(rule: _Rule, name: str, region: str) -> bool:
    """Write a rule; return False if the store does not know it."""
    if not rule.ability or conf.store_can(rule.ability):
        try:
            rule.write(bucket=name, region=region)
        except StorageUnsupported:
            pass
        except StorageAccessDenied as error:
            text = f"S3 denies this service {rule.right}: give its credentials that right."
            raise StorageAccessDenied(text) from error
        else:
            return True
    logger.info(rule.unsupported, name)
    return False


def _undo_if_blocking(rule: _Rule, name: str, region: str) -> None:
    """Remove a rule that stops the bucket from taking files; write it again if it is not the cause."""
    if bucket_is_writable(bucket=name, region=region):
        return
    rule.undo(bucket=name, region=region)
    if bucket_is_writable(bucket=name, region=region):
        logger.warning(rule.refused, name)
    else:
        rule.write(bucket=name, region=region)
