"""System checks of the host project: no account of a real database has the demo password.

modules.E001   in `check --deploy`
modules.W001   in `migrate` and in `check --database default`, which name the database that may be queried
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError

from .accounts import ACCOUNTS, PASSWORD

MESSAGE = "Accounts have the demo password, which everybody knows: {}."
HINT = "Remove them, or give each another password: python manage.py changepassword NAME."


@register(Tags.security, deploy=True)
def check_demo_accounts_before_deployment(**kwargs: Any) -> list[CheckMessage]:
    """E001."""
    names = _find_demo_accounts(DEFAULT_DB_ALIAS)
    return [Error(MESSAGE.format(", ".join(names)), hint=HINT, id="modules.E001")] if names else []


@register(Tags.database)
def check_demo_accounts(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W001. Django passes the databases that may be queried; most commands pass none."""
    names = [name for database in databases or () for name in _find_demo_accounts(database)]
    return [CheckWarning(MESSAGE.format(", ".join(names)), hint=HINT, id="modules.W001")] if names else []


def _find_demo_accounts(database: str) -> list[str]:
    """Return the names of active demo accounts whose password is still the public one.

    A database that cannot be reached, or has no table of users yet, has no accounts.
    """
    users = get_user_model()
    try:
        if users._meta.db_table not in connections[database].introspection.table_names():
            return []
        active = users._default_manager.using(database).filter(username__in=list(ACCOUNTS), is_active=True)
        passwords = active.order_by("username").values_list("username", "password")
        return [name for name, encoded in passwords if check_password(PASSWORD, encoded)]
    except DatabaseError:
        return []
