import socket
import threading
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from s3_file_uploader import exceptions as own
from s3_file_uploader.embedded import free_port
from s3_file_uploader.s3 import fast_path as attempts
from s3_file_uploader.s3 import presign
from s3_file_uploader.s3.objects import multipart_create, object_head, object_put, part_put
from s3_file_uploader.s3.part_buffer import PartBuffer
from tests.support.answering import AnsweringServer

DESCRIBED = {
    "Content-Length": "7",
    "Content-Type": "text/plain",
    "ETag": '"0123"',
    "Last-Modified": "Sat, 28 Nov 2026 04:33:00 GMT",
    "x-amz-meta-Name": "value",
}
THERE = (200, DESCRIBED)
STORED = (200, {"ETag": '"0123"'})
TOO_MUCH = bytes(32 * 2**20)  # More than lies between two sockets.
WHERE = {"bucket": "bucket-one", "key": "a b/\u00e9"}
KEPT = {**WHERE, "content_type": "text/plain", "metadata": {"name": "value"}}
PATH = "/bucket-one/a%20b/%C3%A9"
CHECKSUM = sha256(b"content").hexdigest()
COMPOSITE = {"x-amz-checksum-type": "COMPOSITE"}


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """Keep how long was waited for, and do not wait."""
    kept = []
    monkeypatch.setattr(attempts, "sleep", kept.append)
    return kept


