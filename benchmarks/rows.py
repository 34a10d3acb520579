"""Users and rows in the tables that the benchmarks fill."""

from datetime import UTC, datetime, timedelta

CALLER = "caller"
OTHER = "other"
HALF = "bucket-half"
OTHER_HALF = "bucket-other-half"
RARE = "bucket-rare"
RARE_ROWS = 50
ETAG = "-" * 32
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
BETWEEN_TWO = timedelta(seconds=10)


def created_at(number: int) -> datetime:
    """Return the time of the row with a number, which is the same for both users."""
    return BEGINNING + number * BETWEEN_TWO


def file_name(user_id: int, number: int) -> str:
    """Return the key of the file of a row."""
    return f"{user_id}/{number:08}.jpg"


def bucket_of(number: int, count: int) -> str:
    """Return the bucket of a row: every second row is in one bucket, and a few rows far apart are in another one.

    Args:
        number: the number of the row, from 0.
        count: the number of rows of the user, a multiple of twice `RARE_ROWS`.
    """
    if number % 2:
        return HALF
    return OTHER_HALF if number % (count // RARE_ROWS) else RARE
