"""Examine the CORS and lifecycle rules of a bucket, and set them if the operator asked for it."""

from collections.abc import Iterator, Sequence

from ...conf import conf
from ...exceptions import StorageAccessDenied, StorageUnsupported
from ...models import FileUpload
from ...s3.client import find_bucket_region
from ...s3.lifecycle import DeletingRule, Lifecycle, add_abort_rule, read_lifecycle
from ..audit.operation import Operation
from ..buckets.cors import cors_check, cors_set
from .case import Case
from .findings import Diagnosis, count, failure, join, ok, warning


def examine_cors(case: Case) -> Iterator[Diagnosis]:
    """Send the preflight requests of pages of the origins in the settings."""
    origins = conf.cors_origins
    if not origins:
        yield ok("CORS", "none: S3_FILE_UPLOADER_CORS_ORIGINS names no origin")
        return
    access = cors_check(bucket=case.bucket, origins=origins, preflight=True)
    if access.is_enough:
        yield ok("CORS", f"pages of {join(origins)} can upload and read")
    elif not case.fixes:
        problems = (*access.missing_in_rules, *access.refused_by_store)
        yield failure("CORS", " ".join(problems[:2]), f"Run manage.py s3_doctor {case.bucket} --fix")
    else:
        yield _set_cors(case)


def _set_cors(case: Case) -> Diagnosis:
    try:
        change = cors_set(bucket=case.bucket, origins=conf.cors_origins)
    except StorageUnsupported as error:
        return failure("CORS", "the store keeps no CORS rules", str(error))
    if change.is_changed:
        return ok("CORS", "the rule is set now; the store may take a minute to apply it")
    advice = "A proxy before the store has to pass on Origin and Access-Control headers. Else wait a minute."
    return failure("CORS", "the rules allow it, but the store refuses browsers", advice)


def examine_lifecycle(case: Case) -> Iterator[Diagnosis]:
    """Look for a rule that aborts unfinished multipart uploads, and for rules that delete files."""
    region = find_bucket_region(case.bucket)
    try:
        lifecycle = read_lifecycle(bucket=case.bucket, region=region)
    except StorageUnsupported:
        yield ok("lifecycle", "the store has no rules: housekeeping aborts uploads")
        return
    except StorageAccessDenied:
        yield ok("lifecycle", "not examined: only s3:GetLifecycleConfiguration may")
        return
    yield from _examine_deleting_rules(case, lifecycle.deleting_rules)
    yield from _examine_abort_rule(case, region, lifecycle)


def _examine_deleting_rules(case: Case, rules: Sequence[DeletingRule]) -> Iterator[Diagnosis]:
    """Warn of rules for the whole bucket, and for prefixes with files of the app."""
    harmful = [rule for rule in rules if not rule.prefix or _has_records(case, rule.prefix)]
    if harmful:
        seen = f"rules delete files behind the back of their records: {_name_rules(harmful)}"
        yield warning("lifecycle", seen, "Remove these rules, or limit them to prefixes of other programs.")
    if others := [rule for rule in rules if rule not in harmful]:
        yield ok("lifecycle", f"rules delete objects of other programs only: {_name_rules(others)}")


def _has_records(case: Case, prefix: str) -> bool:
    """Return True if there are records of files below a prefix, or if the database cannot answer."""
    if {"database", "migrations"} & case.blocked.keys():
        return True
    return FileUpload.objects.filter(bucket=case.bucket, file_name__startswith=prefix).exists()


def _name_rules(rules: Sequence[DeletingRule]) -> str:
    return join([f"{rule.rule_id} (below {rule.prefix})" if rule.prefix else rule.rule_id for rule in rules])


def _examine_abort_rule(case: Case, region: str, lifecycle: Lifecycle) -> Iterator[Diagnosis]:
    days = conf.abort_multipart_days
    if lifecycle.abort_days is not None:
        yield ok("lifecycle", f"unfinished multipart uploads end after {count(lifecycle.abort_days, 'day')}")
    elif not days:
        yield ok("lifecycle", "no rule, as S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS says")
    elif not case.fixes:
        advice = f"Run manage.py s3_doctor {case.bucket} --fix"
        yield warning("lifecycle", "no rule aborts unfinished multipart uploads; only housekeeping does", advice)
    else:
        yield _set_abort_rule(case, region, days)


def _set_abort_rule(case: Case, region: str, days: int) -> Diagnosis:
    try:
        with Operation("lifecycle_change", user=None, bucket=case.bucket):
            add_abort_rule(bucket=case.bucket, region=region, days=days)
    except StorageUnsupported:
        return ok("lifecycle", "the store has no such rule: housekeeping aborts uploads")
    return ok("lifecycle", f"the rule is set now: unfinished multipart uploads end after {count(days, 'day')}")