@pytest.fixture
def store(settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 2
    with AnsweringServer({}) as server:
        settings.AWS_S3_ENDPOINT_URL = server.url
        yield server


def body_of(content):
    body = PartBuffer(len(content))
    body.fill(memoryview(content))
    return body


def askers(store):
    """Tell who asked, request by request."""
    return ["boto3" if "Boto3" in headers.get("User-Agent", "") else "we" for _, _, headers in store.asked]


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_an_object_is_asked_for(store):
    store.answers = {"HEAD": THERE}
    found = object_head(**WHERE)
    assert (found.size, found.etag, found.content_type) == (7, "0123", "text/plain")
    assert (found.metadata, found.checksum_sha256) == ({"name": "value"}, None)
    assert found.changed_at == datetime(2026, 11, 28, 4, 33, tzinfo=UTC)
    ((method, path, headers),) = store.asked
    assert (method, path, askers(store)) == ("HEAD", PATH, ["we"])
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-access-key/")
    assert headers["Accept-Encoding"] == "identity"


def test_a_folder_of_a_store_that_keeps_paths_has_no_etag(store):
    store.answers = {"HEAD": (200, {name: value for name, value in DESCRIBED.items() if name != "ETag"})}
    assert object_head(**WHERE).etag == ""


@pytest.mark.parametrize("only_if_absent", [True, False])
def test_an_object_is_stored(store, only_if_absent):
    store.answers = {"PUT": STORED}
    body = body_of(b"content")
    assert object_put(**KEPT, body=body, only_if_absent=only_if_absent) == "0123"
    ((method, path, headers),) = store.asked
    assert (method, path, askers(store), store.sent) == ("PUT", PATH, ["we"], [b"content"])
    assert (headers["content-type"], headers["x-amz-meta-name"]) == ("text/plain", "value")
    assert headers.get("if-none-match") == ("*" if only_if_absent else None)
    assert headers["content-length"] == "7"
    assert body.tell() == 0


def test_a_store_that_tells_no_etag_has_stored_all_the_same(store):
    store.answers = {"PUT": (200, {})}
    assert object_put(**KEPT, body=body_of(b"content"), only_if_absent=False) == ""


def test_a_part_is_stored(store):
    store.answers = {"PUT": STORED}
    assert part_put(**WHERE, upload_id="a/b+c", part_number=7, body=body_of(b"content")) == "0123"
    assert store.asked[0][1] == f"{PATH}?partNumber=7&uploadId=a%2Fb%2Bc"
    assert (askers(store), store.sent) == (["we"], [b"content"])


@pytest.mark.parametrize("sign_parts", [True, False])
def test_what_is_sent_is_signed_where_nothing_else_guards_it(store, settings, sign_parts):
    settings.S3_FILE_UPLOADER_SIGN_PARTS = sign_parts
    store.answers = {"PUT": STORED}
    part_put(**WHERE, upload_id="1", part_number=1, body=body_of(b"content"))
    signed = store.asked[0][2]["x-amz-content-sha256"]
    assert signed == (sha256(b"content").hexdigest() if sign_parts else "UNSIGNED-PAYLOAD")
    assert store.sent == [b"content"]


def test_temporary_keys_come_with_their_token(store, settings):
    settings.AWS_SESSION_TOKEN = "test-session-token"
    store.answers = {"HEAD": THERE}
    object_head(**WHERE)
    assert store.asked[0][2]["x-amz-security-token"] == "test-session-token"


# --- what comes of it ------------------------------------------------------------------------------------------------


def test_nothing_there_is_an_answer(store, waited):
    with pytest.raises(own.FileNotFound):
        object_head(**WHERE)
    assert (askers(store), waited) == (["we"], [])


def test_what_boto3_knows_better_is_left_to_it_at_once(store, waited):
    store.answers = {"HEAD": (403, {}), "PUT": (403, {})}
    with pytest.raises(own.StorageAccessDenied):
        object_head(**WHERE)
    with pytest.raises(own.StorageAccessDenied):
        object_put(**KEPT, body=body_of(b"content"), only_if_absent=False)
    assert (askers(store), waited) == (["we", "boto3"] * 2, [])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_store_that_is_busy_is_asked_again_a_little_later(store, waited, status):
    store.answers = {"HEAD": [(status, {}), THERE], "PUT": [(status, {}), STORED]}
    assert object_head(**WHERE).size == 7
    assert object_put(**KEPT, body=body_of(b"content"), only_if_absent=False) == "0123"
    assert (askers(store), store.sent) == (["we", "boto3"] * 2, [b"", b"", b"content", b"content"])
    assert len(waited) == 2
    assert all(0 <= seconds < 1 for seconds in waited)


def test_attempts_are_as_many_as_the_settings_say(store, settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 3
    store.answers = {"PUT": (503, {})}
    with pytest.raises(own.StorageUnavailable):
        part_put(**WHERE, upload_id="1", part_number=1, body=body_of(b"content"))
    assert (askers(store), store.sent) == (["we", "boto3", "boto3"], [b"content"] * 3)


def test_a_part_without_an_etag_is_not_taken_for_stored(store):
    store.answers = {"PUT": [(200, {}), STORED]}
    assert part_put(**WHERE, upload_id="1", part_number=1, body=body_of(b"content")) == "0123"
    assert askers(store) == ["we", "boto3"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"<UploadId>\xff</UploadId>", b"<UploadId></UploadId>"])
def test_an_upload_without_an_id_is_not_taken_for_begun(store, content):
    store.answers, store.content = {"POST": [(200, {}), (403, {})]}, content
    with pytest.raises(own.StorageAccessDenied):
        multipart_create(**KEPT)
    assert askers(store) == ["we", "boto3"]
    assert store.asked[0][1] == f"{PATH}?uploads="


def test_parts_are_begun(store):
    store.answers, store.content = {"POST": (200, {})}, b"<x><UploadId>a&amp;b</UploadId></x>"
    assert multipart_create(**KEPT) == "a&b"
    ((method, path, headers),) = store.asked
    assert (method, path, askers(store)) == ("POST", f"{PATH}?uploads=", ["we"])
    assert (headers["content-type"], headers["x-amz-meta-name"]) == ("text/plain", "value")


def without(name):
    return {header: value for header, value in DESCRIBED.items() if header != name}


@pytest.mark.parametrize(
    "odd",
    [
        {**DESCRIBED, "Last-Modified": "2026-11-28T04:33:00Z"},
        {**without("Content-Length"), "Transfer-Encoding": "chunked"},
    ],
)
def test_a_store_that_describes_a_file_otherwise_is_left_to_boto3(store, odd):
    store.answers = {"HEAD": [(200, odd), THERE]}
    assert object_head(**WHERE).size == 7
    assert askers(store) == ["we", "boto3"]


@pytest.mark.parametrize(
    "odd", [without("Last-Modified"), {**without("Content-Length"), "Transfer-Encoding": "chunked"}]
)
def test_a_store_that_does_not_describe_a_file_is_none(store, odd):
    store.answers = {"HEAD": (200, odd)}
    with pytest.raises(own.StorageError, match="size and the time"):
        object_head(**WHERE)


def test_a_store_that_never_tells_the_etag_of_a_part_is_none(store):
    store.answers = {"PUT": (200, {})}
    with pytest.raises(own.StorageError, match="ETag"):
        part_put(**WHERE, upload_id="1", part_number=1, body=body_of(b"content"))


def test_a_store_may_be_as_slow_to_take_the_bytes_as_to_answer(store, settings):
    settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 0.2
    store.answers, store.rests_before_body = {"PUT": STORED}, 1
    assert part_put(**WHERE, upload_id="1", part_number=1, body=body_of(TOO_MUCH)) == "0123"
    assert (askers(store), store.sent) == (["we"], [TOO_MUCH])


def test_a_store_that_takes_nothing_for_longer_is_not_waited_for(store, settings):
    settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    store.answers, store.rests_before_body = {"PUT": STORED}, 2
    with pytest.raises(own.StorageTimeout):
        part_put(**WHERE, upload_id="1", part_number=1, body=body_of(TOO_MUCH))


def test_a_store_that_is_silent_for_longer_is_not_waited_for(store, settings):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    store.answers, store.rests_before_answer = {"PUT": STORED}, 2
    with pytest.raises(own.StorageTimeout):
        object_put(**KEPT, body=body_of(b"content"), only_if_absent=False)


def test_what_was_silent_and_then_is_busy_may_still_store_it(store, settings, monkeypatch):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.5
    store.answers, store.rests_before_answer = {"PUT": (503, {})}, 1
    monkeypatch.setattr(attempts, "sleep", lambda _: setattr(store, "rests_before_answer", 0))
    with pytest.raises(own.StorageTimeout):
        object_put(**KEPT, body=body_of(b"content"), only_if_absent=False)
    assert askers(store) == ["we", "boto3"]


def test_redirects_are_left_to_boto3(store):
    store.answers = {"HEAD": [(307, {"Location": "http://elsewhere.invalid/"}), THERE]}
    assert object_head(**WHERE).size == 7
    assert askers(store) == ["we", "boto3"]


def test_where_nobody_listens_nothing_can_have_happened(store, settings, waited):
    settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(own.StorageUnavailable):
        object_put(**KEPT, body=body_of(b"content"), only_if_absent=False)
    assert len(waited) == 1


def test_after_a_lost_answer_it_may_have_happened(settings):
    """Whoever listened has read the request, and is gone when boto3 comes."""
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
            object_put(**KEPT, body=body_of(b"content"), only_if_absent=False)
        hanging_up.join()


# --- who is asked ----------------------------------------------------------------------------------------------------


def test_who_allows_one_attempt_has_boto3_make_it(store, settings, waited):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    store.answers = {"HEAD": (503, {})}
    with pytest.raises(own.StorageUnavailable):
        object_head(**WHERE)
    assert (askers(store), waited) == (["boto3"], [])


def test_aws_is_asked_by_boto3(bucket, monkeypatch):
    monkeypatch.setattr(presign, "signed_request", None)
    object_put(**{**KEPT, "bucket": bucket}, body=body_of(b"content"), only_if_absent=False)
    assert object_head(bucket=bucket, key=WHERE["key"]).size == 7


def test_a_proxy_is_left_to_boto3(store, monkeypatch):
    store.answers = {"HEAD": THERE}
    attempts._is_behind_a_proxy.cache_clear()
    monkeypatch.setenv("http_proxy", store.url)
    monkeypatch.setenv("no_proxy", "")
    assert object_head(**WHERE).size == 7
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    attempts._is_behind_a_proxy.cache_clear()
    assert object_head(**WHERE).size == 7
    assert askers(store) == ["boto3", "we"]


def test_certificates_are_checked_as_boto3_does(store, settings, certificate, monkeypatch):
    certificate.serve(store)
    store.answers = {"HEAD": THERE}
    settings.AWS_S3_ENDPOINT_URL = store.url.replace("http", "https")
    with pytest.raises(own.StorageUnavailable):
        object_head(**WHERE)
    assert store.asked == []
    attempts._pool.cache_clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    assert object_head(**WHERE).size == 7
    assert askers(store) == ["we"]
    attempts._pool.cache_clear()


@pytest.mark.parametrize(
    ("kind", "told"), [({}, CHECKSUM), ({"x-amz-checksum-type": "FULL_OBJECT"}, CHECKSUM), (COMPOSITE, None)]
)
def test_object_head_of_a_store_that_keeps_checksums_asks_for_them(store, settings, kind, told):
    settings.S3_FILE_UPLOADER_STORE = ["checksums"]
    checksum = b64encode(bytes.fromhex(CHECKSUM)).decode()
    store.answers = {"HEAD": (200, {**DESCRIBED, "x-amz-checksum-sha256": checksum, **kind})}
    assert object_head(**WHERE, with_checksum=True).checksum_sha256 == told
    assert store.asked[0][2]["x-amz-checksum-mode"] == "ENABLED"


def test_object_head_of_another_store_asks_for_none(store):
    store.answers = {"HEAD": (200, DESCRIBED)}
    assert object_head(**WHERE, with_checksum=True).checksum_sha256 is None
    assert "x-amz-checksum-mode" not in store.asked[0][2]


def test_object_head_of_a_store_with_checksum_trailers_is_left_to_boto3(store, settings):
    settings.S3_FILE_UPLOADER_STORE = ["checksum_trailers"]
    store.answers = {"HEAD": (200, DESCRIBED)}
    object_head(**WHERE)
    assert askers(store) == ["boto3"]
