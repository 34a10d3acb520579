"""`manage.py s3_cors`: whether browsers can upload directly to a bucket, and a rule that lets them."""

import shlex
from collections.abc import Sequence
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ... import services
from ...conf import conf
from ...exceptions import S3FileUploaderError
from ...s3.cors_rules import EVERY_ORIGIN, RULE_ID
from ...values import BrowserAccess, CorsRule


class Command(BaseCommand):
    """Show the rules of a bucket; or check, set or remove what pages need."""

    help = (
        "Shows the CORS rules of a bucket. With --origin it tells whether pages from there can upload directly and "
        "read, and fails if they cannot; with --set it lets them. Rules that others made are kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bucket, the origins, and what to do with them."""
        parser.add_argument("bucket")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            dest="origins",
            metavar="ORIGIN",
            help="Where pages come from, such as https://app.example.com; may be repeated. With --set and --preflight "
            "those of S3_FILE_UPLOADER_CORS_ORIGINS where it is left out.",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--preflight", action="store_true", help="Ask the store too, as a browser would.")
        what.add_argument("--set", action="store_true", help="Let in these origins, and no longer those of before.")
        what.add_argument("--remove", action="store_true", help="Take away what --set has set.")

    def handle(self, *args: Any, bucket: str, origins: list[str], **options: Any) -> None:
        """Do it, and print what is the case now.

        Raises:
            CommandError: browsers do not get through, or S3 could not; the message says what to do.
        """
        try:
            if options["remove"]:
                self._remove(bucket, origins)
            elif options["set"]:
                self._set(bucket, _named(origins))
            elif options["preflight"] or origins:
                self._check(bucket, _named(origins), preflight=options["preflight"])
            else:
                self._show(services.cors_list(bucket=bucket))
        except S3FileUploaderError as error:
            raise CommandError(str(error)) from error

    def _remove(self, bucket: str, origins: Sequence[str]) -> None:
        if origins:
            raise CommandError("--remove takes the whole rule away; to keep some origins, name those with --set.")
        change = services.cors_remove(bucket=bucket)
        self.stdout.write("Removed." if change.is_changed else "There was nothing to remove.")
        self._show(change.rules)

    def _set(self, bucket: str, origins: Sequence[str]) -> None:
        change = services.cors_set(bucket=bucket, origins=origins)
        if EVERY_ORIGIN in origins:
            self.stderr.write(self.style.WARNING("Pages of every site may now use whatever they get a signed URL for."))
        self.stdout.write("Set; S3 may take a minute to act on it." if change.is_changed else "It was set already.")
        if change.origins_gone:
            self.stdout.write(f"No longer let in by this rule: {', '.join(change.origins_gone)}")
        self._show(change.rules)

    def _check(self, bucket: str, origins: Sequence[str], *, preflight: bool) -> None:
        access = services.cors_check(bucket=bucket, origins=origins, preflight=preflight)
        for text in (*access.missing_in_rules, *access.refused_by_store):
            self.stdout.write(text)
        if not access.is_enough:
            raise CommandError(f"Browsers do not get through. {_advice(bucket, origins, access)}")
        who = "The store lets" if access.store_was_asked else "The rules of the bucket let"
        self.stdout.write(f"{who} pages of {', '.join(origins)} upload and read.")

    def _show(self, rules: Sequence[CorsRule]) -> None:
        if not rules:
            self.stdout.write(
                "The bucket has no CORS rules. MinIO and the embedded S3 do without: --origin asks the store itself."
            )
        for number, rule in enumerate(rules, 1):
            self.stdout.write(f"Rule {number}" + (f", {rule.rule_id}" if rule.rule_id else ""))
            for name, values in (
                ("origins", rule.origins),
                ("methods", rule.methods),
                ("headers", rule.headers),
                ("exposed", rule.exposed),
            ):
                self.stdout.write(f"  {name}: {', '.join(values) or 'none'}")


def _named(origins: Sequence[str]) -> Sequence[str]:
    found = origins or conf.cors_origins
    if not found:
        raise CommandError("Name the origins: --origin https://app.example.com, or S3_FILE_UPLOADER_CORS_ORIGINS.")
    return found


def _advice(bucket: str, origins: Sequence[str], access: BrowserAccess) -> str:
    if access.rules and not access.missing_in_rules:
        return (
            "The rules would let them: S3 may take a minute to act on a change, and what stands before the store at "
            "AWS_S3_PUBLIC_ENDPOINT_URL has to pass Origin and Access-Control headers on."
        )
    before = [origin for rule in access.rules if rule.rule_id == RULE_ID for origin in rule.origins]
    named = " ".join(f"--origin {shlex.quote(origin)}" for origin in dict.fromkeys([*before, *origins]))
    advice = f"What they need is set by: manage.py s3_cors {bucket} --set {named}"
    if access.rules:
        return advice
    return f"{advice}\nA store that keeps no such rules has a setting of its own; MinIO: MINIO_API_CORS_ALLOW_ORIGIN."
