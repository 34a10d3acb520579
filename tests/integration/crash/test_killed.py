"""Kill server and store with -9 again and again while clients upload and delete: afterwards records and objects agree.

Each client records the responses for its own keys. A response determines the content of a key. A request without a
response leaves two possibilities, before and after, but never a third.
"""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from threading import Event

import httpx
import pytest
from django.utils import timezone

from s3_file_uploader.models import BUSY, FileUpload
from s3_file_uploader.models.idempotency_key import IN_PROGRESS
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.values import mib
from tests.integration.conftest import client_at
from tests.support.killing import (
    NOTHING,
    SETTINGS,
    WORKERS,
    Store,
    Storm,
    becomes_true,
    chance,
    connections_of,
    disagreements,
    housekeeping_meanwhile,
    impatient,
    new_seed,
    nothing_to_do,
    on_another_host,
)
from tests.support.stores import use_store

CLIENTS, KEYS_OF_A_CLIENT = 6, 8
SIZES = (2**10, 2**13, 2**16, 2**18, mib(1), mib(5), mib(8), mib(14))  # Files of mib(8) and more are sent in parts.
POOL = os.urandom(SIZES[-1])
KILLED = ("worker", "server", "worker", "store", "worker", "server", "worker", "server and store")
AT_LEAST = {"requests": 200, "worker kills": 8, "server kills": 6, "store kills": 4}
ENDS_WITHIN_SECONDS = 240  # It ends once enough has happened, which takes longer on a busy machine.


@pytest.fixture(autouse=True)
def store(own_settings, tmp_path):
    store = Store(tmp_path / "s3")
    use_store(own_settings, store.embedded)
    for name, value in SETTINGS.items():
        setattr(own_settings, name, value)
    yield store
    store.embedded.__exit__()


@pytest.fixture
def served(transactional_db, store, tmp_path):
    with impatient(tmp_path, store.embedded, ("gunicorn", "modules.wsgi:application", *WORKERS)) as served:
        yield served


class Client:
    """One thread of requests to its own keys, and the responses that it got."""

    def __init__(self, number, seed, served, user):
        self.seed, self.random, self.served = seed, chance(seed, number), served
        self.http = client_at(served.url, user)
        # Acceptable SHA-256 values by key, None for no object.
        self.possible = {f"{number}/{key}": {None} for key in range(KEYS_OF_A_CLIENT)}
        self.disturbed = set()
        self.to_repeat = {}
        self.log = []
        self.figures = Counter()

    def run(self, over):
        with self.http:
            while not over.is_set():
                key = self.random.choice(list(self.possible))
                repeatable = self.to_repeat.pop(key, None)
                is_new = self.possible[key] == {None}
                if repeatable and self.random.random() < 0.5:
                    self._upload(key, **repeatable)
                elif not is_new and self.random.random() < 0.3:
                    self._send(key, None, self.http.delete, self._path(key))
                else:
                    name = self.random.randbytes(8).hex()
                    self._upload(key, self._content(), overwrite=not is_new, raw=self.random.random() < 0.6, name=name)

    def of(self, key):
        """Return everything that is known about a key."""
        mine = [line for line in self.log if f" {key} " in line]
        of_server = [line for line in self.served.log.splitlines() if f'"{key}"' in line]
        return "\n".join([f"seed {self.seed}, {key}: {self.possible[key]}", *mine, *of_server])

    def _path(self, key):
        return f"buckets/killed/files/{key}/"

    def _content(self):
        size = int(self.random.uniform(0.7, 1) * self.random.choice(SIZES))
        return self.random.randbytes(16) + POOL[: size - 16]

    def _upload(self, key, content, *, overwrite, raw, name):
        """Upload with an Idempotency-Key. Send it once more if the result is unknown."""
        flags, checksum = {"overwrite": "true" if overwrite else "false"}, sha256(content).hexdigest()
        if raw:
            body = self._slowly(content) if self.random.random() < 0.5 else content
            send, path, arguments = self.http.put, self._path(key), {"params": flags, "content": body}
        else:
            data = {"bucket": "killed", "file_name": key, **flags}
            send, path, arguments = self.http.post, "file/upload/", {"data": data, "files": {"file": ("name", content)}}
        if not self._send(key, checksum, send, path, headers={"Idempotency-Key": name}, **arguments):
            self.to_repeat[key] = {"content": content, "overwrite": overwrite, "raw": raw, "name": name}

    def _slowly(self, content):
        for start in range(0, len(content), mib(1)):
            yield content[start : start + mib(1)]
            time.sleep(self.random.uniform(0, 0.05))

    def _send(self, key, checksum, send, path, **arguments):
        """Return True if the deletion succeeded, as far as the client knows."""
        began = timezone.now()
        try:
            answer = send(path, **arguments)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            time.sleep(0.05)  # The server is down, so the request was not sent.
            return False
        except httpx.TransportError as error:
            answer, said = None, type(error).__name__
        else:
            said = f"{answer.status_code} {answer.text}"
        self.log.append(f"{began:%T.%f} to {timezone.now():%T.%f} {key} {send.__name__} {checksum}: {said}")
        self._heard(key, checksum, answer)
        return answer is not None and answer.is_success

    def _heard(self, key, checksum, answer):
        match answer.status_code if answer else None:
            case 201:
                stored = answer.json()["status"], answer.json()["checksum_sha256"]
                assert stored == ("stored", checksum), self.of(key)
                self._decided(key, checksum, "uploads")
                self.figures["repeated"] += "idempotency-replayed" in answer.headers
            case 204:
                self._decided(key, None, "deletions")
            case 404:
                assert (checksum, None in self.possible[key]) == (None, True), self.of(key)
                self.possible[key] = {None}  # A first upload that was killed may hold its claim on the key for a while.
            case 409:
                assert answer.json()["detail"] in (BUSY, IN_PROGRESS), self.of(key)
                assert key in self.disturbed, self.of(key)
                self.figures["busy"] += 1
            case None | 502 | 503 | 504:
                self.disturbed.add(key)
                self.possible[key].add(checksum)
                self.figures["failed" if answer else "unanswered"] += 1
            case _:
                raise AssertionError(self.of(key))

    def _decided(self, key, now_there, figure):
        self.disturbed.discard(key)
        self.possible[key] = {now_there}
        self.figures[figure] += 1


