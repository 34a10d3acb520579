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
def test_one_line_says_who_what_where_how_much_and_how_it_ended(caplog, user, error, outcome, level):
    caplog.set_level("INFO")
    with suppress(S3FileUploaderError, KeyError):
        with Operation("file_upload", user=user, bucket="b", file_name='a "quoted"\nname 100% é', size=5):
            if error:
                raise error
    (record,) = [record for record in caplog.records if record.name == "s3_file_uploader"]
    told = record.operation
    assert record.levelno == level
    assert told.pop("milliseconds") >= 0
    assert told == {
        "operation": "file_upload",
        "user": str(user.pk),
        "bucket": "b",
        "file_name": 'a "quoted"\nname 100% é',
        "bytes": 5,
        "outcome": outcome,
    }
    line = record.getMessage()
    assert line.isascii()  # No line or direction mark of unicode breaks or turns it.
    assert "\n" not in line
    assert f"file_name={json.dumps(told['file_name'])} bytes=5 " in line


def test_nobody(caplog):
    caplog.set_level("INFO")
    with Operation("file_delete", user=None):
        pass
    assert caplog.records[0].operation["user"] is None
