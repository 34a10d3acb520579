"""Add records of files that S3 does not hold: `many_records.py BUCKET COUNT`, for lists that are too long to upload."""

import sys
import uuid
from datetime import timedelta

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - after the setup
from django.utils import timezone  # noqa: E402

from s3_file_uploader.models import FileUpload, location_digest  # noqa: E402

bucket, count = sys.argv[1], int(sys.argv[2])
user = get_user_model().objects.get(username="demo_user")
now = timezone.now()
FileUpload.objects.bulk_create(
    [
        FileUpload(
            id=uuid.uuid4(),
            user=user,
            bucket=bucket,
            file_name=(name := f"{index:05} of many.pdf"),
            path=name,
            original_name=name,
            location_digest=location_digest(bucket, name),
            size=1000 + index * 37 % 100_000,
            content_type="application/pdf",
            etag='"e"',
            status="stored",
            created_at=now - timedelta(minutes=index),
            completed_at=now - timedelta(minutes=index),
        )
        for index in range(count)
    ],
    batch_size=2000,
)
