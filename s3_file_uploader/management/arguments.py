"""What the command line of `s3_housekeeping` asks for; checked whole before anything is done."""

from collections.abc import Mapping, Sequence
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
class Wanted:
    """The same in the terms of the services; `compared` is None where nothing is to be compared."""

    dry_run: bool
    abort_multipart_older_than: timedelta | None
    compared: tuple[str, ...] | None
    repairs: Repairs
    report: str | None

    @property
    def buckets(self) -> list[str]:
        """Return those to compare: the named ones, else all that the service keeps."""
        if self.compared is None:
            return []
        return list(self.compared) or services.housekeeping_buckets()


def arguments_add(parser: CommandParser) -> None:
    """Name all that can be asked for."""
    parser.add_argument("--dry-run", action="store_true", help="Say what would be done; change nothing.")
    parser.add_argument(
        "--abort-multipart-older-than",
        type=float,
        metavar="HOURS",
        help="Also abort multipart uploads without a record, whoever began them, if they are older than this.",
    )
    parser.add_argument("--report", metavar="FILE", help="Write down each thing that was found, as a line of JSON.")
    compared = parser.add_argument_group(
        "comparison", "Look at every object and every record of a bucket, and say where they do not agree."
    )
    compared.add_argument(
        "--compare",
        nargs="*",
        metavar="BUCKET",
        help="Compare these buckets; without a name those with records and those that the settings name.",
    )
    repairs = parser.add_argument_group("repairs", "What --compare is to mend; without one of these it mends nothing.")
    repairs.add_argument("--remove-records", action="store_true", help="Remove the records whose object is gone.")
    repairs.add_argument(
        "--update-records",
        action="store_true",
        help="Where another program changed an object, have its record say what S3 holds now; reads the objects.",
    )
    repairs.add_argument(
        "--adopt",
        metavar="USER",
        help="Give objects without a record one, of this user (name or primary key); reads the objects.",
    )
    repairs.add_argument(
        "--delete-objects",
        action="store_true",
        help="Delete objects without a record that this app made and that are older than --older-than.",
    )
    repairs.add_argument("--older-than", type=float, metavar="HOURS", help="The age for --delete-objects.")
    repairs.add_argument(
        "--whoever-made-them", action="store_true", help="With --delete-objects: those of other programs too."
    )


def wanted_of(options: Mapping[str, Any]) -> Wanted:
    """Return what is asked for.

    Raises:
        CommandError: it cannot be meant so.
    """
    _combination_check(options)
    try:
        return Wanted(
            dry_run=options["dry_run"],
            abort_multipart_older_than=_hours("--abort-multipart-older-than", options["abort_multipart_older_than"]),
            compared=_buckets(options["compare"]),
            repairs=Repairs(
                remove_records=options["remove_records"],
                update_records=options["update_records"],
                adopt_for=None if options["adopt"] is None else find_user(options["adopt"]),
                delete_objects_older_than=_hours("--older-than", options["older_than"]),
                whoever_made_them=options["whoever_made_them"],
            ),
            report=options["report"],
        )
    except S3FileUploaderError as error:
        raise CommandError(str(error)) from error


def _buckets(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(map(validate_bucket_name, names)))


def _combination_check(options: Mapping[str, Any]) -> None:
    repairs = ("remove_records", "update_records", "adopt", "delete_objects")
    names = (*repairs, "older_than", "whoever_made_them")
    is_asked = {name: options[name] is not None and options[name] is not False for name in names}
    if options["compare"] is None and any(is_asked[name] for name in repairs):
        raise CommandError("Repairs need a comparison: add --compare.")
    if is_asked["delete_objects"] and not is_asked["older_than"]:
        raise CommandError("Say how old objects must be to go: add --older-than HOURS to --delete-objects.")
    if not is_asked["delete_objects"] and (is_asked["older_than"] or is_asked["whoever_made_them"]):
        raise CommandError(
            "--older-than and --whoever-made-them belong to --delete-objects: add that, or leave them out."
        )


def _hours(name: str, hours: float | None) -> timedelta | None:
    if hours is None:
        return None
    if not isfinite(hours) or not 0 <= hours <= MAX_HOURS:
        raise CommandError(f"Give {name} as hours, from 0 to {MAX_HOURS}.")
    return timedelta(hours=hours)
