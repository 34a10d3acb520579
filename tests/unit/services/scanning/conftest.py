"""Files to scan, and what is said of them."""

import pytest

from s3_file_uploader.exceptions import FileRejected
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import waiting_scan
from s3_file_uploader.signals import file_deleted, file_quarantined, file_rejected, file_uploaded
from tests.support.scanners import FOUND_VIRUS, VIRUS, meanwhile, use
from tests.unit.services.conftest import stored_file

SIGNALS = {
    "uploaded": file_uploaded,
    "quarantined": file_quarantined,
    "rejected": file_rejected,
    "deleted": file_deleted,
}


@pytest.fixture(autouse=True)
def nothing_meanwhile():
    yield
    assert not meanwhile
    meanwhile.clear()


@pytest.fixture
def scanning(settings):
    use(settings, "LooksForVirus")


@pytest.fixture
def later(scanning, settings):
    """Scan nothing in the request."""
    settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0


@pytest.fixture
def heard():
    reported, listeners = [], {}
    for name, signal in SIGNALS.items():

        def listen(upload, name=name, **kwargs):
            reported.append(name)

        listeners[name] = listen
        signal.connect(listen)
    yield reported
    for name, signal in SIGNALS.items():
        signal.disconnect(listeners[name])


def record(**filters):
    return FileUpload.objects.get(**filters)


def says(upload=None):
    """Return what the database says of the one record."""
    now = record() if upload is None else record(pk=upload.pk)
    return now.status, now.status_reason


def rejected(user, bucket, file_name="file", **options):
    with pytest.raises(FileRejected, match=FOUND_VIRUS):
        stored_file(user, bucket, file_name, VIRUS, **options)
    return FileUpload.objects.filter(file_name=file_name).first()


def outcomes(**options):
    findings = []
    report = waiting_scan(on_finding=findings.append, **options)
    return report, [finding.outcome for finding in findings]
