import fcntl
import threading
import time
from pathlib import Path

import pytest

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.embedded.identity import Identity, read_identity, write_identity

pytestmark = pytest.mark.slow  # It starts servers.


def test_identity_read_by_many_at_once_is_created_once(tmp_path):
    folder, seen = tmp_path / "new", []
    threads = [threading.Thread(target=lambda: seen.append(EmbeddedS3(folder).identity)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_identity_of_each_folder_differs(tmp_path):
    one, two = EmbeddedS3(tmp_path / "one").identity, EmbeddedS3(tmp_path / "two").identity
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key
    assert len(one.secret_access_key) == 40


def test_identity_that_another_process_creates_meanwhile_is_read(tmp_path):
    seen, identity, name = [], Identity(1, "id", "secret"), tmp_path / "identity.lock"
    thread = threading.Thread(target=lambda: seen.append(read_identity(tmp_path)))
    with name.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        while sum(path.exists() and path.samefile(name) for path in Path("/proc/self/fd").iterdir()) < 2:
            time.sleep(0.01)  # Until the other one has opened the lock, and found no identity before.
        write_identity(tmp_path, identity)
    thread.join()
    assert seen == [identity]
