"""Where the store listens."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from s3_file_uploader.embedded import LOOPBACK, EmbeddedS3, EmbeddedS3Error, free_port
from s3_file_uploader.embedded.ports import PORTS
from tests.unit.embedded.conftest import pid_of, s3_of

pytestmark = pytest.mark.slow  # It starts servers.


@contextmanager
def stranger_on(port: int) -> Iterator[None]:
    with socket.create_server((LOOPBACK, port)):
        yield


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
