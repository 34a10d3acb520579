"""Clients of the storm: each does everything that the API offers, on few keys that all share."""

import time
from collections import Counter
from hashlib import sha256
from threading import Event
from typing import Any

import httpx

from s3_file_uploader.values import mib
from tests.integration.conftest import client_at
from tests.storm.ledger import Ledger
from tests.support.killing import chance
from tests.support.scanners import VIRUS
from tests.support.uploading import Upload

BUCKET = "quota-storm"
KEYS = [f"key/{number}" for number in range(6)]
SMALL, LARGE = (1, 1000, 30_000, 300_000), (mib(2), mib(6), mib(9))
PARTS = (mib(5), mib(5) + 1, mib(7))
INFECTED = 0.1
REFUSALS = {
    *("file_exists", "upload_in_progress", "upload_not_pending", "quarantined", "file_rejected", "quota_exceeded"),
    *("file_not_found", "upload_not_found", "share_not_found", "upload_token_not_found", "parts_missing"),
    *("storage_unavailable", "storage_timeout", "storage_error", "database_unavailable"),
}


class Client:
    """One thread of requests, and what it must not see."""

    def __init__(self, number: int, seed: int, url: str, user: Any, ledger: Ledger) -> None:
        self.random, self.ledger = chance(seed, "client", number), ledger
        self.http, self.straight = client_at(url, user), httpx.Client(timeout=30)
        self.direct: list[Upload] = []
        self.figures: Counter[str] = Counter()
        self.ways = [
            *[self.put, self.form] * 3,
            *[self.upload_directly] * 4,
            *[self.upload_by_uppy, self.remove, self.remove_directly, self.read, self.read, self.share],
            *[self.list_all, self.save],
        ]

    def run(self, over: Event) -> None:
        with self.http, self.straight:
            while not over.is_set():
                self.random.choice(self.ways)()
                time.sleep(self.random.uniform(0, 0.05))

    # --- files through the server

    def put(self) -> None:
        key, content = self.random.choice(KEYS), self.content((*SMALL, *LARGE))
        path, params = f"buckets/{BUCKET}/files/{key}/", {"overwrite": "true"}
        self.write(key, content, "PUT", path, params=params, content=content)

    def form(self) -> None:
        key, content = self.random.choice(KEYS), self.content((*SMALL, *LARGE))
        data = {"bucket": BUCKET, "file_name": key, "overwrite": "true"}
        self.write(key, content, "POST", "file/upload/", data=data, files={"file": ("f", content)})

    def remove(self) -> None:
        key = self.random.choice(KEYS)
        self.write(key, None, "DELETE", f"buckets/{BUCKET}/files/{key}/")

    # --- files past the server

    def upload_directly(self) -> None:
        strategy = self.random.choice(("put", "post", "multipart"))
        content = self.content(PARTS if strategy == "multipart" else SMALL)
        upload = Upload(self.http, self.straight, BUCKET, strategy, content=content)
        answer = self.ask(upload.start) or self.ask(upload.start)
        if not (answer and upload.record and upload.record["transfer"]):
            return
        self.direct.append(upload)
        write = self.ledger.begin(upload.record["file_name"], fate(content))
        try:
            upload.send()
        except httpx.TransportError:
            self.figures["cut"] += 1
        if self.random.random() < 0.2:
            self.ask(upload.sign if strategy == "multipart" else upload.show)
        done = next((answer for answer in (self.ask(upload.complete) for _ in range(2)) if answer), None)
        write.end(is_certain=done is not None)
        self.figures["direct uploads"] += done is not None

    def remove_directly(self) -> None:
        if self.direct:
            upload = self.direct.pop(self.random.randrange(len(self.direct)))
            self.write(upload.record["file_name"], None, "DELETE", f"uploads/{upload.record['id']}/")

    def upload_by_uppy(self) -> None:
        token = self.ask(self.http.post, "uppy/tokens/")
        if not token:
            return
        base, content = f"uppy/token/{token.json()['token']}/s3/multipart", self.content(PARTS)
        params = {"filename": "f", "type": "application/octet-stream", "metadata": {"bucket": BUCKET}}
        started = self.ask(self.http.post, base, json=params)
        if not started:
            return
        upload, key = f"{base}/{started.json()['uploadId']}", {"key": started.json()["key"]}
        write = self.ledger.begin(started.json()["key"], fate(content))
        parts = [content[start : start + mib(5)] for start in range(0, len(content), mib(5))]
        sent = [{"PartNumber": n} for n, part in enumerate(parts, 1) if self.part_sent(f"{upload}/{n}", key, part)]
        done = None
        if len(sent) == len(parts):  # Uppy announced no size, so the service joins the parts that it is told.
            done = self.ask(self.http.post, f"{upload}/complete", params=key, json={"parts": sent})
        write.end(is_certain=done is not None)
        self.figures["uploads of Uppy"] += done is not None
        self.ask(self.http.delete, f"uppy/tokens/{token.json()['id']}/")

    def part_sent(self, address: str, key: dict[str, str], part: bytes) -> bool:
        signed = self.ask(self.http.get, address, params=key)
        try:
            return signed is not None and self.straight.put(signed.json()["url"], content=part).status_code == 200
        except httpx.TransportError:
            self.figures["cut"] += 1
            return False

    # --- reading

    def read(self) -> None:
        key = self.random.choice(KEYS)
        answer = self.ask(self.http.get, f"buckets/{BUCKET}/files/{key}/", params={"proxy": "true"})
        if answer:
            self.saw(key, answer.content)
        signed = self.ask(self.http.get, "file/presigned/url/", params={"bucket": BUCKET, "file_name": key})
        self.figures["reads"] += bool(answer) + bool(signed)

    def share(self) -> None:
        link = self.ask(self.http.post, "shares/", json={"bucket": BUCKET, "file_name": self.random.choice(KEYS)})
        if link:
            self.ask(httpx.get, link.json()["url"])
            self.ask(self.http.delete, f"shares/{link.json()['id']}/")

    def save(self) -> None:
        self.ask(self.http.get, f"buckets/{BUCKET}/files/{self.random.choice(KEYS)}/download/")

    def list_all(self) -> None:
        paths = ("uploads/", "uploads/folder/", "uploads/usage/", f"buckets/{BUCKET}/files/", "bucket/list/")
        self.ask(self.http.get, self.random.choice(paths), params={"bucket": BUCKET})
        self.ask(self.http.get, "shares/")

    # --- requests

    def content(self, sizes: tuple[int, ...]) -> bytes:
        size = self.random.choice(sizes)
        content: bytes = self.random.randbytes(16) * (size // 16 + 1)
        return VIRUS + content[:size] if self.random.random() < INFECTED else content[:size]

    def saw(self, key: str, content: bytes) -> None:
        assert not content.startswith(VIRUS), f"{key} has a virus."
        assert sha256(content).hexdigest() in self.ledger.ever(key), f"{key} has bytes that no client sent."

    def write(self, key: str, new: bytes | None, method: str, path: str, **arguments: Any) -> None:
        write = self.ledger.begin(key, None if new is None else fate(new))
        answer, code = self.response(lambda: self.http.request(method, path, **arguments))
        write.end(is_certain=answer is not None or code == "file_rejected")
        self.figures[f"{method} done"] += answer is not None

    def ask(self, send: Any, *arguments: Any, **named: Any) -> httpx.Response | None:
        return self.response(lambda: send(*arguments, **named))[0]

    def response(self, send: Any) -> tuple[httpx.Response | None, str]:
        """Return a success, or None and the code of the error, which must be one that a storm explains."""
        self.figures["requests"] += 1
        try:
            answer = send()
        except httpx.TransportError:
            self.figures["unanswered"] += 1
            time.sleep(0.1)
            return None, ""
        if answer.status_code < 400:
            return answer, ""
        is_ours = "json" in answer.headers.get("Content-Type", "")
        code = answer.json().get("code", "") if is_ours else ""
        assert code in REFUSALS or (answer.status_code, is_ours) == (502, False), (
            f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"
        )
        self.figures[code or "502 of nginx"] += 1
        return None, code


def fate(content: bytes) -> str | None:
    """Return the checksum that the file has in the end, None for an infected one."""
    return None if content.startswith(VIRUS) else sha256(content).hexdigest()
