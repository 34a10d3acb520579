"""The command line of `s3_housekeeping`. All options are validated before the command changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser

from .. import services
from ..exceptions import S3FileUploaderError
from ..policy.names import validate_bucket_name
from ..policy.users import find_user
from ..services import Repairs

MAX_HOURS = 24 * 366 * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HousekeepingOptions:
    """The options in the terms of the services. `compared_buckets` is None without --compare."""

    dry_run: bool
    abort_multipart_older_than: timedelta | None
    compared_buckets: tuple[str, ...] | None
    repairs: Repairs
    report: str | None

    @property
    def buckets(self) -> list[str]:
        """Return the buckets to compare: the named ones, or else all buckets of records and settings."""
        if self.compared_buckets is None:
            return []
        return list(self.compared_buckets) or services.housekeeping_buckets()


def add_arguments(parser: CommandParser) -> None:
    """Add all options to the parser."""
    parser.add_argument("--dry-run", action="store_true", help="Show what would be done, and change nothing.")
    parser.add_argument(
        "--abort-multipart-older-than",
        type=float,
        metavar="HOURS",
        help="Also abort multipart uploads without a record, of any program, that are older than this.",
    )
    parser.add_argument("--report", metavar="FILE", help="Write each finding to this file, as a line of JSON.")
    comparison = parser.add_argument_group(
        "comparison", "Compare every object of a bucket with every record, and report the differences."
    )
    comparison.add_argument(
        "--compare",
        nargs="*",
        metavar="BUCKET",
        help="Compare these buckets. Without a name: the buckets that have records or are in the settings.",
    )
    repairs = parser.add_argument_group(
        "repairs", "Repair differences that --compare finds. Without these options it only reports them."
    )
    repairs.add_argument("--remove-records", action="store_true", help="Remove the records whose object is gone.")
    repairs.add_argument(
        "--update-records",
        action="store_true",
        help="Update the records of objects that another program changed. Reads these objects.",
    )
    repairs.add_argument(
        "--adopt",
        metavar="USER",
        help="Create records of this user (name or primary key) for objects without one. Reads these objects.",
    )
    repairs.add_argument(
        "--delete-objects",
        action="store_true",
        help="Delete objects without a record that this app made and that are older than --older-than.",
    )
    repairs.add_argument("--older-than", type=float, metavar="HOURS", help="The minimum age for --delete-objects.")
    repairs.add_argument(
        "--include-foreign-objects",
        action="store_true",
        help="Let --delete-objects delete the objects of other programs, too.",
    )


def parse_options(options: Mapping[str, Any]) -> HousekeepingOptions:
    """Return the validated options.

    Raises:
        CommandError: an option has a wrong value, or options contradict each other.
    """
    _validate_combinations(options)
    names = options["compare"]
    try:
        return HousekeepingOptions(
            dry_run=options["dry_run"],
            abort_multipart_older_than=_parse_hours(
                "--abort-multipart-older-than", options["abort_multipart_older_than"]
            ),
            compared_buckets=None if names is None else tuple(dict.fromkeys(map(validate_bucket_name, names))),
            repairs=Repairs(
                remove_records=options["remove_records"],
                update_records=options["update_records"],
                adopt_for=None if options["adopt"] is None else find_user(options["adopt"]),
                delete_objects_older_than=_parse_hours("--older-than", options["older_than"]),
                include_foreign_objects=options["include_foreign_objects"],
            ),
            report=options["report"],
        )
    except S3FileUploaderError as error:
        raise CommandError(str(error)) from error


def _validate_combinations(options: Mapping[str, Any]) -> None:
    repairs = ("remove_records", "update_records", "adopt", "delete_objects")
    names = (*repairs, "older_than", "include_foreign_objects")
    is_given = {name: options[name] is not None and options[name] is not False for name in names}
    if options["compare"] is None and any(is_given[name] for name in repairs):
        raise CommandError("Repairs need a comparison. Add --compare.")
    if is_given["delete_objects"] and not is_given["older_than"]:
        raise CommandError("--delete-objects needs a minimum age. Add --older-than HOURS.")
    if not is_given["delete_objects"] and (is_given["older_than"] or is_given["include_foreign_objects"]):
        raise CommandError("--older-than and --include-foreign-objects need --delete-objects. Add it, or remove them.")


def _parse_hours(name: str, hours: float | None) -> timedelta | None:
    if hours is None:
        return None
    if not isfinite(hours) or not 0 <= hours <= MAX_HOURS:
        raise CommandError(f"Give {name} as hours, from 0 to {MAX_HOURS}.")
    return timedelta(hours=hours)
