"""The policy function of the host runs once a request, however many questions the request asks of a policy."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from s3_file_uploader.policy.bucket_policy import Policy
from tests.conftest import client_of
from tests.unit.services.conftest import sent, started, stored_file

pytestmark = pytest.mark.django_db
BASE = "/modules/s3-file-uploader/service"
calls: list[tuple[object, str]] = []


def count(user: object, bucket: str, policy: Policy) -> Policy:
    calls.append((user, bucket))
    return policy


@pytest.fixture
def counted(settings):
    def count_calls():
        calls.clear()
        settings.S3_FILE_UPLOADER_POLICY = f"{__name__}.count"
        return calls

    return count_calls


def post_form(client, bucket):
    file = SimpleUploadedFile("form.txt", b"hello")
    return client.post(f"{BASE}/file/upload/", {"bucket": bucket, "file": file}, format="multipart")


def put_raw(client, bucket):
    return client.put(f"{BASE}/buckets/{bucket}/files/raw.txt/", "hello", content_type="text/plain")


def start_direct(client, bucket):
    return client.post(f"{BASE}/uploads/", {"bucket": bucket, "file_name": "f", "size": 5}, format="json")


def presign(client, bucket):
    return client.get(f"{BASE}/file/presigned/url/", {"bucket": bucket, "file_name": "file"})


def read(client, bucket):
    return client.get(f"{BASE}/buckets/{bucket}/files/file/")


def share(client, bucket):
    return client.post(f"{BASE}/shares/", {"bucket": bucket, "file_name": "file"}, format="json")


@pytest.mark.parametrize(
    "send", [post_form, put_raw, start_direct, presign, read, share], ids=lambda each: each.__name__
)
def test_policy_function_runs_once_a_request(user, bucket, counted, send):
    stored_file(user, bucket)
    client, seen = client_of(user), counted()
    answer = send(client, bucket)
    assert answer.status_code < 400, answer.content
    assert seen == [(user, bucket)]


def test_policy_function_runs_once_to_complete_a_direct_upload(user, bucket, counted):
    upload = started(user, bucket).upload
    sent(upload)
    client, seen = client_of(user), counted()
    assert client.post(f"{BASE}/uploads/{upload.pk}/complete/").status_code == 200
    assert seen == [(user, bucket)]


def test_policy_function_of_staff_upload_receives_the_owner(user, staff, bucket, counted):
    seen = counted()
    file = SimpleUploadedFile("form.txt", b"hello")
    form = {"bucket": bucket, "file": file, "user_id": str(user.pk)}
    assert client_of(staff).post(f"{BASE}/file/upload/", form, format="multipart").status_code == 201
    assert seen == [(user, bucket)]
