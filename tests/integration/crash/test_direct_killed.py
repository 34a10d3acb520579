"""Kill apps, servers and the store with -9 during direct uploads: no file is lost, sent twice or left over.

First the app at every step in turn, then everything at random. test_direct_server_killed.py kills the server at every
step.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from hashlib import sha256
from threading import Event

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.services.direct_uploads import complete
from s3_file_uploader.values import mib
from tests.integration.conftest import token_of
from tests.support import phone
from tests.support.faults import FaultyProxy
from tests.support.killing import (
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
    with_sqlite,
)
from tests.support.stores import port_of, use_store
from tests.support.uploading import SMALL_PARTS, all_mended, time_goes_by

BUCKET = "killed"
HOST = ("gunicorn", "modules.wsgi:application", *WORKERS)


@pytest.fixture(autouse=True)
def store(own_settings, tmp_path):
    store = Store(with_sqlite(tmp_path / "s3"))
    use_store(own_settings, store.embedded)
    for name, value in SETTINGS.items():
        setattr(own_settings, name, value)
    get_client().create_bucket(Bucket=BUCKET)
    yield store
    store.embedded.__exit__()


def list_parts(files):
    return {name: number for name, number in files.items() if name.startswith("uploads/")}


def service(served, user):
    """Return the URL of the service and the token of the user, for an app."""
    return served.url, token_of(user).split()[1]


class App:
    """An app with one file to send. After a kill it is restarted in the same folder."""

    def __init__(
        self,
        folder,
        service,
        content,
        *,
        strategy="multipart",
        then="keep",
        checksum="",
        spared=None,
        sleeps="",
        at_once=2,
    ):
        folder.mkdir()
        self.folder, self.content, self.then, self.strategy = folder, content, then, strategy
        self.command = [sys.executable, "-I", phone.__file__, *service, str(folder)]
        self.process, self.stopped = None, 0
        (folder / "file").write_bytes(content)
        task = {"path": str(folder / "file"), "bucket": BUCKET, "file_name": folder.name, "strategy": strategy}
        task |= {"then": then, "checksum_sha256": checksum, "at_once": at_once}
        (folder / "task.json").write_text(json.dumps(task))
        if spared is not None:
            (folder / "deaths").write_text("".join(f"{step}\n" for step in spared))
        (folder / "sleeps").write_text(sleeps)

    def start(self):
        with (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(self.command, stdout=errors, stderr=errors)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)

    def wait_until_paused(self):
        """Wait until the app is paused. An app that ends before is an error."""
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def wake(self, until=""):
        (self.folder / "sleeps").write_text(until)
        self.process.send_signal(signal.SIGCONT)

    def ended(self):
        """Return True if the app is done. Restart it if it was killed."""
        code = self.process.poll()
        if code == -signal.SIGKILL:
            self.start()
        elif code:
            raise AssertionError(f"{self.folder.name}: {(self.folder / 'errors').read_text()}\n{self.log()}")
        return code == 0

    def run_to_the_end(self, seconds=100):
        becomes_true(self.ended, seconds)

    def log(self, *events):
        try:
            lines = (self.folder / "log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in map(json.loads, lines) if not events or line["event"] in events]

    @cached_property
    def checksum(self):
        return sha256(self.content).hexdigest()


def count_responses(app):
    """Return how often S3 accepted each part or the file."""
    return Counter(line["what"] for line in app.log("answered") if line["status"] in {200, 201, 204})


def is_stored_once(app, user):
    """Assert that the service and S3 have exactly this file, and that the app knows it."""
    (event,) = app.log("stored")[-1:]
    upload = FileUpload.objects.get(user=user)
    assert event["answer"]["file_name"] == upload.file_name
    assert list(disagreements(BUCKET, {upload.file_name: {app.checksum}})) == []
    return True


# --- the app ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(transactional_db, store, tmp_path):
    with impatient(tmp_path, store.embedded, HOST) as served:
        yield served


PARTS = 10


def test_app_killed_at_every_step_of_80_mib_stores_the_file(served, store, user, tmp_path, record_testsuite_property):
    # An app that dies before the response of S3 never gets it. This applies to each second part.
    app = App(
        tmp_path / "app",
        service(served, user),
        os.urandom(mib(8 * PARTS)),
        spared=[f"part {n} 2 of 2" for n in range(1, PARTS + 1, 2)],
    )
    held, held_by, kills = {}, {}, 0
    app.start()
    while app.process.wait(60) == -signal.SIGKILL:
        kills += 1
        becomes_true(lambda: list_parts(store.on_its_way(BUCKET)) == store.on_its_way(BUCKET), 10)
        if "all sent" not in (tmp_path / "app" / "deaths").read_text():
            files = list_parts(store.on_its_way(BUCKET))
            assert held.items() <= files.items()  # No part was lost, and none was stored a second time.
            held = files
        app.start()
        held_by[app.process.pid] = {f"part {name.rpartition('/')[2]}" for name in held}
    assert app.process.returncode == 0, (tmp_path / "app" / "errors").read_text()
    begun = app.log("begins")
    figures = {
        "kills": kills,
        "parts": len(held),
        "PUTs begun": len(begun),
        "PUTs answered": count_responses(app).total(),
        "MiB begun": sum(line["bytes"] for line in begun) // mib(1),
    }
    record_testsuite_property("app killed at every step", str(figures))
    assert [line for line in begun if line["what"] in held_by.get(line["process"], ())] == []
    assert set(count_responses(app).values()) == {1}
    assert is_stored_once(app, user)
    assert (len(held), store.on_its_way(BUCKET)) == (PARTS, {})
    assert kills > 3 * PARTS, f"This was no test: {figures}"


URLS_LIVE_SECONDS = 5


@pytest.fixture
def proxied(transactional_db, store, tmp_path):
    """Serve apps through a proxy with faults, with URLs that expire soon and with parts as small as a buffer.

    Such parts let S3 read even a part that it refuses, so that the app gets the response.
    """
    settings = {**SETTINGS, **SMALL_PARTS, "S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS": URLS_LIVE_SECONDS}
    with FaultyProxy(port_of(store.embedded)) as proxy:
        variables = {"AWS_S3_PUBLIC_ENDPOINT_URL": proxy.url}
        with impatient(tmp_path, store.embedded, HOST, settings, **variables) as served:
            yield served, proxy


EIGHT_PARTS = 8 * SMALL_PARTS["S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES"]
FOURTH_SENT = "part 4 answered"


def test_app_with_expired_urls_continues_with_fresh_ones(proxied, store, user, tmp_path):
    served, proxy = proxied
    proxy.only, proxy.cut_after = b"PUT ", 50_000
    content = os.urandom(EIGHT_PARTS)
    app = App(tmp_path / "app", service(served, user), content, sleeps="missing answered", at_once=1)
    app.start()
    app.wait_until_paused()
    assert (len(app.log("cut")), app.log("answered"), store.on_its_way(BUCKET)) == (8, [], {})
    proxy.cut_after = None
    app.wake(until=FOURTH_SENT)
    app.wait_until_paused()
    held, before = list_parts(store.on_its_way(BUCKET)), app.log()
    time.sleep(URLS_LIVE_SECONDS + 1)
    app.wake()
    app.run_to_the_end()
    refused = [line["what"] for line in app.log()[len(before) :] if line.get("status") == 403]
    assert (len(held), refused) == (4, ["part 5", "part 6", "part 7", "part 8"])
    assert count_responses(app) == Counter(f"part {number}" for number in range(1, 9))
    assert {line["status"] for line in app.log("answered")} == {200, 403}
    assert is_stored_once(app, user)


def test_app_with_an_expired_upload_starts_a_new_one(proxied, store, user, tmp_path, settings):
    served, _ = proxied
    app = App(tmp_path / "app", service(served, user), os.urandom(EIGHT_PARTS), sleeps=FOURTH_SENT)
    app.start()
    app.wait_until_paused()
    time_goes_by()
    assert housekeeping_run().records_settled == 1
    app.wake()
    app.run_to_the_end()
    assert len(app.log("gone")) == 1
    all_mended(settings)
    assert is_stored_once(app, user)
    assert store.on_its_way(BUCKET) == {}


# --- at random --------------------------------------------------------------------------------------------------------

AT_ONCE = 4
STORM = ("worker and app", "app", "server and app", "app", "store", "worker", "app", "server and store", "app")
ENDS_WITHIN_SECONDS = 240  # It ends once enough has happened, which takes longer on a busy machine.
IMPATIENT = {
    **SETTINGS,
    "S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES": mib(5),
    "S3_FILE_UPLOADER_DIRECT_EXPIRATION_SECONDS": 20,
    "S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS": 10,
}
SIZES = {
    "put": (0, 1000, mib(1), mib(8)),
    "post": (1, 1000, mib(1), mib(8)),
    "multipart": (mib(5), mib(7), mib(10) + 1, mib(18)),
}
AT_LEAST = {"uploads": 40, "app kills": 10, "worker kills": 4, "server kills": 4, "store kills": 3}


class Apps:
    """Several apps at a time. Each is killed now and then, and restarted until it has finished."""

    def __init__(self, seed, folder, service):
        self.random, self.folder, self.service = chance(seed, "apps"), folder, service
        folder.mkdir()
        self.all, self.running = [], []

    def run(self, over):
        """Start new apps until the storm is over, then let the last ones finish."""
        while self.running or not over.is_set():
            self.running = [app for app in self.running if not app.ended()]
            while len(self.running) < AT_ONCE and not over.is_set():
                self.all.append(self._app())
                self.all[-1].start()
                self.running.append(self.all[-1])
            time.sleep(0.02)

    def _app(self):
        strategy = self.random.choice(list(SIZES))
        content = self.random.randbytes(self.random.choice(SIZES[strategy]))
        then = self.random.choice(("keep", "keep", "keep", "delete", "abort", "leave"))
        # The embedded store does not compare the checksum of a form, so the service refuses a form with one.
        has_checksum = strategy != "post" and self.random.random() < 0.3
        checksum = sha256(content).hexdigest() if has_checksum else ""
        where = self.folder / str(len(self.all))
        return App(where, self.service, content, strategy=strategy, then=then, checksum=checksum)

    def kill(self):
        for app in self.random.sample(self.running, 1) if self.running else ():
            app.kill()

    def done(self):
        return len(self.all) - len(self.running)

    def possible(self):
        """Return the acceptable objects by key."""
        possible = {}
        for app in self.all:
            keys = [line["key"] for line in app.log("started")]
            possible |= {key: {None} for key in keys}
            if app.then == "keep":
                possible[keys[-1]] = {app.checksum}
            if app.then == "leave" and app.strategy != "multipart":
                possible[keys[-1]] = {app.checksum, None}
        return possible

    def figures(self):
        events = Counter(line["event"] for app in self.all for line in app.log())
        service = sum(events[name] for name in ("decided", "refused", "unanswered"))
        figures = {"requests": service + events["begins"], "unanswered": events["unanswered"] + events["cut"]}
        names = {"resumed": "held", "begun anew": "gone", "told as stored": "stored", "removed": "removed"}
        return Counter(figures | {name: events[event] for name, event in names.items()} | {"uploads": self.done()})

    def of(self, key):
        return "\n".join(
            str(line) for app in self.all for line in app.log() if any(key in str(event) for event in app.log())
        )


def enough(figures):
    return all(figures[name] >= number for name, number in AT_LEAST.items())


@pytest.fixture
def stormy(transactional_db, store, tmp_path, own_settings):
    for name, value in IMPATIENT.items():
        setattr(own_settings, name, value)
    with impatient(tmp_path, store.embedded, HOST, IMPATIENT) as served:
        yield served


def test_random_kills_leave_records_and_objects_consistent(
    stormy, store, user, tmp_path, settings, monkeypatch, record_testsuite_property
):
    monkeypatch.setattr(complete, "TIME_TO_SAY_SO_SECONDS", 1)
    seed, over = new_seed(), Event()
    apps = Apps(seed, tmp_path / "apps", service(stormy, user))
    storm = Storm(seed, stormy, store, tmp_path, STORM)
    storm.kill["app"] = apps.kill
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        stack.callback(over.set)
        housekeeping, running = pool.submit(housekeeping_meanwhile, over), pool.submit(apps.run, over)
        storm.rage(
            seconds=ENDS_WITHIN_SECONDS,
            is_enough=lambda: enough(storm.figures | {"uploads": apps.done()}),
            look=lambda: running.done() and running.result(),
        )
        over.set()
        stormy.start()
        running.result(100)
    stormy.kill()
    becomes_true(lambda: not connections_of(stormy.name), 5)
    figures = storm.figures + apps.figures() + housekeeping.result() + all_mended(settings)
    summary = f"seed {seed}, {dict(sorted(figures.items()))}"
    record_testsuite_property("direct uploads killed", summary)
    for key, what in disagreements(BUCKET, apps.possible()):
        pytest.fail(f"{summary}\n{key}: {what}\n{apps.of(key)}")
    assert list_parts(store.on_its_way(BUCKET)) == {}, summary
    assert nothing_to_do(tmp_path, store.embedded), summary
    assert enough(figures), f"This was no test: {summary}"