def figures_of(clients, storm):
    figures = sum((client.figures for client in clients), storm.figures)
    figures["requests"] = sum(figures[name] for name in ("uploads", "deletions", "failed", "unanswered"))
    return figures


def enough(figures):
    return all(figures[name] >= number for name, number in AT_LEAST.items())


def test_random_kills_leave_responses_and_objects_consistent(served, store, user, tmp_path, record_testsuite_property):
    seed, over = new_seed(), Event()
    get_client().create_bucket(Bucket="killed")
    clients = [Client(number, seed, served, user) for number in range(CLIENTS)]
    storm = Storm(seed, served, store, tmp_path, KILLED)
    with ThreadPoolExecutor(CLIENTS + 1) as pool, ExitStack() as stack:
        stack.callback(over.set)
        running = [pool.submit(client.run, over) for client in clients]
        housekeeping = pool.submit(housekeeping_meanwhile, over)
        storm.rage(
            seconds=ENDS_WITHIN_SECONDS,
            is_enough=lambda: enough(figures_of(clients, storm)),
            look=lambda: [client.result() for client in running if client.done()],
        )
    for client in running:
        client.result()
    becomes_true(lambda: not connections_of(served.name), 5)
    served.start()

    halfway = FileUpload.objects.exclude(status="stored")
    becomes_true(lambda: halfway.count() == FileUpload.objects.abandoned().count(), 15)
    left = halfway.count()
    with ThreadPoolExecutor(2) as hosts:
        reports = list(hosts.map(on_another_host, range(2)))
    figures = figures_of(clients, storm) | housekeeping.result() | {"settled at the end": left}
    summary = f"seed {seed}, {dict(sorted(figures.items()))}"
    record_testsuite_property("killed", summary)

    for key, what in disagreements(
        "killed", {key: value for client in clients for key, value in client.possible.items()}
    ):
        of_key = [client.of(key) for client in clients if key in client.possible]
        pytest.fail("\n".join([summary, f"{key}: {what}", *of_key]))
    assert [report.is_complete for report in reports] == [True, True], summary
    assert sum(report.records_settled for report in reports) == left, summary
    assert housekeeping_run() == NOTHING, summary
    assert nothing_to_do(tmp_path, store.embedded)
    assert enough(figures), f"This was no test: {summary}"
    assert figures["unanswered"] >= 10, f"This was no test: {summary}"
    assert figures["settled meanwhile"] + left >= 5, f"This was no test: {summary}"
