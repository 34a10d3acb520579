"""Everything that a newcomer needs, in one command: database, demo accounts, embedded S3, server, lines to paste."""

import errno
import os
import socket
from textwrap import dedent
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.management.commands.runserver import Command as Runserver
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from s3_file_uploader.conf import conf
from s3_file_uploader.embedded import EVERY_ADDRESS, LOOPBACK, EmbeddedS3, EmbeddedS3Error

from ...accounts import ACCOUNTS, PASSWORD

REFUSED = (
    "{} is set, in the environment or in .env. `make run` creates accounts with a known password, so it never uses a "
    "database or a store of yours. Use `python manage.py migrate`, `createsuperuser` and `runserver` instead, or unset "
    "the variable. If your shell exports it: `env -u NAME make run`."
)
WARNING = (
    "WARNING: every device on this network can reach this server now, and everybody knows the password of its "
    "accounts, one of which may do everything. Stop the server as soon as you are done."
)


class DemoServer(Runserver):
    """Django's `runserver`, which prints how to go on once it listens."""

    welcome = ""

    def on_bind(self, server_port: int) -> None:
        """Print the text below Django's own lines."""
        super().on_bind(server_port)
        self.stdout.write(self.welcome)
        self.stdout.flush()


class Command(BaseCommand):
    """`make run`."""

    help = "Runs the service with demo accounts; for development, never for production."
    requires_system_checks = ()  # `handle` runs them once it knows that it may.

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address to listen on."""
        parser.add_argument("--host", default=LOOPBACK, help="0.0.0.0 makes it reachable from the local network.")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Serve until Ctrl-C."""
        _check_for_own_store()
        self._check_port(host, port)
        self.check()
        connections.settings[DEFAULT_DB_ALIAS]["NAME"] = str(settings.DEMO_DATABASE)
        call_command("migrate", verbosity=0)
        self._create_accounts()
        reached_at = _find_network_address() if host == EVERY_ADDRESS else host
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, reached_at]
        settings.S3_FILE_UPLOADER_AUDIT_ROWS = True  # The admin of the demo lists the events.
        server = DemoServer()
        server.welcome = _welcome(f"http://{reached_at}:{port}", host)
        try:
            # The app finds this store, which runs already, at the address that clients use.
            with EmbeddedS3(settings.S3_FILE_UPLOADER_EMBEDDED, address=host) as store:
                name = "AWS_S3_PUBLIC_ENDPOINT_URL"
                os.environ[name] = os.environ.get(name) or f"http://{reached_at}:{store.identity.port}"
                self.stdout.write(f"Embedded S3 (JuiceFS gateway) at {store.endpoint_url}")
                call_command(server, f"{host}:{port}", use_reloader=False, skip_checks=True)
        except EmbeddedS3Error as error:
            raise CommandError(str(error)) from error

    def _check_port(self, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as error:
                if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                    why = f"Port {port} of {host} is taken: try `make run PORT={port + 1}`."
                else:
                    why = f"Nothing can listen on port {port} of {host}: {error}."
                raise CommandError(why) from error

    def _create_accounts(self) -> None:
        users = get_user_model().objects
        for name, staff in ACCOUNTS.items():
            if not users.filter(username=name).exists():
                users.create_user(name, password=PASSWORD, is_staff=staff, is_superuser=staff)


def _check_for_own_store() -> None:
    """Refuse to run beside a database or a store of the user.

    Raises:
        CommandError: a setting names one.
    """
    named = ["DATABASE_URL"] if os.environ.get("DATABASE_URL") else []
    named += settings.OWN_STORE
    if not (named or conf.embedded_folder):
        named = ["EMBEDDED_S3"]
    if named:
        raise CommandError(REFUSED.format(", ".join(named)))


def _find_network_address() -> str:
    """Return the address under which others on the network reach this machine; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # A documentation address (RFC 5737): the kernel only picks a route.
        except OSError:
            return LOOPBACK
        address: str = probe.getsockname()[0]
        return address


def _welcome(site: str, host: str) -> str:
    is_local = host in (LOOPBACK, "localhost")
    known_to = "this machine's users" if is_local else "EVERYBODY on the network"
    service = f"{site}/modules/s3-file-uploader/service"
    return ("" if is_local else f"\n{WARNING}\n") + dedent(rf"""
        Console    {site}/
        API page   {site}/api/docs/
        Admin      {site}/admin/
        Accounts   {", ".join(ACCOUNTS)}, password {PASSWORD}: known to {known_to}, for demos only

        Paste into another terminal:

        login() {{ curl -s {site}/auth/token/ -d username=$1 -d password={PASSWORD} | sed 's/.*:"//;s/".*//'; }}
        STAFF=$(login demo_staff); TOKEN=$(login demo_user)
        SERVICE={service}
        curl $SERVICE/bucket/create/ -H "Authorization: Token $STAFF" -d bucket=my-first-bucket
        curl $SERVICE/file/upload/ -H "Authorization: Token $TOKEN" -F bucket=my-first-bucket -F file=@README.md
        curl "$SERVICE/file/presigned/url/?bucket=my-first-bucket&file_name=README.md" -H "Authorization: Token $TOKEN"
        """)
