"""Server and store are killed with -9 again and again while files come and go: afterwards record and object agree.

Each client keeps, for keys of its own, what the service told it. An answer decides what lies under a key; a request
without one leaves two possibilities, before and after, and never a third.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict
from hashlib import sha256
from itertools import cycle
from random import Random
from threading import Event

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from s3_file_uploader import s3
from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.models import BUSY, FileUpload
from s3_file_uploader.models.idempotency_key import IN_PROGRESS
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.values import mib
from tests.host import python
from tests.integration.conftest import client_at
from tests.integration.served import Served, database_url

CLIENTS, KEYS_OF_A_CLIENT = 6, 8
SIZES = (2**10, 2**13, 2**16, 2**18, mib(1), mib(5), mib(8), mib(14))  # From mib(8) on, in parts.
POOL = os.urandom(SIZES[-1])
# "server" is all its processes, "worker" one of them, as where memory runs out.
KILLED = ("worker", "server", "worker", "store", "worker", "server", "worker", "server and store")
AT_LEAST = {"requests": 200, "worker kills": 8, "server kills": 6, "store kills": 4}
ENDS_WITHIN_SECONDS = 60
SETTINGS = {
    "S3_FILE_UPLOADER_CLAIM_SECONDS": 8,  # Longer than a call to S3 with its second attempt, as it must be.
    "S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS": 1,
    "S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS": 3,
    "S3_FILE_UPLOADER_MAX_ATTEMPTS": 2,
}
NOTHING_TO_DO = """\
uploads completed: 0
records settled: 0
records left: 0
multipart uploads aborted: 0
multipart uploads unexplained: 0
buckets left: 0
idempotency keys forgotten: 0
upload tokens forgotten: 0
share links forgotten: 0
audit events forgotten: 0
partial files removed: 0
"""


def chance(*seed):
    return Random(str(seed))  # noqa: S311 - no secret, but the same again for the same seed


class Store:
    """An S3 that dies and comes back, in the same folder and on the same port."""

    def __init__(self, folder):
        self.embedded = EmbeddedS3(folder).__enter__()

    def kill(self):
        os.kill(self.embedded.pid, signal.SIGKILL)
        self.embedded.__exit__()

    def start(self):
        self.embedded = EmbeddedS3(self.embedded.folder).__enter__()


@pytest.fixture(autouse=True)
def store(own_settings, tmp_path):
    store = Store(tmp_path / "s3")
    for name, value in {**store.embedded.environment(), **SETTINGS}.items():
        setattr(own_settings, name, value)
    yield store
    store.embedded.__exit__()


@pytest.fixture
def served(transactional_db, store, tmp_path):
    lines = ["from modules.settings import *", *(f"{name} = {value}" for name, value in SETTINGS.items())]
    (tmp_path / "impatient.py").write_text("\n".join(lines))
    environment = {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "impatient", **store.embedded.environment()}
    command = ("gunicorn", "modules.wsgi:application", "--workers", "2", "--threads", "4", "--timeout", "120")
    with Served(tmp_path, (*command, "--preload", "--pid", str(tmp_path / "pid")), **environment) as served:
        yield served


class Client:
    """One thread of requests to keys that nobody else uses, and what it was told of them."""

    def __init__(self, number, seed, served, user):
        self.seed, self.random, self.served = seed, chance(seed, number), served
        self.http = client_at(served.url, user)
        # By key, the SHA-256 of what may lie there, None for nothing.
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
        """Tell all that is known of a key."""
        mine = [line for line in self.log if f" {key} " in line]
        of_server = [line for line in self.served.log.splitlines() if f'"{key}"' in line]
        return "\n".join([f"seed {self.seed}, {key}: {self.possible[key]}", *mine, *of_server])

    def _path(self, key):
        return f"buckets/killed/files/{key}/"

    def _content(self):
        size = int(self.random.uniform(0.7, 1) * self.random.choice(SIZES))
        return self.random.randbytes(16) + POOL[: size - 16]

    def _upload(self, key, content, *, overwrite, raw, name):
        """Send it under an Idempotency-Key, as which it may be sent once more if it is not known to be stored."""
        flags, wanted = {"overwrite": "true" if overwrite else "false"}, sha256(content).hexdigest()
        if raw:
            body = self._slowly(content) if self.random.random() < 0.5 else content
            send, path, arguments = self.http.put, self._path(key), {"params": flags, "content": body}
        else:
            data = {"bucket": "killed", "file_name": key, **flags}
            send, path, arguments = self.http.post, "file/upload/", {"data": data, "files": {"file": ("name", content)}}
        if not self._send(key, wanted, send, path, headers={"Idempotency-Key": name}, **arguments):
            self.to_repeat[key] = {"content": content, "overwrite": overwrite, "raw": raw, "name": name}

    def _slowly(self, content):
        for start in range(0, len(content), mib(1)):
            yield content[start : start + mib(1)]
            time.sleep(self.random.uniform(0, 0.05))

    def _send(self, key, wanted, send, path, **arguments):
        """Return whether it was done, as far as we were told."""
        began = timezone.now()
        try:
            answer = send(path, **arguments)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            time.sleep(0.05)  # Nobody is there, so nothing was asked.
            return False
        except httpx.TransportError as error:
            answer, said = None, type(error).__name__
        else:
            said = f"{answer.status_code} {answer.text}"
        self.log.append(f"{began:%T.%f} to {timezone.now():%T.%f} {key} {send.__name__} {wanted}: {said}")
        self._heard(key, wanted, answer)
        return answer is not None and answer.is_success

    def _heard(self, key, wanted, answer):
        match answer.status_code if answer else None:
            case 201:
                told = answer.json()["status"], answer.json()["checksum_sha256"]
                assert told == ("stored", wanted), self.of(key)
                self._decided(key, wanted, "uploads")
                self.figures["repeated"] += "idempotency-replayed" in answer.headers
            case 204:
                self._decided(key, None, "deletions")
            case 404:
                assert (wanted, None in self.possible[key]) == (None, True), self.of(key)
                self.possible[key] = {None}  # A first upload that was killed may still hold the key for a while.
            case 409:
                assert answer.json()["detail"] in (BUSY, IN_PROGRESS), self.of(key)
                assert key in self.disturbed, self.of(key)
                self.figures["busy"] += 1
            case None | 502 | 503 | 504:
                self.disturbed.add(key)
                self.possible[key].add(wanted)
                self.figures["failed" if answer else "unanswered"] += 1
            case _:
                raise AssertionError(self.of(key))

    def _decided(self, key, now_there, figure):
        self.disturbed.discard(key)
        self.possible[key] = {now_there}
        self.figures[figure] += 1


class Storm:
    """Kills and starts again until enough was asked and enough was hit; it ends with a kill."""

    def __init__(self, seed, served, store, folder):
        self.random, self.served, self.store, self.folder = chance(seed, "storm"), served, store, folder
        self.figures = Counter()

    def rage(self, clients, running):
        end, kinds = time.monotonic() + ENDS_WITHIN_SECONDS, cycle(KILLED)
        while not enough(figures_of(clients, self)) and time.monotonic() < end:
            self._up_for_a_while(running)
            self._kill_and_start(next(kinds).split(" and "))
        self._up_for_a_while(running)
        self._kill("server")

    def _up_for_a_while(self, running):
        time.sleep(self.random.uniform(0.3, 1.5))
        for client in running:
            if client.done():
                client.result()

    def _kill_and_start(self, kinds):
        for kind in kinds:
            self._kill(kind)
        time.sleep(self.random.uniform(0, 0.3))
        if "store" in kinds:
            self.store.start()
        if "server" in kinds:
            self.served.start()

    def _kill(self, kind):
        self.figures[f"{kind} kills"] += 1
        {"server": self.served.kill, "store": self.store.kill, "worker": self._worker_kill}[kind]()

    def _worker_kill(self):
        """Leave it to gunicorn to start another."""
        becomes_true(self._workers, 10)
        os.kill(self.random.choice(self._workers()), signal.SIGKILL)

    def _workers(self):
        master = (self.folder / "pid").read_text().strip()
        listed = subprocess.run(["ps", "-axo", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
        return [int(pid) for parent, pid in map(str.split, listed.splitlines()) if parent == master]


def figures_of(clients, storm):
    figures = sum((client.figures for client in clients), storm.figures)
    figures["requests"] = sum(figures[name] for name in ("uploads", "deletions", "failed", "unanswered"))
    return figures


def enough(figures):
    return all(figures[name] >= number for name, number in AT_LEAST.items())


def becomes_true(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def on_another_host(_=None):
    with closing(connection):
        return housekeeping_run()


def housekeeping_meanwhile(over):
    """Run it beside the service, as cron does; return how many records were settled."""
    settled = 0
    while not over.wait(2):
        settled += on_another_host().records_settled
    return settled


def connections_of(served):
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [served.name])
        return cursor.fetchone()[0]


def described(key):
    """Return what a record says of a file, as its bytes and the store have it."""
    answer = s3.client().get_object(Bucket="killed", Key=key)
    content = answer["Body"].read()
    return len(content), answer["ETag"].strip('"'), sha256(content).hexdigest()


def disagreements(possible):
    """Compare every record with its object, every object with its record, and both with what the clients were told."""
    rows = {row.file_name: row for row in FileUpload.objects.all()}
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket="killed")
    objects = {found["Key"]: described(found["Key"]) for page in pages for found in page.get("Contents", ())}
    assert rows.keys() | objects.keys() <= possible.keys()
    for key, told in possible.items():
        row, there = rows.get(key), objects.get(key)
        if row and (row.status, row.claimed_until) != ("stored", None):
            yield key, f"the record is {row.status}, claimed until {row.claimed_until}"
        recorded = row and (row.size, row.etag, row.checksum_sha256)
        if recorded != there:
            yield key, f"the record says {recorded}, S3 holds {there}"
        if (there and there[-1]) not in told:
            yield key, f"S3 holds {there}, and no client was told so"
    for upload in s3.client().list_multipart_uploads(Bucket="killed").get("Uploads", ()):
        yield upload["Key"], f"a multipart upload is left: {upload}"


def test_whatever_is_killed_records_objects_and_answers_agree(served, store, user, tmp_path, record_testsuite_property):
    seed, over = chance(time.time_ns()).randrange(2**32), Event()
    s3.client().create_bucket(Bucket="killed")
    clients = [Client(number, seed, served, user) for number in range(CLIENTS)]
    storm = Storm(seed, served, store, tmp_path)
    with ThreadPoolExecutor(CLIENTS + 1) as pool, ExitStack() as stack:
        stack.callback(over.set)
        running = [pool.submit(client.run, over) for client in clients]
        housekeeping = pool.submit(housekeeping_meanwhile, over)
        storm.rage(clients, running)
    for client in running:
        client.result()
    becomes_true(lambda: not connections_of(served), 5)
    served.start()

    halfway = FileUpload.objects.exclude(status="stored")
    becomes_true(lambda: halfway.count() == FileUpload.objects.abandoned().count(), 15)
    left = halfway.count()
    with ThreadPoolExecutor(2) as hosts:
        reports = list(hosts.map(on_another_host, range(2)))
    figures = figures_of(clients, storm)
    figures |= {"settled meanwhile": housekeeping.result(), "settled at the end": left}
    told = f"seed {seed}, {dict(sorted(figures.items()))}"
    record_testsuite_property("killed", told)

    for key, what in disagreements({key: told for client in clients for key, told in client.possible.items()}):
        client = next(client for client in clients if key in client.possible)
        pytest.fail("\n".join([told, what, client.of(key)]))
    assert [report.is_complete for report in reports] == [True, True], told
    assert sum(report.records_settled for report in reports) == left, told
    assert not any(asdict(housekeeping_run()).values()), told
    command = python(
        tmp_path, "manage.py", "s3_housekeeping", DATABASE_URL=database_url(), **store.embedded.environment()
    )
    assert (command.returncode, command.stdout, command.stderr) == (0, NOTHING_TO_DO, "")
    assert enough(figures), f"This was no test: {told}"
    assert figures["unanswered"] >= 10, f"This was no test: {told}"
    assert figures["settled meanwhile"] + left >= 5, f"This was no test: {told}"
