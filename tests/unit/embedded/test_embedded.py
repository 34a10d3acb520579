"""The embedded S3 is really started: it takes a third of a second."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from s3_file_uploader.embedded import (
    EVERY_ADDRESS,
    LOOPBACK,
    NOT_INSTALLED,
    EmbeddedS3,
    EmbeddedS3Error,
    find_juicefs,
    free_port,
    is_entered,
    keep_running,
    supervisor,
)
from s3_file_uploader.embedded.ports import PORTS, is_port_free
from s3_file_uploader.embedded.private_files import acquire_lock, open_private
from tests.support.processes import is_alive

pytestmark = pytest.mark.slow  # It starts servers.

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
]


def s3_of(store: EmbeddedS3, *, access_key_id: str = "", secret_access_key: str = ""):
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=access_key_id or store.identity.access_key_id,
        aws_secret_access_key=secret_access_key or store.identity.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refusal(store: EmbeddedS3, *, access_key_id: str = "", secret_access_key: str = "") -> str:
    with pytest.raises(ClientError) as caught:
        s3_of(store, access_key_id=access_key_id, secret_access_key=secret_access_key).list_buckets()
    return caught.value.response["Error"]["Code"]


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def pid_of(store: EmbeddedS3) -> int:
    assert store.pid
    return store.pid


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@contextmanager
def another_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the store in another process, which says its pid and serves until its standard input ends."""
    code = f"""
import signal, sys
from pathlib import Path
from s3_file_uploader.embedded import EmbeddedS3
signal.signal(signal.SIGINT, signal.default_int_handler)
with EmbeddedS3(Path({str(folder)!r})) as store:
    print(store.pid or 0, flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def pid_said(process: "subprocess.Popen[str]") -> int:
    assert process.stdout
    return int(process.stdout.readline())


@contextmanager
def stranger_on(port: int) -> Iterator[None]:
    with socket.create_server((LOOPBACK, port)):
        yield


# --- its life ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
def test_store_folder_as_str_or_path_starts(tmp_path, kind):
    with EmbeddedS3(kind(tmp_path / "store")) as store:
        assert store.folder == (tmp_path / "store").resolve()
        assert s3_of(store).list_buckets()["Buckets"] == []


def test_store_after_the_block_is_stopped(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        assert is_alive(pid_of(store))
        assert s3_of(store).list_buckets()["Buckets"] == []
        pid = pid_of(store)
    assert store.pid is None
    assert not is_alive(pid)
    with pytest.raises(EndpointConnectionError):
        s3_of(store).list_buckets()


def test_store_restarted_keeps_port_keys_buckets_and_objects(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        before = store.environment()
        s3_of(store).create_bucket(Bucket="kept")
        s3_of(store).put_object(
            Bucket="kept", Key="a/b é", Body=b"bytes", ContentType="text/x-kept", Metadata={"sha256": "abc"}
        )
        etag = s3_of(store).head_object(Bucket="kept", Key="a/b é")["ETag"]
    with EmbeddedS3(tmp_path) as store:
        assert store.environment() == before
        answer = s3_of(store).get_object(Bucket="kept", Key="a/b é")
        assert answer["Body"].read() == b"bytes"
        assert (answer["ETag"], answer["ContentType"], answer["Metadata"]) == (etag, "text/x-kept", {"sha256": "abc"})


def test_store_killed_keeps_buckets(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        s3_of(store).create_bucket(Bucket="kept")
        os.kill(pid_of(store), signal.SIGKILL)
    with EmbeddedS3(tmp_path) as store:
        assert [bucket["Name"] for bucket in s3_of(store).list_buckets()["Buckets"]] == ["kept"]


def test_store_folder_with_odd_name_can_be_moved(tmp_path):
    before, after = tmp_path / "what? 100%20=a&b#c é", tmp_path / "moved"
    with EmbeddedS3(before) as store:
        s3_of(store).create_bucket(Bucket="kept")
        s3_of(store).put_object(Bucket="kept", Key="key", Body=b"bytes")
    assert [entry.name for entry in tmp_path.iterdir()] == [before.name]
    before.rename(after)
    with EmbeddedS3(after) as store:
        assert s3_of(store).get_object(Bucket="kept", Key="key")["Body"].read() == b"bytes"


def test_store_files_are_private_to_the_owner(tmp_path):
    folder = tmp_path / "made" / "by-it"
    with EmbeddedS3(folder) as store:
        s3_of(store).create_bucket(Bucket="kept")
        s3_of(store).put_object(Bucket="kept", Key="key", Body=b"bytes")
    modes = {path: mode(path) for path in (folder, *folder.rglob("*"))}
    assert len(modes) > 10
    assert {path: wide for path, wide in modes.items() if wide & 0o077} == {}
    assert modes[folder] == 0o700
    assert modes[folder / "identity.json"] == 0o600


def test_store_writes_nothing_into_the_home_of_the_user(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with EmbeddedS3(tmp_path / "store") as store:
        s3_of(store).list_buckets()
    assert list(home.iterdir()) == []


def test_exit_with_hanging_server_kills_it(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        pid = pid_of(store)
        os.kill(pid, signal.SIGSTOP)
    assert not is_alive(pid)


def test_exit_with_hanging_supervisor_kills_it_and_its_server(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        pid = pid_of(store)
        os.killpg(os.getpgid(pid), signal.SIGSTOP)
    assert within(2, lambda: not is_alive(pid))


def test_exit_after_the_folder_was_deleted_stops_the_server(tmp_path):
    with EmbeddedS3(tmp_path / "store") as store:
        pid = pid_of(store)
        shutil.rmtree(store.folder)
    assert within(supervisor.KILLED_AFTER_SECONDS + 2, lambda: not is_alive(pid))


def test_exit_interrupted_kills_the_server_at_once(tmp_path):
    store = EmbeddedS3(tmp_path).__enter__()
    pid = pid_of(store)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    store.__exit__()
    assert time.monotonic() - started < supervisor.KILLED_AFTER_SECONDS - 1
    assert within(2, lambda: not is_alive(pid))


def test_exit_on_second_ctrl_c_kills_at_once(tmp_path):
    with another_process(tmp_path) as process:
        pid = pid_said(process)
        os.kill(pid, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.wait(timeout=10)
        assert time.monotonic() - started < supervisor.KILLED_AFTER_SECONDS - 1
    assert within(2, lambda: not is_alive(pid))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_store_ends_with_its_only_process(tmp_path, end):
    with another_process(tmp_path) as process:
        pid = pid_said(process)
        process.send_signal(end)
        process.wait()
        assert within(2, lambda: not is_alive(pid))


def test_store_outlives_the_thread_that_started_it(tmp_path):
    store = EmbeddedS3(tmp_path)
    thread = threading.Thread(target=store.__enter__)
    thread.start()
    thread.join()
    time.sleep(0.3)
    try:
        assert s3_of(store).list_buckets()["Buckets"] == []
    finally:
        store.__exit__()


@pytest.mark.parametrize("database", ["meta.db", "metadata"])
def test_store_restarted_keeps_its_kind_of_database(tmp_path, database):
    if database == "meta.db":
        (tmp_path / database).touch()
    with EmbeddedS3(tmp_path) as store:
        s3_of(store).create_bucket(Bucket="bucket")
    with EmbeddedS3(tmp_path) as store:
        assert [bucket["Name"] for bucket in s3_of(store).list_buckets()["Buckets"]] == ["bucket"]
    assert {"meta.db", "metadata"} & {path.name for path in tmp_path.iterdir()} == {database}


# --- two with one folder ----------------------------------------------------------------------------------------------


def test_second_process_that_leaves_does_not_stop_the_store(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        with another_process(tmp_path) as process:
            assert pid_said(process) == 0
            process.communicate("")
            assert process.returncode == 0
        assert s3_of(store).list_buckets()["Buckets"] == []


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


def test_identity_read_by_many_at_once_is_created_once(tmp_path):
    folder, seen = tmp_path / "new", []
    threads = [threading.Thread(target=lambda: seen.append(EmbeddedS3(folder).identity)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1


# --- where it listens -------------------------------------------------------------------------------------------------


def sockets_of(pid: int) -> Iterator[str]:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It was closed meanwhile.
            yield str(fd.readlink())


def listens_at(pid: int) -> list[str]:
    """Return the addresses of every port on which the process listens, as the kernel tells them."""
    table = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    table += [line.split() for line in Path(f"/proc/{pid}/net/tcp6").read_text().splitlines()[1:]]
    sockets = set(sockets_of(pid))
    return [row[1].rsplit(":", 1)[0] for row in table if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


def test_store_by_default_listens_on_loopback_only(tmp_path):
    """It has two ports: that of S3, and that of its metrics."""
    with EmbeddedS3(tmp_path) as store:
        assert listens_at(pid_of(store)) == ["0100007F", "0100007F"]


def test_store_with_address_listens_there(tmp_path):
    with EmbeddedS3(tmp_path, address="127.0.0.2") as store:
        assert store.endpoint_url == f"http://127.0.0.2:{store.identity.port}"
        assert s3_of(store).list_buckets()["Buckets"] == []
        assert EmbeddedS3(tmp_path).environment() == store.environment()


def test_enter_with_foreign_address_names_it(tmp_path):
    with pytest.raises(EmbeddedS3Error, match=r"^The embedded S3 cannot listen on 203\.0\.113\.1: .+\.$"):
        EmbeddedS3(tmp_path, address="203.0.113.1").__enter__()


def test_start_with_taken_port_chooses_another(tmp_path):
    before = EmbeddedS3(tmp_path).identity
    with stranger_on(before.port), EmbeddedS3(tmp_path) as store:
        assert store.identity.port != before.port
        assert store.identity.secret_access_key == before.secret_access_key
        assert s3_of(store).list_buckets()["Buckets"] == []
        assert EmbeddedS3(tmp_path).endpoint_url == store.endpoint_url


def test_start_with_port_just_being_left_keeps_it(tmp_path):
    before = EmbeddedS3(tmp_path).identity
    with socket.create_server((LOOPBACK, before.port)) as ending:
        threading.Timer(0.5, ending.close).start()
        with EmbeddedS3(tmp_path) as store:
            assert store.identity == before


def test_free_port_is_outside_of_the_kernels_range():
    assert free_port() in PORTS


# --- who may ----------------------------------------------------------------------------------------------------------


def test_store_refuses_wrong_keys(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        assert refusal(store, access_key_id="nobody-we-know") == "InvalidAccessKeyId"
        assert refusal(store, secret_access_key="guessed-secret") == "SignatureDoesNotMatch"
        assert httpx.get(store.endpoint_url, headers={"Accept": "application/xml"}).status_code == 403


def test_identity_of_each_folder_differs(tmp_path):
    one, two = EmbeddedS3(tmp_path / "one").identity, EmbeddedS3(tmp_path / "two").identity
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key
    assert len(one.secret_access_key) == 40


# --- what goes wrong --------------------------------------------------------------------------------------------------


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


def test_enter_with_program_that_cannot_run_names_the_reason(tmp_path):
    gone = tmp_path / "gone"
    assert (
        error_of(tmp_path, str(gone)) == f"The embedded S3 cannot be run: [Errno 2] No such file or directory: '{gone}'"
    )


def test_enter_after_a_failed_start_succeeds(tmp_path):
    error_of(tmp_path, program_that(tmp_path, "exit 1"))
    with EmbeddedS3(tmp_path / "store") as store:
        assert s3_of(store).list_buckets()["Buckets"] == []


# --- which program ----------------------------------------------------------------------------------------------------


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "nothing"))
    return folder


def test_enter_without_juicefs_says_how_to_name_a_store(tmp_path, only_path):
    with pytest.raises(EmbeddedS3Error) as caught:
        EmbeddedS3(tmp_path / "store").__enter__()
    assert str(caught.value) == NOT_INSTALLED
    assert "AWS_S3_ENDPOINT_URL" in NOT_INSTALLED


def test_find_juicefs_on_the_path_returns_it(only_path):
    assert find_juicefs() is None
    (only_path / "juicefs").touch(mode=0o700)
    assert find_juicefs() == str(only_path / "juicefs")


def test_extra_environment_reaches_the_server(tmp_path):
    allowed = {"MINIO_API_CORS_ALLOW_ORIGIN": "https://allowed.example.com"}
    ask = {"Access-Control-Request-Method": "PUT"}
    with EmbeddedS3(tmp_path, extra_environment=allowed) as store:
        for origin, answered in {"https://allowed.example.com": True, "https://other.example.com": False}.items():
            headers = httpx.options(f"{store.endpoint_url}/bucket/key", headers=ask | {"Origin": origin}).headers
            assert ("access-control-allow-origin" in headers) is answered


# --- the supervisor, within this process: the tests above run it in a process of its own ------------------------------


@pytest.fixture
def user(tmp_path: Path) -> Iterator[IO[bytes]]:
    """Yield the file `users`, on which this process holds the lock of one user until it is closed."""
    with open_private(tmp_path / "users") as file:
        assert acquire_lock(file, shared=True)
        yield file


def test_supervise_prints_the_pid_and_returns_the_exit_code(capfd, tmp_path, user):
    command = [sys.executable, "-c", "import os; print(os.getpid(), flush=True); os._exit(7)"]
    assert supervisor.supervise(command, tmp_path / "users") == 7
    out, err = capfd.readouterr()
    assert out == err


@pytest.mark.parametrize(("command", "code"), [(SLEEP, -signal.SIGTERM), (DEAF, -signal.SIGKILL)])
def test_supervise_after_last_process_left_stops_the_program(command, code, capfd, tmp_path, user):
    threading.Timer(0.5, user.close).start()
    assert supervisor.supervise(command, tmp_path / "users", killed_after_seconds=0.2) == code


# --- one store for all parts of a process -----------------------------------------------------------------------------


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


# --- the fixture of the pytest plugin ---------------------------------------------------------------------------------


def test_embedded_s3_fixture_is_a_running_store(embedded_s3):
    assert is_alive(pid_of(embedded_s3))
    assert embedded_s3.environment() == {
        "AWS_STORAGE_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": embedded_s3.identity.access_key_id,
        "AWS_SECRET_ACCESS_KEY": embedded_s3.identity.secret_access_key,
        "AWS_SESSION_TOKEN": "",
        "AWS_S3_ENDPOINT_URL": embedded_s3.endpoint_url,
    }
    assert json.loads((embedded_s3.folder / "identity.json").read_text())["address"] == LOOPBACK
    s3_of(embedded_s3).list_buckets()
