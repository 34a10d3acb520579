"""The user of the current request, for code that gets no request: a storage of Django is called without one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_get_user: ContextVar[Callable[[], Any] | None] = ContextVar("s3_file_uploader.request_user", default=None)


@contextmanager
def use_request_user(get_user: Callable[[], Any]) -> Iterator[None]:
    """Let `get_request_user` return this user within the block, in its thread or its asynchronous task alone.

    Args:
        get_user: called only if a file is stored, because reading the user of a request costs a query. Authentication
            may happen after the block began.
    """
    token = _get_user.set(get_user)
    try:
        yield
    finally:
        _get_user.reset(token)


def get_request_user() -> Any:
    """Return the authenticated user of the current request, or None: outside of a request, and for anonymous users."""
    get_user = _get_user.get()
    user = None if get_user is None else get_user()
    return None if user is None or user.pk is None else user
