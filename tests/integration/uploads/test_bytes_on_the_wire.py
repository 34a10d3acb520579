"""Checksums that a real store compares: over https with all abilities, as on AWS, and on a line that flips a bit."""

from hashlib import sha256

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.checksums import part_checksum
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.values import ABILITIES, mib
from tests.integration.conftest import new_bucket
from tests.support.faults import FaultyProxy

SMALL, LARGE = b"0123456789" * 100, b"0123456789abcdef" * (mib(11) // 16)


@pytest.fixture
def with_abilities(seaweedfs, own_settings):
    own_settings.S3_FILE_UPLOADER_STORE = ABILITIES
    return seaweedfs


@pytest.fixture
def flipping_line(with_abilities, own_settings):
    """Put a proxy before the store, which flips a bit in the body of each PUT."""
    with FaultyProxy(int(with_abilities.endpoint_url.rpartition(":")[2])) as proxy:
        own_settings.AWS_S3_ENDPOINT_URL = proxy.url
        proxy.only = b"PUT"
        yield proxy


def put(client, bucket, content):
    return client.put(f"buckets/{bucket}/files/file/", content=content)


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_upload_over_https_keeps_bytes_and_checksum(with_abilities, own_settings, monkeypatch, http, user, content):
    own_settings.AWS_S3_ENDPOINT_URL = with_abilities.https_url
    monkeypatch.setenv("AWS_CA_BUNDLE", str(with_abilities.certificate))
    answer = put(http(user), bucket := new_bucket(), content)
    assert (answer.status_code, answer.json()["checksum_sha256"]) == (201, sha256(content).hexdigest())
    kept = get_client().get_object(Bucket=bucket, Key="file", ChecksumMode="ENABLED")
    assert kept["Body"].read() == content
    assert kept.get("ChecksumSHA256" if content == SMALL else f"Checksum{part_checksum().algorithm}")


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_upload_with_a_flipped_bit_is_refused_by_the_store(flipping_line, http, user, content):
    bucket = new_bucket()
    flipping_line.flips = True
    answer = put(http(user), bucket, content)
    assert (answer.status_code, answer.json()["code"]) == (502, "storage_error")
    assert "Contents" not in get_client().list_objects_v2(Bucket=bucket)
    assert not FileUpload.objects.filter(status="stored").exists()
    flipping_line.flips = False
    assert put(http(user), bucket, content).status_code == 201
