"""Checksums of parts: which one, and what goes to S3."""

import sys
from base64 import b64encode
from hashlib import sha256
from types import ModuleType
from zlib import crc32

import pytest

from s3_file_uploader.s3 import checksums
from s3_file_uploader.s3.checksums import CRC32, PartChecksum, part_checksum
from s3_file_uploader.s3.multipart import complete_multipart
from s3_file_uploader.s3.objects import create_multipart, put_object, put_part
from s3_file_uploader.s3.part_buffer import PartBuffer
from s3_file_uploader.values import StoredPart
from tests.support.answering import AnsweringServer

WHERE = {"bucket": "bucket-one", "key": "key"}
CREATION = {**WHERE, "content_type": "text/plain", "metadata": {}}
CONTENT = b"123456789"
# The check values of the catalogue: https://reveng.sourceforge.io/crc-catalogue/all.htm
CRC32_OF_CONTENT = b64encode(bytes.fromhex("cbf43926")).decode()
CRC64_OF_CONTENT = b64encode(bytes.fromhex("ae8b14860a799888")).decode()
STORED = (200, {"ETag": '"0123"'})


@pytest.fixture
def body():
    filled = PartBuffer(100)
    filled.fill(memoryview(CONTENT))
    return filled


@pytest.fixture
def https_store(settings, certificate, monkeypatch):
    """Return a server with TLS and the abilities of AWS."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.path))
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    settings.S3_FILE_UPLOADER_STORE = ["checksums", "checksum_trailers"]
    with AnsweringServer({"PUT": STORED}) as server:
        certificate.serve(server)
        settings.AWS_S3_ENDPOINT_URL = server.url.replace("http:", "https:")
        yield server


@pytest.fixture
def fastest(monkeypatch):
    """Return a function that chooses anew, with awscrt or without."""

    def chosen(module):
        monkeypatch.setitem(sys.modules, "awscrt.checksums", module)
        return checksums._fastest_checksum.__wrapped__()

    return chosen


@pytest.fixture
def new_awscrt(monkeypatch):
    """Install an awscrt that has CRC64NVME."""
    module = ModuleType("awscrt.checksums")
    module.crc64nvme = crc32
    monkeypatch.setitem(sys.modules, "awscrt.checksums", module)
    checksums._fastest_checksum.cache_clear()
    yield
    checksums._fastest_checksum.cache_clear()


def test_fastest_checksum_without_awscrt_is_crc32(fastest):
    assert fastest(None) == CRC32 == PartChecksum("CRC32", crc32, 4)


def test_fastest_checksum_with_an_old_awscrt_is_crc32(fastest):
    assert fastest(ModuleType("awscrt.checksums")) == CRC32


def test_fastest_checksum_with_awscrt_is_crc64nvme(fastest, body):
    module = ModuleType("awscrt.checksums")
    module.crc64nvme = lambda data: {CONTENT: 0xAE8B14860A799888}[bytes(data)]
    chosen = fastest(module)
    assert chosen.creation == {"ChecksumAlgorithm": "CRC64NVME"}
    assert chosen.of(body) == {"ChecksumCRC64NVME": CRC64_OF_CONTENT}


def test_crc32_has_the_form_that_s3_reads(body):
    assert CRC32.creation == {"ChecksumAlgorithm": "CRC32"}
    assert CRC32.of(body) == {"ChecksumCRC32": CRC32_OF_CONTENT}


@pytest.mark.parametrize(
    ("endpoint_url", "algorithm"), [(None, "CRC64NVME"), ("https://s3.example.com", "CRC32")], ids=["aws", "other"]
)
def test_part_checksum_is_crc64nvme_on_aws_only(settings, new_awscrt, endpoint_url, algorithm):
    settings.AWS_S3_ENDPOINT_URL, settings.S3_FILE_UPLOADER_STORE = endpoint_url, ["checksum_trailers"]
    assert part_checksum().algorithm == algorithm


@pytest.mark.parametrize(("abilities", "is_sent"), [([], False), (["checksums"], False), (["checksum_trailers"], True)])
def test_part_checksum_is_for_stores_that_take_it(settings, abilities, is_sent):
    settings.S3_FILE_UPLOADER_STORE = abilities
    assert (part_checksum() is not None) is is_sent


def test_put_part_over_https_sends_the_checksum_as_header(https_store, body):
    part = put_part(**WHERE, upload_id="1", part_number=2, body=body, checksum=CRC32)
    assert part == StoredPart(2, len(CONTENT), "0123", {"ChecksumCRC32": CRC32_OF_CONTENT})
    headers = https_store.requests[0][2]
    assert (headers["x-amz-checksum-crc32"], headers["X-Amz-Content-SHA256"]) == (CRC32_OF_CONTENT, "UNSIGNED-PAYLOAD")
    assert not {"X-Amz-Trailer", "Transfer-Encoding", "Content-Encoding"} & headers.keys()
    assert https_store.sent == [CONTENT]


def test_put_object_over_https_sends_the_sha256_as_header(https_store, body):
    checksum = sha256(CONTENT)
    put_object(**CREATION, body=body, checksum_sha256=checksum.hexdigest(), only_if_absent=False)
    headers = https_store.requests[0][2]
    assert headers["x-amz-checksum-sha256"] == b64encode(checksum.digest()).decode()
    assert headers["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"
    assert not {"X-Amz-Trailer", "Transfer-Encoding", "Content-Encoding"} & headers.keys()
    assert https_store.sent == [CONTENT]


def test_put_object_without_the_ability_sends_no_checksum(https_store, settings, body):
    settings.S3_FILE_UPLOADER_STORE = []
    put_object(**CREATION, body=body, checksum_sha256=sha256(CONTENT).hexdigest(), only_if_absent=False)
    assert not [name for name in https_store.requests[0][2] if name.lower().startswith("x-amz-checksum")]


@pytest.mark.parametrize(("checksum", "announced"), [(CRC32, "CRC32"), (None, None)])
def test_create_multipart_announces_the_checksum(https_store, checksum, announced):
    https_store.answers = {"POST": (200, {})}
    https_store.content = b"<R><UploadId>1</UploadId></R>"
    create_multipart(**CREATION, checksum=checksum)
    assert https_store.requests[0][2].get("x-amz-checksum-algorithm") == announced


def test_complete_multipart_names_the_checksum_of_each_part(https_store):
    https_store.answers, https_store.content = {"POST": (200, {})}, b"<R><ETag>e</ETag></R>"
    parts = [StoredPart(1, 9, "e", {"ChecksumCRC32": CRC32_OF_CONTENT}), StoredPart(2, 9, "f")]
    complete_multipart(**WHERE, upload_id="1", parts=parts)
    (sent,) = https_store.sent
    assert (
        sent.count(f"<ChecksumCRC32>{CRC32_OF_CONTENT}</ChecksumCRC32>".encode()) == sent.count(b"<ChecksumCRC32>") == 1
    )
