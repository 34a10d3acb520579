"""Two processes share the store of one folder."""

import os
import signal
import time

import pytest

from s3_file_uploader.embedded import EVERY_ADDRESS, LOOPBACK, EmbeddedS3, EmbeddedS3Error
from s3_file_uploader.embedded.ports import is_port_free
from s3_file_uploader.embedded.private_files import acquire_lock, open_private
from tests.support.processes import is_alive
from tests.unit.embedded.conftest import another_process, pid_said, s3_of, within

pytestmark = pytest.mark.slow  # It starts servers.


def test_second_process_that_leaves_does_not_stop_the_store(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        with another_process(tmp_path) as process:
            assert pid_said(process) == 0
            process.communicate("")
            assert process.returncode == 0
        assert s3_of(store).list_buckets()["Buckets"] == []


def test_first_process_that_leaves_warns_of_nothing(tmp_path):
    with another_process(tmp_path, "-W", "error") as process:
        pid = pid_said(process)
        with EmbeddedS3(tmp_path):
            assert process.communicate("")[1] == ""
            assert process.returncode == 0
            assert is_alive(pid)
    assert not is_alive(pid)


def test_second_process_finds_the_running_store(tmp_path):
    with another_process(tmp_path) as process:
        pid = pid_said(process)
        with EmbeddedS3(tmp_path) as store:
            assert store.pid is None
            assert s3_of(store).list_buckets()["Buckets"] == []
        assert is_alive(pid)


def test_start_right_after_a_kill_keeps_the_port(tmp_path):
    with another_process(tmp_path) as process:
        pid_said(process)
        port = EmbeddedS3(tmp_path).identity.port
        process.kill()
        process.wait()
        with EmbeddedS3(tmp_path) as store:
            assert store.identity.port == port
            assert s3_of(store).list_buckets()["Buckets"] == []


def test_store_with_second_process_outlives_the_first(tmp_path):
    with another_process(tmp_path) as process:
        pid = pid_said(process)
        with EmbeddedS3(tmp_path) as store:
            process.kill()
            process.wait()
            time.sleep(0.3)
            assert s3_of(store).list_buckets()["Buckets"] == []
        assert not is_alive(pid)


def test_start_after_death_of_a_store_in_use_succeeds(tmp_path):
    with another_process(tmp_path) as process:
        pid = pid_said(process)
        port = EmbeddedS3(tmp_path).identity.port
        os.kill(pid, signal.SIGKILL)
        assert within(2, lambda: is_port_free(LOOPBACK, port))
        with EmbeddedS3(tmp_path) as store:
            assert s3_of(store).list_buckets()["Buckets"] == []


@pytest.mark.parametrize("file", ["lock", "users"])
def test_enter_beside_a_stuck_process_names_the_folder(tmp_path, file):
    with open_private(tmp_path / file) as held:
        assert acquire_lock(held)
        with pytest.raises(EmbeddedS3Error) as caught, EmbeddedS3(tmp_path, ready_within_seconds=0.1):
            raise AssertionError
    assert str(caught.value) == f"The process that runs the embedded S3 in {tmp_path} hangs: end it first."


def test_enter_for_the_network_beside_a_local_store_is_refused(tmp_path):
    with EmbeddedS3(tmp_path):
        with pytest.raises(EmbeddedS3Error) as caught, EmbeddedS3(tmp_path, address=EVERY_ADDRESS):
            raise AssertionError
    assert str(caught.value) == f"The embedded S3 in {tmp_path} already runs, on 127.0.0.1 only: end that first."


def test_enter_beside_a_store_on_every_address_shares_it(tmp_path):
    with EmbeddedS3(tmp_path, address=EVERY_ADDRESS), EmbeddedS3(tmp_path) as store:
        assert store.endpoint_url.startswith("http://127.0.0.1:")
        assert s3_of(store).list_buckets()["Buckets"] == []
