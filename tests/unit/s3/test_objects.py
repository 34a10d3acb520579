"""The calls about objects, as a server that stands in for S3 receives them, and as it answers them."""

import socket
import threading
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from botocore.stub import Stubber

from s3_file_uploader import exceptions as own
from s3_file_uploader.embedded import free_port
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import (
    create_multipart,
    delete_object,
    head_object,
    list_object_pages,
    put_object,
    put_part,
)
from s3_file_uploader.s3.part_buffer import PartBuffer
from s3_file_uploader.values import ListedObject, StoredPart
from tests.support.answering import AnsweringServer

DESCRIBED = {
    "Content-Length": "7",
    "Content-Type": "text/plain",
    "ETag": '"0123"',
    "Last-Modified": "Sat, 28 Nov 2026 04:33:00 GMT",
    "x-amz-meta-Name": "value",
}
STORED = (200, {"ETag": '"0123"'})
TOO_MUCH = bytes(32 * 2**20)  # More than the buffers of two sockets hold.
WHERE = {"bucket": "bucket-one", "key": "a b/é"}
CREATION = {**WHERE, "content_type": "text/plain", "metadata": {"name": "value"}}
PATH = "/bucket-one/a%20b/%C3%A9"
CHECKSUM = sha256(b"content").hexdigest()


