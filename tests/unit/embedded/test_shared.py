"""One store for all parts of a process."""

import os
import subprocess
import sys

import pytest

from s3_file_uploader.embedded import LOOPBACK, EmbeddedS3, is_entered, keep_running
from tests.support.processes import is_alive
from tests.unit.embedded.conftest import pid_of

pytestmark = pytest.mark.slow  # It starts servers.


def test_keep_running_twice_enters_once_until_the_process_ends(tmp_path, monkeypatch):
    leave = []
    monkeypatch.setattr("atexit.register", leave.append)
    store = keep_running(tmp_path)
    assert store
    try:
        assert is_entered(tmp_path)
        assert keep_running(tmp_path) is None
        pid = pid_of(store)
    finally:
        (left,) = leave
        left()
    assert not is_entered(tmp_path)
    assert not is_alive(pid)


def test_keep_running_at_the_end_of_the_process_stops_the_store(tmp_path):
    code = "import sys; from s3_file_uploader.embedded import keep_running; print(keep_running(sys.argv[1]).pid)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not is_alive(int(done.stdout))


def test_keep_running_inside_of_the_block_leaves_the_store_to_it(tmp_path, monkeypatch):
    for name, hosts in (("NO_PROXY", ""), ("no_proxy", "intranet.example.com")):
        monkeypatch.setenv(name, hosts)
    with EmbeddedS3(tmp_path):
        assert keep_running(str(tmp_path)) is None
        assert os.environ["NO_PROXY"] == LOOPBACK
        assert os.environ["no_proxy"] == f"intranet.example.com,{LOOPBACK}"
    assert not is_entered(tmp_path)
