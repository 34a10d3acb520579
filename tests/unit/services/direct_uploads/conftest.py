"""Direct uploads that wait for their completion, and what listeners hear of them."""

from datetime import timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import upload_complete
from s3_file_uploader.signals import file_uploaded
from tests.unit.services.conftest import started

CHECKSUM = sha256(b"content").hexdigest()
MEDIUM = b"content" * 10_000  # Too large to arrive with the answer that describes it.
BIG = b"0123456789" * 20_000
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# For modules whose tests wait for other requests.
WAITING = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("no_waits", "big_in_parts")]


def complete(user, upload):
    return upload_complete(user=user, upload_id=upload.pk)


def time_goes_by(upload):
    """Let S3 be done with what it was asked for; the client still has its own time."""
    FileUpload.objects.filter(pk=upload.pk).update(writable_until=timezone.now() - HOUR)


@pytest.fixture
def no_waits(monkeypatch):
    monkeypatch.setattr("s3_file_uploader.services.direct_uploads.verify.WAITS_SECONDS", (0, 0))


@pytest.fixture
def big_in_parts(monkeypatch, settings):
    """Send `BIG` in three parts, although S3 accepts none so small: the parts of real files take moto a while."""
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1000)
    settings.S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = len(BIG) - 1
    settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = len(BIG) * 2 // 5


@pytest.fixture
def put(bucket, user):
    return started(user, bucket).upload


@pytest.fixture
def big(bucket, user, big_in_parts):
    return started(user, bucket, size=len(BIG)).upload


@pytest.fixture
def reported():
    """Return the uploads that listeners to `file_uploaded` received."""
    heard = []

    def listen(upload, **kwargs):
        heard.append(upload)

    file_uploaded.connect(listen)
    yield heard
    file_uploaded.disconnect(listen)


def is_about(moment, expected, seconds=5):
    return abs(moment - expected) < timedelta(seconds=seconds)
