"""Requests as bytes, for clients that do not keep to HTTP, and what has to hold after each of them."""

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
    """Return a request whose lines are sent as they are."""
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
    """Send bytes, and return every answer that comes, head and body; none where the connection is dropped.

    Args:
        served: the server.
        sent: whatever.
        then_silent: keep the connection open on our side, as somebody does who lets a server wait.
    """
    received = b""
    with served.connect() as connection:
        connection.settimeout(SILENCE_SECONDS)
        with suppress(OSError):  # Hung up on while it sends, it may have been answered nevertheless.
            connection.sendall(sent)
            if not then_silent:
                connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while data := connection.recv(65536):
                received += data
    return [b"HTTP/1.1 " + answer for answer in received.split(b"HTTP/1.1 ")[1:]]


def shape_of(answer: bytes) -> Answer:
    """Return status and code of an error of ours, "" for the code of what is none of ours."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"application/json" not in head.lower():
        return status, ""
    told: Any = json.loads(body)
    if status < 400:
        return status, ""
    assert {"code", "detail"} <= told.keys() <= {"code", "detail", "errors", "limit"}, told
    return status, str(told["code"])


def memory_bytes(served: Served) -> int:
    """Return what all processes of a server hold (VmRSS)."""
    total = 0
    for pid in served.pids():
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        total += int(match[1]) * 1024 if match else 0
    return total


def left_in(bucket: str) -> list[Any]:
    """Return everything that is stored: records, objects, unfinished uploads in parts."""
    return [
        *FileUpload.objects.values_list("file_name", flat=True),
        *(found["Key"] for found in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())),
        *(found["Key"] for found in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())),
    ]
