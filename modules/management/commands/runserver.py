"""`runserver`, with the embedded S3 around it where the settings ask for that."""

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as StaticFilesRunserver
from django.core.management import CommandError
from django.core.management.base import CommandParser

from s3_file_uploader.embedded import LOOPBACK, EmbeddedS3, EmbeddedS3Error


class Command(StaticFilesRunserver):
    """Start the store once, in the outer process; to the one that reloads, the environment names it like any other."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address on which the store listens."""
        super().add_arguments(parser)
        parser.add_argument("--store-address", default=LOOPBACK, help="Where the embedded S3 listens.")

    def run(self, **options: Any) -> None:
        """Serve until Ctrl-C, then stop the store."""
        if not settings.EMBEDDED_S3:
            super().run(**options)
            return
        try:
            with EmbeddedS3(settings.EMBEDDED_S3_FOLDER, address=options["store_address"]) as store:
                self.on_store(store)
                super().run(**options)
        except EmbeddedS3Error as error:
            raise CommandError(str(error)) from error

    def on_store(self, store: EmbeddedS3) -> None:
        """Use the store, which runs by now, and say so."""
        os.environ.update(store.environment())
        for name in ("NO_PROXY", "no_proxy"):  # A proxy of the shell does not reach this machine.
            os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
        kind = "JuiceFS gateway" if store.checks_signatures else "moto: it checks NO signatures and forgets everything"
        self.stdout.write(f"Embedded S3 ({kind}) at {store.endpoint_url}")
