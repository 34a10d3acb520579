"""Stock Uppy in a real browser, on pages of the host project."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.multipart import abort_multipart, list_multipart_uploads
from tests.integration.uppy.browser import Chromium, Visitor
from tests.integration.uppy.steps import BUCKET, MAJORS, MIB
from tests.support.served import WSGI, Served

FOLDER = Path(__file__).parent
ESBUILD = FOLDER / "node_modules" / ".bin" / "esbuild"
VisitorOf = Callable[[User | None], Visitor]


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle each major version with the page, like a project."""
    folder = tmp_path_factory.mktemp("scripts")
    for major in MAJORS:
        options = ("--bundle", f"--outfile={folder}/{major}.js", "--log-level=warning")
        subprocess.run((str(ESBUILD), f"{major}/page.js", *options), cwd=FOLDER, check=True)
    return folder


@pytest.fixture(scope="session")
def pages(
    scripts: Path, django_db_setup: None, embedded_s3: EmbeddedS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve the host project with pages that contain Uppy, and log every URL that is requested."""
    environment = {
        **embedded_s3.environment(),
        "DJANGO_SETTINGS_MODULE": "tests.integration.uppy.settings",
        "DJANGO_SECRET_KEY": settings.SECRET_KEY,  # The server knows the sessions that the tests create.
        "UPPY_SCRIPTS": str(scripts),
    }
    with Served(tmp_path_factory.mktemp("pages"), (*WSGI, "--access-logfile", "-"), **environment) as served:
        yield served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def visitor_of(pages: Served, chromium: Chromium, transactional_db: None) -> Iterator[VisitorOf]:
    """Open a browser as a logged-in user, or without a login."""
    with ExitStack() as stack:

        def visitor_of(person: User | None) -> Visitor:
            client = Client()
            if person:
                client.force_login(person)
            visitor = chromium.visitor(**{name: cookie.value for name, cookie in client.cookies.items()})
            stack.callback(visitor.close)
            return visitor

        yield visitor_of


@pytest.fixture(autouse=True)
def bucket(store: EmbeddedS3) -> Iterator[str]:
    """Create the bucket that the settings of the pages name, and delete it with all its objects afterwards."""
    get_client().create_bucket(Bucket=BUCKET)
    yield BUCKET
    for upload in list_multipart_uploads(bucket=BUCKET):
        abort_multipart(bucket=BUCKET, key=upload.key, upload_id=upload.upload_id)
    for listed in get_client().list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        get_client().delete_object(Bucket=BUCKET, Key=listed["Key"])
    get_client().delete_bucket(Bucket=BUCKET)


@pytest.fixture
def file_of(tmp_path: Path) -> Iterator[Callable[[int, str], Path]]:
    """Return a function that makes files of random bytes. They are deleted earlier than pytest's folders."""
    made: list[Path] = []

    def file_of(size: int, name: str = "video.mp4") -> Path:
        path = tmp_path / name
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
            file.write(os.urandom(size % MIB))
        made.append(path)
        return path

    yield file_of
    for path in made:
        path.unlink()
