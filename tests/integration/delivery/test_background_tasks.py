"""Scans and housekeeping by the workers of the docs: Celery with Redis, and the tasks of Django in a database."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from tests.support.daemons import Redis
from tests.support.documents import blocks_of
from tests.support.host import ROOT, environment, python
from tests.support.killing import becomes_true
from tests.support.scanners import VIRUS
from tests.support.served import WSGI, Served

ENDS_WITHIN_SECONDS = 60
SETTINGS = """
from modules.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "my_app"]
S3_FILE_UPLOADER_SCANNERS = ["tests.support.scanners.LooksForVirus"]
S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 3
"""
CELERY_APP = """
from celery import Celery

app = Celery("my_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
TASK_OF_DJANGO = """
from django_tasks import task
from s3_file_uploader import services

@task(backend="scans")
def s3_housekeeping():
    services.housekeeping_run()
"""
CELERY_WORKER = ("-m", "celery", "--app", "site_celery", "worker", "--concurrency", "1")
ENQUEUE = "from my_app.tasks import s3_housekeeping; s3_housekeeping.enqueue()"


class Project:
    """A project with the app `my_app`, its server, its worker and its database."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.database = folder / "site.sqlite3"
        self.variables = {
            "DJANGO_SETTINGS_MODULE": "site_settings",
            "PYTHONPATH": str(folder),
            "DATABASE_URL": f"sqlite:///{self.database}",
            **variables,
        }

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        (self.folder / path).parent.mkdir(exist_ok=True)
        (self.folder / path).write_text(text)

    def manage(self, *arguments: str, **variables: str) -> None:
        """Run a command of manage.py."""
        ran = python(self.folder, "manage.py", *arguments, cwd=ROOT, **self.variables, **variables)
        assert ran.returncode == 0, ran.stderr

    @contextmanager
    def worker(self, *command: str) -> Iterator[None]:
        """Run a worker during the block."""
        log = self.folder / "worker.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *command],
                env=environment(self.folder, **self.variables),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            yield
            assert process.poll() is None, log.read_text()
        except AssertionError as error:
            error.add_note(log.read_text())
            raise
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement in the database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            return database.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with the tables of all tests and with one user."""
    project = Project(tmp_path_factory.mktemp("database"), SCAN_IN_WORKER="true")
    project.write("site_settings.py", "from modules.settings import *\n")
    project.manage("migrate", "--verbosity", "0")
    user = ("--noinput", "--username", "staff", "--email", "")
    project.manage("createsuperuser", *user, DJANGO_SUPERUSER_PASSWORD="test-password")
    return project.database


@contextmanager
def client_of(project: Project, database: Path) -> Iterator[httpx.Client]:
    """Serve a project, and enter the block with a client of its user."""
    shutil.copy(database, project.database)
    with Served(project.folder, WSGI, **project.variables) as served:
        account = {"username": "staff", "password": "test-password"}
        answer = httpx.post(f"http://127.0.0.1:{served.port}/auth/token/", json=account).raise_for_status()
        headers = {"Authorization": f"Token {answer.json()['token']}"}
        with httpx.Client(base_url=served.url, headers=headers, timeout=60) as client:
            yield client


def files_are_scanned(client: httpx.Client, bucket: str) -> None:
    """Upload a clean file and an infected one, and wait until the worker has scanned both."""
    contents = {"clean.txt": b"content", "infected.txt": VIRUS}
    for name, content in contents.items():
        answer = client.put(f"buckets/{bucket}/files/{name}/", content=content)
        assert answer.json()["status"] == "quarantined"

    def statuses() -> dict[str, str]:
        return {record["file_name"]: record["status"] for record in client.get("uploads/").json()["results"]}

    becomes_true(lambda: statuses() == {"clean.txt": "stored", "infected.txt": "rejected"}, ENDS_WITHIN_SECONDS)


def abandon(client: httpx.Client, bucket: str, project: Project) -> str:
    """Start an upload whose time is over, and return its id."""
    values = {"bucket": bucket, "file_name": "left.txt", "size": 5, "strategy": "put"}
    upload_id = client.post("uploads/", json=values).raise_for_status().json()["id"]
    long_ago = (timezone.now() - timedelta(days=8)).strftime("%Y-%m-%d %H:%M:%S")
    sql = "UPDATE s3_file_uploader_fileupload SET claimed_until = ?, writable_until = ? WHERE status = 'pending'"
    project.query(sql, long_ago, long_ago)
    return f"uploads/{upload_id}/"


def housekeeping_ran(project: Project) -> bool:
    return bool(project.query("SELECT 1 FROM s3_file_uploader_housekeepingrun"))


def test_celery_scans_and_cleans_up(tmp_path, embedded_s3, database, bucket):
    (scan,) = blocks_of("docs/how-to/scan.md", "python", "test_celery_scans_and_cleans_up")
    (clean,) = blocks_of("docs/how-to/housekeeping.md", "python")
    housekeeping, _, schedule = clean.partition("# settings.py")
    tasks, _, apps = scan.partition("# my_app/apps.py")
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(tmp_path))
        project = Project(tmp_path, CELERY_BROKER_URL=redis.url, **embedded_s3.environment())
        project.write("my_app/tasks.py", tasks + housekeeping)
        project.write("my_app/apps.py", apps)
        project.write("site_celery.py", CELERY_APP)
        often = 'for entry in CELERY_BEAT_SCHEDULE.values():\n    entry["schedule"] = 1\n'
        broker = 'CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]\n'
        project.write("site_settings.py", f"import os\n{SETTINGS}{broker}{schedule}{often}")
        client = stack.enter_context(client_of(project, database))
        with project.worker(*CELERY_WORKER):
            files_are_scanned(client, bucket)
        left = abandon(client, bucket, project)
        assert not housekeeping_ran(project)
        with project.worker(*CELERY_WORKER, "--beat", "--schedule", str(tmp_path / "schedule")):
            becomes_true(lambda: client.get(left).status_code == 404, ENDS_WITHIN_SECONDS)
            becomes_true(lambda: housekeeping_ran(project), ENDS_WITHIN_SECONDS)


def test_tasks_of_django_scan_and_clean_up(tmp_path, embedded_s3, database, bucket):
    project = Project(tmp_path, SCAN_IN_WORKER="true", **embedded_s3.environment())
    project.write("site_settings.py", SETTINGS)
    project.write("my_app/tasks.py", TASK_OF_DJANGO)
    with client_of(project, database) as client, project.worker("manage.py", "db_worker", "--backend", "scans"):
        files_are_scanned(client, bucket)
        left = abandon(client, bucket, project)
        project.manage("shell", "--no-imports", "--command", ENQUEUE)
        becomes_true(lambda: client.get(left).status_code == 404, ENDS_WITHIN_SECONDS)
        becomes_true(lambda: housekeeping_ran(project), ENDS_WITHIN_SECONDS)
