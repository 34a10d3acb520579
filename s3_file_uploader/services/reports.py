"""What housekeeping and comparisons find, item by item and in figures. No I/O."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

EXAMPLES = 1000


class Kind(StrEnum):
    """What does not agree."""

    UPLOAD_ARRIVED = "upload_arrived"
    UPLOAD_TOO_LARGE = "upload_too_large"
    RECORD_HALFWAY = "record_halfway"
    MULTIPART_UPLOAD = "multipart_upload"
    OBJECT_WITHOUT_RECORD = "object_without_record"
    RECORD_WITHOUT_OBJECT = "record_without_object"
    OBJECT_CHANGED = "object_changed"
    NOT_LOOKED_AT = "not_looked_at"
    FILE_QUARANTINED = "file_quarantined"


class Outcome(StrEnum):
    """What was done about it, or would be where nothing is changed."""

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
    OVERTAKEN = "overtaken"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not agree, and what became of it.

    `size`, `etag` and `changed_at` are what S3 holds, the `recorded_` ones what the record says; None and empty where
    there is no such thing. `made_here` tells whether this app wrote the object.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """The figures of one bucket; `examples` are the first of each kind, so that a bucket of millions stays small.

    `is_whole` tells whether the comparison came to its end.
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
        """Whether everything was looked at, and all was done that was asked for."""
        return self.is_whole and not self.left


class ComparisonTally:
    """Counts findings, keeps the first of each kind, and passes all of them on."""

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        """Begin with nothing."""
        self.counts: Counter[str] = Counter()
        self._made_here = 0
        self._examples: list[Finding] = []
        self._on_finding = on_finding

    def add(self, finding: Finding) -> None:
        """Take one."""
        self.counts[finding.kind] += 1
        self.counts[finding.outcome] += 1
        if finding.kind == Kind.OBJECT_WITHOUT_RECORD and finding.made_here:
            self._made_here += 1
        if self.counts[finding.kind] <= EXAMPLES:
            self._examples.append(finding)
        if self._on_finding:
            self._on_finding(finding)

    def report(self, *, bucket: str, is_whole: bool) -> ComparisonReport:
        """Return what there is by now."""
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
