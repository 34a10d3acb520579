import threading

import pytest

from s3_file_uploader.embedded import EmbeddedS3

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
