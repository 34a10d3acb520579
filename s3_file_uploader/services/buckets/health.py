"""Check that the database and S3 can be reached."""

from math import inf
from threading import Lock
from time import monotonic

from django.db import Error, connections, router

from ...exceptions import StorageAccessDenied, StorageProblem
from ...models import FileUpload
from ...s3.client import get_client
from ...s3.errors import storage_errors

# Load balancers give up after about five seconds.
PATIENCE_SECONDS = 2.0
# Every client may ask, and S3 charges for each call.
REMEMBERED_SECONDS = 5.0


def health_check() -> dict[str, bool]:
    """Send a small query to the database and to S3.

    Each process asks S3 at most once in `REMEMBERED_SECONDS`.

    Returns:
        `{"database": bool, "storage": bool}`, within a few seconds. Credentials without the right to list
        buckets are fine.
    """
    return {"database": database_health_check(), "storage": _storage.answers()}


class _Storage:
    """Remember S3's answer for a while, under the settings of that moment."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Ask S3 again the next time."""
        self._answered_at, self._is_there = -inf, False

    def answers(self) -> bool:
        """Return True if S3 can be reached; concurrent callers share one call."""
        with self._lock:
            if monotonic() - self._answered_at > REMEMBERED_SECONDS:
                self._is_there = _storage_answers()
                self._answered_at = monotonic()
            return self._is_there


_storage = _Storage()


def storage_health_forget() -> None:
    """Forget the answer of S3, because a setting has changed."""
    _storage.forget()


def database_health_check() -> bool:
    """Return True if the database can be reached."""
    try:
        with connections[router.db_for_read(FileUpload)].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _storage_answers() -> bool:
    try:
        with storage_errors(about="account"):
            get_client(patience_seconds=PATIENCE_SECONDS).list_buckets()
    except StorageAccessDenied:
        return True
    except StorageProblem:
        return False
    return True
