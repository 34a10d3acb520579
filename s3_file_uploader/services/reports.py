"""The findings of housekeeping and comparisons, one by one and as figures. No I/O."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from ..models import FileUpload

EXAMPLES = 1000


class Kind(StrEnum):
    """The kind of disagreement between records and objects."""

    UPLOAD_ARRIVED = "upload_arrived"
    UPLOAD_TOO_LARGE = "upload_too_large"
    RECORD_HALFWAY = "record_halfway"
    MULTIPART_UPLOAD = "multipart_upload"
    OBJECT_WITHOUT_RECORD = "object_without_record"
    RECORD_WITHOUT_OBJECT = "record_without_object"
    OBJECT_CHANGED = "object_changed"
    NOT_LOOKED_AT = "not_looked_at"
    FILE_QUARANTINED = "file_quarantined"
    FILE_ROLLED_BACK = "file_rolled_back"
    ATTACHMENT = "attachment"
    UPLOAD_UNATTACHED = "upload_unattached"


class Outcome(StrEnum):
    """The result for a finding; in a dry run, the result that a run would have."""

    NOTHING = "nothing"
    UPLOAD_COMPLETED = "upload_completed"
    RECORD_AND_OBJECT_REMOVED = "record_and_object_removed"
    RECORD_REMOVED = "record_removed"
    RECORD_KEPT = "record_kept"
    RECORD_UPDATED = "record_updated"
    OBJECT_ADOPTED = "object_adopted"
    OBJECT_DELETED = "object_deleted"
    FILE_CLEAN = "file_clean"
    FILE_REJECTED = "file_rejected"
    MULTIPART_ABORTED = "multipart_aborted"
    MARKED_ATTACHED = "marked_attached"
    RELEASED = "released"
    OVERTAKEN = "overtaken"
    LEFT = "left"


# These outcomes changed neither record nor object.
UNCHANGED = (Outcome.NOTHING, Outcome.RECORD_KEPT, Outcome.OVERTAKEN, Outcome.LEFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement and its outcome.

    `size`, `etag` and `changed_at` describe the object in S3, the `recorded_` fields the record; None or empty if there
    is none. `made_here` is True if this app wrote the object.
    """

    kind: Kind
    bucket: str
    file_name: str
    record_id: UUID | None = None
    size: int | None = None
    etag: str = ""
    changed_at: datetime | None = None
    recorded_size: int | None = None
    recorded_etag: str = ""
    made_here: bool | None = None
    outcome: Outcome = Outcome.NOTHING

    @classmethod
    def of(cls, upload: FileUpload, kind: Kind, outcome: Outcome = Outcome.NOTHING) -> Self:
        """Return a finding about a record; a record that was never inserted has no id there."""
        return cls(
            kind=kind,
            bucket=upload.bucket,
            file_name=upload.file_name,
            record_id=None if upload._state.adding else upload.pk,
            recorded_size=upload.size,
            recorded_etag=upload.etag,
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """The figures of one bucket; `examples` are the first findings of each kind, to bound the size of the report.

    `is_whole` is True if the comparison came to its end.
    """

    bucket: str
    objects_compared: int
    records_compared: int
    objects_without_record: int
    objects_without_record_made_here: int
    records_without_object: int
    objects_changed: int
    records_removed: int
    records_updated: int
    objects_adopted: int
    objects_deleted: int
    left: int
    is_whole: bool
    examples: tuple[Finding, ...]

    @property
    def is_complete(self) -> bool:
        """Return True if everything was compared, and every repair that was asked for succeeded."""
        return self.is_whole and not self.left


@dataclass(frozen=True, slots=True)
class ScanReport:
    """Results of scanning the files in quarantine.

    `files_left` could not be scanned in this run. `files_in_quarantine` also counts files whose next scan is due later.
    """

    files_clean: int
    files_rejected: int
    files_left: int
    files_in_quarantine: int

    @property
    def is_complete(self) -> bool:
        """Return True if no scanner, store or database failed."""
        return not self.files_left


@dataclass(frozen=True, slots=True)
class HousekeepingReport:
    """Counts of the findings of one run."""

    uploads_completed: int
    uploads_too_large: int
    records_settled: int
    records_left: int
    multipart_uploads_aborted: int
    multipart_uploads_unexplained: int
    buckets_left: int
    rolled_back_files_removed: int
    idempotency_keys_forgotten: int
    upload_tokens_forgotten: int
    share_links_forgotten: int
    audit_events_forgotten: int
    partial_files_removed: int
    saved_copies_removed: int
    attachments_mended: int
    unattached_removed: int

    @property
    def is_complete(self) -> bool:
        """Return True if everything that the run found is repaired."""
        return not self.records_left and not self.buckets_left


class ComparisonTally:
    """Count findings, keep the first of each kind, and pass every finding on."""

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        """Start with no findings."""
        self.counts: Counter[str] = Counter()
        self._made_here = 0
        self._examples: list[Finding] = []
        self._on_finding = on_finding

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        self.counts[finding.kind] += 1
        self.counts[finding.outcome] += 1
        if finding.kind == Kind.OBJECT_WITHOUT_RECORD and finding.made_here:
            self._made_here += 1
        if self.counts[finding.kind] <= EXAMPLES:
            self._examples.append(finding)
        if self._on_finding:
            self._on_finding(finding)

    def report(self, *, bucket: str, is_whole: bool) -> ComparisonReport:
        """Return the figures so far."""
        return ComparisonReport(
            bucket=bucket,
            objects_compared=self.counts["objects"],
            records_compared=self.counts["records"],
            objects_without_record=self.counts[Kind.OBJECT_WITHOUT_RECORD],
            objects_without_record_made_here=self._made_here,
            records_without_object=self.counts[Kind.RECORD_WITHOUT_OBJECT],
            objects_changed=self.counts[Kind.OBJECT_CHANGED],
            records_removed=self.counts[Outcome.RECORD_REMOVED],
            records_updated=self.counts[Outcome.RECORD_UPDATED],
            objects_adopted=self.counts[Outcome.OBJECT_ADOPTED],
            objects_deleted=self.counts[Outcome.OBJECT_DELETED],
            left=self.counts[Outcome.LEFT],
            is_whole=is_whole,
            examples=tuple(self._examples),
        )
