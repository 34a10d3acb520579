"""Requests that the tests of several viewsets send."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

PNG, MP4 = b"\x89PNG\r\n\x1a\n", b"\0\0\0\x10ftypisom\0\0\0\0"
BASE = "/modules/s3-file-uploader/service"


@pytest.fixture
def uppy_bucket(settings, bucket):
    settings.S3_FILE_UPLOADER_UPPY_BUCKET = bucket
    return bucket


def url(name, **arguments):
    return reverse(f"s3_service-{name}", kwargs=arguments)


def upload(client, bucket, name="file.txt", content=b"content", **fields):
    file = SimpleUploadedFile(name, content, content_type=fields.pop("content_type", "text/plain"))
    return client.post(url("upload-file"), {"file": file, "bucket": bucket, **fields}, format="multipart")


def put(client, bucket, name, content=b"content", query="", **headers):
    sent = {"content_type": headers.pop("content_type", "text/plain"), "headers": headers}
    return client.put(f"{url('file', bucket_name=bucket, file_name=name)}{query}", content, **sent)
