"""The app where others use it: as a wheel in a project of theirs, and as a folder dropped into their `modules`."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from textwrap import dedent
from uuid import UUID
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from s3_file_uploader import __version__
from s3_file_uploader.embedded import EmbeddedS3, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
APP = REPOSITORY / "s3_file_uploader"
INFO = f"s3_file_uploader-{__version__}.dist-info"
DROPPED_IN = "modules.django_s3_file_uploader.s3_file_uploader"
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
"""
URLS = """
    from django.urls import include
    urlpatterns += [path("modules/s3-file-uploader/", include("{app}.urls"))]
"""
NEW_PERSON = """
    from django.contrib.auth import get_user_model
    print(get_user_model().objects.create_user({name!r}, password={password!r}, is_staff={is_staff}).pk)
"""


def output_of(*command: str | Path, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def bare_environment() -> dict[str, str]:
    """Return this process's variables without those that this suite, or whoever started it, made for itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_SUITE)}


@dataclass(frozen=True)
class Project:
    """Somebody else's Django project: `django-admin startproject`, a user model of its own, and our app."""

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
        self._append("project/settings.py", SETTINGS)
        self._append("project/urls.py", URLS)
        (self.folder / "people").mkdir()
        self._append("people/__init__.py", "")
        self._append("people/models.py", PEOPLE)
        self.manage("makemigrations", "people")
        self.manage("migrate")

    def _append(self, path: str, text: str) -> None:
        with (self.folder / path).open("a") as file:
            file.write(dedent(text).format(app=self.app))

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run its development server, and yield the address of our service on it once that is healthy."""
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


def settled_check(project: Project) -> None:
    """Assert that Django has nothing to say against the project, and that our migrations are complete in it."""
    assert project.manage("check", "--fail-level", "WARNING") == "System check identified no issues (0 silenced)."
    assert project.manage("makemigrations", "--check", "--dry-run") == "No changes detected"


def service_check(project: Project) -> None:
    """Assert that a file of one of its users goes up under that user's UUID, and comes back as it went."""
    project.person_create("staff", is_staff=True)
    user_id = project.person_create("user")
    assert str(UUID(user_id)) == user_id
    content = os.urandom(100_000)
    bucket = f"bucket-{user_id}"
    with project.served() as service, httpx.Client(base_url=service, auth=("user", SECRET), timeout=60) as user:
        made = httpx.post(f"{service}bucket/create/", json={"bucket": bucket}, auth=("staff", SECRET))
        assert made.status_code == 201, made.text
        record = user.post("file/upload/", data={"bucket": bucket}, files={"file": ("a é.bin", content)})
        assert record.status_code == 201, record.text
        assert record.json()["user_id"] == user_id
        signed = user.get("file/presigned/url/", params={"bucket": bucket, "file_name": "a é.bin"})
        assert signed.status_code == 200, signed.text
    assert httpx.get(signed.json()["url"]).content == content


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    output_of(*build, REPOSITORY, folder=folder, environment=bare_environment())
    (built,) = folder.iterdir()
    return built


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    return folder


@pytest.fixture
def project_with_the_wheel(wheel: Path, project_folder: Path, tmp_path: Path, embedded_s3: EmbeddedS3) -> Project:
    output_of(sys.executable, "-m", "venv", tmp_path / "venv", folder=tmp_path, environment=bare_environment())
    python = tmp_path / "venv" / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    output_of(*install, folder=tmp_path, environment=bare_environment())
    return Project(python, project_folder, "s3_file_uploader", bare_environment() | embedded_s3.environment())


@pytest.fixture
def project_with_the_folder(project_folder: Path, embedded_s3: EmbeddedS3) -> Project:
    inside = project_folder.joinpath(*DROPPED_IN.split("."))
    shutil.copytree(APP, inside, ignore=shutil.ignore_patterns("__pycache__"))
    (project_folder / "modules" / "__init__.py").touch()
    environment = bare_environment() | embedded_s3.environment() | {"PYTHONPATH": str(project_folder)}
    return Project(Path(sys.executable), project_folder, DROPPED_IN, environment)


def test_the_wheel_holds_the_app_and_nothing_else(wheel):
    names = set(ZipFile(wheel).namelist())
    ours = {name for name in names if not name.startswith(f"{INFO}/")}
    on_disk = {str(path.relative_to(REPOSITORY)) for path in APP.rglob("*") if path.is_file()}
    assert ours == {path for path in on_disk if "__pycache__" not in path}
    assert names - ours == {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}
    assert names >= {
        "s3_file_uploader/py.typed",
        "s3_file_uploader/migrations/0001_initial.py",
        "s3_file_uploader/embedded/server.py",
    }


def test_the_wheel_is_pure_python_and_says_what_it_needs(wheel):
    assert wheel.name == f"s3_file_uploader-{__version__}-py3-none-any.whl"
    metadata = message_from_bytes(ZipFile(wheel).read(f"{INFO}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == ">=3.11"
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    always = {canonicalize_name(package.name) for package in needed if "extra" not in str(package.marker)}
    assert always == {"boto3", "django", "djangorestframework", "tqdm"}


def test_a_project_that_installs_the_wheel_serves_its_users(project_with_the_wheel):
    project = project_with_the_wheel
    project.set_up()
    assert not project.can_import("drf_spectacular")
    settled_check(project)
    service_check(project)


def test_a_project_with_the_folder_in_its_modules_serves_its_users(project_with_the_folder):
    project = project_with_the_folder
    project.set_up()
    assert project.can_import(DROPPED_IN)
    assert not project.can_import("s3_file_uploader")
    settled_check(project)
    service_check(project)
