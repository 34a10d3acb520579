"""`manage.py s3_cors`: check whether browsers can upload directly to a bucket, and set a rule that allows it."""

import shlex
from collections.abc import Sequence
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ... import services
from ...conf import conf
from ...exceptions import S3FileUploaderError
from ...s3.cors_rules import EVERY_ORIGIN, RULE_ID
from ...services.buckets.cors import BrowserAccess
from ...values import CorsRule


class Command(BaseCommand):
    """Show the CORS rules of a bucket, check them, or set or remove the rule of this app."""

    help = (
        "Shows the CORS rules of a bucket. With --origin it checks whether pages of that origin can upload directly "
        "and read, and fails if they cannot. With --set it allows them. It keeps the rules of other programs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the bucket, the origins and the actions to the parser."""
        parser.add_argument("bucket")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            dest="origins",
            metavar="ORIGIN",
            help="Origin of pages, such as https://app.example.com. May be repeated. --set and --preflight use "
            "S3_FILE_UPLOADER_CORS_ORIGINS by default.",
        )
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--preflight", action="store_true", help="Also send the store a preflight request.")
        action.add_argument("--set", action="store_true", help="Allow these origins instead of the former ones.")
        action.add_argument("--remove", action="store_true", help="Remove the rule that --set made.")

    def handle(self, *args: Any, bucket: str, origins: list[str], **options: Any) -> None:
        """Run the action, and print the rules or the result of the check.

        Raises:
            CommandError: browsers cannot use the bucket, or S3 failed. The message says what to do.
        """
        try:
            if options["remove"]:
                self._remove(bucket, origins)
            elif options["set"]:
                self._set(bucket, _resolve_origins(origins))
            elif options["preflight"] or origins:
                self._check(bucket, _resolve_origins(origins), preflight=options["preflight"])
            else:
                self._show(services.cors_list(bucket=bucket))
        except S3FileUploaderError as error:
            raise CommandError(str(error)) from error

    def _remove(self, bucket: str, origins: Sequence[str]) -> None:
        if origins:
            raise CommandError("--remove removes the whole rule. To keep some origins, name them with --set.")
        change = services.cors_remove(bucket=bucket)
        self.stdout.write("Removed." if change.is_changed else "There was nothing to remove.")
        self._show(change.rules)

    def _set(self, bucket: str, origins: Sequence[str]) -> None:
        change = services.cors_set(bucket=bucket, origins=origins)
        if EVERY_ORIGIN in origins:
            self.stderr.write(self.style.WARNING("Pages of every site may now use the signed URLs that they get."))
        self.stdout.write("Set. S3 may take a minute to apply it." if change.is_changed else "It was set already.")
        if change.origins_gone:
            self.stdout.write(f"This rule no longer allows: {', '.join(change.origins_gone)}")
        self._show(change.rules)

    def _check(self, bucket: str, origins: Sequence[str], *, preflight: bool) -> None:
        access = services.cors_check(bucket=bucket, origins=origins, preflight=preflight)
        for text in (*access.missing_in_rules, *access.refused_by_store):
            self.stdout.write(text)
        if not access.is_enough:
            raise CommandError(f"Browsers cannot use the bucket. {_advise(bucket, origins, access)}")
        subject = "The store lets" if access.store_was_asked else "The rules of the bucket let"
        self.stdout.write(f"{subject} pages of {', '.join(origins)} upload and read.")

    def _show(self, rules: Sequence[CorsRule]) -> None:
        if not rules:
            self.stdout.write(
                "The bucket has no CORS rules. MinIO and the embedded S3 need none: --origin asks the store itself."
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


def _resolve_origins(origins: Sequence[str]) -> Sequence[str]:
    resolved = origins or conf.cors_origins
    if not resolved:
        raise CommandError("Name the origins: --origin https://app.example.com, or S3_FILE_UPLOADER_CORS_ORIGINS.")
    return resolved


def _advise(bucket: str, origins: Sequence[str], access: BrowserAccess) -> str:
    if access.rules and not access.missing_in_rules:
        return (
            "The rules allow it. S3 may take a minute to apply a change, and a proxy before the store at "
            "AWS_S3_PUBLIC_ENDPOINT_URL has to pass on Origin and Access-Control headers."
        )
    current = [origin for rule in access.rules if rule.rule_id == RULE_ID for origin in rule.origins]
    options = " ".join(f"--origin {shlex.quote(origin)}" for origin in dict.fromkeys([*current, *origins]))
    advice = f"Set the rule that they need: manage.py s3_cors {bucket} --set {options}"
    if access.rules:
        return advice
    return f"{advice}\nA store without CORS rules has its own setting. MinIO has MINIO_API_CORS_ALLOW_ORIGIN."
