"""Keep a request out of the transaction that ATOMIC_REQUESTS would put around it.

A claim on a key must be committed before S3 is asked for anything, and must survive what goes wrong afterwards.
"""

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view for every database of the host; returns the same view."""
    for database in connections:
        transaction.non_atomic_requests(using=database)(view)
    return view
