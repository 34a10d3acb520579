"""Raw requests of clients that violate HTTP, and checks after each of them."""

import json
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.support.served import SERVICE, Served

SILENCE_SECONDS = 10
BOUNDARY = "test-boundary"
Answer = tuple[int, str]


def request(verb: str, path: str, *lines: str, body: bytes = b"", length: bool = True) -> bytes:
    """Return a request with exactly these lines."""
    own = [f"Content-Length: {len(body)}"] if length else []
    head = [f"{verb} {SERVICE}{path} HTTP/1.1", "Host: localhost", "Connection: close", *own, *lines, "", ""]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + body


def part(content: bytes, *, name: str, rest: str = "") -> bytes:
    """Return one part of a form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n'
    return head.encode("utf-8", "surrogateescape") + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
JSON = "Content-Type: application/json"


def answers(served: Served, sent: bytes, *, then_silent: bool = False) -> list[bytes]:
    """Send bytes, and return the responses as heads and bodies. None if the server drops the connection.

    Args:
        served: the server.
        sent: any bytes.
        then_silent: keep the sending side open, like a client that lets the server wait.
    """
    received = b""
    with served.connect() as connection:
        connection.settimeout(SILENCE_SECONDS)
        with suppress(OSError):  # The server may have responded before it closed the connection.
            connection.sendall(sent)
            if not then_silent:
                connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while data := connection.recv(65536):
                received += data
    return [b"HTTP/1.1 " + answer for answer in received.split(b"HTTP/1.1 ")[1:]]


def shape_of(answer: bytes) -> Answer:
    """Return status and code of an error of this app. The code is empty for other responses."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"application/json" not in head.lower():
        return status, ""
    error: Any = json.loads(body)
    if status < 400:
        return status, ""
    assert {"code", "detail"} <= error.keys() <= {"code", "detail", "errors", "limit"}, error
    return status, str(error["code"])


def memory_bytes(served: Served) -> int:
    """Return the memory (VmRSS) of all processes of a server together."""
    total = 0
    for pid in served.pids():
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        total += int(match[1]) * 1024 if match else 0
    return total


def left_in(bucket: str) -> list[Any]:
    """Return all records, objects and unfinished uploads."""
    return [
        *FileUpload.objects.values_list("file_name", flat=True),
        *(listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())),
        *(listed["Key"] for listed in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())),
    ]
