"""The app as a wheel, and as a folder below the `modules` of another project."""

import os
import shutil
import sys
from email import message_from_bytes
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from s3_file_uploader import __version__
from s3_file_uploader.embedded import EmbeddedS3
from tests.support.host import ROOT
from tests.support.projects import SECRET, Project, bare_environment, settled_check, wheel_built

APP = ROOT / "s3_file_uploader"
INFO = f"s3_file_uploader-{__version__}.dist-info"
DROPPED_IN = "modules.django_s3_file_uploader.s3_file_uploader"


def service_check(project: Project) -> None:
    """Assert that a user can upload a file under their UUID, and download it unchanged."""
    project.person_create("staff", is_staff=True)
    user_id = project.person_create("user")
    assert str(UUID(user_id)) == user_id
    content = os.urandom(100_000)
    bucket = f"bucket-{user_id}"
    with project.served() as service, httpx.Client(base_url=service, auth=("user", SECRET), timeout=60) as user:
        made = httpx.post(f"{service}bucket/create/", json={"bucket": bucket}, auth=("staff", SECRET), timeout=60)
        assert made.status_code == 201, made.text
        record = user.post("file/upload/", data={"bucket": bucket}, files={"file": ("a é.bin", content)})
        assert record.status_code == 201, record.text
        assert record.json()["user_id"] == user_id
        signed = user.get("file/presigned/url/", params={"bucket": bucket, "file_name": "a é.bin"})
        assert signed.status_code == 200, signed.text
    assert httpx.get(signed.json()["url"], timeout=60).content == content


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    return folder


@pytest.fixture
def project_with_the_folder(project_folder: Path, embedded_s3: EmbeddedS3) -> Project:
    inside = project_folder.joinpath(*DROPPED_IN.split("."))
    shutil.copytree(APP, inside, ignore=shutil.ignore_patterns("*.pyc.*"))
    (project_folder / "modules" / "__init__.py").touch()
    environment = bare_environment() | embedded_s3.environment() | {"PYTHONPATH": str(project_folder)}
    return Project(Path(sys.executable), project_folder, DROPPED_IN, environment)


def test_wheel_contains_only_the_app(wheel):
    names = set(ZipFile(wheel).namelist())
    ours = {name for name in names if not name.startswith(f"{INFO}/")}
    on_disk = {str(path.relative_to(ROOT)) for path in APP.rglob("*") if path.is_file()}
    assert ours == {path for path in on_disk if "__pycache__" not in path}
    assert names - ours == {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}
    assert names >= {
        "s3_file_uploader/py.typed",
        "s3_file_uploader/migrations/0001_initial.py",
        "s3_file_uploader/embedded/server.py",
    }


def test_wheel_is_pure_python_and_names_its_requirements(wheel):
    assert wheel.name == f"s3_file_uploader-{__version__}-py3-none-any.whl"
    metadata = message_from_bytes(ZipFile(wheel).read(f"{INFO}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == ">=3.11"
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    always = {canonicalize_name(package.name) for package in needed if "extra" not in str(package.marker)}
    assert always == {"boto3", "django", "djangorestframework", "tqdm"}


def test_app_in_a_modules_folder_serves_uploads(project_with_the_folder):
    project = project_with_the_folder
    project.set_up()
    assert project.can_import(DROPPED_IN)
    assert not project.can_import("s3_file_uploader")
    settled_check(project)
    service_check(project)
