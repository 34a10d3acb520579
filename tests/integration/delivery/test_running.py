"""`make run` and `runserver`: a newcomer starts, uses, stops and restarts them."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from modules.accounts import ACCOUNTS, PASSWORD
from s3_file_uploader.embedded import EVERY_ADDRESS, LOOPBACK, free_port
from tests.support.host import ROOT, environment, python
from tests.support.processes import command, with_variable

STARTS_WITHIN_SECONDS = 60
STOPS_WITHIN_SECONDS = 10
BYTES = os.urandom(70_000)
SERVES = r"Starting development server at (\S+)/\n"
STORE = r"Embedded S3 \(JuiceFS gateway\) at (\S+)\n"
WELCOME = r"Paste into another terminal:\n\n(.*)\n$"
# Restore the effect of Ctrl-C, which the parent of the tests may have disabled (`make test &`).
HEEDS_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Running:
    """A command of `manage.py` in a process group of its own, which Ctrl-C reaches as a whole."""

    def __init__(self, data: Path, output: Path, *arguments: str, cwd: Path) -> None:
        self.data = data
        self.output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HEEDS_CTRL_C, "manage.py", *arguments],
                cwd=cwd,
                env=environment(data),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def said(self, pattern: str) -> str:
        """Wait for a line of the output, and return the group of the pattern."""
        end = time.monotonic() + STARTS_WITHIN_SECONDS
        while not (match := re.search(pattern, self.output.read_text(), re.DOTALL)):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.05)
        return match[1]

    def ended_with(self, number: signal.Signals) -> int:
        """Send the signal to all processes, and return the exit code once they have ended."""
        os.killpg(self.process.pid, number)
        code = self.process.wait(STOPS_WITHIN_SECONDS)
        end = time.monotonic() + STOPS_WITHIN_SECONDS
        while self.left_over() and time.monotonic() < end:
            time.sleep(0.05)
        assert self.left_over() == []
        return code

    def left_over(self) -> list[str]:
        """Return every process on this machine that has this folder in its environment."""
        return [command(pid) for pid in with_variable("DATA_DIR", str(self.data))]


class Start(Protocol):
    def __call__(self, *arguments: str, cwd: Path = ROOT) -> Running: ...


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database to copy, because migrating one takes longer than most of these tests."""
    data = tmp_path_factory.mktemp("migrated")
    assert python(data, "manage.py", "migrate").returncode == 0
    return data / "db.sqlite3"


@pytest.fixture(scope="session")
def demo_password() -> str:
    """Return the hash of the demo password, which takes a third of a second."""
    return PBKDF2PasswordHasher().encode(PASSWORD, "a-salt-of-22-characters")


@pytest.fixture(scope="session")
def with_accounts(migrated: Path, demo_password: str) -> Path:
    """Return a database of the demo to copy, so that a start hashes no passwords."""
    copy = migrated.with_name("demo.sqlite3")
    shutil.copy(migrated, copy)
    for name, is_staff in ACCOUNTS.items():
        insert_user(copy, name, demo_password, is_staff=is_staff)
    return copy


@pytest.fixture
def data(migrated: Path, with_accounts: Path, tmp_path: Path) -> Path:
    """Return a DATA_DIR in which both databases are migrated, and the accounts of the demo exist."""
    data = tmp_path / "data"
    data.mkdir()
    for database in (migrated, with_accounts):
        shutil.copy(database, data)
    return data


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with starts_in(tmp_path) as start:
        yield start


@contextmanager
def starts_in(folder: Path) -> Iterator[Start]:
    """Yield a function that starts commands, and end them afterwards."""
    started: list[Running] = []

    def one(*arguments: str, cwd: Path = ROOT) -> Running:
        output = folder / f"output-{len(started)}.txt"
        started.append(Running(folder / "data", output, *arguments, cwd=cwd))
        return started[-1]

    yield one
    for running in started:
        if running.process.poll() is None:
            running.ended_with(signal.SIGKILL)


