"""Events of the audit trail, as log lines and as rows."""

import logging

import pytest

from s3_file_uploader.models import AuditEvent


@pytest.fixture
def read_events(caplog):
    """Return a function that returns the events of the log since its last call."""
    caplog.set_level(logging.INFO, "s3_file_uploader")

    def read_events():
        events = [record.audit for record in caplog.records if record.name == "s3_file_uploader.audit"]
        caplog.clear()
        return events

    return read_events


@pytest.fixture
def rows(settings):
    settings.S3_FILE_UPLOADER_AUDIT_ROWS = True
    return AuditEvent.objects


def send_request(client, method, path, body=None, form="json"):
    options = {} if method == "get" or body is None else {"format": form}
    return getattr(client, method)(path, body, **options)
