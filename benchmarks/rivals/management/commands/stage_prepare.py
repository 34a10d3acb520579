"""Create the tables and users of a benchmark, and print the caller's token."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.db import connection
from rest_framework.authtoken.models import Token

from benchmarks.rivals.models import InsertedRow
from benchmarks.rows import CALLER, OTHER


class Command(BaseCommand):
    """Works on an empty database."""

    help = __doc__
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the migrations. The rivals' table has none."""
        call_command("migrate", verbosity=0)
        with connection.schema_editor() as editor:
            editor.create_model(InsertedRow)
        User.objects.create(username=OTHER)
        self.stdout.write(Token.objects.create(user=User.objects.create(username=CALLER)).key)
