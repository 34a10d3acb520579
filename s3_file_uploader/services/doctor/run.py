"""Run the examinations in order. None may hang or raise, and a problem is reported once, where it was found.

settings ── database ── endpoint ── clock ── bucket ── rights ── transfers, abilities
                                 └─ public endpoint ───────────┘
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from threading import Thread

from django.db import connections

from ...conf import conf
from ...exceptions import S3FileUploaderError, StorageNotConfigured
from ...s3.client import use_patience
from ...s3.trials.reach import explain_error
from .address import examine_address
from .bucket import (
    examine_abilities,
    examine_bucket,
    examine_forms,
    examine_multipart,
    examine_privacy,
    examine_ranges,
    examine_rights,
    examine_signed_urls,
    remove_scratch,
)
from .case import Case
from .database import examine_database, examine_database_clock, examine_isolation, examine_migrations
from .findings import Diagnosis, DoctorReport, Status, failure
from .rules import examine_cors, examine_lifecycle
from .settings import examine_credentials, examine_region, examine_settings
from .store import examine_clock, examine_endpoint, examine_identity, examine_public_endpoint, examine_tls
from .surroundings import (
    examine_cache,
    examine_housekeeping,
    examine_scanners,
    examine_tasks,
    examine_waiting,
)

# One attempt at each call to S3 may take so long, and one examination in all.
PATIENCE_SECONDS = 4.0
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Examination:
    """One step: its heading, its name, and the names of the steps without which it is not tried."""

    group: str
    name: str
    examine: Callable[[Case], Iterator[Diagnosis]]
    needs: tuple[str, ...] = ()


_ON_SCRATCH = ("rights", "public endpoint")
EXAMINATIONS = (
    Examination("Settings", "settings", examine_settings),
    Examination("Settings", "region", examine_region),
    Examination("Settings", "credentials", examine_credentials),
    Examination("Database", "database", examine_database),
    Examination("Database", "migrations", examine_migrations, ("database",)),
    Examination("Database", "isolation", examine_isolation, ("database",)),
    Examination("Database", "database clock", examine_database_clock, ("database",)),
    Examination("Store", "endpoint", examine_endpoint, ("region", "credentials")),
    Examination("Store", "identity", examine_identity, ("endpoint",)),
    Examination("Store", "TLS", examine_tls, ("endpoint",)),
    Examination("Store", "clock", examine_clock, ("endpoint",)),
    Examination("Store", "public endpoint", examine_public_endpoint, ("endpoint",)),
    Examination("Bucket", "bucket", examine_bucket, ("endpoint", "clock")),
    Examination("Bucket", "rights", examine_rights, ("bucket",)),
    Examination("Bucket", "multipart", examine_multipart, ("rights",)),
    Examination("Bucket", "ranges", examine_ranges, _ON_SCRATCH),
    Examination("Bucket", "signed URLs", examine_signed_urls, _ON_SCRATCH),
    Examination("Bucket", "forms", examine_forms, _ON_SCRATCH),
    Examination("Bucket", "privacy", examine_privacy, _ON_SCRATCH),
    Examination("Bucket", "abilities", examine_abilities, _ON_SCRATCH),
    Examination("Bucket", "CORS", examine_cors, ("bucket", "public endpoint")),
    Examination("Bucket", "lifecycle", examine_lifecycle, ("bucket",)),
    Examination("Service", "cache", examine_cache),
    Examination("Service", "scanners", examine_scanners),
    Examination("Service", "tasks", examine_tasks),
    Examination("Service", "housekeeping", examine_housekeeping, ("database", "migrations")),
    Examination("Service", "waiting work", examine_waiting, ("database", "migrations")),
    Examination("Service", "address", examine_address),
)


def doctor_examine(
    *,
    bucket: str = "",
    address: str | None = None,
    fixes: bool = False,
    on_diagnosis: Callable[[Diagnosis], object] = lambda diagnosis: None,
    examinations: tuple[Examination, ...] = EXAMINATIONS,
) -> DoctorReport:
    """Examine the installation, and say what to do about each problem.

    Scratch objects in the bucket are removed again, those of killed runs too.

    Args:
        bucket: name of the bucket; by default the first one that the settings or the records name.
        address: URL of the service or of its site as clients reach it; by default S3_FILE_UPLOADER_URL.
        fixes: set the CORS and lifecycle rules of the settings where they are missing.
        on_diagnosis: called with each diagnosis as soon as it is made.
        examinations: the steps, in their order.
    """
    case = Case(bucket=bucket, address=address or conf.service_url or "", fixes=fixes)
    with suppress(StorageNotConfigured):  # The examination of the credentials reports it.
        conf.start_embedded_s3()
    diagnoses = []
    try:
        for examination in examinations:
            for diagnosis in _diagnose(examination, case):
                told = replace(diagnosis, group=examination.group).without_secrets()
                diagnoses.append(told)
                on_diagnosis(told)
    finally:
        with suppress(S3FileUploaderError), use_patience(PATIENCE_SECONDS):  # The next run removes what is left.
            remove_scratch(case)
    return DoctorReport(tuple(diagnoses))


def _diagnose(examination: Examination, case: Case) -> list[Diagnosis]:
    """Return the diagnoses of one step, and record if it blocks others."""
    blame = next((case.blocked[need] for need in examination.needs if need in case.blocked), "")
    if blame:
        diagnoses = [Diagnosis(examination.name, Status.NOT_TRIED, f"needs: {blame}", blocks=True)]
    else:
        attempt = _Attempt(examination, case)
        attempt.start()
        attempt.join(DEADLINE_SECONDS)
        diagnoses = attempt.result()
    if any(diagnosis.blocks for diagnosis in diagnoses):
        case.blocked[examination.name] = blame or examination.name
    return diagnoses


class _Attempt(Thread):
    """One step in a thread of its own, because neither name resolution nor drivers of databases have a time-out."""

    def __init__(self, examination: Examination, case: Case) -> None:
        super().__init__(daemon=True, name=f"s3_doctor: {examination.name}")
        self._examination, self._case, self._context = examination, case, copy_context()
        self._diagnoses: list[Diagnosis] = []
        self._is_over = False

    def run(self) -> None:
        try:
            self._context.run(self._examine)
        finally:
            connections.close_all()

    def _examine(self) -> None:
        with use_patience(PATIENCE_SECONDS):
            try:
                for diagnosis in self._examination.examine(self._case):
                    self._diagnoses.append(diagnosis)
            except S3FileUploaderError as error:
                seen = explain_error(error)
                self._diagnoses.append(failure(self._examination.name, seen or type(error).__name__, str(error)))
            except Exception as error:  # noqa: BLE001 - caches, scanners and drivers of the host raise anything
                reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
                advice = "This is the message of another package: check its settings."
                self._diagnoses.append(failure(self._examination.name, reason, advice))
        self._is_over = True

    def result(self) -> list[Diagnosis]:
        """Return the diagnoses so far; if the step still hangs, the last one says so."""
        diagnoses = list(self._diagnoses)
        if not self._is_over:
            seen = f"no answer within {DEADLINE_SECONDS:.0f} seconds"
            advice = "Look for a firewall that drops packets, a slow name server, or a lock."
            diagnoses.append(failure(self._examination.name, seen, advice))
        return diagnoses
