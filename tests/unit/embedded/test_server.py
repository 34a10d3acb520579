"""The embedded S3 is really started: it takes a third of a second."""

import os
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from s3_file_uploader.embedded import EmbeddedS3, supervisor
from tests.support.processes import is_alive
from tests.unit.embedded.conftest import another_process, pid_of, pid_said, s3_of, within

pytestmark = pytest.mark.slow  # It starts servers.


def refusal(store: EmbeddedS3, *, access_key_id: str = "", secret_access_key: str = "") -> str:
    with pytest.raises(ClientError) as caught:
        s3_of(store, access_key_id=access_key_id, secret_access_key=secret_access_key).list_buckets()
    return caught.value.response["Error"]["Code"]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


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


@pytest.fixture
def ctrl_c():
    """Have SIGINT interrupt, also if a shell started the tests in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_exit_interrupted_kills_the_server_at_once(tmp_path, ctrl_c):
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


def test_store_refuses_wrong_keys(tmp_path):
    with EmbeddedS3(tmp_path) as store:
        assert refusal(store, access_key_id="nobody-we-know") == "InvalidAccessKeyId"
        assert refusal(store, secret_access_key="guessed-secret") == "SignatureDoesNotMatch"
        assert httpx.get(store.endpoint_url, headers={"Accept": "application/xml"}).status_code == 403


def test_extra_environment_reaches_the_server(tmp_path):
    own = {"MINIO_API_CORS_ALLOW_ORIGIN": "https://allowed.example.com"}
    with EmbeddedS3(tmp_path, extra_environment=own) as store:

        def allows(name):
            ask = {"Access-Control-Request-Method": "PUT", "Origin": f"https://{name}.example.com"}
            return (
                "access-control-allow-origin" in httpx.options(f"{store.endpoint_url}/bucket/key", headers=ask).headers
            )

        # The server reads its configuration while it responds already.
        assert within(10, lambda: (allows("allowed"), allows("other")) == (True, False))
