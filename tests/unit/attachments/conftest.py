import pytest

from s3_file_uploader.models import FileUpload
from tests.gallery.models import Profile
from tests.unit.services.conftest import stored_file


@pytest.fixture
def upload_of(bucket):
    """Store a small file of a user."""
    count = iter(range(1000))

    def make(user, content=b"content", name="photo.png", content_type="text/plain"):
        return stored_file(
            user, bucket, f"{next(count)}-{name}", content, original_name=name, content_type=content_type
        )

    return make


@pytest.fixture
def upload(upload_of, user):
    return upload_of(user)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run a block as one transaction of the host, and then what waits for its commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def profile(upload, committed):
    """A row that has the upload as its avatar."""
    with committed():
        return Profile.objects.create(avatar=upload)


def is_attached(upload):
    return FileUpload.objects.get(pk=upload.pk).attached_at is not None


def is_there(upload):
    return FileUpload.objects.filter(pk=upload.pk).exists()
