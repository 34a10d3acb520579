"""Requests that Uppy sends."""

from urllib.parse import urlencode

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.conftest import client_of

BASE = "/modules/s3-file-uploader/service/uppy"
NAME = "été 😀.txt"


def params(client, base=BASE, **query):
    return client.get(f"{base}/s3/params?{urlencode({'filename': NAME, 'type': 'text/plain', **query})}")


def create(client, base=BASE, **body):
    return client.post(f"{base}/s3/multipart", {"filename": NAME, "type": "text/plain", **body}, format="json")


def begun(person, **body):
    answer = create(client_of(person), **body)
    assert answer.status_code == 200, answer.content
    return FileUpload.objects.get(pk=answer.json()["uploadId"])


def address(upload, ending="", key=None, **query):
    query = {"key": upload.file_name if key is None else key, **query}
    return f"{BASE}/s3/multipart/{upload.pk}{ending}?{urlencode(query)}"


def part_sent(upload, number=1, body=b"content"):
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    return get_client().upload_part(**where, PartNumber=number, Body=body)["ETag"].strip('"')


def refused(answer):
    return answer.status_code, answer.json()["code"]


def sign(client, method, key=NAME, **request):
    return client.post(f"{BASE}/sign", {"method": method, "key": key, **request}, format="json")
