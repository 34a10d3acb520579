"""Helpers of the kill tests: a store and a server that die and restart, storms of kills, and checks of consistency."""

import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from hashlib import sha256
from itertools import cycle
from random import Random

from django.db import connection

from s3_file_uploader.embedded.juicefs import SQLITE_FILE
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.services.reports import HousekeepingReport
from tests.support.host import ALL_APPS, python
from tests.support.processes import children
from tests.support.served import Served, database_url
from tests.support.stores import new_store

SETTINGS = {
    "S3_FILE_UPLOADER_CLAIM_SECONDS": 8,  # A claim must outlast a call to S3 with its second attempt.
    "S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS": 1,
    "S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS": 3,
    "S3_FILE_UPLOADER_MAX_ATTEMPTS": 2,
}
# By default gunicorn closes a connection after 2 idle seconds, and the connection is reset if a request arrives at that
# moment. Clients pause that long on a busy machine, so connections stay open for longer.
ONE_WORKER = ("--threads", "4", "--timeout", "120", "--keep-alive", "120", "--preload")
WORKERS = ("--workers", "2", *ONE_WORKER)
NOTHING = HousekeepingReport(**dict.fromkeys(HousekeepingReport.__dataclass_fields__, 0))
NOTHING_TO_DO = "".join(f"{name.replace('_', ' ')}: 0\n" for name in asdict(NOTHING))


def chance(*seed):
    return Random(str(seed))  # noqa: S311 - no secret, but the same again for the same seed


def new_seed():
    return chance(time.time_ns()).randrange(2**32)


