"""`manage.py s3_embedded`: run the embedded S3 on its own, for other programs or for a phone."""

from contextlib import suppress
from threading import Event
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from ...conf import conf
from ...embedded import LOOPBACK, EmbeddedS3, EmbeddedS3Error


class Command(BaseCommand):
    """Serve until Ctrl-C; `runserver` and all other commands find this store."""

    help = "Runs the embedded S3 of S3_FILE_UPLOADER_EMBEDDED until Ctrl-C, and prints its address and keys."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address on which the store listens."""
        parser.add_argument("--address", default=LOOPBACK, help="0.0.0.0 makes it reachable from the local network.")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        """Print variables for a shell, then wait.

        Raises:
            CommandError: the setting is missing, or the store does not start.
        """
        if not conf.embedded_folder:
            raise CommandError('Set S3_FILE_UPLOADER_EMBEDDED to a folder, such as BASE_DIR / ".s3".')
        try:
            with suppress(KeyboardInterrupt), EmbeddedS3(conf.embedded_folder, address=address) as store:
                for name, value in store.environment().items():
                    self.stdout.write(f"export {name}={value}")
                self.stdout.flush()
                Event().wait()
        except EmbeddedS3Error as error:
            raise CommandError(str(error)) from error
