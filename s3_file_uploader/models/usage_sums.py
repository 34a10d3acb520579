"""Sums of files and bytes by user and bucket. They read an index only, and at most a million of its entries."""

from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import QuerySet

from .file_upload import FileUpload

MAX_ADDED = 1_000_000
MAX_USERS = 50

# The inner queries read `s3_upload_of_user_in_bucket` in its order, so the database sorts nothing and does not read the
# table.
_BY_USER = """
SELECT user_id, COUNT(*), SUM(size), SUM(COUNT(*)) OVER (), SUM(SUM(size)) OVER ()
FROM ({rows}) AS added GROUP BY user_id ORDER BY 3 DESC, 2 DESC, 1 LIMIT %s
"""
_BY_BUCKET = """
SELECT user_id, bucket, COUNT(*), SUM(size) FROM ({rows}) AS added GROUP BY user_id, bucket ORDER BY 4 DESC, 2
"""


@dataclass(frozen=True, slots=True)
class BucketSum:
    """The files of a user in a bucket."""

    bucket: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class UserSum:
    """The files of a user, and the same by bucket, the largest first. `user_id` is None for files without a user."""

    user_id: Any
    files: int
    bytes: int
    buckets: tuple[BucketSum, ...]


@dataclass(frozen=True, slots=True)
class UsageSums:
    """The sums of the users with the most bytes, and the totals of all.

    Attributes:
        largest: at most `MAX_USERS`, the largest first.
        files: of all users.
        bytes: of all users.
        is_whole: False if there are more than `MAX_ADDED` files, so that some are missing in the sums.
    """

    largest: tuple[UserSum, ...]
    files: int
    bytes: int
    is_whole: bool


def add_up_usage(uploads: QuerySet[FileUpload], *, user_id: Any = None, bucket: str = "") -> UsageSums:
    """Add up the whole files, in quarantine or not.

    Args:
        uploads: the records that the viewer may see.
        user_id: only of this user; None for all.
        bucket: only in this bucket; empty for all.
    """
    filters = {"user_id": user_id, "bucket": bucket}
    given = {name: value for name, value in filters.items() if value not in (None, "")}
    rows = uploads.filter(status__in=FileUpload.WHOLE, **given)
    sums = _add_up_users(rows)
    by_bucket = _add_up_buckets(rows, [user for user, *_ in sums])
    largest = tuple(UserSum(user, files, size, tuple(by_bucket.get(user, ()))) for user, files, size, *_ in sums)
    files, size = sums[0][3:] if sums else (0, 0)
    return UsageSums(largest, min(files, MAX_ADDED), size, is_whole=files <= MAX_ADDED)


def _add_up_users(rows: QuerySet[FileUpload]) -> list[tuple[Any, int, int, int, int]]:
    """Return user, files and bytes, and the files and bytes of all users, the largest user first."""
    sums = _execute(_BY_USER, rows, MAX_USERS)
    return [(_to_python(user), *(int(number) for number in numbers)) for user, *numbers in sums]


def _add_up_buckets(rows: QuerySet[FileUpload], user_ids: list[Any]) -> dict[Any, list[BucketSum]]:
    """Return the sums of each user by bucket, the largest first."""
    sums = _execute(_BY_BUCKET, rows.filter(user_id__in=[user for user in user_ids if user is not None]))
    if None in user_ids:
        sums += _execute(_BY_BUCKET, rows.filter(user_id__isnull=True))
    by_user: dict[Any, list[BucketSum]] = {}
    for user, bucket, files, size in sums:
        by_user.setdefault(_to_python(user), []).append(BucketSum(bucket, files, int(size)))
    return by_user


def _execute(statement: str, rows: QuerySet[FileUpload], *params: object) -> list[Any]:
    """Execute a statement on the rows, of which it reads at most one more than `MAX_ADDED`."""
    database = router.db_for_read(FileUpload)
    limited = rows.order_by("user_id", "bucket").values("user_id", "bucket", "size")[: MAX_ADDED + 1]
    try:
        inner, inner_params = limited.query.get_compiler(database).as_sql()
    except EmptyResultSet:  # No users.
        return []
    with connections[database].cursor() as cursor:
        cursor.execute(statement.format(rows=inner), cast(Any, [*inner_params, *params]))
        return list(cursor.fetchall())


def _to_python(user_id: Any) -> Any:
    """Return a primary key as Python has it: SQLite stores a UUID as text."""
    return FileUpload._meta.get_field("user").target_field.to_python(user_id)
