"""A user who may view another user's file by VISIBLE_TO can read it, and change it in no way."""

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.unit.services.conftest import objects_in, parts_left_in, sent, started, stored_file


def everything(queryset, user):
    return queryset


@pytest.fixture
def visible(settings):
    settings.S3_FILE_UPLOADER_VISIBLE_TO = f"{__name__}.everything"


def attacks(owner, bucket, stored, pending):
    """Yield every request that would change a file, with its body and the response to a viewer."""
    file, direct = f"buckets/{bucket}/files/file", f"uploads/{pending.pk}/"
    key = f"?key={pending.file_name}"
    yield "DELETE", f"{file}/", None, "403 not_your_file"
    yield "DELETE", file, None, "403 not_your_file"
    yield "DELETE", f"users/{owner.pk}/{file}/remove/", None, "403 not_your_file"
    yield "DELETE", f"uploads/{stored.pk}/", None, "403 not_your_file"
    yield "DELETE", direct, None, "403 not_your_file"
    yield "GET", f"{direct}parts/", None, "404 upload_not_found"
    yield "POST", f"{direct}parts/", {"part_numbers": [1]}, "404 upload_not_found"
    yield "POST", f"{direct}complete/", {}, "404 upload_not_found"
    yield "GET", f"uppy/s3/multipart/{pending.pk}/1{key}", None, "404 upload_not_found"
    yield (
        "POST",
        f"uppy/s3/multipart/{pending.pk}/complete{key}",
        {"parts": [{"PartNumber": 1}]},
        "404 upload_not_found",
    )
    yield "POST", f"uppy/s3/complete{key}", {}, "404 upload_not_found"
    yield "DELETE", f"uppy/s3/multipart/{pending.pk}{key}", None, "404 upload_not_found"
    for method in ("GET", "DELETE", "POST"):
        sign = {"method": method, "key": pending.file_name, "uploadId": str(pending.pk)}
        yield "POST", "uppy/sign", sign, "404 upload_not_found"
    yield "POST", "shares/", {"bucket": bucket, "file_name": "file"}, "403 not_your_file"
    yield "GET", f"shares/?bucket={bucket}&file_name=file", None, "403 not_your_file"


def test_viewer_cannot_change_a_file_in_any_way(http, visible, user, other, bucket):
    stored = stored_file(user, bucket, "file")
    pending = started(user, bucket, strategy="multipart").upload
    sent(pending)
    viewer = http(other)
    before = list(FileUpload.objects.order_by("pk").values())
    for method, address, body, expected in attacks(user, bucket, stored, pending):
        answer = viewer.request(method, address, json=body)
        assert f"{answer.status_code} {answer.json()['code']}" == expected, (method, address)
    overwritten = viewer.put(f"buckets/{bucket}/files/file/?overwrite=true", content=b"other")
    assert overwritten.json()["code"] == "file_exists"
    assert list(FileUpload.objects.order_by("pk").values()) == before
    assert objects_in(bucket) == ["file"]
    assert parts_left_in(bucket) == [pending.file_name]
    assert viewer.get(f"buckets/{bucket}/files/file/?proxy=true").content == b"content"
    assert viewer.get(f"uploads/{pending.pk}/").status_code == 200


def test_viewer_without_the_setting_finds_nothing(http, user, other, bucket):
    stored = stored_file(user, bucket, "file")
    for address, code in (
        (f"buckets/{bucket}/files/file/", "file_not_found"),
        (f"uploads/{stored.pk}/", "upload_not_found"),
    ):
        answer = http(other).delete(address)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert get_client().get_object(Bucket=bucket, Key="file")["Body"].read() == b"content"


@pytest.mark.parametrize("address", ["buckets/{bucket}/files/file/", "uploads/{pk}/"])
def test_staff_can_delete_a_visible_file(http, visible, user, staff, bucket, address):
    stored = stored_file(user, bucket, "file")
    assert http(staff).delete(address.format(bucket=bucket, pk=stored.pk)).status_code == 204
    assert objects_in(bucket) == []
