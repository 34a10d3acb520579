"""Files whose bytes contradict the declared type are refused in every way, and runnable types are never inline."""

from random import Random

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
HTML = b"<!-- a --><html><script>alert(1)</script>" + b" " * 2000


def objects_in(bucket):
    return get_client().list_objects_v2(Bucket=bucket)["KeyCount"]


@pytest.mark.parametrize("way", ["form", "raw"])
def test_upload_of_other_bytes_through_the_server_is_refused(http, user, bucket, way):
    client, path = http(user), f"buckets/{bucket}/files/a.png/"

    def send(content):
        if way == "form":
            return client.post("file/upload/", data={"bucket": bucket}, files={"file": ("a.png", content, "image/png")})
        return client.put(path, content=content, headers={"Content-Type": "image/png"})

    refused = send(HTML)
    assert (refused.status_code, refused.json()["code"]) == (400, "content_type_mismatch")
    assert (objects_in(bucket), FileUpload.objects.count()) == (0, 0)
    assert send(PNG).json()["content_type"] == "image/png"
    assert head_object(bucket=bucket, key="a.png").content_type == "image/png"


UNKNOWN_BYTES = {
    "random": Random(1).randbytes(100_000),  # noqa: S311 - the same bytes in every run
    "zeros": bytes(100_000),
    "binary": b"\1\2\3no signature" * 1000,
}


@pytest.mark.parametrize("content", UNKNOWN_BYTES.values(), ids=UNKNOWN_BYTES)
@pytest.mark.parametrize("way", ["form", "raw", "direct"])
def test_upload_of_unknown_bytes_is_stored_as_octet_stream(http, user, bucket, way, content):
    client = http(user)
    if way == "form":
        answer = client.post("file/upload/", data={"bucket": bucket}, files={"file": ("a.unknown", content)})
        assert answer.status_code == 201
    elif way == "raw":
        answer = client.put(f"buckets/{bucket}/files/a.unknown/", content=content)
        assert answer.status_code == 201
    else:
        body = {"bucket": bucket, "file_name": "a.unknown", "size": len(content), "strategy": "put"}
        started = client.post("uploads/", json=body)
        transfer = started.json()["transfer"]
        assert httpx.put(transfer["url"], content=content, headers=transfer["headers"]).is_success
        answer = client.post(f"uploads/{started.json()['id']}/complete/")
        assert (started.status_code, answer.status_code) == (201, 200)
    assert answer.json()["content_type"] == "application/octet-stream"


@pytest.mark.parametrize("strategy", ["put", "post", "multipart"])
def test_direct_upload_of_other_bytes_is_refused(http, user, bucket, strategy):
    client = http(user)
    body = {"bucket": bucket, "file_name": "a.png", "size": len(HTML), "content_type": "image/png"}
    started = client.post("uploads/", json={**body, "strategy": strategy}).json()
    transfer = started["transfer"]
    if strategy == "put":
        sent = httpx.put(transfer["url"], content=HTML, headers=transfer["headers"])
    elif strategy == "post":
        sent = httpx.post(transfer["url"], data=transfer["fields"], files={"file": HTML})
    else:
        sent = httpx.put(transfer["parts"][0]["url"], content=HTML)
    assert sent.is_success
    refused = client.post(f"uploads/{started['id']}/complete/")
    assert (refused.status_code, refused.json()["code"]) == (400, "content_type_mismatch")
    assert objects_in(bucket) == 0
    assert client.get(f"uploads/{started['id']}/").status_code == 404


def test_runnable_file_is_an_attachment_in_every_response(http, user, bucket):
    client, path = http(user), f"buckets/{bucket}/files/a%CC%81.html/"
    assert client.put(path, content=HTML, headers={"Content-Type": "text/html"}).json()["file_name"] == "\u00e1.html"
    params = {"disposition": "inline"}
    presigned = client.get(
        "file/presigned/url/", params={"bucket": bucket, "file_name": "a\u0301.html", **params}
    ).json()
    ways = (
        client.get(path, params={"proxy": "true", **params}),
        httpx.get(client.get(path, params=params).headers["location"]),
        httpx.get(presigned["url"]),
    )
    for answer in ways:
        assert (answer.status_code, answer.content) == (200, HTML)
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''a%CC%81.html")
    assert ways[0].headers["x-content-type-options"] == "nosniff"
    assert client.delete(path).status_code == 204
