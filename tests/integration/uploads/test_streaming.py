"""Streams on a real server: slow, chunked and incomplete bodies, and responses that the client does not read."""

import os
import socket
import time
from contextlib import ExitStack
from hashlib import sha256

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.conftest import client_at, token_of
from tests.support.served import SERVICE, Served

MIB = 2**20
BOUNDARY = "----FormBoundary7MA4YWxkTrZu0gW"
BIG = os.urandom(20 * MIB)


@pytest.fixture(autouse=True)
def clients():
    """Close every client of a test at its end."""
    with ExitStack() as stack:
        opened.append(stack)
        yield
        opened.pop()


opened: list[ExitStack] = []


def client_of(url, person):
    return opened[-1].enter_context(client_at(url, person))


def pieces(content, size=100_000):
    for start in range(0, len(content), size):
        yield content[start : start + size]


def in_s3(bucket, key="key"):
    return get_client().get_object(Bucket=bucket, Key=key)["Body"].read()


def nothing_is_there(bucket):
    return (
        not FileUpload.objects.exists()
        and get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        and not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    )


def becomes_true(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def form(*parts):
    """Return form-data of fields (name, value) and files (name, file name, content), in this order."""
    body = b""
    for name, *rest in parts:
        file_name = f'; filename="{rest[0]}"' if len(rest) == 2 else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'.encode()
        body += rest[-1] if isinstance(rest[-1], bytes) else rest[-1].encode()
        body += b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def post_form(client, body):
    return client.post(
        "file/upload/", content=body, headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    )


@pytest.mark.parametrize("content", [b"", b"\0small", BIG], ids=["empty", "small", "big"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
def test_raw_upload_is_stored(both, user, bucket, content, chunked):
    client = client_of(both.url, user)
    body = pieces(content) if chunked else content
    answer = client.put(f"buckets/{bucket}/files/key/", content=body, headers={"Content-Type": "video/mp4"})
    assert answer.status_code == 201, answer.text
    record = answer.json()
    assert (record["size"], record["checksum_sha256"]) == (len(content), sha256(content).hexdigest())
    assert (record["status"], record["content_type"]) == ("stored", "video/mp4")
    assert in_s3(bucket) == content


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
@pytest.mark.parametrize("content", [b"", b"small", BIG], ids=["empty", "small", "big"])
@pytest.mark.parametrize("order", ["file last", "file first", "file between"])
def test_form_with_fields_in_any_order_is_stored(both, user, bucket, content, order, chunked):
    fields = [("bucket", bucket), ("user_id", str(user.pk)), ("checksum_sha256", sha256(content).hexdigest())]
    where = {"file last": 3, "file first": 0, "file between": 1}[order]
    fields.insert(where, ("file", "key", content))
    body = form(*fields)
    answer = post_form(client_of(both.url, user), pieces(body) if chunked else body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["size"] == len(content)
    assert in_s3(bucket) == content


def test_form_with_a_contradicting_late_field_is_refused(served, user, bucket):
    body = form(("bucket", bucket), ("file", "key", BIG), ("file_name", "another"))
    answer = post_form(client_of(served.url, user), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == ["file_name"]
    assert nothing_is_there(bucket)
    small = form(("bucket", bucket), ("file", "key", b"small"), ("file_name", "another"))
    assert post_form(client_of(served.url, user), small).json()["file_name"] == "another"


def test_form_with_a_wrong_late_checksum_stores_nothing(served, user, bucket):
    body = form(("bucket", bucket), ("file", "key", BIG), ("checksum_sha256", "0" * 64))
    answer = post_form(client_of(served.url, user), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "checksum_mismatch")
    assert nothing_is_there(bucket)


@pytest.mark.parametrize("kind", ["raw", "raw in chunks", "form"])
@pytest.mark.parametrize("sent", [1000, 15 * MIB], ids=["little", "much"])
def test_upload_with_a_lost_client_leaves_nothing(served, user, bucket, kind, sent):
    """Nothing of the upload is left, and the key is free."""
    body = form(("bucket", bucket), ("file_name", "key"), ("file", "key", BIG)) if kind == "form" else BIG
    verb = "POST file/upload/" if kind == "form" else f"PUT buckets/{bucket}/files/key/"
    method, path = verb.split()
    head = [f"{method} {SERVICE}{path} HTTP/1.1", "Host: localhost", f"Authorization: {token_of(user)}"]
    if kind == "form":
        head += [f"Content-Type: multipart/form-data; boundary={BOUNDARY}"]
    head += ["Transfer-Encoding: chunked"] if "chunks" in kind else [f"Content-Length: {len(body)}"]
    part = body[:sent]
    with served.connect() as gone:
        gone.sendall("\r\n".join([*head, "", ""]).encode())
        gone.sendall(b"%x\r\n%b\r\n" % (len(part), part) if "chunks" in kind else part)
        if kind != "form" or sent > MIB:  # The beginning of a form does not say which fields follow.
            becomes_true(FileUpload.objects.exists)
    becomes_true(lambda: nothing_is_there(bucket))
    assert client_of(served.url, user).put(f"buckets/{bucket}/files/key/", content=b"again").status_code == 201


@pytest.fixture
def impatient(transactional_db, store, tmp_path):
    """Serve with a timeout of one second for clients."""
    (tmp_path / "impatient.py").write_text(
        "from modules.settings import *\nS3_FILE_UPLOADER_CLIENT_TIMEOUT_SECONDS = 1"
    )
    environment = {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "impatient", **store.environment()}
    with Served(tmp_path, **environment) as served:
        yield served


def test_upload_with_a_silent_client_times_out(impatient, user, bucket):
    """The connection stays open, like that of a phone in a tunnel."""
    head = [f"PUT {SERVICE}buckets/{bucket}/files/key/ HTTP/1.1", "Host: localhost", f"Content-Length: {len(BIG)}"]
    with impatient.connect() as silent:
        silent.sendall("\r\n".join([*head, f"Authorization: {token_of(user)}", "", ""]).encode() + BIG[: 12 * MIB])
        becomes_true(FileUpload.objects.exists)
        becomes_true(lambda: nothing_is_there(bucket))
        assert silent.recv(1000).startswith(b"HTTP/1.1 408 ")
    client = client_of(impatient.url, user)
    for _ in range(2):  # The deadline applies to the body only. A kept connection may be silent for longer.
        assert client.put(f"buckets/{bucket}/files/key/?overwrite=true", content=BIG).status_code == 201
        time.sleep(1.5)


def test_form_without_its_end_stores_nothing(served, user, bucket):
    whole = form(("bucket", bucket), ("file", "key", BIG))
    for content in (whole[: -len(f"--{BOUNDARY}--\r\n")], whole[: -5 * MIB]):
        answer = post_form(client_of(served.url, user), content)
        assert (answer.status_code, answer.json()["code"]) == (400, "size_mismatch")
        assert nothing_is_there(bucket)


def test_upload_sends_parts_while_the_body_arrives(served, user, bucket):
    def slowly():
        yield BIG[: 15 * MIB]
        becomes_true(lambda: get_client().list_multipart_uploads(Bucket=bucket).get("Uploads"))
        seen.extend(get_client().list_multipart_uploads(Bucket=bucket)["Uploads"])
        yield BIG[15 * MIB :]

    seen = []
    answer = client_of(served.url, user).put(f"buckets/{bucket}/files/key/", content=slowly())
    assert (answer.status_code, len(seen)) == (201, 1)
    assert in_s3(bucket) == BIG


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("taken", True, 409), ("a//b", True, 400), ("new", False, 401)],
    ids=["taken", "bad name", "nobody"],
)
def test_upload_that_is_refused_gets_its_response_at_once(served, user, bucket, path, token, status):
    """A gigabyte is announced, and refused before a hundredth of it is sent."""
    client_of(served.url, user).put(f"buckets/{bucket}/files/taken/", content=b"taken")
    head = [f"PUT {SERVICE}buckets/{bucket}/files/{path}/ HTTP/1.1", "Host: localhost", f"Content-Length: {2**30}"]
    head += [f"Authorization: {token_of(user)}"] if token else []
    with served.connect() as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = connection.recv(65536)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("name", ["bad%ff%fe.bin", "%c0%af"])
def test_upload_with_a_name_that_is_not_utf8_is_refused(both, user, bucket, name):
    client = client_of(both.url, user)
    for method in ("PUT", "GET", "DELETE"):
        answer = client.request(method, f"buckets/{bucket}/files/{name}/", content=b"x" if method == "PUT" else None)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
    assert nothing_is_there(bucket)
    assert client.put(f"buckets/{bucket}/files/%25FF%25FE.bin/", content=b"x").json()["file_name"] == "%FF%FE.bin"


def test_upload_twice_with_one_key_is_stored_once(served, user, bucket):
    client = client_of(served.url, user)
    path, headers = f"buckets/{bucket}/files/key/", {"Idempotency-Key": "once"}
    first = client.put(path, content=BIG, headers=headers)
    again = client.put(path, content=BIG, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert client.put(path, content=BIG).json()["code"] == "file_exists"


@pytest.mark.parametrize("kind", ["raw", "form"])
def test_upload_in_parallel_with_one_key_is_stored_once(served, user, bucket, kind):
    headers = {"Idempotency-Key": "once"}
    answers = []

    def slowly():
        yield BIG[: 15 * MIB]
        answers.append(send(client_of(served.url, user), BIG))
        yield BIG[15 * MIB :]

    def send(client, content):
        if kind == "raw":
            return client.put(f"buckets/{bucket}/files/key/", content=content, headers=headers)
        head, _, tail = form(("bucket", bucket), ("file", "key", b"@")).partition(b"@")
        content = [content] if isinstance(content, bytes) else content
        body = (piece for part in ([head], content, [tail]) for piece in part)
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        return client.post("file/upload/", content=body, headers=headers)

    first = send(client_of(served.url, user), slowly())
    assert first.status_code == 201, first.text
    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "upload_in_progress")
    assert answers[0].headers["retry-after"]
    assert send(client_of(served.url, user), BIG).json() == first.json()
    assert FileUpload.objects.count() == 1


# --- downloads -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(both, user, bucket):
    """Store a large file. Return a client and the path of the file."""
    client = client_of(both.url, user)
    path = f"buckets/{bucket}/files/a/b é.mp4/"
    assert client.put(path, content=BIG, headers={"Content-Type": "video/mp4"}).status_code == 201
    return client, path


def test_proxied_download_returns_the_content(stored):
    client, path = stored
    answer = client.get(path, params={"proxy": "true"})
    assert (answer.status_code, answer.content == BIG) == (200, True)
    assert answer.headers["content-length"] == str(len(BIG))
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''b%20%C3%A9.mp4"
    head = client.head(path, params={"proxy": "true", "disposition": "inline"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(BIG)))
    assert head.headers["content-disposition"].startswith("inline")
    assert head.headers["etag"] == answer.headers["etag"]
    known = client.get(path, params={"proxy": "true"}, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    since = {"If-Modified-Since": answer.headers["last-modified"]}
    assert client.get(path, params={"proxy": "true"}, headers=since).status_code == 304


@pytest.mark.parametrize(
    ("byte_range", "start", "stop"),
    [("0-0", 0, 1), ("5-9", 5, 10), ("-7", len(BIG) - 7, len(BIG)), (f"{10 * MIB}-", 10 * MIB, len(BIG))],
)
def test_range_returns_a_part_of_the_content(stored, byte_range, start, stop):
    client, path = stored
    answer = client.get(path, params={"proxy": "true"}, headers={"Range": f"bytes={byte_range}"})
    assert (answer.status_code, answer.content == BIG[start:stop]) == (206, True)
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BIG)}"


def test_ranges_in_one_request_return_several_parts(stored):
    client, path = stored
    answer = client.get(path, params={"proxy": "true"}, headers={"Range": "bytes=0-3, 10-12,-2"})
    assert answer.status_code == 206
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n")[2][:-2] for part in answer.content.split(b"--" + boundary)[1:-1]]
    assert parts == [BIG[:4], BIG[10:13], BIG[-2:]]
    assert len(answer.content) == int(answer.headers["content-length"])
    beyond = client.get(path, params={"proxy": "true"}, headers={"Range": f"bytes={len(BIG)}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(BIG)}"


def test_download_redirects_to_the_content(stored):
    client, path = stored
    sent_on = client.get(path)
    assert (sent_on.status_code, sent_on.headers["cache-control"]) == (302, "no-store")
    assert client.get(path, follow_redirects=True).content == BIG
    head = client.head(path, follow_redirects=True)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BIG)))


def test_proxied_download_with_a_lost_client_ends_the_call(both, user, bucket, store):
    large = os.urandom(80 * MIB)
    client = client_of(both.url, user)
    assert client.put(f"buckets/{bucket}/files/key/", content=large).status_code == 201
    before = len(both.log.splitlines())
    with both.connect() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        request = f"GET {SERVICE}buckets/{bucket}/files/key/?proxy=true HTTP/1.1"
        reader.sendall(f"{request}\r\nHost: localhost\r\nAuthorization: {token_of(user)}\r\n\r\n".encode())
        assert reader.recv(1000).startswith(b"HTTP/1.1 200 ")
    becomes_true(lambda: any('operation="file_read"' in line for line in both.log.splitlines()[before:]))
    line = next(line for line in both.log.splitlines()[before:] if 'operation="file_read"' in line)
    assert 'outcome="GeneratorExit"' in line
    assert client.get(f"buckets/{bucket}/files/key/", params={"proxy": "true"}).content == large
