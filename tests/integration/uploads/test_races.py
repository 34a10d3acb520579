"""Parallel requests for one key: each database resolves the race, and the record describes the object."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256

import pytest
from django.contrib.auth.models import User

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from tests.integration.conftest import client_at

AT_ONCE = 8


@pytest.fixture
def users(transactional_db):
    return [User.objects.create_user(f"user{number}") for number in range(AT_ONCE)]


def all_at_once(calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def uploading(client, bucket, content, **fields):
    def call():
        data = {"bucket": bucket, "file_name": "key", **fields}
        return client.post("file/upload/", data=data, files={"file": ("f", content)})

    return call


def record_and_object_agree(bucket):
    upload = FileUpload.objects.get()
    content = get_client().get_object(Bucket=bucket, Key="key")["Body"].read()
    assert (upload.status, upload.size) == ("stored", len(content))
    assert upload.checksum_sha256 == sha256(content).hexdigest()
    assert upload.etag == head_object(bucket=bucket, key="key").etag
    return upload


@pytest.mark.parametrize("size", [1000, 9 * 2**20])
def test_first_uploads_in_parallel_store_one_file(http, users, bucket, size):
    clients = [http(one) for one in users]
    answers = all_at_once([uploading(client, bucket, os.urandom(size)) for client in clients])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (AT_ONCE - 1)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"file_exists"}
    winner = next(answer.json() for answer in answers if answer.status_code == 201)
    assert str(record_and_object_agree(bucket).pk) == winner["id"]
    assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_overwrites_in_parallel_with_other_users_keep_the_owner(http, users, bucket):
    owner, *others = users
    assert uploading(http(owner), bucket, b"first")().status_code == 201
    for _ in range(5):
        calls = [uploading(http(owner), bucket, os.urandom(5000), overwrite="true") for _ in range(4)]
        calls += [uploading(http(other), bucket, b"stranger", overwrite="true") for other in others[:4]]
        answers = all_at_once(calls)
        assert {answer.status_code for answer in answers[4:]} == {409}
        assert {answer.status_code for answer in answers[:4]} <= {201, 409}
        assert 201 in {answer.status_code for answer in answers[:4]}
        checksums = [answer.json()["checksum_sha256"] for answer in answers[:4] if answer.status_code == 201]
        assert record_and_object_agree(bucket).checksum_sha256 in checksums


def test_deletes_and_uploads_in_parallel_agree(http, users, bucket):
    owner = users[0]
    path = f"users/{owner.pk}/buckets/{bucket}/files/key/remove/"
    clients = [http(owner) for _ in range(AT_ONCE)]
    for _ in range(6):
        calls = [uploading(client, bucket, os.urandom(2000), overwrite="true") for client in clients[:4]]
        calls += [lambda client=client: client.delete(path) for client in clients[4:]]
        answers = all_at_once(calls)
        assert {answer.status_code for answer in answers} <= {201, 204, 404, 409}
        if FileUpload.objects.exists():
            record_and_object_agree(bucket)
        else:
            assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("way", ["raw", "form", "direct", "overwrite"])
def test_uploads_in_parallel_with_one_key_are_one_upload(served, user, bucket, way):
    """Each response is the one record, or that the first request is still running, but never `file_exists`."""
    with ExitStack() as stack:
        clients = [stack.enter_context(client_at(served.url, user)) for _ in range(AT_ONCE)]
        for number in range(8):
            headers = {"Idempotency-Key": str(number)}
            if way == "overwrite":
                clients[0].put(f"buckets/{bucket}/files/{number}/", content=b"before")
            answers = all_at_once([sending(client, bucket, str(number), way, headers) for client in clients])
            codes = {answer.json()["code"] for answer in answers if answer.status_code != 201}
            assert codes <= {"upload_in_progress"}
            assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert FileUpload.objects.count() == 8


def sending(client, bucket, name, way, headers):
    def call():
        if way == "direct":
            body = {"bucket": bucket, "file_name": name, "size": 7, "strategy": "put"}
            return client.post("uploads/", json=body, headers=headers)
        if way == "form":
            form = {"data": {"bucket": bucket, "file_name": name}, "files": {"file": ("f", b"content")}}
            return client.post("file/upload/", headers=headers, **form)
        query = {"overwrite": "true"} if way == "overwrite" else {}
        return client.put(f"buckets/{bucket}/files/{name}/", content=b"content", headers=headers, params=query)

    return call
