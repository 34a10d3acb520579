"""Whether the two things that everything needs can be reached."""

from django.db import Error, connections, router

from .. import s3
from ..exceptions import StorageAccessDenied, StorageProblem
from ..models import FileUpload
from ..s3_errors import storage_errors

# Load balancers give up after about five seconds.
PATIENCE_SECONDS = 2.0


def health_check() -> dict[str, bool]:
    """Ask the database and S3 for something small.

    Returns:
        `{"database": bool, "storage": bool}`, within a few seconds. Credentials without the right to list buckets
        are fine.
    """
    return {"database": _database_answers(), "storage": _storage_answers()}


def _database_answers() -> bool:
    try:
        with connections[router.db_for_read(FileUpload)].cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _storage_answers() -> bool:
    try:
        with storage_errors(about="account"):
            s3.client(patience_seconds=PATIENCE_SECONDS).list_buckets()
    except StorageAccessDenied:
        return True
    except StorageProblem:
        return False
    return True
