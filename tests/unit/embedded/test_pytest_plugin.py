import json

import pytest

from s3_file_uploader.embedded import LOOPBACK
from tests.support.processes import is_alive
from tests.unit.embedded.conftest import pid_of, s3_of

pytestmark = pytest.mark.slow  # It starts servers.


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
