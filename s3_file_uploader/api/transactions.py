"""Exempt views from ATOMIC_REQUESTS.

A claim on a key must be committed before the first call to S3, and must survive later errors.
"""

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction


def exempt_from_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Exempt a view from the transactions of every database of the host, and return the view."""
    for database in connections:
        transaction.non_atomic_requests(using=database)(view)
    return view
