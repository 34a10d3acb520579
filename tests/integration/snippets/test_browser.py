"""Blocks for browsers run in Chromium: the page without a bundler, under a strict policy, and the README's lines."""

import os
import shutil
import time

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.snippets.conftest import MIB, SLOW, content_of, shell
from tests.support.documents import blocks_of

BROWSER = "docs/how-to/browser.md"
WAITS_SECONDS = 60
STORE = "https://my-first-bucket.s3.eu-west-1.amazonaws.com"


def random_file(folder, size):
    path = folder / "video.mp4"
    path.write_bytes(os.urandom(size))
    return path


def open_page(visitor, site, archive, folder):
    """Write the page as the reader does, and open it."""
    shutil.copy(archive, folder)
    (unpack,) = blocks_of(BROWSER, "console")
    shell(unpack, folder)
    (page,) = blocks_of(BROWSER, "html")
    (script,) = blocks_of(BROWSER, "js")
    (policy,) = blocks_of(BROWSER, "text")
    assert STORE in policy
    (folder / "index.html").write_text(page)
    (folder / "upload.js").write_text(script)
    visitor.serve(f"{site}/page/", folder, policy.strip().replace(STORE, get_client().meta.endpoint_url))
    visitor.goto(f"{site}/page/index.html")


def state_is(state):
    return f"document.getElementById('state').textContent === {state!r}"


def wait_for(visitor, script):
    """Ask the page again and again: its policy forbids the `eval` by which Playwright waits inside of it."""
    end = time.monotonic() + WAITS_SECONDS
    while not visitor.run(script):
        assert time.monotonic() < end, script
        time.sleep(0.1)


def test_page_uploads_under_a_strict_policy(visitor, site, archive, tmp_path, user):
    open_page(visitor, site, archive, tmp_path)
    path = random_file(tmp_path, 20 * MIB)
    visitor.choose(path)
    wait_for(visitor, state_is("stored"))
    upload = FileUpload.objects.get()
    assert (upload.user, upload.status, upload.strategy) == (user, "stored", "multipart")
    assert content_of(upload) == path.read_bytes()
    assert visitor.run("document.getElementById('progress').value") == 1
    assert visitor.complaints == []


def test_page_resumes_after_a_reload(visitor, site, archive, tmp_path):
    open_page(visitor, site, archive, tmp_path)
    path = random_file(tmp_path, 40 * MIB)
    visitor.set_network(SLOW)
    visitor.choose(path)
    wait_for(visitor, "document.getElementById('progress').value > 0.5")
    visitor.click("Pause")
    wait_for(visitor, state_is("paused"))
    upload = FileUpload.objects.get()
    visitor.reload()
    visitor.choose(path)
    wait_for(visitor, state_is("stored"))
    assert FileUpload.objects.get() == upload
    assert content_of(upload) == path.read_bytes()


def test_readme_stores_the_file(visitor, open_app, tmp_path):
    open_app("readme", 'document.body.innerHTML = "<input type=file>";\nrequire("./browser");\n')
    path = random_file(tmp_path, MIB)
    visitor.choose(path)
    visitor.wait_for(f"document.title === '{MIB} of {MIB} bytes'")
    visitor.run("() => new Promise((resolve) => setTimeout(resolve, 1000))")
    assert content_of(FileUpload.objects.get(status="stored")) == path.read_bytes()
