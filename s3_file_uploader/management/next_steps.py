"""What the figures of housekeeping mean for whoever reads them, and what can be done next."""

from collections.abc import Iterator, Sequence

from ..services import Repairs
from ..services.reports import ComparisonReport
from ..values import HousekeepingReport

DRY_RUN = "This was a dry run: nothing was changed. Leave out --dry-run to have it done."
UNEXPLAINED = (
    "Multipart uploads under keys without a record may be another program's: --abort-multipart-older-than HOURS "
    "aborts them too."
)
WITHOUT_RECORD = (
    "Objects without a record: --adopt USER gives them one, --delete-objects --older-than HOURS deletes those that "
    "were made here."
)
WITHOUT_OBJECT = (
    "Records without an object: their files cannot be read. Restore the objects from a backup, or let the records go "
    "with --remove-records."
)
CHANGED = (
    "Changed objects: another program wrote to them. Restore them from a backup, or have the records say what S3 holds "
    "now with --update-records."
)
NO_BUCKET = "No bucket has a record yet: name one, as in --compare BUCKET."
EACH = "--report FILE writes down each of them, --verbosity 2 prints them."


def advice(
    housekeeping: HousekeepingReport, comparisons: Sequence[ComparisonReport], repairs: Repairs, *, dry_run: bool
) -> Iterator[str]:
    """Yield what to do next, a sentence or two at a time; nothing where nothing is to be done."""
    if housekeeping.multipart_uploads_unexplained:
        yield UNEXPLAINED
    found = [words for report in comparisons for words in _about(report, repairs)]
    yield from dict.fromkeys(found)
    if found:
        yield EACH
    if dry_run:
        yield DRY_RUN


def _about(report: ComparisonReport, repairs: Repairs) -> Iterator[str]:
    if report.objects_without_record > report.objects_adopted + report.objects_deleted:
        yield WITHOUT_RECORD
    if report.records_without_object and not repairs.remove_records:
        yield WITHOUT_OBJECT
    if report.objects_changed and not repairs.update_records:
        yield CHANGED