@pytest.fixture(scope="module")
def new_demo(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run the demo with migrated databases, for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("new-demo")
    (folder / "data").mkdir()
    for name in ("db.sqlite3", "demo.sqlite3"):
        shutil.copy(migrated, folder / "data" / name)
    with starts_in(folder) as start:
        demo = start("demo", "--port", str(free_port()))
        demo.said(WELCOME)
        yield demo


def pasted(running: Running, folder: Path, *, only_ask: bool = False) -> str:
    """Paste the printed lines into a shell, in a folder with a README.md. Return the URL that they print last."""
    (folder / "README.md").write_bytes(BYTES)
    lines = running.said(WELCOME)
    if only_ask:
        lines = re.sub(r"^curl \S+/(bucket/create|file/upload)/ [^\n]*$", "", lines, flags=re.MULTILINE)
    done = subprocess.run(["bash", "-eu"], input=lines, cwd=folder, capture_output=True, text=True, check=True)
    urls: list[str] = re.findall(r'"url":"([^"]+)"', done.stdout)
    return urls[-1]


def records(data: Path) -> list[Any]:
    query = """
        SELECT username, bucket, file_name, size, status
        FROM s3_file_uploader_fileupload JOIN auth_user ON auth_user.id = user_id
    """
    with closing(sqlite3.connect(data / "demo.sqlite3")) as database:
        return database.execute(query).fetchall()


def insert_user(database: Path, name: str, password: str, *, is_staff: bool = False) -> int:
    """Insert a user without a process of `manage.py`, and return the id."""
    query = """
        INSERT INTO auth_user (username, password, is_staff, is_superuser, is_active, first_name, last_name, email,
            date_joined)
        VALUES (?, ?, ?, ?, 1, '', '', '', '2026-01-01')
    """
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute(query, (name, password, is_staff, is_staff)).lastrowid
        connection.commit()
    assert row is not None
    return row


def users(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM auth_user ORDER BY username")]


def address_on_the_network() -> str:
    """Return the IP address of this machine, which is the loopback address if there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return str(probe.getsockname()[0]) if probe.connect_ex(("192.0.2.1", 9)) == 0 else LOOPBACK


def host_of(url: str) -> str:
    return httpx.URL(url).host


# --- make run ---------------------------------------------------------------------------------------------------------


def test_run_prints_working_lines_and_a_restart_keeps_files(start, tmp_path):
    port = str(free_port())
    first = start("demo", "--port", port)
    url = pasted(first, tmp_path)
    assert host_of(url) == LOOPBACK
    assert httpx.get(url).content == BYTES
    assert first.ended_with(signal.SIGINT) == 0
    assert "Traceback" not in first.output.read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)

    second = start("demo", "--port", port)
    assert httpx.get(pasted(second, tmp_path, only_ask=True)).content == BYTES
    assert httpx.get(url).content == BYTES
    assert records(second.data) == [("demo_user", "my-first-bucket", "README.md", len(BYTES), "stored")]
    assert second.ended_with(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_run_that_ends_leaves_no_process(start, data, number):
    demo = start("demo", "--port", str(free_port()))
    demo.said(WELCOME)
    assert len(demo.left_over()) == 3
    assert demo.ended_with(number) == -number


def test_run_listens_on_the_loopback_address_by_default(new_demo):
    site, store = new_demo.said(SERVES), new_demo.said(STORE)
    assert httpx.get(f"{site}/api/docs/").status_code == 200
    address = address_on_the_network()
    if address != LOOPBACK:
        for url in (site, store):
            with pytest.raises(httpx.ConnectError):
                httpx.get(url.replace(LOOPBACK, address))


def test_run_for_the_network_warns_and_works_with_its_address(start, data, tmp_path):
    address = address_on_the_network()
    demo = start("demo", "--host", EVERY_ADDRESS, "--port", str(free_port()))
    demo.said(r"(WARNING: every device on this network can reach this server now)")
    url = pasted(demo, tmp_path)
    assert f"http://{address}:" in demo.said(WELCOME)
    assert host_of(url) == address
    assert httpx.get(url).content == BYTES
    assert demo.ended_with(signal.SIGINT) == 0


def test_run_with_a_port_in_use_fails_in_one_line(tmp_path):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        done = python(tmp_path, "manage.py", "demo", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"CommandError: Port {port} of 127.0.0.1 is taken: try `make run PORT={port + 1}`.\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [("203.0.113.1", "8000", "[Errno "), (LOOPBACK, "70000", "bind(): port must be 0-65535")],
)
def test_run_with_an_invalid_host_or_port_fails_in_one_line(tmp_path, host, port, why):
    done = python(tmp_path, "manage.py", "demo", "--host", host, "--port", port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Nothing can listen on port {port} of {host}: {why}")
    assert done.stderr.count("\n") == 1


OWN = {
    "AWS_ACCESS_KEY_ID": "test-id",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9",
    "EMBEDDED_S3": "false",
}


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["DATABASE_URL"], LOOPBACK),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT_URL"], EVERY_ADDRESS),
        (["EMBEDDED_S3"], LOOPBACK),
    ],
)
def test_demo_with_another_database_or_store_is_refused(tmp_path, names, host):
    own = tmp_path / "own.sqlite3"
    own_variables = {**OWN, "DATABASE_URL": f"sqlite:///{own}"}
    variables = {name: own_variables[name] for name in names}
    refused = python(tmp_path, "manage.py", "demo", "--host", host, **variables)
    assert refused.returncode == 1
    named = re.match(r"CommandError: (.+) is set, in the environment or in \.env\.", refused.stderr)
    assert named, refused.stderr
    assert sorted(named[1].split(", ")) == sorted(names)
    assert "runserver" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not own.exists()
    assert not list(tmp_path.glob("*.sqlite3"))


def test_demo_with_a_database_in_dotenv_is_refused(project, tmp_path):
    own = tmp_path / "own.sqlite3"
    (project / ".env").write_text(f"DATABASE_URL=sqlite:///{own}\n")
    refused = python(tmp_path, "manage.py", "demo", cwd=project, PYTHON_DOTENV_DISABLED="false")
    assert refused.stderr.startswith("CommandError: DATABASE_URL is set")
    assert not own.exists()


def test_demo_accounts_exist_only_in_the_demo_database(new_demo):
    assert "every device on this network" not in new_demo.output.read_text()
    assert users(new_demo.data / "db.sqlite3") == []
    assert users(new_demo.data / "demo.sqlite3") == ["demo_other", "demo_staff", "demo_user"]


def test_check_finds_accounts_with_the_demo_password(data, demo_password, tmp_path):
    def run(*arguments, database=data / "db.sqlite3"):
        return python(tmp_path, "manage.py", *arguments, DATABASE_URL=f"sqlite:///{database}")

    assert "modules." not in run("check", "--deploy", database=tmp_path / "empty.sqlite3").stderr
    another = PBKDF2PasswordHasher().encode("another", "a-salt-of-22-characters")
    insert_user(data / "db.sqlite3", "demo_other", another)
    insert_user(data / "db.sqlite3", "somebody", demo_password)
    assert "modules." not in run("check", "--deploy").stderr
    insert_user(data / "db.sqlite3", "demo_staff", demo_password)
    check = run("check", "--deploy")
    assert check.returncode == 1
    assert "(modules.E001) Accounts have the demo password, which everybody knows: demo_staff." in check.stderr
    named = run("check", "--database", "default")
    assert named.returncode == 0
    assert "(modules.W001) Accounts have the demo password, which everybody knows: demo_staff." in named.stderr
    assert "modules." not in run("check").stderr


def test_check_without_a_database_finds_no_account(tmp_path):
    gone = f"sqlite:///{tmp_path / 'missing' / 'db.sqlite3'}"
    assert "modules." not in python(tmp_path, "manage.py", "check", "--deploy", DATABASE_URL=gone).stderr


def test_run_twice_shares_the_store_only_locally(start, data, tmp_path):
    first = start("demo", "--port", str(free_port()))
    url = pasted(first, tmp_path)
    second = start("demo", "--port", str(free_port()))
    assert httpx.get(pasted(second, tmp_path, only_ask=True)).content == BYTES
    folder = tmp_path / "data" / "s3"
    done = python(tmp_path / "data", "manage.py", "demo", "--host", EVERY_ADDRESS, "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr == (
        f"CommandError: The embedded S3 in {folder} already runs, on 127.0.0.1 only: end that first.\n"
    )
    os.kill(second.process.pid, signal.SIGINT)
    assert second.process.wait(STOPS_WITHIN_SECONDS) == 0
    assert httpx.get(url).content == BYTES


# --- runserver --------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project whose files may be changed, with its bytecode, so that nothing compiles it again."""
    copy = tmp_path / "project"
    for package in ("modules", "s3_file_uploader"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copy(ROOT / "manage.py", copy)
    return copy


def test_runserver_keeps_the_store_while_it_reloads(start, project, data):
    port = str(free_port())
    runserver = start("runserver", port, cwd=project)
    store = runserver.said(STORE)
    health = f"{runserver.said(SERVES)}/modules/s3-file-uploader/service/health/"
    before = httpx.get(health)
    assert before.status_code == 200, before.text
    (project / "modules" / "urls.py").touch()
    runserver.said(f"({re.escape('Starting development server')}).*Starting development server")
    assert httpx.get(health).json() == before.json()
    assert httpx.get(store).status_code == 403
    assert runserver.output.read_text().count("Embedded S3") == 1
    assert runserver.ended_with(signal.SIGINT) == 0


def test_runserver_without_reload_stops_the_store(start, data):
    runserver = start("runserver", "--noreload", str(free_port()))
    assert httpx.get(f"{runserver.said(SERVES)}/modules/s3-file-uploader/service/health/").status_code == 200
    assert runserver.ended_with(signal.SIGINT) == 0


def test_runserver_detects_the_type_of_an_undeclared_picture(start, data, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + BYTES)
    token = "t" * 40
    user_id = insert_user(data / "db.sqlite3", "me", "!", is_staff=True)
    with closing(sqlite3.connect(data / "db.sqlite3")) as database:
        query = "INSERT INTO authtoken_token (key, user_id, created) VALUES (?, ?, '2026-01-01')"
        database.execute(query, (token, user_id))
        database.commit()
    runserver = start("runserver", "--noreload", str(free_port()))
    service = f"{runserver.said(SERVES)}/modules/s3-file-uploader/service"
    authorization = {"Authorization": f"Token {token}"}
    made = httpx.post(f"{service}/bucket/create/", json={"bucket": "pictures"}, headers=authorization)
    assert made.status_code == 201, made.text
    line = ["curl", "-sS", "-T", picture, "-H", f"Authorization: Token {token}"]
    target = f"{service}/buckets/pictures/files/picture.png/"
    sent = subprocess.run([*line, "--request-target", httpx.URL(target).path, target], capture_output=True, check=True)
    stored = json.loads(sent.stdout)
    assert (stored.get("content_type"), stored.get("size")) == ("image/png", picture.stat().st_size), stored


@pytest.mark.parametrize("command", ["runserver", "demo"])
def test_command_without_a_working_store_fails_in_one_line(tmp_path, command):
    folder = tmp_path / "s3"
    folder.mkdir()
    (folder / "formatted").touch()  # There is no database, though.
    done = python(tmp_path, "manage.py", command)
    assert done.returncode == 1
    assert done.stderr == f"CommandError: The embedded S3 does not start: read {folder / 'server.log'}\n"


def test_store_with_second_runserver_outlives_the_first(start, data):
    first = start("runserver", str(free_port()))
    store = first.said(STORE)
    second = start("runserver", str(free_port()))
    second.said(SERVES)
    os.killpg(first.process.pid, signal.SIGINT)
    first.process.wait(STOPS_WITHIN_SECONDS)
    assert httpx.get(store).status_code == 403
    assert second.ended_with(signal.SIGINT) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(store)


def test_run_with_another_store_leaves_it_running(tmp_path):
    done = python(tmp_path, "manage.py", "migrate", AWS_S3_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert not (tmp_path / "s3").exists()
