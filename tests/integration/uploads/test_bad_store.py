"""Distrust of a store that ignores conditions and ranges: right answers or clear errors, never a wrong record."""

from hashlib import sha256

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import bucket_compare, housekeeping_run
from s3_file_uploader.services.housekeeping.repairs import Repairs
from s3_file_uploader.services.reports import Kind
from s3_file_uploader.values import mib
from tests.integration.conftest import new_bucket
from tests.support.killing import objects_in
from tests.support.rclone import Rclone
from tests.support.stores import use_store

CONTENT = b"0123456789" * 100
OTHER = b"9876543210" * 50
CHECKSUM = sha256(CONTENT).hexdigest()
LARGE = b"0123456789" * (mib(11) // 10)


@pytest.fixture(scope="module")
def rclone(tmp_path_factory):
    with Rclone(tmp_path_factory.mktemp("rclone")) as store:
        yield store


@pytest.fixture(autouse=True)
def bucket(store, rclone, own_settings):
    use_store(own_settings, rclone)
    return new_bucket()


@pytest.fixture
def client(http, user):
    return http(user)


def put_by_another_program(bucket, key, body=OTHER):
    get_client().put_object(Bucket=bucket, Key=key, Body=body)


def is_in_agreement(bucket, **contents):
    """Return True if records and objects agree, and there are exactly these."""
    objects = objects_in(bucket)
    recorded = {
        upload.file_name: (upload.size, upload.etag, upload.checksum_sha256)
        for upload in FileUpload.objects.filter(bucket=bucket, status=FileUpload.Status.STORED)
    }
    digests = {key: sha256(body).hexdigest() for key, body in contents.items()}
    return recorded == objects and {key: digest for key, (*_, digest) in objects.items()} == digests


@pytest.mark.parametrize("content", [b"", CONTENT, LARGE], ids=["empty", "small", "in parts"])
def test_upload_through_the_server_is_stored(client, bucket, content):
    answer = client.put(f"buckets/{bucket}/files/file/", content=content)
    assert (answer.status_code, answer.json()["checksum_sha256"]) == (201, sha256(content).hexdigest())
    assert is_in_agreement(bucket, file=content)
    assert client.get(f"buckets/{bucket}/files/file/", params={"proxy": "true"}).content == content


@pytest.mark.parametrize("strategy", ["put", "multipart"])
def test_direct_upload_is_stored(client, bucket, strategy):
    body = {"bucket": bucket, "file_name": "file", "size": len(CONTENT), "checksum_sha256": CHECKSUM}
    record = client.post("uploads/", json={**body, "strategy": strategy}).json()
    transfer = record["transfer"]
    target = transfer if strategy == "put" else transfer["parts"][0]
    assert httpx.put(target["url"], headers=transfer.get("headers"), content=CONTENT).status_code == 200
    answer = client.post(f"uploads/{record['id']}/complete/")
    assert (answer.status_code, answer.json()["checksum_sha256"]) == (200, CHECKSUM)
    assert is_in_agreement(bucket, **{record["file_name"]: CONTENT})


def test_direct_upload_of_other_bytes_is_removed(client, bucket):
    body = {"bucket": bucket, "file_name": "file", "size": len(CONTENT), "checksum_sha256": CHECKSUM}
    record = client.post("uploads/", json={**body, "strategy": "put"}).json()
    url, headers = record["transfer"]["url"], record["transfer"]["headers"]
    assert httpx.put(url, headers=headers, content=CONTENT[::-1]).status_code == 200
    assert client.post(f"uploads/{record['id']}/complete/").json()["code"] == "checksum_mismatch"
    assert is_in_agreement(bucket)


def test_form_is_refused_before_it_is_sent(client, bucket):
    answer = client.post("uploads/", json={"bucket": bucket, "file_name": "file", "size": 1, "strategy": "post"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["strategy"])


def test_upload_over_a_file_is_refused(client, bucket):
    client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
    answer = client.put(f"buckets/{bucket}/files/file/", content=OTHER)
    assert (answer.status_code, answer.json()["code"]) == (409, "file_exists")
    assert is_in_agreement(bucket, file=CONTENT)


def test_upload_over_an_object_of_another_program_is_refused(client, bucket):
    put_by_another_program(bucket, "file")
    answer = client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
    assert (answer.status_code, answer.json()["code"]) == (409, "file_exists")
    assert not FileUpload.objects.exists()
    assert get_client().get_object(Bucket=bucket, Key="file")["Body"].read() == OTHER


@pytest.mark.parametrize(("first", "last"), [(0, 9), (5, 5), (990, 999)])
def test_download_of_a_range_has_its_bytes(client, bucket, first, last):
    client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
    headers = {"Range": f"bytes={first}-{last}"}
    answer = client.get(f"buckets/{bucket}/files/file/", params={"proxy": "true"}, headers=headers)
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_download_of_replaced_bytes_is_an_error(client, bucket):
    client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
    put_by_another_program(bucket, "file", CONTENT[::-1])
    answer = client.get(f"buckets/{bucket}/files/file/", params={"proxy": "true"})
    assert (answer.status_code, answer.json()["code"]) == (502, "storage_error")


def test_housekeeping_and_comparison_find_what_is_wrong(client, bucket):
    for name in ("kept", "changed", "gone"):
        client.put(f"buckets/{bucket}/files/{name}/", content=CONTENT)
    assert housekeeping_run().is_complete
    assert bucket_compare(bucket=bucket).objects_compared == 3
    put_by_another_program(bucket, "changed")
    put_by_another_program(bucket, "stray")
    get_client().delete_object(Bucket=bucket, Key="gone")
    found = []
    bucket_compare(bucket=bucket, on_finding=found.append, repairs=Repairs(remove_records=True, update_records=True))
    assert {finding.file_name: finding.kind for finding in found} == {
        "changed": Kind.OBJECT_CHANGED,
        "stray": Kind.OBJECT_WITHOUT_RECORD,
        "gone": Kind.RECORD_WITHOUT_OBJECT,
    }
    get_client().delete_object(Bucket=bucket, Key="stray")
    assert is_in_agreement(bucket, kept=CONTENT, changed=OTHER)


def test_file_delete_removes_object_and_record(client, bucket):
    client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
    assert client.delete(f"buckets/{bucket}/files/file/").status_code == 204
    assert is_in_agreement(bucket)


def test_bucket_is_created_and_removed_only_if_empty(http, staff):
    client, name = http(staff), new_bucket()
    get_client().delete_bucket(Bucket=name)
    assert client.post("bucket/create/", json={"bucket": name}).status_code == 201
    put_by_another_program(name, "file")
    owner_id = get_client().list_buckets()["Owner"]["ID"]
    answer = client.delete(f"owners/{owner_id}/buckets/{name}/remove/")
    assert (answer.status_code, answer.json()["code"]) == (409, "bucket_not_empty")
    get_client().delete_object(Bucket=name, Key="file")
    assert client.delete(f"owners/{owner_id}/buckets/{name}/remove/").status_code == 204
