"""Blocks for Node.js run as they are: the installation, and each script of docs/how-to/node.md."""

import os
import re
import shutil
import subprocess

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.snippets.conftest import MIB, NODE, README, content_of, files_of, shell
from tests.support.documents import blocks_of

SIZE = 40 * MIB
LONG = 200 * MIB


@pytest.fixture
def folder(apps, tmp_path):
    """Return a project with the package and the scripts, and a video."""
    shutil.copytree(apps / "node", tmp_path, dirs_exist_ok=True)
    (tmp_path / "node_modules").symlink_to(apps / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "video.mp4").write_bytes(os.urandom(SIZE))
    return tmp_path


@pytest.fixture
def run(folder, variables):
    def run(*command):
        done = subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def stored(name="video.mp4"):
    return FileUpload.objects.get(original_name=name, status="stored")


def test_package_installs_into_an_empty_folder(clone, variables, tmp_path):
    (block,) = blocks_of(README, "console")
    assert "npm ci\n" in block  # Everything is installed already.
    (tmp_path / "my-app").mkdir()
    offline = {"npm_config_offline": "true", "npm_config_audit": "false", "npm_config_fund": "false"}
    shell(block.replace("npm ci\n", ""), clone, HOME=str(tmp_path), **offline)
    app = tmp_path / "my-app"
    (app / "node.ts").write_text(files_of("readme")["node.ts"])
    (app / "video.mp4").write_bytes(os.urandom(MIB))
    done = subprocess.run(
        ["node", "node.ts"], cwd=app, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "stored\n", done.stderr
    assert content_of(stored()) == (app / "video.mp4").read_bytes()


def test_upload_stores_the_file(run, folder):
    (block,) = blocks_of(NODE, "console")
    last_progress, result = run("bash", "-euc", block).splitlines()[-2:]
    assert last_progress == f"{SIZE} of {SIZE} bytes"
    assert result == f"{stored().file_name} stored"
    assert content_of(stored()) == (folder / "video.mp4").read_bytes()


def test_upload_after_a_kill_continues(run, folder, variables):
    (folder / "video.mp4").write_bytes(os.urandom(LONG))  # The kill comes while most of it is on its way.
    command = ["node", "upload.ts", "video.mp4"]
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True) as script:
        while not re.match(r"[1-9]\d* of", script.stdout.readline()):
            assert script.poll() is None
        script.kill()
    upload = FileUpload.objects.get()
    assert upload.status == "pending"
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    assert 0 < len(get_client().list_parts(**where)["Parts"]) < LONG // upload.part_size
    assert run("node", "upload.ts") == "video.mp4 continues.\nstored\n"
    assert content_of(stored()) == (folder / "video.mp4").read_bytes()


def test_stream_stores_the_file(run):
    assert run("node", "stream.ts") == "stored\n"
    assert content_of(stored("report.csv")) == b"2026-11-29,42\n2026-11-30,43\n"
    assert stored("report.csv").content_type == "text/csv"


def test_download_saves_the_file(run, folder):
    run("node", "upload.ts", "video.mp4")
    run("node", "download.ts")
    assert (folder / "copy.mp4").read_bytes() == (folder / "video.mp4").read_bytes()
