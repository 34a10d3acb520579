import json
import logging
from contextlib import suppress

import pytest

from s3_file_uploader.exceptions import FileExists, S3FileUploaderError, StorageTimeout
from s3_file_uploader.services.audit.operation import Operation


@pytest.mark.parametrize(
    ("error", "outcome", "level"),
    [
        (None, "ok", logging.INFO),
        (FileExists("x"), "FileExists", logging.INFO),
        (StorageTimeout("x"), "StorageTimeout", logging.WARNING),
        (KeyError("x"), "KeyError", logging.WARNING),
    ],
)
def test_operation_logs_one_line_with_its_outcome(caplog, user, error, outcome, level):
    caplog.set_level("INFO")
    with suppress(S3FileUploaderError, KeyError):
        with Operation("file_upload", user=user, bucket="b", file_name='a "quoted"\nname 100% é', size=5):
            if error:
                raise error
    (record,) = [record for record in caplog.records if record.name == "s3_file_uploader"]
    operation = record.operation
    assert record.levelno == level
    assert operation.pop("milliseconds") >= 0
    assert operation == {
        "operation": "file_upload",
        "user": str(user.pk),
        "bucket": "b",
        "file_name": 'a "quoted"\nname 100% é',
        "bytes": 5,
        "outcome": outcome,
        "request_id": "",
    }
    line = record.getMessage()
    assert line.isascii()  # No control character of Unicode can break the line or reverse its direction.
    assert "\n" not in line
    assert f"file_name={json.dumps(operation['file_name'])} bytes=5 " in line


def test_operation_without_a_user_logs_null(caplog):
    caplog.set_level("INFO")
    with Operation("file_delete", user=None):
        pass
    assert caplog.records[0].operation["user"] is None
