import socket
import threading

import pytest

from s3_file_uploader.embedded import free_port
from s3_file_uploader.services.doctor import address
from s3_file_uploader.services.doctor.address import examine_address
from s3_file_uploader.services.doctor.case import Case
from tests.support.answering import AnsweringServer
from tests.unit.services.doctor.conftest import only, seen

SERVICE = "/modules/s3-file-uploader/service/"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(address, "PATIENCE_SECONDS", 0.5)


@pytest.fixture
def refusing_early():
    """Return a function that starts a server which answers before the body arrives, and closes after `answers`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def start(*answers):
            thread = threading.Thread(target=serve, args=(listener, answers), daemon=True)
            thread.start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


def serve(listener, answers):
    for answer in answers:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):  # A close with unread bytes would reset the connection.
                pass


def response(status):
    return f"HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def examined(url):
    return seen(examine_address(Case(address=url)))


def test_without_an_address_nothing_is_tried():
    assert examined("") == [("not tried", "address", "needs: --url, or S3_FILE_UPLOADER_URL")]


def test_address_that_is_no_url_fails():
    assert examined("files.example.com") == [("failure", "address", "'files.example.com' is no URL")]


def test_address_of_the_site_is_completed_by_the_path_of_this_project():
    with AnsweringServer({"GET": (200, {})}) as server:
        examined(server.url)
        examined(f"{server.url}/other/service")
    paths = [path for method, path, _ in server.requests if method == "GET"]
    assert paths == [f"{SERVICE}health/live/", "/other/service/health/live/"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((301, {"Location": "https://other"}), "health/live/ redirects to https://other"),
        ((400, {}), "health/live/ answers 400"),
    ],
)
def test_service_that_is_elsewhere_fails(answer, text):
    with AnsweringServer({"GET": answer}) as server:
        ((status, _, diagnosis),) = examined(server.url)
    assert status == "failure"
    assert diagnosis.endswith(text)


def test_address_without_a_server_fails():
    ((status, _, text),) = examined(f"http://127.0.0.1:{free_port()}")
    assert (status, text.rpartition(": ")[2]) == ("failure", "connection refused")
    ((_, _, text),) = examined("http://no.such.host.invalid")
    assert text.endswith("the name of the host has no address")


def test_server_that_speaks_no_http_fails(refusing_early):
    ((status, _, text),) = examined(refusing_early(b"no HTTP\r\n"))
    assert (status, text.rpartition(": ")[2]) == ("failure", "BadStatusLine")


def test_certificate_is_checked(certificate, monkeypatch):
    with AnsweringServer({"GET": (200, {}), "PUT": (401, {})}) as server:
        certificate.serve(server)
        url = server.url.replace("http:", "https:")
        ((_, _, text),) = examined(url)
        assert "the certificate is refused: " in text
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.path))
        assert examined(url)[0][:2] == ("ok", "address")


def test_plain_http_to_another_machine_is_a_warning():
    with AnsweringServer({"GET": (200, {})}) as server:
        url = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - it reaches this machine, and no rule says so
        assert examined(url)[0][0] == "warning"


class TestProxy:
    @pytest.mark.parametrize(
        ("answer", "status", "text"),
        [
            (response(401), "ok", "passes bodies on while they arrive"),
            (response(413), "warning", "a file of 5120 MiB is refused with 413"),
            (response(502), "warning", "an upload without credentials is answered with 502"),
            (b"", "warning", "an upload ends without an answer: RemoteDisconnected"),
        ],
    )
    def test_early_answer_is_judged(self, refusing_early, answer, status, text):
        assert examined(refusing_early(response(200), answer))[1] == (status, "proxy", text)

    def test_server_that_reads_the_body_first_is_a_warning(self):
        with AnsweringServer({"GET": (200, {}), "PUT": (401, {})}) as server:
            diagnosis = list(examine_address(Case(address=server.url)))[1]
        assert (diagnosis.status, diagnosis.seen) == ("warning", "bodies are collected before the service sees them")
        assert diagnosis.advice == address.COLLECTING

    def test_announced_file_is_the_largest_of_the_policy(self, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"max_file_bytes": 1000}}
        with AnsweringServer({"GET": (200, {})}) as server:
            examined(server.url)
        (headers,) = [headers for method, _, headers in server.requests if method == "PUT"]
        assert headers["Content-Length"] == "1000"


@pytest.mark.parametrize(("error", "text"), [(TimeoutError(), "no answer in time"), (OSError(), "OSError")])
def test_describe_error(error, text):
    assert address._describe(error) == text


def test_only_one_diagnosis_without_an_answer():
    with AnsweringServer({"GET": (200, {})}) as server:
        server.rests_before_answer = 1
        assert only(examine_address(Case(address=server.url))).seen.endswith("no answer in time")
