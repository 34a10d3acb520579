"""What the README says of direct uploads, pasted as it stands."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from s3_file_uploader import s3
from s3_file_uploader.models import FileUpload

from .conftest import SERVICE, token_of

README = Path(__file__).parents[2] / "README.md"
BUCKET = "my-first-bucket"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks(language: str) -> list[str]:
    """Return what stands under "Direct to S3" to be pasted."""
    section = README.read_text(encoding="utf-8").partition("\n## Direct to S3\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def bucket(store) -> Iterator[str]:
    s3.client().create_bucket(Bucket=BUCKET)
    yield BUCKET
    for found in s3.client().list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.client().delete_object(Bucket=BUCKET, Key=found["Key"])
    s3.client().delete_bucket(Bucket=BUCKET)


@pytest.fixture
def run(transactional_db: None, live_server: LiveServer, user: User, bucket: str, tmp_path: Path) -> Run:
    """Run a program, as the user, in a folder with a photo and a video."""
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(2**16))
    (tmp_path / "video.mp4").write_bytes(os.urandom(20 * 2**20))
    told = {"TOKEN": token_of(user).removeprefix("Token "), "SERVICE": live_server.url + SERVICE.rstrip("/")}
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment | told | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    return run


def stored(name: str) -> FileUpload:
    return FileUpload.objects.get(original_name=name, status="stored")


def content_of(upload: FileUpload) -> bytes:
    return s3.client().get_object(Bucket=upload.bucket, Key=upload.file_name)["Body"].read()


def test_the_lines_for_a_shell(run, tmp_path):
    run("bash", "-euc", "".join(blocks("console")))
    for name, content_type in (("photo.jpg", "image/jpeg"), ("video.mp4", "video/mp4")):
        upload = stored(name)
        assert (upload.strategy, upload.content_type) == ("put" if name == "photo.jpg" else "multipart", content_type)
        assert content_of(upload) == (tmp_path / name).read_bytes()


def test_they_go_on_from_any_part(run, tmp_path):
    start, _, rest = "".join(blocks("console")).partition("# To go on")
    run("bash", "-euc", start)
    upload = FileUpload.objects.get(original_name="video.mp4")
    part = (tmp_path / "video.mp4").read_bytes()[upload.part_size :][: upload.part_size]
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    s3.client().upload_part(**where, PartNumber=2, Body=part)
    get = start.partition("\n")[0]
    sent = run("bash", "-euc", f"{get}\n#{rest}", ID=str(upload.pk))
    assert '"status":"stored"' in sent.stdout
    assert content_of(stored("video.mp4")) == (tmp_path / "video.mp4").read_bytes()
    assert '"status":"stored"' in run("bash", "-euc", rest.splitlines()[-1], ID=str(upload.pk)).stdout


# Node.js has none. Only what the README uses.
XML_HTTP_REQUEST = """
    globalThis.XMLHttpRequest = class {
        headers = {};
        open(method, url) { Object.assign(this, {method, url}); }
        setRequestHeader(name, value) { this.headers[name] = value; }
        send(body) {
            fetch(this.url, {method: this.method, headers: this.headers, body}).then(
                ({status}) => { this.status = status; this.onload(); }, () => this.onerror());
        }
    };
"""


@pytest.fixture
def node(run: Run) -> Run:
    before = "const SERVICE = process.env.SERVICE, token = process.env.TOKEN, {readFileSync} = require('fs');"

    def node(script: str) -> "subprocess.CompletedProcess[str]":
        return run("node", "-e", "\n".join([before, XML_HTTP_REQUEST, *blocks("js"), script]))

    return node


def sending(name: str, kind: str) -> str:
    return f"""
        const file = new Blob([readFileSync("{name}")], {{type: "{kind}"}});
        upload(file, "{name}", "key-of-{name}").then(({{id, status}}) => console.log(id, status));
    """


@pytest.mark.parametrize(("name", "kind"), [("photo.jpg", "image/jpeg"), ("video.mp4", "video/mp4")])
def test_the_lines_for_react_native(node, tmp_path, name, kind):
    first = node(sending(name, kind)).stdout
    upload = stored(name)
    assert first == f"{upload.pk} stored\n"
    assert (upload.content_type, content_of(upload)) == (kind, (tmp_path / name).read_bytes())
    assert node(sending(name, kind)).stdout == first


@pytest.mark.parametrize(("name", "kind"), [("photo.jpg", "image/jpeg"), ("video.mp4", "video/mp4")])
def test_called_again_after_a_kill_they_go_on(node, tmp_path, name, kind):
    killed = sending(name, kind).replace("upload(file", "put = () => process.exit(0); upload(file")
    node(killed)
    upload = FileUpload.objects.get()
    assert upload.status == "pending"
    assert node(sending(name, kind)).stdout == f"{upload.pk} stored\n"
    assert content_of(stored(name)) == (tmp_path / name).read_bytes()


def test_an_error_has_its_code(node):
    failing = "post('nothing/complete/').catch(({code, message}) => console.log(code, message));"
    assert node(failing).stdout.startswith("upload_not_found You have no upload")
