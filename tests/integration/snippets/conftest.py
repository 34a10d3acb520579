"""The code blocks of the client's documentation as apps, with the package as `npm pack` makes it."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.multipart import abort_multipart, list_multipart_uploads
from tests.integration.conftest import SERVICE, token_of
from tests.integration.uppy.browser import Chromium, Visitor
from tests.reaper import MARK
from tests.support.documents import BLOCKS, Block
from tests.support.host import ROOT

FOLDER = Path(__file__).parent
PACKAGE = ROOT / "clients" / "typescript"
SOURCES = ("src", "package.json", "tsconfig.json", "tsdown.config.ts", "README.md", "LICENSE")
BUCKET = "my-first-bucket"
MIB = 2**20
VIDEO_BYTES = 40 * MIB
SLOW = 8 * MIB  # Bytes per second, so that a user can act while a file is on its way.
NAME = re.compile(r"// (\S+)\n")
README = "clients/typescript/README.md"
TUTORIAL = "docs/tutorials/react-native.md"
BACKGROUND = "docs/how-to/background-upload.md"
NODE = "docs/how-to/node.md"
# Each app holds the files of these pages. A page with two files of one name has a variant for each.
APPS = {
    "first": ("README.md",),
    "readme": (README,),
    "expo": (TUTORIAL,),
    "bare": (TUTORIAL,),
    "background": (TUTORIAL, BACKGROUND),
    "node": (NODE,),
}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def client_blocks() -> list[Block]:
    """Return the blocks of TypeScript on all pages."""
    return [block for block in BLOCKS if block.language in ("ts", "tsx")]


def files_of(app: str) -> dict[str, str]:
    """Return the code of each file of an app. The first line of a block is a comment with the name of its file."""
    files: dict[str, str] = {}
    for block in client_blocks():
        named = NAME.match(block.code)
        assert named, f"The first line of {block} must be a comment with the name of the file."
        if block.page in APPS[app] and (app == "bare" or named[1] not in files):
            files[named[1]] = block.code
    return files


def shell(command: str, cwd: Path, **variables: str) -> None:
    # npm works beside this Python only.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package's sources, so that no two processes build in one folder."""
    clone = tmp_path_factory.mktemp("clone")
    package = clone / "clients" / "typescript"
    package.mkdir(parents=True)
    for name in SOURCES:
        source = PACKAGE / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, package / name)
    (package / "node_modules").symlink_to(PACKAGE / "node_modules")
    return clone


@pytest.fixture(scope="session")
def archive(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack the package."""
    folder = tmp_path_factory.mktemp("archive")
    shell(f"npm pack --silent --pack-destination {folder}", clone / "clients" / "typescript")
    (archive,) = folder.glob("*.tgz")
    return archive


@pytest.fixture(scope="session")
def apps(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write each app into a folder, below the packages that it imports."""
    root = tmp_path_factory.mktemp("apps")
    (root / "node_modules").symlink_to(FOLDER / "node_modules")
    apps = root / "apps"
    with tarfile.open(archive) as packed:
        # Python 3.11.2, which Debian 12 has, knows no filters; 3.12 and 3.13 warn without one.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(root)  # noqa: S202 - the archive is our own
    shutil.copytree(root / "package", apps / "node_modules" / "s3-file-uploader-client")
    for app in APPS:
        (apps / app).mkdir()
        for name, code in files_of(app).items():
            (apps / app / name).write_text(code)
    return apps


@pytest.fixture
def bucket(store: object) -> Iterator[str]:
    with suppress(get_client().exceptions.BucketAlreadyOwnedByYou):  # A fuzz sends the examples of the schema.
        get_client().create_bucket(Bucket=BUCKET)
    empty_bucket()
    yield BUCKET
    empty_bucket()
    get_client().delete_bucket(Bucket=BUCKET)


def empty_bucket() -> None:
    for upload in list_multipart_uploads(bucket=BUCKET):
        abort_multipart(bucket=BUCKET, key=upload.key, upload_id=upload.upload_id)
    for listed in get_client().list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        get_client().delete_object(Bucket=BUCKET, Key=listed["Key"])


@pytest.fixture
def site(transactional_db: None, live_server: LiveServer, bucket: str) -> str:
    """Return the address of the service's project, with the bucket and the account of `make run`."""
    User.objects.create_user("demo_user", password="demo-password")
    return str(live_server.url)


def content_of(upload: FileUpload) -> bytes:
    content: bytes = get_client().get_object(Bucket=upload.bucket, Key=upload.file_name)["Body"].read()
    return content


# --- Node.js ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def variables(site: str, user: User) -> dict[str, str]:
    """Return the environment of a script of the user."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", MARK) if name in os.environ}
    return {**inherited, "SERVICE": site + SERVICE.rstrip("/"), "TOKEN": token_of(user).removeprefix("Token ")}


# --- Chromium ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def visitor(chromium: Chromium, user: User, site: str) -> Iterator[Visitor]:
    """Open a browser with a session of the user, and a CSRF token."""
    client = Client()
    client.force_login(user)
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    visitor = chromium.visitor(**cookies, csrftoken="t" * 32)
    yield visitor
    sys.stdout.write(
        f"{visitor.complaints} {visitor.run('document.body.innerText')}\n"
    )  # pytest shows it after a failure.
    visitor.close()


@pytest.fixture(scope="session")
def bundle(apps: Path) -> Callable[[str, str, str], Path]:
    """Return a function that bundles an app behind an entry for a site once, and returns the folder of its page."""

    @cache
    def bundle(app: str, entry: str, site: str) -> Path:
        folder = apps / app
        for file in folder.glob("*.ts*"):
            file.write_text(re.sub(r"http://192\.168[\d.:]+", site, file.read_text()))
        (folder / "entry.tsx").write_text(entry)
        page = Path(mkdtemp(prefix="page-", dir=folder))
        (page / "index.html").write_text('<!doctype html><div id="root"></div><script src="entry.js"></script>')
        shell(f"node {FOLDER / 'bundle.js'} {folder / 'entry.tsx'} {page / 'entry.js'}", FOLDER)
        return page

    return bundle


@pytest.fixture
def open_app(bundle: Callable[[str, str, str], Path], site: str, visitor: Visitor) -> Callable[[str, str], None]:
    """Return a function that bundles an app behind an entry, and opens it in Chromium, as a phone would start it."""

    def open_app(app: str, entry: str) -> None:
        visitor.serve(f"{site}/app/", bundle(app, entry, site))
        visitor.goto(f"{site}/app/index.html")

    return open_app


def stand_in(name: str) -> str:
    """Return the import of a stand-in, for an entry."""
    return str(FOLDER / "stand_ins" / f"{name}.ts")


def video_bytes() -> bytes:
    """Return the bytes of the video, as `stand_ins/device.ts` makes them."""
    return b"".join(bytes([block % 251]) * 2**16 for block in range(VIDEO_BYTES // 2**16))
