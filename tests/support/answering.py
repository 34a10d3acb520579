"""A server that sends the responses that a test sets, and records the requests."""

import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, Mapping[str, str]]
# One response for all requests of a method, or a list of responses. The last one of a list is repeated.
Answers = Answer | list[Answer]


class AnsweringServer(ThreadingHTTPServer):
    """Send the response for each method in `answers`, and 404 for other methods. `url` is the URL of the server.

    `requests` has method, path and headers of each request, `sent` the bodies. `content` is the body of responses to
    GET and POST, sent as one chunk if the response has Transfer-Encoding. `connected` counts connections. The server
    sleeps for `rests_before_body` seconds before it reads a body, and `rests_before_answer` before it responds.
    `rests_after_bytes` is the number of bytes that it reads at a time, and the seconds that it sleeps after each read.
    `date` is the Date of its responses, if not the time.
    """

    daemon_threads = True

    def __init__(self, answers: Mapping[str, Answers]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.sent: list[bytes] = []
        self.content, self.connected = b"", 0
        self.rests_before_body = self.rests_before_answer = 0.0
        self.rests_after_bytes: tuple[int, float] | None = None
        self.date: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> Any:
        self.connected += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection before the response."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AnsweringServer

    def _answer(self) -> None:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        time.sleep(self.server.rests_before_body)
        self.server.sent.append(self._body(int(self.headers.get("Content-Length", 0))))
        time.sleep(self.server.rests_before_answer)
        answers = self.server.answers.get(self.command, (404, {}))
        if isinstance(answers, list):
            answers = answers.pop(0) if len(answers) > 1 else answers[0]
        status, headers = answers
        self.send_response(status)
        content = self.server.content if self.command in {"GET", "POST"} else b""
        in_chunks = "Transfer-Encoding" in headers
        for name, value in {**({} if in_chunks else {"Content-Length": str(len(content))}), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if in_chunks else content)
        self.close_connection = self.close_connection or headers.get("Content-Length", "0") != "0"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date of the response."""
        return self.server.date or super().date_time_string(timestamp)

    def _body(self, size: int) -> bytes:
        step, seconds = self.server.rests_after_bytes or (size, 0)
        content = b""
        while len(content) < size:
            content += self.rfile.read(min(step, size - len(content)))
            time.sleep(seconds)
        return content

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = _answer  # noqa: N815 - the names are http.server's

    def log_message(self, *args: Any) -> None:
        """Log nothing."""
