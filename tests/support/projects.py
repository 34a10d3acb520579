"""Projects of integrators: `django-admin startproject`, a custom user model, the app, and a server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import httpx

from s3_file_uploader.embedded import free_port
from tests.support.host import ROOT

OF_THIS_SUITE = ("AWS_", "COV_", "COVERAGE_", "DATABASE_URL", "DATA_DIR", "DJANGO_", "EMBEDDED_S3", "PYTHON")
STARTS_WITHIN_SECONDS = 60
SECRET = "test-password"

PEOPLE = """
    import uuid
    from django.contrib.auth.models import AbstractUser
    from django.db import models

    class Person(AbstractUser):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
"""
SETTINGS = """
    AUTH_USER_MODEL = "people.Person"
    INSTALLED_APPS += ["people", "rest_framework", "{app}"]
    PATH_TO_SAVE_FILE = BASE_DIR
    # Basic authentication checks the password of each request, which takes a third of a second by default.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
URLS = """
    from django.urls import include
    urlpatterns += [path("modules/s3-file-uploader/", include("{app}.urls"))]
"""
NEW_PERSON = """
    from django.contrib.auth import get_user_model
    options = dict(password={password!r}, is_staff={is_staff}, is_superuser={is_staff})
    print(get_user_model().objects.create_user({name!r}, **options).pk)
"""


def output_of(*command: str | Path, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def bare_environment() -> dict[str, str]:
    """Return this process's variables without those that the suite or make set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_SUITE)}


@dataclass(frozen=True)
class Project:
    """A new Django project with a custom user model and this app."""

    python: Path
    folder: Path
    app: str
    environment: dict[str, str]

    def python_says(self, *arguments: str) -> str:
        return output_of(self.python, *arguments, folder=self.folder, environment=self.environment)

    def can_import(self, module: str) -> bool:
        return (
            self.python_says("-c", f"import importlib.util as u; print(u.find_spec({module!r}) is not None)") == "True"
        )

    def manage(self, *arguments: str) -> str:
        return self.python_says("manage.py", *arguments)

    def person_create(self, name: str, *, is_staff: bool = False) -> str:
        code = dedent(NEW_PERSON).format(name=name, password=SECRET, is_staff=is_staff)
        return self.manage("shell", "--no-imports", "--command", code)

    def set_up(self) -> None:
        self.python_says("-m", "django", "startproject", "project", ".")
        self.append("project/settings.py", SETTINGS)
        self.append("project/urls.py", URLS)
        (self.folder / "people").mkdir()
        self.append("people/__init__.py", "")
        self.append("people/models.py", PEOPLE)
        self.manage("makemigrations", "people")
        self.manage("migrate")

    def append(self, path: str, text: str) -> None:
        with (self.folder / path).open("a") as file:
            file.write(dedent(text).format(app=self.app))

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run the development server, and yield the URL of the service once it is healthy."""
        address = f"127.0.0.1:{free_port()}"
        service = f"http://{address}/modules/s3-file-uploader/service/"
        log = self.folder / "server.log"
        command = (self.python, "manage.py", "runserver", "--noreload", address)
        with (
            log.open("wb") as out,
            subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=out, stderr=out) as server,
        ):
            try:
                wait_until_healthy(server, service, log)
                yield service
            finally:
                server.terminate()


def wait_until_healthy(server: "subprocess.Popen[bytes]", service: str, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while not is_healthy(service):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def is_healthy(service: str) -> bool:
    try:
        return httpx.get(f"{service}health/").is_success
    except httpx.TransportError:
        return False


def wheel_built(folder: Path) -> Path:
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    output_of(*build, ROOT, folder=folder, environment=bare_environment())
    (built,) = folder.iterdir()
    return built


def settled_check(project: Project, *options: str) -> None:
    """Assert that the project passes Django's checks and that the app's migrations are complete in it."""
    assert (
        project.manage("check", "--fail-level", "WARNING", *options)
        == "System check identified no issues (0 silenced)."
    )
    assert project.manage("makemigrations", "--check", "--dry-run") == "No changes detected"
