"""Try whether a store keeps rules of buckets: it has some, or it names the fault of a wrong one.

A store that does not know the call, or this kind of rule, answers so before it looks for faults. A rule that a careless
store accepts applies to nothing, and is removed at once; a bucket that has rules gets none.
"""

from collections.abc import Callable
from typing import Any, cast

from botocore import exceptions as boto

from ...exceptions import StorageAccessDenied, StorageUnsupported
from ...values import BUCKET_CORS
from ..bucket_config import read_cors_rules, write_cors_rules
from ..errors import storage_errors
from ..lifecycle import read_lifecycle_rules, remove_lifecycle_rules
from .scratch import Scratch

RULE = "s3-file-uploader-doctor"
# MinIO answers MalformedXML to kinds of rules that it does not know.
UNKNOWN_CALL = {"NotImplemented", "MethodNotAllowed", "MalformedXML", "405", "501"}
REFUSED = 400


def find_rule_ability(ability: str, scratch: Scratch) -> bool | None:
    """Return True if buckets can have such rules; None if the credentials may not write them.

    Args:
        ability: `bucket_cors` or `lifecycle`.
        scratch: names the bucket.

    Raises:
        S3FileUploaderError: the store did not answer.
    """
    trial = _try_cors if ability == BUCKET_CORS else _try_lifecycle
    try:
        with storage_errors(about="bucket"):
            return trial(scratch)
    except StorageUnsupported:
        return False
    except StorageAccessDenied:
        return None


def _try_cors(scratch: Scratch) -> bool:
    where = scratch.where
    if any(rule.rule_id != RULE for rule in read_cors_rules(**where)):
        return True
    rule = {"ID": RULE, "AllowedMethods": ["NONE"], "AllowedOrigins": ["https://doctor.invalid"]}
    configuration = cast(Any, {"CORSRules": [rule]})
    if _accepts(lambda: scratch.client.put_bucket_cors(Bucket=scratch.bucket, CORSConfiguration=configuration)):
        write_cors_rules(**where, rules=[])
    return True


def _try_lifecycle(scratch: Scratch) -> bool:
    where = scratch.where
    if any(rule.get("ID") != RULE for rule in read_lifecycle_rules(**where)):
        return True
    rule = {
        "ID": RULE,
        "Status": "Enabled",
        "Filter": {"Prefix": scratch.prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0},
    }
    rules = cast(Any, {"Rules": [rule]})
    put = scratch.client.put_bucket_lifecycle_configuration
    if _accepts(lambda: put(Bucket=scratch.bucket, LifecycleConfiguration=rules)):
        remove_lifecycle_rules(**where)
    return True


def _accepts(write: Callable[[], object]) -> bool:
    """Write a wrong rule. Return False if the store names a fault in it.

    Raises:
        StorageUnsupported: the store does not know such rules.
        botocore.exceptions.ClientError: another answer.
    """
    try:
        write()
    except boto.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if {code, str(status)} & UNKNOWN_CALL:
            raise StorageUnsupported from error
        if status != REFUSED:
            raise
        return False
    return True
