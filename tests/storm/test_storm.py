"""Kill everything at random while eight clients use the whole API over both hosts: afterwards every response holds.

`make storm` runs it, and plants damage that the checks must find. It takes too long for `make test`.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run, waiting_scan
from tests.storm.clients import BUCKET, KEYS, Client
from tests.storm.ledger import Ledger
from tests.support.daemons import Nginx, PgBouncer, Redis
from tests.support.host import ROOT, environment
from tests.support.killing import (
    NOTHING,
    SETTINGS,
    WORKERS,
    Store,
    Storm,
    becomes_true,
    connections_of,
    disagreements,
    new_seed,
    with_sqlite,
)
from tests.support.processes import children, command
from tests.support.served import SERVICE, Served
from tests.support.uploading import time_goes_by

KILLS = int(os.environ.get("STORM_KILLS") or 8)
SECONDS = float(os.environ.get("STORM_SECONDS") or 30)
CLIENTS = 8
QUOTA = 60
KINDS = ("worker", "housekeeping", "host", "worker", "pgbouncer", "store", "worker", "postgresql")
OF_STORM = {
    **SETTINGS,
    "S3_FILE_UPLOADER_POLICIES": {"quota-*": {"quota_files": QUOTA}},
    "S3_FILE_UPLOADER_SCANNERS": ["tests.support.scanners.LooksForVirus"],
    "S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES": 2**20,
    "S3_FILE_UPLOADER_DIRECT_EXPIRATION_SECONDS": 20,
    "S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS": 10,
    "S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES": 5 * 2**20,
    "S3_FILE_UPLOADER_THROTTLE_RATES": {"list": "1000/s", "upload": "1000/s"},
}
ENDS = "\nCACHES = {'default': {'BACKEND': 'django.core.cache.backends.redis.RedisCache', 'LOCATION': REDIS_URL}}\n"


@dataclass
class Site:
    """Everything that can be killed, and nginx and Redis, which cannot."""

    folder: Path
    store: Store
    bouncer: PgBouncer
    hosts: list[Served]
    nginx: Nginx
    variables: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://{self.nginx.address}{SERVICE}"


class Housekeeping:
    """Run the command again and again, like cron, although it is killed now and then."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._process: subprocess.Popen[bytes] | None = None
        self.figures: Counter[str] = Counter()

    def run(self, over: Event) -> None:
        while not over.wait(0.5):
            with (self._site.folder / "housekeeping.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "manage.py", "s3_housekeeping"],
                    cwd=ROOT,
                    env=environment(self._site.folder, **self._site.variables, **OF_COMMAND),
                    stdout=log,
                    stderr=log,
                )
            self.figures["housekeepings ended"] += self._process.wait() >= 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()


OF_COMMAND = {"PATH_TO_SAVE_FILE": ""}


class SiteStorm(Storm):
    """A storm over the whole site."""

    def __init__(self, seed: int, site: Site, housekeeping: Housekeeping) -> None:
        super().__init__(seed, site.hosts[0], site.store, site.folder, KINDS)
        self.site, self._dead = site, site.hosts[0]
        self.kill |= {
            "host": self._host_kill,
            "pgbouncer": site.bouncer.kill,
            "postgresql": self._postgresql_kill,
            "housekeeping": housekeeping.kill,
        }
        self.start |= {"host": self._host_start, "pgbouncer": site.bouncer.start}
        self._postmaster = postmaster()

    @property
    def kills(self) -> int:
        return sum(number for name, number in self.figures.items() if name.endswith(" kills"))

    def _host_kill(self) -> None:
        self._dead = self.random.choice(self.site.hosts)
        self._dead.kill()

    def _host_start(self) -> None:
        self._dead.start()

    def _postgresql_kill(self) -> None:
        """Kill a process of PostgreSQL. The others end, and it recovers from its log, as after a crash."""
        backends = [pid for pid in children(self._postmaster) if "[local]" in command(pid)]
        if backends:
            os.kill(self.random.choice(backends), signal.SIGKILL)

    def _workers(self) -> list[int]:
        masters = [int((self.folder / host.name / "pid").read_text()) for host in self.site.hosts]
        return [pid for master in masters for pid in children(master)]


def postmaster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = cursor.fetchone()[0]
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


@pytest.fixture(autouse=True)
def store(own_settings: Any, tmp_path: Path) -> Any:
    store = Store(with_sqlite(tmp_path / "s3"))
    for name, value in {**store.embedded.environment(), **OF_STORM}.items():
        setattr(own_settings, name, value)
    yield store
    store.embedded.__exit__()


@pytest.fixture
def durable(transactional_db: None) -> Any:
    """Let PostgreSQL keep what it has committed, although its processes are killed."""
    assert connection.vendor == "postgresql", "PgBouncer needs PostgreSQL: set TEST_DATABASE=postgresql."
    set_durable("on")
    yield
    connection.close()
    set_durable("off")


