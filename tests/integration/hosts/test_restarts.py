"""Hosts restart one after the other, while uploads go on: no client notices."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from threading import Event

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.values import mib
from tests.integration.conftest import client_at
from tests.support.killing import becomes_true, disagreements
from tests.support.uploading import Upload

CLIENTS = 4
BOUNDARY = "test-boundary"


def slowly(content, ready=None, released=None):
    """Yield the content in pieces; after the first, say so and wait."""
    yield content[: mib(1)]
    if ready:
        ready.set()
        released.wait(30)
    for start in range(mib(1), len(content), mib(1)):
        time.sleep(0.1)
        yield content[start : start + mib(1)]


class Uploader:
    """Upload by the server and directly, in turn, until it is over. Each response must be a success."""

    def __init__(self, number, url, user, bucket):
        self.number, self.bucket, self.stored = number, bucket, {}
        self.http = client_at(url, user)  # Here, because a thread would leave its connection to the database open.

    def run(self, over):
        with self.http as http, httpx.Client(timeout=60) as straight:
            while not over.is_set():
                name, content = f"{self.number}/{len(self.stored)}", os.urandom(mib(2))
                answer = http.put(f"buckets/{self.bucket}/files/{name}/", content=slowly(content))
                assert answer.status_code == 201, answer.text
                self.stored[name] = {sha256(content).hexdigest()}
                upload = Upload(http, straight, self.bucket, "multipart", content=os.urandom(mib(7)))
                upload.do("start", "send", "sign", "progress", "complete")
                self.stored[upload.record["file_name"]] = {upload.checksum}


def test_rolling_restart_loses_no_upload(hosts, user, bucket):
    uploaders, over = [Uploader(number, hosts.url, user, bucket) for number in range(CLIENTS)], Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(uploader.run, over) for uploader in uploaders]
        for host in hosts.both:
            time.sleep(1)
            host.stop()
            time.sleep(0.5)
            host.start()
        time.sleep(1)
        over.set()
        for uploader in running:
            uploader.result()
    possible = {name: checksums for uploader in uploaders for name, checksums in uploader.stored.items()}
    assert len(possible) >= CLIENTS * 2
    FileUpload.objects.filter(status="quarantined").update(
        status="stored", needs_scan=False
    )  # The scanner is not of interest here.
    assert list(disagreements(bucket, possible)) == []


def form(bucket, content):
    """Yield a form with a file."""
    for name, value in {"bucket": bucket, "file_name": "form"}.items():
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode()
    yield from content
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize("way", ["raw", "form"])
def test_graceful_stop_lets_a_running_upload_end(hosts, client, user, bucket, way):
    """The client sends to the host itself, so one of its threads has the request when SIGTERM comes."""
    content, ready, released = os.urandom(mib(3)), Event(), Event()
    body, http = slowly(content, ready, released), client(user, hosts.two.url)
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        stack.callback(hosts.two.start_if_stopped)
        stack.callback(released.set)
        if way == "raw":
            upload = pool.submit(http.put, f"buckets/{bucket}/files/raw/", content=body)
        else:
            headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            upload = pool.submit(http.post, "file/upload/", content=form(bucket, body), headers=headers)
        becomes_true(lambda: FileUpload.objects.filter(status="pending").exists(), 30)
        stopping = pool.submit(hosts.two.stop)
        becomes_true(lambda: refuses(hosts.two.port), 30)
        released.set()
        answer = upload.result()
        stopping.result()
    assert (answer.status_code, answer.json().get("checksum_sha256")) == (201, sha256(content).hexdigest())


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
