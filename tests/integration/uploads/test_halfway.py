"""A request fails at any point: afterwards record and object agree, and the key can be used again."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import connection

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.support.faults import FaultyProxy
from tests.support.stores import port_of

BIG = 20 * 2**20


@pytest.fixture
def proxy(store, settings):
    """Connect the service to the store through a proxy with faults. The test connects directly."""
    with FaultyProxy(port_of(store)) as proxy:
        settings.AWS_S3_ENDPOINT_URL = proxy.url
        settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 1
        settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 1
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2
        yield proxy


def upload(client, bucket, content=b"content", **fields):
    data = {"bucket": bucket, "file_name": "key", **fields}
    return client.post("file/upload/", data=data, files={"file": ("f", content)})


def nothing_is_there(store, bucket):
    straight = get_client(endpoint_url=store.endpoint_url)
    return (
        not FileUpload.objects.exists()
        and straight.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        and not straight.list_multipart_uploads(Bucket=bucket).get("Uploads")
    )


@pytest.mark.parametrize("content", [b"small", os.urandom(BIG)], ids=["small", "big"])
@pytest.mark.parametrize("fault", ["cut", "lost answer", "stall"])
@pytest.mark.parametrize("overwrite", ["true", "false"])
def test_upload_with_a_fault_of_s3_can_be_retried(http, user, bucket, store, proxy, fault, content, overwrite):
    client = http(user)
    if overwrite == "true":
        assert upload(client, bucket, b"before").status_code == 201
    proxy.only = b"PUT "
    proxy.cut_after = 300 if fault == "cut" else None
    proxy.stalls = fault == "stall"
    proxy.answers_lost = fault == "lost answer"
    started = time.monotonic()
    answer = upload(client, bucket, content, overwrite=overwrite)
    assert time.monotonic() - started < 20
    assert (answer.status_code, answer.json()["code"]) in {(503, "storage_unavailable"), (504, "storage_timeout")}
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)
    proxy.cut_after, proxy.stalls, proxy.answers_lost = None, False, False
    time.sleep(1.1 if answer.status_code == 504 else 0)
    again = upload(client, bucket, content, overwrite=overwrite)
    assert again.status_code == 201, again.text
    upload_now = FileUpload.objects.get()
    assert upload_now.size == len(content)
    straight = get_client(endpoint_url=store.endpoint_url)
    assert straight.get_object(Bucket=bucket, Key="key")["Body"].read() == content
    assert not straight.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_overwrite_with_a_lost_response_returns_the_new_file(http, user, bucket, proxy):
    """S3 stored the bytes of an overwrite, but its response was lost. The next request gets the right file."""
    client = http(user)
    upload(client, bucket, b"before")
    proxy.only, proxy.answers_lost = b"PUT ", True
    assert upload(client, bucket, b"after!", overwrite="true").status_code == 504
    proxy.answers_lost = False
    time.sleep(1.1)
    assert FileUpload.objects.get().status == "pending"
    conflict = upload(client, bucket, b"third")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "file_exists")
    assert (FileUpload.objects.get().status, FileUpload.objects.get().size) == ("stored", 6)
    assert get_client().get_object(Bucket=bucket, Key="key")["Body"].read() == b"after!"


def test_delete_with_a_fault_is_finished_by_the_next(http, user, bucket, store, proxy):
    client, path = http(user), f"users/{user.pk}/buckets/{bucket}/files/key/remove/"
    upload(client, bucket)
    proxy.only, proxy.cut_after = b"DELETE ", 10
    assert client.delete(path).status_code == 504
    assert client.get("file/presigned/url/", params={"bucket": bucket, "file_name": "key"}).status_code == 404
    proxy.cut_after = None
    time.sleep(1.1)
    assert client.delete(path).status_code == 204
    assert nothing_is_there(store, bucket)


def test_requests_without_s3_return_503(http, user, bucket, settings):
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
    started = time.monotonic()
    answer = upload(http(user), bucket)
    assert time.monotonic() - started < 10
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert answer.headers["retry-after"] == "5"


def test_health_with_a_hanging_store_times_out(http, proxy):
    proxy.stalls = True
    started = time.monotonic()
    answer = http(None).get("health/")
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.json()) == (503, {"database": True, "storage": False})


def test_upload_with_s3_killed_during_it_can_be_retried(http, user, tmp_path, settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 1
    folder, client = tmp_path / "s3", http(user)
    with EmbeddedS3(folder) as doomed, ThreadPoolExecutor(1) as pool:
        for name, value in doomed.environment().items():
            setattr(settings, name, value)
        get_client().create_bucket(Bucket="doomed")
        assert upload(client, "doomed", b"before").status_code == 201
        answer = pool.submit(upload, client, "doomed", os.urandom(5 * BIG), overwrite="true")
        while not get_client().list_multipart_uploads(Bucket="doomed").get("Uploads"):
            time.sleep(0.01)
        os.kill(doomed.pid, signal.SIGKILL)
        assert answer.result().json()["code"] in ("storage_unavailable", "storage_timeout")
        time.sleep(1.1)
    with EmbeddedS3(folder) as again:
        assert again.endpoint_url == doomed.endpoint_url
        assert upload(client, "doomed", b"after", overwrite="true").status_code == 201
        assert get_client().get_object(Bucket="doomed", Key="key")["Body"].read() == b"after"
        assert not get_client().list_multipart_uploads(Bucket="doomed").get("Uploads")


def test_upload_with_a_disconnected_client_leaves_nothing(http, user, bucket, store):
    client = http(user)
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port)) as phone:
        head = (
            f"POST {address.path}file/upload/ HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {client.headers['Authorization']}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
            f'--b\r\nContent-Disposition: form-data; name="bucket"\r\n\r\n{bucket}\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="key"\r\n\r\nxxxx'
        )
        phone.sendall(head.encode())
    time.sleep(0.5)
    assert nothing_is_there(store, bucket)
    assert upload(client, bucket).status_code == 201


REFUSING = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE UPDATE OF status ON s3_file_uploader_fileupload WHEN NEW.status = 'stored' "
        "BEGIN SELECT RAISE(FAIL, 'refused'); END",
        "DROP TRIGGER refuse",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql; "
        "CREATE TRIGGER refuse BEFORE UPDATE ON s3_file_uploader_fileupload FOR EACH ROW WHEN (NEW.status = 'stored') "
        "EXECUTE FUNCTION refuse()",
        "DROP TRIGGER refuse ON s3_file_uploader_fileupload; DROP FUNCTION refuse()",
    ),
}


@pytest.fixture
def database_refuses(transactional_db):
    """Let the database refuse to mark any file as stored."""
    refuse, allow = REFUSING[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(refuse)
        yield lambda: cursor.execute(allow)


def test_upload_with_a_failing_database_can_be_retried(http, user, bucket, store, database_refuses):
    answer = upload(http(user), bucket, os.urandom(BIG))
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert "refused" not in answer.text
    assert nothing_is_there(store, bucket)
    database_refuses()
    assert upload(http(user), bucket).status_code == 201
