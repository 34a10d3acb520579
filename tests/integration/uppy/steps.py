"""Steps of tests with Uppy, and assertions about their results."""

import hashlib
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.multipart import list_multipart_uploads
from tests.integration.uppy.browser import Visitor
from tests.support.served import Served

MIB = 2**20
MAJORS = ("five", "six")
BUCKET = "uppy"
PART_BYTES = 5 * MIB  # The smallest part size of Uppy.
ODD_NAME = "été 文件 😀 &&amp; 'q' \"r\" +(1)%41.mp4"


def endpoint_of(pages: Served) -> str:
    """Return the options of Uppy that name the service."""
    return f"{pages.url}uppy"


def uppy_open(visitor: Visitor, pages: Served, major: str, *, endpoint: str = "", **options: Any) -> None:
    """Open the page, and configure Uppy on it, with parts from 6 MiB on."""
    endpoint = endpoint or endpoint_of(pages)
    visitor.goto(f"http://127.0.0.1:{pages.port}/pages/{major}/")
    server = {} if "sign" in options else {"endpoint" if major == "five" else "companionEndpoint": endpoint}
    plugin = {**server, **options.pop("plugin", {})}
    visitor.run("start", {"endpoint": endpoint, "partsFrom": 6 * MIB, "plugin": plugin, **options})


def file_chosen(visitor: Visitor, path: Path, **details: Any) -> None:
    """Choose a file and start to upload it."""
    visitor.choose(path)
    visitor.run("add", details)
    visitor.run("send")


def sent(visitor: Visitor, path: Path, **details: Any) -> dict[str, Any]:
    """Upload a file and wait for success or failure."""
    file_chosen(visitor, path, **details)
    return finished(visitor)


def finished(visitor: Visitor) -> dict[str, Any]:
    """Wait until Uppy is done, and return its result with the service's responses."""
    result: dict[str, Any] = visitor.run("finished")
    return result


def stored_check(owner: User, path: Path, result: dict[str, Any], *, content_type: str = "video/mp4") -> FileUpload:
    """Compare the one record with the object in S3 and with the response to the page. Return the record."""
    assert (result["errors"], result["successful"], result["failed"]) == ([], 1, 0)
    upload = FileUpload.objects.get()
    assert (upload.status, upload.user, upload.bucket) == ("stored", owner, BUCKET)
    assert (upload.original_name, upload.size, upload.content_type) == (path.name, path.stat().st_size, content_type)
    assert stored_sha256(upload) == sha256(path)
    assert [record["id"] for record in result["records"]] == [str(upload.pk)]
    assert [record["status"] for record in result["records"]] == ["stored"]
    assert [answer["key"] for answer in result["answers"]] == [upload.file_name]
    assert not list(list_multipart_uploads(bucket=BUCKET))
    return upload


def nothing_left_check() -> None:
    """Assert that there are no records, objects and parts, except a record without a user that waits for late parts."""
    assert not FileUpload.objects.exclude(status="deleting", user=None).exists()
    assert not get_client().list_objects_v2(Bucket=BUCKET).get("Contents")
    assert not list(list_multipart_uploads(bucket=BUCKET))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stored_sha256(upload: FileUpload) -> str:
    digest = hashlib.sha256()
    for chunk in get_client().get_object(Bucket=upload.bucket, Key=upload.file_name)["Body"].iter_chunks(MIB):
        digest.update(chunk)
    return digest.hexdigest()
