"""Advise the operator what to do next, from the figures of a housekeeping run."""

from collections.abc import Iterator, Sequence

from ..services import Repairs
from ..services.reports import ComparisonReport, HousekeepingReport

DRY_RUN = "This was a dry run. Nothing was changed. Run the command without --dry-run to make the changes."
UNEXPLAINED = (
    "Multipart uploads without a record may belong to another program. --abort-multipart-older-than HOURS aborts them, "
    "too."
)
WITHOUT_RECORD = (
    "Objects without a record: --adopt USER creates records for them. --delete-objects --older-than HOURS deletes the "
    "objects that this app made."
)
WITHOUT_OBJECT = (
    "Records without an object: their files cannot be read. Restore the objects from a backup, or remove the records "
    "with --remove-records."
)
CHANGED = (
    "Changed objects: another program wrote to them. Restore them from a backup, or update the records with "
    "--update-records."
)
NO_BUCKET = "No bucket has a record yet. Name a bucket: --compare BUCKET."
EACH = "--report FILE writes each finding to a file, --verbosity 2 prints it."


def advise(
    housekeeping: HousekeepingReport, comparisons: Sequence[ComparisonReport], repairs: Repairs, *, dry_run: bool
) -> Iterator[str]:
    """Yield a paragraph for each thing that the operator can do next."""
    if housekeeping.multipart_uploads_unexplained:
        yield UNEXPLAINED
    advice = [text for report in comparisons for text in _advise_on_comparison(report, repairs)]
    yield from dict.fromkeys(advice)
    if advice:
        yield EACH
    if dry_run:
        yield DRY_RUN


def _advise_on_comparison(report: ComparisonReport, repairs: Repairs) -> Iterator[str]:
    if report.objects_without_record > report.objects_adopted + report.objects_deleted:
        yield WITHOUT_RECORD
    if report.records_without_object and not repairs.remove_records:
        yield WITHOUT_OBJECT
    if report.objects_changed and not repairs.update_records:
        yield CHANGED
