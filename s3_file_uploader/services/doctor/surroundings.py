"""Examine what runs beside the service: cache, scanners, task backend, housekeeping, and the work that waits."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from uuid import uuid4

from django.core.cache import DEFAULT_CACHE_ALIAS, cache, caches
from django.db.models import Count, Min
from django.utils import timezone

from ...conf import conf
from ...models import FileUpload, HousekeepingRun
from ...scanners.interface import ScannerProblem, load_scanners
from .case import Case
from .findings import Diagnosis, count, failure, ok, spell_duration, warning

CONTENT = b"A harmless text from s3_doctor."
KEY_SECONDS = 60
LATE = timedelta(hours=1)
VERY_LATE = timedelta(days=1)
CRON = "Let cron or another timer run `manage.py s3_housekeeping` every few minutes."


def examine_cache(case: Case) -> Iterator[Diagnosis]:
    """Write to the default cache and read from it; it may raise whatever its driver raises."""
    backend, key = type(caches[DEFAULT_CACHE_ALIAS]).__name__, f"s3-file-uploader-doctor-{uuid4().hex}"
    if not conf.cache_is_shared:
        seen = f"{backend}, unshared"
        if conf.throttle_rates:
            yield warning(
                "cache",
                f"{seen}: throttles count too little",
                "Set CACHES to a cache that processes share, such as Redis.",
            )
        else:
            yield ok("cache", f"{seen}: enough without throttles")
        return
    cache.set(key, backend, KEY_SECONDS)
    if cache.get(key) == backend:
        cache.delete(key)
        yield ok("cache", f"{backend}, which processes share")
    else:
        yield failure("cache", f"{backend} does not keep what it is given", "Check CACHES, and its server.")


def examine_scanners(case: Case) -> Iterator[Diagnosis]:
    """Let each scanner scan a harmless text; it may raise whatever it raises."""
    if not conf.scanner_paths:
        yield ok("scanners", "none in the settings")
        return
    for scanner in load_scanners():
        name = type(scanner).__name__
        upload = FileUpload(bucket=case.bucket, file_name="s3_doctor.txt", size=len(CONTENT), content_type="text/plain")
        try:
            verdict = scanner.scan(iter([CONTENT]), upload=upload)
        except ScannerProblem as error:
            yield failure("scanners", f"{name}: {error}", "Start the scanner. Until then new files stay in quarantine.")
            continue
        if verdict.is_clean:
            yield ok("scanners", f"{name} finds a harmless text clean")
        else:
            yield failure("scanners", f"{name} condemns a harmless text: {verdict.reason}", "Check its configuration.")


def examine_tasks(case: Case) -> Iterator[Diagnosis]:
    """Name the backend that scans large files."""
    alias = conf.scan_task_backend
    if alias is None:
        yield ok("tasks", "none: s3_scan and housekeeping scan large files" if conf.scanner_paths else "none needed")
        return
    tasks = import_module("django.tasks" if find_spec("django.tasks") else "django_tasks")
    yield ok("tasks", f"{type(tasks.task_backends[alias]).__name__}, {alias}")


def examine_housekeeping(case: Case) -> Iterator[Diagnosis]:
    """Look when housekeeping ran last, on any host."""
    last = HousekeepingRun.find_last()
    if last is None:
        yield warning("housekeeping", "has never run on this database", CRON)
        return
    ago = timezone.now() - last.ended_at
    seen = f"ran {spell_duration(ago)} ago{'' if last.is_complete else ', and left some work'}"
    if ago >= VERY_LATE:
        yield failure("housekeeping", seen, CRON)
    elif ago >= LATE:
        yield warning("housekeeping", seen, CRON)
    elif last.is_complete:
        yield ok("housekeeping", seen)
    else:
        yield warning("housekeeping", seen, "The log of `manage.py s3_housekeeping` says what and why.")


def examine_waiting(case: Case) -> Iterator[Diagnosis]:
    """Count the unfinished, abandoned and quarantined files, and look at the oldest."""
    uploads, status = FileUpload.objects.order_by(), FileUpload.Status
    unfinished = uploads.filter(status__in=(status.PENDING, status.DELETING)).count()
    abandoned = uploads.abandoned().aggregate(number=Count("pk"), oldest=Min("claimed_until"))
    quarantined = uploads.filter(status=status.QUARANTINED).aggregate(number=Count("pk"), oldest=Min("completed_at"))
    yield _judge_waiting(
        "abandoned",
        f"of {unfinished} unfinished",
        abandoned,
        "Run `manage.py s3_housekeeping`. Its log says what stays.",
    )
    advice = "Run `manage.py s3_scan`. The admin shows why each file waits."
    yield _judge_waiting("quarantined", "in quarantine", quarantined, advice)


def _judge_waiting(name: str, where: str, found: dict[str, int | datetime | None], advice: str) -> Diagnosis:
    number, oldest = found["number"], found["oldest"]
    if not isinstance(oldest, datetime):
        return ok(name, "none" if name == "quarantined" else f"none {where}")
    since = timezone.now() - oldest
    seen = f"{count(int(str(number)), 'file')} {where}, the oldest for {spell_duration(since)}"
    return warning(name, seen, advice) if since >= LATE else ok(name, seen)
