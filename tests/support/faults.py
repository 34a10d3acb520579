"""A TCP proxy that can simulate faults of networks and servers."""

import socket
import socketserver
import threading
from typing import Any, Self

END_OF_HEADERS = b"\r\n\r\n"


class FaultyProxy(socketserver.ThreadingTCPServer):
    """A proxy between the service and the store. `url` is its URL.

    After `cut_after` bytes of a request it closes both ends. With `stalls` it reads everything and sends nothing. With
    `answers_lost` it passes on the request and closes the connection before the response. With `flips` it
    changes a bit in each piece of a body. `only` limits the fault to requests that begin with it, such as b"PUT".
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passer)
        self.target_port = target_port
        self.only = b""
        self.cut_after: int | None = None
        self.flips = False
        self.stalls = False
        self.answers_lost = False
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Passer(socketserver.BaseRequestHandler):
    server: FaultyProxy

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target_port)) as store:
            back = threading.Thread(target=self._back, args=(store,), daemon=True)
            back.start()
            try:
                self._forth(store)
            except OSError:
                return
            finally:
                _close(store)
                _close(self.request)
            back.join(5)

    def _forth(self, store: socket.socket) -> None:
        self.is_affected, seen = False, 0
        while data := self.request.recv(65536):
            if data.startswith((b"PUT ", b"GET ", b"POST ", b"HEAD ", b"DELETE ")):
                self.is_affected, seen = data.startswith(self.server.only), 0
            seen += len(data)
            if self.is_affected and self.server.stalls:
                self.server.over.wait(30)
                return
            if self.is_affected and self.server.cut_after is not None and seen > self.server.cut_after:
                return
            if self.is_affected and self.server.flips and not data.endswith(END_OF_HEADERS):
                data = data[:-1] + bytes([data[-1] ^ 1])
            store.sendall(data)

    def _back(self, store: socket.socket) -> None:
        try:
            while data := store.recv(65536):
                if self.is_affected and self.server.answers_lost and not data.startswith(b"HTTP/1.1 100"):
                    _close(self.request)
                    return
                self.request.sendall(data)
        except OSError:
            return


def _close(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
