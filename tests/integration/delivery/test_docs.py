"""Run the code blocks of the README and the documentation as they are."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from s3_file_uploader.embedded import free_port
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.conftest import SERVICE, token_of
from tests.reaper import MARK
from tests.support.documents import BLOCKS, blocks_of
from tests.support.host import ROOT, environment, serving

BUCKET = "my-first-bucket"
DIRECT = "docs/how-to/direct-uploads.md"
FIRST_UPLOAD = "docs/tutorials/first-upload.md"
PROJECT = "docs/tutorials/existing-project.md"
SITE = "http://127.0.0.1:8000"
# These pages read files that the reader stored before.
AFTER_AN_UPLOAD = {"docs/how-to/downloads.md", "docs/how-to/lists.md", "docs/how-to/share-links.md"}
SHELL_PAGES = sorted({block.page for block in BLOCKS if block.note.endswith("::test_shell_blocks")})
# If a pasted request fails, the shell ends.
CURL = 'curl() { command curl -fsS "$@"; }\n'
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bucket(store) -> Iterator[str]:
    with suppress(get_client().exceptions.BucketAlreadyOwnedByYou):  # A fuzz sends the examples of the schema.
        get_client().create_bucket(Bucket=BUCKET)
    bucket_empty()
    yield BUCKET
    bucket_empty()
    get_client().delete_bucket(Bucket=BUCKET)


def bucket_empty() -> None:
    for listed in get_client().list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        get_client().delete_object(Bucket=BUCKET, Key=listed["Key"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the pages mention."""
    (tmp_path / "README.md").write_text("Read me.\n")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(2**16))
    (tmp_path / "video.mp4").write_bytes(os.urandom(20 * 2**20))
    return tmp_path


@pytest.fixture
def run(transactional_db: None, live_server: LiveServer, user: User, folder: Path) -> Run:
    """Run a program as the user, in that folder."""
    own = {"TOKEN": token_of(user).removeprefix("Token "), "SERVICE": live_server.url + SERVICE.rstrip("/")}
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", MARK) if name in os.environ}

    def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=folder,
            env=inherited | own | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    return run


def stored(name: str) -> FileUpload:
    return FileUpload.objects.get(original_name=name, status="stored")


def content_of(upload: FileUpload) -> bytes:
    return get_client().get_object(Bucket=upload.bucket, Key=upload.file_name)["Body"].read()


# --- shell ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", SHELL_PAGES)
def test_shell_blocks(run, bucket, page):
    if page in AFTER_AN_UPLOAD:
        for name in ("README.md", "video.mp4"):
            run(
                "bash",
                "-euc",
                f'{CURL}curl -T {name} "$SERVICE/buckets/{BUCKET}/files/" -H "Authorization: Token $TOKEN"',
            )
    run("bash", "-euc", CURL + "".join(blocks_of(page, "console", "::test_shell_blocks")))


def test_direct_upload_blocks_store_both_files(run, bucket, folder):
    run("bash", "-euc", "".join(blocks_of(DIRECT, "console")))
    for name, content_type in (("photo.jpg", "image/jpeg"), ("video.mp4", "video/mp4")):
        upload = stored(name)
        assert (upload.strategy, upload.content_type) == ("put" if name == "photo.jpg" else "multipart", content_type)
        assert content_of(upload) == (folder / name).read_bytes()


def test_direct_upload_blocks_resume_from_any_part(run, bucket, folder):
    start, _, rest = "".join(blocks_of(DIRECT, "console")).partition("# To resume")
    run("bash", "-euc", start)
    upload = FileUpload.objects.get(original_name="video.mp4")
    part = (folder / "video.mp4").read_bytes()[upload.part_size :][: upload.part_size]
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    get_client().upload_part(**where, PartNumber=2, Body=part)
    get = start.partition("\n")[0]
    sent = run("bash", "-euc", f"{get}\n#{rest}", ID=str(upload.pk))
    assert '"status":"stored"' in sent.stdout
    assert content_of(stored("video.mp4")) == (folder / "video.mp4").read_bytes()
    assert '"status":"stored"' in run("bash", "-euc", rest.splitlines()[-1], ID=str(upload.pk)).stdout


@pytest.mark.parametrize("page", ["README.md", FIRST_UPLOAD])
def test_first_upload(run, store, live_server, django_user_model, folder, page):
    for name, is_staff in (("demo_staff", True), ("demo_user", False)):
        django_user_model.objects.create_user(name, password="demo-password", is_staff=is_staff)
    lines = "".join(blocks_of(page, "console", "::test_first_upload"))
    assert SITE in lines
    try:
        run("bash", "-euc", CURL + lines.replace(SITE, live_server.url))
        upload = stored("README.md")
        assert (upload.user.username, upload.content_type) == ("demo_user", "text/markdown")
        assert content_of(upload) == (folder / "README.md").read_bytes()
    finally:
        bucket_empty()
        get_client().delete_bucket(Bucket=BUCKET)


# --- the tutorial for an existing project -----------------------------------------------------------------------------


def test_existing_project(tmp_path):
    """Follow the tutorial from `startproject` on, with the packages of this environment and a free port."""
    port = free_port()
    project = tmp_path / "project"
    project.mkdir()
    bin_folder = str(Path(sys.executable).parent)
    variables = environment(tmp_path, PYTHONPATH=str(ROOT))
    variables |= {"PATH": f"{bin_folder}:{variables['PATH']}"}
    del variables["DATA_DIR"]
    create, _install, prepare, requests = blocks_of(PROJECT, "console")
    settings, urls = blocks_of(PROJECT, "python")

    def shell(lines: str) -> str:
        command = ["bash", "-euc", CURL + lines.replace(SITE, f"http://127.0.0.1:{port}")]
        done = subprocess.run(
            command, cwd=project, env=variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    *_, start = create.splitlines()
    shell(f"{start}\nmkdir downloads")
    for file, lines in (("mysite/settings.py", settings), ("mysite/urls.py", urls)):
        with (project / file).open("a") as appended:
            appended.write(lines)
    *before, serve = prepare.splitlines()
    shell("\n".join(before))
    with serving(f"{serve} {port}", port, cwd=project, env=variables):
        assert shell(requests).endswith("Hello, S3.\n")
