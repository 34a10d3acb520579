"""The real store accepts the signed requests unchanged only, which moto does not check."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.s3.presign import presign_part_urls, presign_post, presign_url

KEYS = ["a.txt", "a/b c.txt", "ключ/é.mp4", "100%.txt", "a#b?c&d+e=f;g", "a%2Fb", "😀", "~!*'();:@,", "${x}\\'\""]
CONTENT = b"content"


def an_hour_ago():
    return datetime.now(UTC) - timedelta(hours=1)


def signed(bucket, method="GET", key="file.txt", **options):
    return presign_url(**{"method": method, "bucket": bucket, "key": key, "expires_in_seconds": 60, **options}).url


@pytest.fixture
def stored(bucket):
    get_client().put_object(Bucket=bucket, Key="file.txt", Body=CONTENT, ContentType="text/plain")
    return bucket


def error_of(answer):
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


MISMATCH = (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("key", KEYS)
def test_presigned_urls_of_any_key_upload_and_download(bucket, key):
    headers = {"content-type": "text/x; charset=utf-8", "content-length": "7"}
    put = httpx.put(signed(bucket, "PUT", key, headers=headers), content=CONTENT, headers=headers)
    assert put.status_code == 200, put.text
    got = httpx.get(signed(bucket, key=key, content_disposition="attachment; filename*=utf-8''%C3%A9"))
    assert got.content == CONTENT
    assert got.headers["content-type"] == "text/x; charset=utf-8"
    assert got.headers["content-disposition"] == "attachment; filename*=utf-8''%C3%A9"
    assert httpx.head(signed(bucket, "HEAD", key)).headers["content-length"] == "7"


# --- URLs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/file.txt?", "/other.txt?"),
        ("X-Amz-Expires=60", "X-Amz-Expires=61"),
        ("inline", "attachment"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("us-east-1", "eu-west-1"),
    ],
)
def test_presigned_url_that_is_changed_is_refused(stored, old, new):
    url = signed(stored, content_disposition="inline")
    assert httpx.get(url).status_code == 200
    assert old in url
    assert httpx.get(url.replace(old, new)).status_code in {400, 403}


def test_presigned_url_with_another_method_is_refused(stored):
    assert error_of(httpx.put(signed(stored), content=b"x")) == MISMATCH
    assert error_of(httpx.delete(signed(stored, "PUT"))) == MISMATCH
    assert error_of(httpx.get(signed(stored, "HEAD"))) == MISMATCH
    assert httpx.head(signed(stored)).status_code == 403


def test_presigned_url_for_another_bucket_is_refused(stored, bucket):
    get_client().create_bucket(Bucket=f"{stored}-2")
    get_client().put_object(Bucket=f"{stored}-2", Key="file.txt", Body=b"of others")
    assert error_of(httpx.get(signed(stored).replace(stored, f"{stored}-2"))) == MISMATCH


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_presigned_url_that_expired_is_refused(stored, method):
    url = signed(stored, method, now=an_hour_ago(), expires_in_seconds=3590)
    assert httpx.request(method, url).status_code == 403
    alive = signed(stored, method, now=an_hour_ago(), expires_in_seconds=3700)
    assert httpx.request(method, alive).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"content-type": "text/html", "content-length": "7", "x-amz-meta-a": "b"},
        {"content-type": "text/plain", "content-length": "7", "x-amz-meta-a": "c"},
        {"content-type": "text/plain", "content-length": "7"},
        {"content-type": "text/plain", "content-length": "8", "x-amz-meta-a": "b"},
        {"content-type": "text/plain", "content-length": "6", "x-amz-meta-a": "b"},
    ],
)
def test_presigned_put_with_other_headers_is_refused(bucket, sent):
    headers = {"content-type": "text/plain", "content-length": "7", "x-amz-meta-a": "b"}
    url = signed(bucket, "PUT", headers=headers)
    refused = httpx.put(url, content=b"x" * int(sent["content-length"]), headers=sent)
    assert refused.status_code in {400, 403}, refused.text
    assert httpx.put(url, content=CONTENT, headers=headers).status_code == 200


def test_presigned_put_with_another_body_is_refused(bucket):
    headers = {"x-amz-content-sha256": sha256(CONTENT).hexdigest()}
    url = signed(bucket, "PUT", headers=headers)
    assert httpx.put(url, content=b"CONTENT", headers=headers).status_code == 400
    assert httpx.put(url, content=CONTENT, headers=headers).status_code == 200


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def upload_id(bucket):
    return get_client().create_multipart_upload(Bucket=bucket, Key="file.txt")["UploadId"]


def part_urls(bucket, upload_id, part_numbers=(1, 2, 3), **options):
    upload = {"bucket": bucket, "key": "file.txt", "upload_id": upload_id, "expires_in_seconds": 60}
    return presign_part_urls(**{**upload, "part_numbers": part_numbers, **options})


def test_presigned_parts_become_a_file(bucket, upload_id):
    parts = [b"a" * 5 * 2**20, b"b" * 5 * 2**20, b"c"]
    etags = [
        httpx.put(url, content=part).headers["etag"]
        for url, part in zip(part_urls(bucket, upload_id), parts, strict=True)
    ]
    numbered = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    upload = {"Bucket": bucket, "Key": "file.txt", "UploadId": upload_id}
    get_client().complete_multipart_upload(**upload, MultipartUpload={"Parts": numbered})
    assert httpx.get(signed(bucket)).content == b"".join(parts)


def test_part_url_that_is_changed_is_refused(bucket, upload_id):
    [url] = part_urls(bucket, upload_id, [1])
    other_id = get_client().create_multipart_upload(Bucket=bucket, Key="file.txt")["UploadId"]
    [other_url] = part_urls(bucket, other_id, [1])
    [own] = parse_qs(urlsplit(url).query)["uploadId"]
    assert own == upload_id
    assert error_of(httpx.put(url.replace("partNumber=1&", "partNumber=2&"), content=b"x")) == MISMATCH
    assert error_of(httpx.put(url.replace(quote(own, safe=""), quote(other_id, safe="")), content=b"x")) == MISMATCH
    assert error_of(httpx.put(url.replace("/file.txt?", "/other.txt?"), content=b"x")) == MISMATCH
    assert error_of(httpx.get(url)) == MISMATCH
    assert httpx.put(other_url, content=b"x").status_code == 200
    assert httpx.put(url, content=b"x").status_code == 200


def test_part_url_that_expired_is_refused(bucket, upload_id):
    [url] = part_urls(bucket, upload_id, [1], now=an_hour_ago(), expires_in_seconds=3590)
    assert httpx.put(url, content=b"x").status_code == 403


# --- forms -----------------------------------------------------------------------------------------------------------


def form(bucket, key="file.txt", **options):
    limits = {"min_bytes": 1, "max_bytes": 10, "expires_in_seconds": 60}
    fields = {"Content-Type": "text/plain", "x-amz-meta-a": "b"}
    return presign_post(**{"bucket": bucket, "key": key, "fields": fields, **limits, **options})


def post(form, content=CONTENT, **changed):
    return httpx.post(form.url, data={**form.fields, **changed}, files={"file": ("any-name", content)})


@pytest.mark.parametrize("key", KEYS)
def test_form_uploads_under_any_key(bucket, key):
    answer = post(form(bucket, key))
    assert answer.status_code == 204, answer.text
    stored = head_object(bucket=bucket, key=key)
    assert (stored.size, stored.content_type, stored.metadata) == (7, "text/plain", {"a": "b"})


@pytest.mark.parametrize("size", [1, 10])
def test_form_accepts_sizes_up_to_its_limits(bucket, size):
    assert post(form(bucket), b"x" * size).status_code == 204


@pytest.mark.parametrize("size", [0, 11])
def test_form_refuses_other_sizes(bucket, size):
    assert post(form(bucket), b"x" * size).status_code in {400, 403}


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "other.txt"},
        {"Content-Type": "text/html"},
        {"x-amz-meta-a": "c"},
        {"policy": "e30="},
        {"x-amz-signature": "0" * 64},
        {"x-amz-date": "20130524T000000Z"},
    ],
)
def test_form_that_is_changed_is_refused(bucket, changed):
    answer = post(form(bucket), **changed)
    assert answer.status_code in {400, 403}, answer.text
    assert "Contents" not in get_client().list_objects_v2(Bucket=bucket)


def test_form_for_another_bucket_is_refused(bucket):
    get_client().create_bucket(Bucket=f"{bucket}-2")
    signed_form = form(bucket)
    other = signed_form.url.replace(bucket, f"{bucket}-2")
    answer = httpx.post(other, data=signed_form.fields, files={"file": ("any-name", CONTENT)})
    assert answer.status_code == 403, answer.text


def test_form_that_expired_is_refused(bucket):
    assert post(form(bucket, now=an_hour_ago(), expires_in_seconds=3590)).status_code == 403
    assert post(form(bucket, now=an_hour_ago(), expires_in_seconds=3700)).status_code == 204
