"""Fill the table of uploads with rows of the caller, and as many of another user."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand
from django.core.management.base import CommandParser
from django.db import connection

from benchmarks.rows import CALLER, ETAG, OTHER, bucket_of, created_at, file_name
from s3_file_uploader.models import FileUpload, location_digest

BATCH_ROWS = 5000


class Command(BaseCommand):
    """Rows of both users alternate, the newest last, as in real use."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the number of rows of each user to the parser."""
        parser.add_argument("count", type=int)

    def handle(self, *args: Any, count: int, **options: Any) -> None:
        """Insert the rows in batches."""
        rows = _rows(count)
        while batch := list(islice(rows, BATCH_ROWS)):
            FileUpload.objects.bulk_create(batch)
        if connection.vendor == "postgresql":  # Autovacuum does this some time later.
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


def _rows(count: int) -> Iterator[FileUpload]:
    users = [User.objects.get(username=name).pk for name in (CALLER, OTHER)]
    return (_row(number, user_id, bucket_of(number, count)) for number in range(count) for user_id in users)


def _row(number: int, user_id: int, bucket: str) -> FileUpload:
    name = file_name(user_id, number)
    return FileUpload(
        user_id=user_id,
        bucket=bucket,
        file_name=name,
        location_digest=location_digest(bucket, name),
        original_name=f"{number:08}.jpg",
        size=number,
        content_type="image/jpeg",
        etag=ETAG,
        checksum_sha256="-" * 64,
        status=FileUpload.Status.STORED,
        created_at=created_at(number),
        completed_at=created_at(number),
    )