@pytest.fixture
def store(settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    with AnsweringServer({}) as server:
        settings.AWS_S3_ENDPOINT_URL = server.url
        yield server


def body_of(content):
    body = PartBuffer(len(content))
    body.fill(memoryview(content))
    return body


def put(content=b"content", *, only_if_absent=False):
    checksum = sha256(content).hexdigest()
    return put_object(**CREATION, body=body_of(content), checksum_sha256=checksum, only_if_absent=only_if_absent)


def send_part(content=b"content"):
    return put_part(**WHERE, upload_id="a/b+c", part_number=7, body=body_of(content))


def without(name):
    return {header: value for header, value in DESCRIBED.items() if header != name}


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last_modified", ["Sat, 28 Nov 2026 04:33:00 GMT", "2026-11-28T04:33:00Z"])
def test_head_object_of_an_object_describes_it(store, last_modified):
    store.answers = {"HEAD": (200, {**DESCRIBED, "Last-Modified": last_modified})}
    described = head_object(**WHERE)
    assert (described.size, described.etag, described.content_type) == (7, "0123", "text/plain")
    assert (described.metadata, described.checksum_sha256) == ({"name": "value"}, None)
    assert described.changed_at == datetime(2026, 11, 28, 4, 33, tzinfo=UTC)
    ((method, path, _),) = store.requests
    assert (method, path) == ("HEAD", PATH)


@pytest.mark.parametrize("only_if_absent", [True, False])
def test_put_object_sends_the_body_with_its_type_and_metadata(store, only_if_absent):
    store.answers = {"PUT": STORED}
    assert put(only_if_absent=only_if_absent) == "0123"
    ((method, path, headers),) = store.requests
    assert (method, path, store.sent) == ("PUT", PATH, [b"content"])
    assert (headers["Content-Type"], headers["x-amz-meta-name"]) == ("text/plain", "value")
    assert headers.get("If-None-Match") == ("*" if only_if_absent else None)
    assert (headers["Content-Length"], headers.get("Expect")) == ("7", None)


def test_put_part_sends_the_body_under_its_number(store):
    store.answers = {"PUT": STORED}
    assert send_part() == StoredPart(7, len(b"content"), "0123")
    assert store.requests[0][1] == f"{PATH}?uploadId=a%2Fb%2Bc&partNumber=7"
    assert store.sent == [b"content"]


@pytest.mark.parametrize("sign_parts", [True, False])
@pytest.mark.parametrize("send", [put, send_part])
def test_body_is_signed_as_the_setting_says(store, settings, send, sign_parts):
    settings.S3_FILE_UPLOADER_SIGN_PARTS = sign_parts
    store.answers = {"PUT": STORED}
    send()
    signed = store.requests[0][2]["X-Amz-Content-SHA256"]
    assert signed == (CHECKSUM if sign_parts else "UNSIGNED-PAYLOAD")
    assert store.sent == [b"content"]


def test_create_multipart_returns_the_upload_id(store):
    store.answers = {"POST": (200, {})}
    store.content = b"<CreateMultipartUploadResult><UploadId>a&amp;b</UploadId></CreateMultipartUploadResult>"
    assert create_multipart(**CREATION) == "a&b"
    ((method, path, headers),) = store.requests
    assert (method, path) == ("POST", f"{PATH}?uploads")
    assert (headers["Content-Type"], headers["x-amz-meta-name"]) == ("text/plain", "value")


@pytest.mark.parametrize(
    ("kind", "checksum"),
    [({}, CHECKSUM), ({"x-amz-checksum-type": "FULL_OBJECT"}, CHECKSUM), ({"x-amz-checksum-type": "COMPOSITE"}, None)],
)
def test_head_object_of_a_store_with_checksums_asks_for_them(store, settings, kind, checksum):
    settings.S3_FILE_UPLOADER_STORE = ["checksums"]
    encoded = b64encode(bytes.fromhex(CHECKSUM)).decode()
    store.answers = {"HEAD": (200, {**DESCRIBED, "x-amz-checksum-sha256": encoded, **kind})}
    assert head_object(**WHERE, with_checksum=True).checksum_sha256 == checksum
    assert store.requests[0][2]["x-amz-checksum-mode"] == "ENABLED"


def test_head_object_of_a_store_without_checksums_asks_for_none(store):
    store.answers = {"HEAD": (200, DESCRIBED)}
    assert head_object(**WHERE, with_checksum=True).checksum_sha256 is None
    assert "x-amz-checksum-mode" not in store.requests[0][2]


# --- answers ---------------------------------------------------------------------------------------------------------


def test_head_object_without_an_object_is_file_not_found(store):
    with pytest.raises(own.FileNotFound):
        head_object(**WHERE)


def test_head_object_of_a_folder_has_no_etag(store):
    store.answers = {"HEAD": (200, without("ETag"))}
    assert head_object(**WHERE).etag == ""


@pytest.mark.parametrize(
    "headers", [without("Last-Modified"), {**without("Content-Length"), "Transfer-Encoding": "chunked"}]
)
def test_head_object_without_size_or_time_is_a_storage_error(store, headers):
    store.answers = {"HEAD": (200, headers)}
    with pytest.raises(own.StorageError, match="size and the time"):
        head_object(**WHERE)


@pytest.mark.parametrize(("abilities", "sent"), [(["conditional_deletes"], '"0123"'), ([], None)])
def test_delete_object_sends_the_etag_in_quotes_to_stores_that_compare_it(store, settings, abilities, sent):
    settings.S3_FILE_UPLOADER_STORE = abilities
    store.answers = {"DELETE": (204, {})}
    delete_object(**WHERE, etag="0123")
    assert [headers.get("If-Match") for _method, _path, headers in store.requests] == [sent]


def test_put_object_without_an_etag_is_stored(store):
    store.answers = {"PUT": (200, {})}
    assert put() == ""


def test_put_part_without_an_etag_is_a_storage_error(store):
    store.answers = {"PUT": (200, {})}
    with pytest.raises(own.StorageError, match="ETag"):
        send_part()


@pytest.mark.parametrize("content", [b"", b"\xff", b"<x><UploadId></UploadId></x>", b"<x>a</x>"])
def test_create_multipart_without_upload_id_is_a_storage_error(store, content):
    store.answers, store.content = {"POST": (200, {})}, content
    with pytest.raises(own.StorageError):
        create_multipart(**CREATION)


# --- retries and time-outs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_put_object_to_a_busy_store_sends_the_whole_body_again(store, settings, status):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2
    store.answers = {"PUT": [(status, {}), STORED]}
    assert put() == "0123"
    assert store.sent == [b"content"] * 2


def test_put_part_to_busy_store_retries_up_to_max_attempts(store, settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 3
    store.answers = {"PUT": (503, {})}
    with pytest.raises(own.StorageUnavailable):
        send_part()
    assert store.sent == [b"content"] * 3


def test_put_object_that_is_denied_is_not_tried_again(store, settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 3
    store.answers = {"PUT": (403, {})}
    with pytest.raises(own.StorageAccessDenied):
        put()
    assert len(store.requests) == 1


def test_put_part_over_slow_line_has_connect_timeout_by_piece(store, settings):
    """The whole part takes far longer than the time-out."""
    settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 0.5
    store.answers, store.rests_after_bytes = {"PUT": STORED}, (4 * 2**20, 0.2)
    assert send_part(TOO_MUCH).etag == "0123"
    assert store.sent == [TOO_MUCH]


def test_put_part_to_a_store_that_takes_no_bytes_is_a_timeout(store, settings):
    settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 0.2
    store.answers, store.rests_before_body = {"PUT": STORED}, 2
    with pytest.raises(own.StorageTimeout):
        send_part(TOO_MUCH)


def test_put_object_to_a_silent_store_is_a_timeout(store, settings):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    store.answers, store.rests_before_answer = {"PUT": STORED}, 2
    with pytest.raises(own.StorageTimeout):
        put()


def test_put_object_to_closed_port_is_unavailable(settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(own.StorageUnavailable):
        put()


def test_put_object_after_a_lost_answer_is_a_timeout(settings):
    """The server reads the first request and closes; the second attempt finds no server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2

        def hang_up():
            connection, _ = listening.accept()
            connection.recv(4096)
            listening.close()
            connection.close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        with pytest.raises(own.StorageTimeout):
            put()
        hanging_up.join()


def test_head_object_over_tls_trusts_certificates_of_environment(store, settings, certificate, monkeypatch):
    certificate.serve(store)
    store.answers = {"HEAD": (200, DESCRIBED)}
    settings.AWS_S3_ENDPOINT_URL = store.url.replace("http", "https")
    with pytest.raises(own.StorageUnavailable):
        head_object(**WHERE)
    assert store.requests == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2  # Another client, which reads the environment again.
    assert head_object(**WHERE).size == 7


# --- listings --------------------------------------------------------------------------------------------------------


def test_list_object_pages_continue_where_the_last_one_ended():
    entry = {"Key": "b/1", "Size": 4, "ETag": '"e"', "LastModified": datetime(2026, 5, 1, tzinfo=UTC)}
    with Stubber(get_client()) as stub:
        first = {"Bucket": "bucket", "MaxKeys": 1000}
        answer = {"Contents": [entry, entry], "IsTruncated": True, "NextContinuationToken": "next"}
        stub.add_response("list_objects_v2", answer, first)
        stub.add_response("list_objects_v2", {"Contents": [entry]}, {**first, "ContinuationToken": "next"})
        pages = list(list_object_pages(bucket="bucket"))
    listed = ListedObject("b/1", 4, "e", datetime(2026, 5, 1, tzinfo=UTC))
    assert pages == [[listed, listed], [listed]]


def test_list_object_pages_keys_of_all_scripts_are_unchanged(bucket):
    names = ["a b+c%20", "e\u0301", "\u00e9", "日本/ü", "\U0001f600", "<&>", "line\nbreak"]
    for name in names:
        get_client().put_object(Bucket=bucket, Key=name)
    (page,) = list_object_pages(bucket=bucket)
    assert {listed.file_name for listed in page} == set(names)


def test_list_object_pages_of_an_empty_bucket_is_one_empty_page(bucket):
    assert list(list_object_pages(bucket=bucket)) == [[]]


def test_list_object_pages_folder_without_etag_has_empty_etag():
    with Stubber(get_client()) as stub:
        entry = {"Key": "folder/", "Size": 0, "LastModified": "2026-05-01T00:00:00Z"}
        stub.add_response("list_objects_v2", {"Contents": [entry]})
        ((listed,),) = list_object_pages(bucket="bucket")
    assert (listed.file_name, listed.size, listed.etag) == ("folder/", 0, "")


@pytest.mark.parametrize(("code", "error"), [("NoSuchBucket", own.BucketNotFound), ("503", own.StorageUnavailable)])
def test_list_object_pages_refused_on_a_later_page_raises(code, error):
    with Stubber(get_client()) as stub:
        stub.add_response("list_objects_v2", {"IsTruncated": True, "NextContinuationToken": "next"})
        stub.add_client_error("list_objects_v2", code)
        pages = list_object_pages(bucket="bucket")
        assert next(pages) == []
        with pytest.raises(error):
            next(pages)