def set_durable(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SYSTEM SET synchronous_commit = {value}")
        cursor.execute("SELECT pg_reload_conf()")


@pytest.fixture
def site(durable: None, store: Store, tmp_path: Path) -> Any:
    with ExitStack() as stack:
        bouncer, redis = stack.enter_context(PgBouncer(tmp_path)), stack.enter_context(Redis(tmp_path))
        lines = ["from modules.settings import *", *(f"{name} = {value!r}" for name, value in OF_STORM.items())]
        (tmp_path / "stormy.py").write_text("\n".join([*lines, f"REDIS_URL = {redis.url!r}", ENDS]))
        variables = {
            "DJANGO_SETTINGS_MODULE": "stormy",
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            "DJANGO_SECRET_KEY": "test-secret-key-of-all-hosts",
            "DATABASE_URL": bouncer.url("stormy"),
            **store.embedded.environment(),
        }
        hosts: list[Served] = []
        for _ in range(2):
            folder = tmp_path / f"host-{len(hosts)}"
            folder.mkdir()
            server = ("gunicorn", "modules.wsgi:application", *WORKERS, "--config", "deploy/gunicorn.conf.py")
            host = Served(folder, (*server, "--pid", str(folder / "pid")), **variables)
            (tmp_path / host.name).symlink_to(folder)
            hosts.append(stack.enter_context(host))
        nginx = stack.enter_context(Nginx(tmp_path, *(host.port for host in hosts)))
        get_client().create_bucket(Bucket=BUCKET)
        yield Site(tmp_path, store, bouncer, hosts, nginx, variables)


def storm_over(site: Site, seed: int, kills: int, seconds: float) -> tuple[Ledger, Counter[str]]:
    """Let the storm rage and pass, and return what the clients know."""
    ledger, over, housekeeping = Ledger(), Event(), Housekeeping(site)
    users = [User.objects.create_user(f"stormy{number}") for number in range(2)]
    clients = [Client(number, seed, site.url, users[number % 2], ledger) for number in range(CLIENTS)]
    storm = SiteStorm(seed, site, housekeeping)
    connection.close()  # Killing PostgreSQL would break it.
    with ThreadPoolExecutor(CLIENTS + 1) as pool, ExitStack() as stack:
        stack.callback(over.set)
        running = [pool.submit(client.run, over) for client in clients]
        background = pool.submit(housekeeping.run, over)
        if kills:
            storm.rage(
                seconds=seconds,
                is_enough=lambda: storm.kills >= kills,
                look=lambda: [client.result() for client in running if client.done()],
            )
        else:
            time.sleep(seconds)
    connection.close()
    for client in running:
        client.result()
    background.result()
    figures = sum((client.figures for client in clients), storm.figures) + housekeeping.figures
    return ledger, figures


def calm(site: Site) -> None:
    """End all processes of the site but the store and PostgreSQL, let time pass, and clean up."""
    for host in site.hosts:
        host.kill()
    site.bouncer.kill()
    becomes_true(lambda: not connections_of("stormy"), 10)
    time.sleep(SETTINGS["S3_FILE_UPLOADER_CLAIM_SECONDS"] + 1)  # By the clock of the store, nothing is new any more.
    past = timezone.now() - timedelta(hours=1)
    for _ in range(3):
        time_goes_by()
        FileUpload.objects.exclude(writable_until=None).update(writable_until=past)
        FileUpload.objects.exclude(scan_after=None).update(scan_after=past)
        assert housekeeping_run().is_complete
        waiting_scan()


def damage(ledger: Ledger, store: Store) -> list[str]:
    """Return everything that is wrong: bytes, records, left-overs, and the quota."""
    wrong = [f"{key}: {what}\n{ledger.of(key)}" for key, what in disagreements(BUCKET, ledger.possible())]
    # A store that is killed leaves files of its own in `tmp`, which no client can see.
    wrong += [f"a part is left: {name}" for name in store.on_its_way(BUCKET) if name.startswith("uploads/")]
    if (report := housekeeping_run()) != NOTHING:
        wrong.append(f"housekeeping found something: {report}")
    for user in User.objects.all():
        used = FileUpload.objects.usage(user_id=user.pk, bucket=BUCKET).files
        if used > QUOTA:
            wrong.append(f"{user} has {used} files, more than the quota")
    return wrong


def test_storm_leaves_every_response_true(site, store, record_testsuite_property):
    seed = int(os.environ.get("STORM_SEED") or new_seed())
    ledger, figures = storm_over(site, seed, KILLS, SECONDS)
    summary = f"seed {seed}, {dict(sorted(figures.items()))}"
    record_testsuite_property("storm", summary)
    print(summary)  # noqa: T201 - `make storm` shows it
    calm(site)
    if wrong := damage(ledger, store):
        pytest.fail("\n".join([summary, *wrong]))
    assert min(figures["PUT done"], figures["direct uploads"]) > 0, f"This was no test: {summary}"


def test_checks_of_the_storm_find_planted_damage(site, store, user):
    """Plant four kinds of damage, one after the other; each is found, and nothing else is."""
    ledger, _ = storm_over(site, 1, kills=0, seconds=3)
    with Client(1, 1, site.url, user, ledger).http as http:
        for name in ("lost", "changed", "forgotten", "unexplained"):
            write = ledger.begin(name, "")
            answer = http.put(f"buckets/{BUCKET}/files/{name}/", content=name.encode())
            write.checksum = answer.json()["checksum_sha256"]
            write.end(is_certain=True)
    calm(site)
    assert damage(ledger, store) == []
    s3 = get_client()
    s3.delete_object(Bucket=BUCKET, Key="lost")
    s3.put_object(Bucket=BUCKET, Key="changed", Body=b"CHANGED")
    FileUpload.objects.get(file_name="forgotten").delete()
    s3.delete_object(Bucket=BUCKET, Key="forgotten")
    FileUpload.objects.get(file_name="unexplained").delete()
    s3.create_multipart_upload(Bucket=BUCKET, Key=KEYS[0])
    wrong = damage(ledger, store)
    for name in ("lost", "changed", "forgotten", "unexplained", f"{KEYS[0]}: a multipart upload is left"):
        assert [line for line in wrong if line.startswith(name)], (name, wrong)
