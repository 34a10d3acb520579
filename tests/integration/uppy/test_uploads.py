"""What Uppy, as npm has it, sends through this service lies in S3, whole, with a record of its sender."""

import hashlib
import os
from pathlib import Path

import pytest
from django.utils.http import urlencode

from s3_file_uploader import s3
from s3_file_uploader.models import FileUpload
from s3_file_uploader.multipart import multipart_uploads
from tests.integration.conftest import token_of
from tests.integration.served import SERVICE

MIB = 2**20
MAJORS = ("five", "six")


def endpoint_of(pages):
    return pages.url.rstrip("/") + "/uppy"


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_in_s3(upload: FileUpload) -> str:
    body = s3.client().get_object(Bucket=upload.bucket, Key=upload.file_name)["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(MIB):
        digest.update(chunk)
    return digest.hexdigest()


def file_of(folder: Path, size: int, name: str = "video.mp4") -> Path:
    path = folder / name
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        file.write(os.urandom(size % MIB))
    return path


def stored_check(owner, path, finished, *, content_type="video/mp4"):
    upload = FileUpload.objects.get()
    assert finished["successful"] == 1, finished
    assert (upload.status, upload.user, upload.size) == ("stored", owner, path.stat().st_size)
    assert (upload.original_name, upload.content_type, upload.bucket) == (path.name, content_type, "uppy")
    assert bytes_in_s3(upload) == sha256_of(path)
    assert [record["id"] for record in finished["records"]] == [str(upload.pk)]
    assert [answer["key"] for answer in finished["answers"]] == [upload.file_name]
    assert multipart_uploads(bucket="uppy") == []
    return upload


def open_uppy(visitor, pages, major, **options):
    endpoint = options.pop("endpoint", endpoint_of(pages))
    plugin = {"endpoint": endpoint} if major == "five" else {"companionEndpoint": endpoint}
    visitor.run("open", {"plugin": plugin, "endpoint": endpoint, **options})


@pytest.fixture
def visitor(visitor_of, pages, user, request):
    visitor = visitor_of(user)
    return visitor


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(
    ("size", "name", "parts"),
    [(5, "hello.mp4", 0), (0, "empty.mp4", 0), (1000, "été 文件 😀 & 'q' (1)+.mp4", 0), (20 * MIB, "video.mp4", 4)],
    ids=["small", "empty", "unicode", "parts"],
)
def test_by_session(visitor, pages, user, tmp_path, major, size, name, parts):
    path = file_of(tmp_path, size, name)
    visitor.goto(f"http://127.0.0.1:{pages.port}/pages/{major}/")
    open_uppy(visitor, pages, major, partsFrom=6 * MIB)
    visitor.choose(path)
    visitor.run("add({})")
    visitor.run("send()")
    finished = visitor.run("finished()")
    print(finished, visitor.complaints)
    stored_check(user, path, finished)
    assert finished["parts"] == (parts if major == "six" or parts else 1)
    assert visitor.complaints == []
