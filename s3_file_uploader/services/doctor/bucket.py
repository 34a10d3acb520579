"""Examine a bucket: that it exists, the rights on it, the ways of files, and the abilities of its store."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import cast

from django.db import Error

from ...conf import conf
from ...exceptions import BucketNotFound, InvalidBucketName, StorageAccessDenied
from ...policy.names import validate_bucket_name
from ...s3.client import find_bucket_region, get_client
from ...s3.errors import storage_errors
from ...s3.trials import transfers
from ...s3.trials.abilities import find_abilities
from ...s3.trials.reach import explain_error
from ...s3.trials.rights import DELETE, find_denied_rights
from ...s3.trials.scratch import PREFIX, Scratch, remove_old_scratch
from ...values import USUAL_ABILITIES
from ..housekeeping.run import housekeeping_buckets
from .case import Case
from .findings import Diagnosis, count, failure, join, ok, warning

NAME_ONE = "Name one: manage.py s3_doctor BUCKET"
RIGHTS = "Give the keys the rights on this bucket that the page Security of the docs lists."
FIND_OUT = "Look for a proxy before the store that changes requests, or use another store."


def examine_bucket(case: Case) -> Iterator[Diagnosis]:
    """Find the bucket, and the region it is in."""
    others = [] if case.bucket else _choose(case)
    if not case.bucket:
        yield warning("bucket", "no record and no setting names one", NAME_ONE, blocks=True)
        return
    try:
        validate_bucket_name(case.bucket)
        region = find_bucket_region(case.bucket)
        with storage_errors(about="bucket"):
            get_client(region=region).head_bucket(Bucket=case.bucket)
    except InvalidBucketName as error:
        yield failure("bucket", f"{case.bucket!r} is no name of a bucket", str(error))
    except BucketNotFound:
        advice = "Check its name, or create it with POST bucket/create/."
        yield failure("bucket", f"there is no bucket {case.bucket} in this store", advice)
    except StorageAccessDenied as error:
        seen = f"{case.bucket}: {explain_error(error)}. It belongs to another account, or the keys have no right to it"
        yield failure("bucket", seen, f"Check the name. {RIGHTS}")
    else:
        also = f". There are also {join(others)}" if others else ""
        yield ok("bucket", f"{case.bucket}, in {region}{also}")


def _choose(case: Case) -> list[str]:
    """Choose the first bucket that the settings or the records name; return the others."""
    named = [name for name in (conf.uppy_bucket_name, conf.form_bucket) if name]
    if "database" not in case.blocked:
        with suppress(Error):
            named += housekeeping_buckets()
    case.bucket, *others = dict.fromkeys([*named, ""])
    return [other for other in others if other]


def examine_rights(case: Case) -> Iterator[Diagnosis]:
    """Try each right on scratch objects, and remove those of killed runs."""
    case.scratch = Scratch(case.bucket)
    denied = find_denied_rights(case.scratch)
    if denied:
        left = f" Remove {PREFIX} in this bucket by hand." if DELETE in denied else ""
        yield failure("rights", f"S3 denies {join(denied)}", f"{RIGHTS}{left}")
        return
    removed = remove_old_scratch(case.bucket)
    also = f"; removed {count(removed, 'object')} of a killed run" if removed else ""
    yield ok("rights", f"read, write, delete, list, multipart uploads{also}")


def examine_multipart(case: Case) -> Iterator[Diagnosis]:
    """Upload an object in parts."""
    yield _judge(case, "multipart", transfers.find_multipart_problem, "uploads in parts work")


def examine_ranges(case: Case) -> Iterator[Diagnosis]:
    """Read a range of an object."""
    yield _judge(case, "ranges", transfers.find_range_problem, "downloads can resume")


def examine_signed_urls(case: Case) -> Iterator[Diagnosis]:
    """Use signed URLs as they are meant, and as they are not."""
    seen = "work, expire, and fit one file and one size"
    yield _judge(case, "signed URLs", transfers.find_url_problem, seen)


def examine_forms(case: Case) -> Iterator[Diagnosis]:
    """Post a form, if clients may."""
    if "post" not in conf.direct_strategies:
        yield ok("forms", "clients may not use the strategy post")
        return
    advice = "Leave post_forms out of S3_FILE_UPLOADER_STORE, and post out of S3_FILE_UPLOADER_DIRECT_STRATEGIES."
    yield _judge(case, "forms", transfers.find_form_problem, "POST forms work, and enforce the size", advice)


def examine_privacy(case: Case) -> Iterator[Diagnosis]:
    """Read an object without a signature."""
    if transfers.is_public(_get_scratch(case)):
        advice = "Block public access to the bucket, and remove the policy or ACL that allows it."
        yield failure("privacy", "everybody can read the files of this bucket without a signature", advice)
    else:
        yield ok("privacy", "without a signature, files cannot be read")


def examine_abilities(case: Case) -> Iterator[Diagnosis]:
    """Try each ability, and compare the setting with what was found."""
    found = find_abilities(_get_scratch(case))
    paste = f"S3_FILE_UPLOADER_STORE = {json.dumps(found)}"
    missing = sorted(set(conf.store_abilities) - set(found))
    unused = [name for name in found if name not in conf.store_abilities]
    if set(missing) - USUAL_ABILITIES:
        yield failure("abilities", f"the settings promise what the store lacks: {join(missing)}", paste)
    elif missing or unused:
        lacks = [f"the store has no {join(missing)}"] if missing else []
        has = [f"the store has more than the settings say: {join(unused)}"] if unused else []
        yield warning("abilities", "; ".join([*lacks, *has]), paste)
    else:
        yield ok("abilities", f"as the settings say: {join(found, most=12) or 'none'}")


def remove_scratch(case: Case) -> None:
    """Remove the scratch objects of this run, if there may be any.

    Raises:
        S3FileUploaderError: S3 did not.
    """
    if case.scratch is not None:
        case.scratch.remove()


def _judge(case: Case, name: str, trial: Callable[[Scratch], str], works: str, advice: str = FIND_OUT) -> Diagnosis:
    problem = trial(_get_scratch(case))
    return failure(name, problem, advice) if problem else ok(name, works)


def _get_scratch(case: Case) -> Scratch:
    return cast(Scratch, case.scratch)
