import socket
import threading

import pytest

from s3_file_uploader.embedded import free_port
from s3_file_uploader.exceptions import StorageUnavailable
from s3_file_uploader.s3.cors_preflight import find_read_refusal, find_send_refusal
from tests.support.answering import AnsweringServer

APP = "https://app.example.com"
ALLOWED = {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Methods": "GET, PUT"}
WITH_HEADERS = {**ALLOWED, "Access-Control-Allow-Headers": "If-None-Match,content-TYPE"}
HEADERS = ["if-none-match", "content-type"]


def refused(status=200, answer=ALLOWED, method="PUT", headers=()):
    with AnsweringServer({"OPTIONS": (status, answer)}) as server:
        return find_send_refusal(url=server.url, origin=APP, method=method, headers=headers)


def unreadable(answer, status=404):
    with AnsweringServer({"GET": (status, answer)}) as server:
        return find_read_refusal(url=server.url, origin=APP, names=["ETag", "Location"])


def test_find_send_refusal_sends_the_preflight_of_a_browser():
    with AnsweringServer({"OPTIONS": (204, WITH_HEADERS)}) as server:
        assert find_send_refusal(url=f"{server.url}/b/k?x=1", origin=APP, method="PUT", headers=HEADERS) == ""
        assert find_send_refusal(url=server.url, origin=APP, method="GET", headers=[]) == ""
    (first, path, headers), (_, _, asked_without) = server.requests
    assert (first, path) == ("OPTIONS", "/b/k?x=1")
    assert headers["Origin"] == APP
    assert headers["Access-Control-Request-Method"] == "PUT"
    assert headers["Access-Control-Request-Headers"] == "content-type,if-none-match"
    assert "Access-Control-Request-Headers" not in asked_without


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (ALLOWED, []),
        (WITH_HEADERS, HEADERS),
        ({"Access-Control-Allow-Origin": "*", "access-control-allow-methods": "*"}, []),
        ({**ALLOWED, "Access-Control-Allow-Headers": "*"}, HEADERS),
    ],
)
def test_find_send_refusal_sufficient_answer_is_empty(answer, headers):
    assert refused(answer=answer, headers=headers) == ""


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_find_send_refusal_safelisted_method_is_empty(method):
    assert refused(answer={"Access-Control-Allow-Origin": APP}, method=method) == ""


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"status": 403}, "the preflight is answered with 403"),
        ({"status": 307, "answer": {**ALLOWED, "Location": "/"}}, "the preflight is answered with 307"),
        ({"status": 599}, "the preflight is answered with 599"),
        ({"answer": {}}, "the answer allows no origin"),
        ({"answer": {"Access-Control-Allow-Origin": "null"}}, "the answer allows null alone"),
        ({"answer": {"Access-Control-Allow-Origin": f"{APP}, {APP}"}}, f"the answer allows {APP}, {APP} alone"),
        ({"method": "DELETE"}, "the answer does not allow the method"),
        ({"headers": HEADERS}, "the answer does not allow if-none-match, content-type"),
        (
            {"answer": {**ALLOWED, "Access-Control-Allow-Headers": "content-type"}, "headers": HEADERS},
            "the answer does not allow if-none-match",
        ),
    ],
)
def test_find_send_refusal_insufficient_answer_names_the_reason(options, why):
    assert refused(**options) == why


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"Access-Control-Allow-Origin": APP, "Access-Control-Expose-Headers": "location, etag"}, ""),
        ({"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Date, *"}, ""),
        (
            {"Access-Control-Allow-Origin": APP, "Access-Control-Expose-Headers": "ETag"},
            "the answer does not expose Location",
        ),
        ({"Access-Control-Allow-Origin": APP}, "the answer does not expose ETag, Location"),
        ({"Access-Control-Expose-Headers": "ETag, Location"}, "the answer allows no origin"),
    ],
)
def test_find_read_refusal_names_the_hidden_headers(answer, why):
    assert unreadable(answer) == why
    assert unreadable(answer, status=200) == why


def test_find_send_refusal_unreachable_store_hides_the_signature():
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StorageUnavailable) as caught:
        find_send_refusal(url=f"{address}/b/k?X-Amz-Signature=test-secret", origin=APP, method="PUT", headers=[])
    why = "NewConnectionError"
    assert str(caught.value) == f"{address} cannot be reached from here ({why}): check AWS_S3_PUBLIC_ENDPOINT_URL."


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", None])
def test_find_send_refusal_server_without_http_is_unavailable(settings, said):
    settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def speak():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if said is None:
                    over.wait(10)
                else:
                    connection.sendall(said)

        speaker = threading.Thread(target=speak)
        speaker.start()
        with pytest.raises(StorageUnavailable):
            find_read_refusal(url=f"http://127.0.0.1:{server.getsockname()[1]}/", origin=APP, names=["ETag"])
        over.set()
        speaker.join(10)
    assert not speaker.is_alive()