def becomes_true(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- processes that die -----------------------------------------------------------------------------------------------


class Store:
    """An S3 that can be killed and restarted in the same folder and on the same port."""

    def __init__(self, folder):
        self.embedded = new_store(folder).__enter__()

    def kill(self):
        os.kill(self.embedded.pid, signal.SIGKILL)
        self.embedded.__exit__()

    def start(self):
        self.embedded = new_store(self.embedded.folder).__enter__()

    def on_its_way(self, bucket):
        return on_its_way(self.embedded.folder, bucket)


def with_sqlite(folder):
    """Return the folder of a store on SQLite, which `on_its_way` can read while it runs.

    Badger allows no second reader.
    """
    folder.mkdir(exist_ok=True)
    (folder / SQLITE_FILE).touch()
    return folder


def on_its_way(folder, bucket):
    """Return the files that a store keeps beside the objects, by name, such as `uploads/../7` or `tmp/..`.

    The values are inode numbers. A file that is written again under the same name has another number.
    """
    query = """
        WITH RECURSIVE folder (inode, path) AS (
            SELECT inode, CAST(name AS TEXT) FROM jfs_edge WHERE parent = 1 AND name = CAST('.sys' AS BLOB)
            UNION ALL
            SELECT e.inode, path || '/' || CAST(name AS TEXT) FROM folder JOIN jfs_edge e ON parent = folder.inode
        )
        SELECT path, inode FROM folder JOIN jfs_node USING (inode) WHERE jfs_node.type = 1 AND path LIKE ?
    """
    with closing(sqlite3.connect(f"file:{folder / SQLITE_FILE}?mode=ro", uri=True, timeout=10)) as database:
        listed = database.execute(query, [f".sys/{bucket}/%"]).fetchall()
    return {path.removeprefix(f".sys/{bucket}/"): inode for path, inode in listed}


def impatient(folder, store, command, settings=SETTINGS, **variables):
    """Return a server, not yet started, with short timeouts."""
    lines = ["from modules.settings import *", *(f"{name} = {value}" for name, value in settings.items())]
    (folder / "impatient.py").write_text("\n".join(lines))
    environment = {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "impatient", **store.environment()}
    return Served(folder, (*command, "--pid", str(folder / "pid")), **environment, **variables)


def connections_of(client):
    """Return a client's number of connections to PostgreSQL. The last statement of a killed client may still run."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [client])
        return cursor.fetchone()[0]


class Storm:
    """Kill and restart processes, each of `kinds` in turn, until the storm is over. The last step is a kill.

    "server" kills all processes of the server, "worker" only one of them, as the kernel does if memory runs out.
    """

    def __init__(self, seed, served, store, folder, kinds):
        self.random, self.served, self.store, self.folder = chance(seed, "storm"), served, store, folder
        self.kinds = cycle(kinds)
        self.figures, self.starts_in_seconds = Counter(), 1.0
        self.kill = {"server": served.kill, "store": store.kill, "worker": self._worker_kill}
        self.start = {"store": store.start, "server": served.start}

    def rage(self, *, seconds, is_enough, look):
        """Storm until `is_enough` or the time is over.

        Call `look` while everything runs, to check that nothing is wrong yet.
        """
        end = time.monotonic() + seconds
        while not is_enough() and time.monotonic() < end:
            self._up_for_a_while(look)
            self._kill_and_start(next(self.kinds).split(" and "))
        self._up_for_a_while(look)
        self._kill("server")

    def _up_for_a_while(self, look):
        """Let everything run for as long as it needs to do something, which on a slow machine is longer."""
        time.sleep(self.random.uniform(0.1, 0.7) * max(1.0, self.starts_in_seconds))
        look()

    def _kill_and_start(self, kinds):
        for kind in kinds:
            self._kill(kind)
        time.sleep(self.random.uniform(0, 0.3))
        begun = time.monotonic()
        for kind in [kind for kind in self.start if kind in kinds]:
            self.start[kind]()
        if "server" in kinds:
            self.starts_in_seconds = time.monotonic() - begun

    def _kill(self, kind):
        self.figures[f"{kind} kills"] += 1
        self.kill[kind]()

    def _worker_kill(self):
        """Kill a worker. gunicorn starts another one."""
        becomes_true(self._workers, 10)
        os.kill(self.random.choice(self._workers()), signal.SIGKILL)

    def _workers(self):
        return children(int((self.folder / "pid").read_text()))


# --- housekeeping -----------------------------------------------------------------------------------------------------


def on_another_host(_=None):
    with closing(connection):
        return housekeeping_run()


def housekeeping_meanwhile(over):
    """Run housekeeping beside the service, like cron, and return the counts of completed and settled uploads."""
    figures = Counter()
    while not over.wait(2):
        report = on_another_host()
        figures["completed meanwhile"] += report.uploads_completed
        figures["settled meanwhile"] += report.records_settled
    return figures


def nothing_to_do(folder, store):
    """Return True if the command, run like cron does, finds nothing to do."""
    variables = {"DATABASE_URL": database_url(), **store.environment(), **ALL_APPS}
    command = python(folder, "manage.py", "s3_housekeeping", **variables)
    return (command.returncode, command.stdout, command.stderr) == (0, NOTHING_TO_DO, "")


# --- consistency ------------------------------------------------------------------------------------------------------


def described(bucket, key):
    """Return size, ETag and checksum of an object, as its record should have them."""
    answer = get_client().get_object(Bucket=bucket, Key=key)
    content = answer["Body"].read()
    return len(content), answer["ETag"].strip('"'), sha256(content).hexdigest()


def is_empty_folder(listed):
    """Return True for a folder without files: the embedded store leaves one if it dies while it removes a file.

    The store lists it as a key without an ETag that ends with a slash, and answers NoSuchKey to a GET of that key.
    """
    return listed["Key"].endswith("/") and not listed["Size"] and not listed["ETag"].strip('"')


def objects_in(bucket):
    pages = get_client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    listed = (entry for page in pages for entry in page.get("Contents", ()))
    return {entry["Key"]: described(bucket, entry["Key"]) for entry in listed if not is_empty_folder(entry)}


def disagreements(bucket, possible):
    """Yield every difference between records, objects and the responses that clients got.

    `possible` has the acceptable SHA-256 values for each key, None for no object. Other keys must have no object.
    """
    # A rejected file has left its key, and its record says why.
    rows = {row.file_name: row for row in FileUpload.objects.filter(bucket=bucket).exclude(status="rejected")}
    objects = objects_in(bucket)
    for key in sorted(rows.keys() | objects.keys() | possible.keys()):
        row, there, acceptable = rows.get(key), objects.get(key), possible.get(key, {None})
        if row and (row.status, row.claimed_until) != ("stored", None):
            yield key, f"the record is {row.status}, claimed until {row.claimed_until}"
        # The checksum of a direct upload is in the record only if the client sent it.
        checksum = row and (row.checksum_sha256 or (row.is_direct and there and there[-1]))
        recorded = row and (row.size, row.etag, checksum)
        if recorded != there:
            yield key, f"the record says {recorded}, S3 holds {there}"
        if (there and there[-1]) not in acceptable:
            yield key, f"S3 holds {there}, and no client was told so"
    for upload in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
        yield upload["Key"], f"a multipart upload is left: {upload}"
