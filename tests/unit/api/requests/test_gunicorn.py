from io import BytesIO
from socket import socketpair
from threading import Timer

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from s3_file_uploader.api.requests import gunicorn as connection_module
from s3_file_uploader.api.requests.gunicorn import Connection

HEAD = "PUT / HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture
def connected():
    """Let a client send a request to what gunicorn's workers make of it: the environment, and its parser."""
    server, client = socketpair()
    server.settimeout(5)

    def arrives(body, *, announced, at_once=b""):
        client.sendall(f"{HEAD}Content-Length: {announced}\r\n\r\n".encode() + at_once)
        parser = RequestParser(Config(), server, ("127.0.0.1", 1))
        message = next(parser)
        client.sendall(body)
        return {"wsgi.input": message.body, "gunicorn.socket": server}, parser

    with server, client:
        arrives.client = client
        yield arrives


def received(connection, size):
    room = bytearray(size)
    filled = connection.receive_into(memoryview(room))
    return bytes(room[:filled])


def everything(receive):
    content = b""
    while len(content) < 5:
        content += receive(2)
    return content


@pytest.mark.parametrize("way", ["own", "into"])
@pytest.mark.parametrize("at_once", [b"", b"c", b"conte", b"conte" + HEAD.encode() + b"\r\n"])
def test_a_body_in_pieces_and_the_request_behind_it(connected, at_once, way):
    rest = b"conte"[len(at_once) :]
    environ, parser = connected(rest, announced=5, at_once=at_once)
    connection = Connection.of(environ)
    content = everything(connection.receive if way == "own" else lambda size: received(connection, size))
    assert (content, connection.receive(9)) == (b"conte", b"")
    if len(at_once) < 9:
        connected.client.sendall(HEAD.encode() + b"\r\n")
    following = next(parser)
    assert (following.method, following.body.read()) == ("PUT", b"")


def test_gunicorn_reads_on_where_it_was_left(connected):
    environ, _parser = connected(b"tent", announced=7, at_once=b"con")
    connection = Connection.of(environ)
    assert connection.receive(9) == b"con"
    assert connection.receive(1) == b"t"
    assert environ["wsgi.input"].read() == b"ent"


def test_a_client_that_goes_ends_the_body(connected):
    environ, _parser = connected(b"", announced=7)
    connected.client.close()
    connection = Connection.of(environ)
    assert (received(connection, 9), connection.receive(9)) == (b"", b"")


@pytest.mark.parametrize(("seconds", "at_first"), [(60, b"content"), (0, b"cont")])
def test_a_room_is_filled_by_all_that_comes_within_a_while(connected, monkeypatch, seconds, at_first):
    monkeypatch.setattr(connection_module, "FILLED_WITHIN_SECONDS", seconds)
    environ, _parser = connected(b"cont", announced=7)
    connection = Connection.of(environ)
    later = Timer(0.2, connected.client.sendall, [b"ent"])
    later.start()
    assert received(connection, 9) == at_first
    assert connection.receive(9) == b"content"[len(at_first) :]
    later.join()


@pytest.mark.parametrize("into", [True, False])
def test_a_client_that_is_silent_is_not_heard_again(connected, into):
    environ, parser = connected(b"", announced=7)
    connection = Connection.of(environ)
    environ["gunicorn.socket"].settimeout(0.01)
    with pytest.raises(TimeoutError):
        received(connection, 9) if into else connection.receive(9)
    with pytest.raises(StopIteration):
        next(parser)


def test_what_is_no_body_of_gunicorn_is_left_alone(connected):
    assert Connection.of({}) is None
    assert Connection.of({"wsgi.input": BytesIO(b"x"), "gunicorn.socket": object()}) is None
    environ, _parser = connected(b"content", announced=7)
    assert Connection.of({**environ, "gunicorn.socket": None}) is None
    assert environ["wsgi.input"].readline(2) == b"co"
    environ["wsgi.input"].buf.write(b"n")
    assert Connection.of(environ) is None


def test_chunks_are_left_to_gunicorn(connected):
    head = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    environ, parser = connected(head.encode(), announced=0)
    message = next(parser)
    assert Connection.of({**environ, "wsgi.input": message.body}) is None
    assert message.body.read() == b"x"
