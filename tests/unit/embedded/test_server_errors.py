"""A start that fails names the reason, or the log."""

from pathlib import Path

import pytest

from s3_file_uploader.embedded import EmbeddedS3, EmbeddedS3Error
from tests.support.processes import is_alive
from tests.unit.embedded.conftest import s3_of, within

pytestmark = pytest.mark.slow  # It starts servers.


def program_that(tmp_path: Path, script: str) -> str:
    file = tmp_path / "program"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o700)
    return str(file)


def error_of(tmp_path: Path, program: str, *, ready_within_seconds: float = 30) -> str:
    with pytest.raises(EmbeddedS3Error) as caught:
        EmbeddedS3(tmp_path / "store", program=program, ready_within_seconds=ready_within_seconds).__enter__()
    return str(caught.value)


def test_enter_with_server_that_ends_names_the_log(tmp_path):
    program = program_that(tmp_path, '[ "$1" = format ] || { echo no luck today; exit 3; }')
    log = tmp_path / "store" / "server.log"
    assert error_of(tmp_path, program) == f"The embedded S3 does not start: read {log}"
    assert log.read_text() == "no luck today\n"


def test_enter_with_server_that_never_answers_names_the_log(tmp_path):
    program = program_that(tmp_path, '[ "$1" = format ] || { echo $$ >pid; exec sleep 60; }')
    log = tmp_path / "store" / "server.log"
    assert error_of(tmp_path, program, ready_within_seconds=0.5) == f"The embedded S3 does not start: read {log}"
    pid = int((tmp_path / "store" / "pid").read_text())
    assert within(2, lambda: not is_alive(pid))  # SIGKILL is on its way: only the supervisor is waited for.


def test_enter_with_missing_server_names_the_log(tmp_path):
    with EmbeddedS3(tmp_path / "store"):
        pass
    log = tmp_path / "store" / "server.log"
    assert error_of(tmp_path, str(tmp_path / "gone")) == f"The embedded S3 does not start: read {log}"
    assert "FileNotFoundError" in log.read_text()


def test_enter_with_unusable_folder_names_the_reason(tmp_path):
    program = program_that(tmp_path, "echo the disk is full >&2; exit 1")
    folder = tmp_path / "store"
    assert error_of(tmp_path, program) == f"The embedded S3 cannot use {folder}: the disk is full"


def test_enter_with_a_file_as_folder_names_the_reason(tmp_path):
    (tmp_path / "store").touch()
    expected = (
        f"The embedded S3 cannot use {tmp_path / 'store'} (File exists): name a folder in which this user may write."
    )
    assert error_of(tmp_path, "never-run") == expected
    with pytest.raises(EmbeddedS3Error, match="File exists"):
        EmbeddedS3(tmp_path / "store").environment()


def test_enter_with_program_that_cannot_run_names_the_reason(tmp_path):
    gone = tmp_path / "gone"
    assert (
        error_of(tmp_path, str(gone)) == f"The embedded S3 cannot be run: [Errno 2] No such file or directory: '{gone}'"
    )


def test_enter_after_a_failed_start_succeeds(tmp_path):
    error_of(tmp_path, program_that(tmp_path, "exit 1"))
    with EmbeddedS3(tmp_path / "store") as store:
        assert s3_of(store).list_buckets()["Buckets"] == []
