from importlib import import_module
from uuid import uuid4

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import waiting_scan
from tests.support.scanners import VIRUS, use
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db(transaction=True)
tasks = import_module("s3_file_uploader.scan_tasks")
BACKENDS = f"{tasks.interface.__name__}.backends"


@pytest.fixture
def scanning(settings):
    use(settings, "LooksForVirus")
    settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 3
    settings.S3_FILE_UPLOADER_SCAN_TASK_BACKEND = "scans"
    settings.TASKS = {
        "default": {"BACKEND": f"{BACKENDS}.dummy.DummyBackend"},
        "scans": {"BACKEND": f"{BACKENDS}.immediate.ImmediateBackend"},
    }
    return settings


def use_a_worker(settings):
    """Use a backend whose tasks wait for a worker."""
    settings.TASKS = {**settings.TASKS, "scans": settings.TASKS["default"]}
    return tasks.interface.task_backends["scans"]


@pytest.mark.parametrize(("content", "status"), [(b"content", "stored"), (VIRUS, "rejected")])
def test_task_scans_a_file_too_large_for_the_request(bucket, user, scanning, content, status):
    assert stored_file(user, bucket, content=content).status == "quarantined"
    assert FileUpload.objects.get().status == status


def test_task_gets_the_id_of_the_record(bucket, user, scanning):
    backend = use_a_worker(scanning)
    upload = stored_file(user, bucket)
    stored_file(user, bucket, "small", b"abc")
    (result,) = backend.results
    assert (result.task.name, result.args) == ("file_scan", [str(upload.pk)])
    assert tasks.file_scan.call(*result.args) == "file_clean"
    assert tasks.file_scan.call(*result.args) == "overtaken"
    assert FileUpload.objects.get(pk=upload.pk).status == "stored"


def test_task_of_a_deleted_file_returns_none(scanning):
    assert tasks.file_scan.call(str(uuid4())) is None


def test_upload_without_a_queue_is_quarantined(bucket, user, scanning):
    scanning.TASKS = {"default": scanning.TASKS["default"]}
    assert stored_file(user, bucket).status == "quarantined"
    assert waiting_scan().files_clean == 1
