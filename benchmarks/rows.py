"""Who and what is in the tables that the benchmarks fill."""

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
    """Return when the row of that number was made, of either user."""
    return BEGINNING + number * BETWEEN_TWO


def file_name(user_id: int, number: int) -> str:
    """Return the key of the file that the row of that number is about."""
    return f"{user_id}/{number:08}.jpg"


def bucket_of(number: int, count: int) -> str:
    """Return where that row's file lies: every second row in one bucket, and a few, far apart, in one of their own.

    Args:
        number: of the row, from 0.
        count: how many rows there are of the user, a multiple of twice `RARE_ROWS`.
    """
    if number % 2:
        return HALF
    return OTHER_HALF if number % (count // RARE_ROWS) else RARE
