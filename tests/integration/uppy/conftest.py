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

from s3_file_uploader import s3
from s3_file_uploader.embedded import EmbeddedS3
from tests.integration.served import Served
from tests.integration.uppy.browser import CHROMIUM, Chromium, Visitor

FOLDER = Path(__file__).parent
ESBUILD = FOLDER / "node_modules" / ".bin" / "esbuild"
BUCKET = "uppy"
VisitorOf = Callable[[User | None], Visitor]


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle each major with the page, as any project does."""
    folder = tmp_path_factory.mktemp("scripts")
    for major in ("five", "six"):
        command = [ESBUILD, f"{major}/page.js", "--bundle", f"--outfile={folder}/{major}.js", "--log-level=warning"]
        subprocess.run(command, cwd=FOLDER, check=True)
    return folder


@pytest.fixture(scope="session")
def needed() -> None:
    """Skip where there is no npm or no Chromium, but not in CI."""
    for what, there in (("Uppy", ESBUILD.exists()), ("Chromium", CHROMIUM)):
        if not there:
            missing = f"{what} is missing: install Node.js with npm, and Chromium, then `make {FOLDER.name}`"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture(scope="session")
def pages(
    needed: None,
    scripts: Path,
    django_db_setup: None,
    embedded_s3: EmbeddedS3,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Serve the host project with pages that have Uppy on them."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.integration.uppy.settings",
        "DJANGO_SECRET_KEY": settings.SECRET_KEY,  # Sessions that the tests begin are known there.
        "UPPY_SCRIPTS": str(scripts),
    }
    with Served(tmp_path_factory.mktemp("pages"), **environment, **embedded_s3.environment()) as served:
        yield served


@pytest.fixture(scope="session")
def chromium(needed: None) -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def visitor_of(pages: Served, chromium: Chromium, transactional_db: None) -> Iterator[VisitorOf]:
    """Open a browser as a person who has logged in, or as nobody."""
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
def bucket(store: EmbeddedS3) -> str:
    """Make the bucket that the settings of the pages name, unless an earlier test did."""
    if BUCKET not in {found["Name"] for found in s3.client().list_buckets()["Buckets"]}:
        s3.client().create_bucket(Bucket=BUCKET)
    return BUCKET
