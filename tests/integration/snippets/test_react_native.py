"""Blocks for React Native run in Chromium on react-native-web, with stand-ins for the native modules."""

import pytest

from s3_file_uploader.models import FileUpload
from tests.integration.conftest import SERVICE, token_of
from tests.integration.snippets.conftest import SLOW, VIDEO_BYTES, content_of, stand_in, video_bytes

SCREEN = """
import { createRoot } from "react-dom/client";
import App from "./App";

createRoot(document.getElementById("root")!).render(<App />);
"""
README = """
import { VIDEO } from "DEVICE";
import { uploadVideo } from "./FILE";

Object.assign(window, { VIDEO, uploadVideo, shares: [] });
""".replace("DEVICE", stand_in("device"))


def shows(text):
    return f"document.body.textContent.includes({text!r})"


HALFWAY = "/uploading, [1-9]/.test(document.body.textContent)"


def stored_check(video="video.mp4"):
    upload = FileUpload.objects.get()
    assert (upload.status, upload.original_name, upload.content_type) == ("stored", video, "video/mp4")
    assert upload.size == VIDEO_BYTES
    assert content_of(upload) == video_bytes()


@pytest.fixture(params=["expo", "bare"])
def phone(request, visitor, open_app):
    """Start the app of the tutorial."""
    open_app(request.param, SCREEN)
    return visitor


def test_tutorial_stores_the_video(phone):
    phone.click("Choose a video")
    phone.wait_for(shows("video.mp4: stored, 100 %"))
    stored_check()


def test_tutorial_pauses_and_resumes(phone):
    phone.set_network(SLOW)
    phone.click("Choose a video")
    phone.wait_for(HALFWAY)
    phone.click("Pause")
    phone.wait_for(shows("paused, "))
    assert FileUpload.objects.get().status == "pending"
    phone.click("Resume")
    phone.wait_for(shows("video.mp4: stored, 100 %"))
    stored_check()


def test_tutorial_cancels(phone):
    phone.set_network(SLOW)
    phone.click("Choose a video")
    phone.wait_for(HALFWAY)
    phone.click("Cancel")
    phone.wait_for(shows("cancelled"))
    phone.wait_for("!document.body.textContent.includes('uploading')")
    phone.reload()
    phone.wait_for(shows("Choose a video"))
    assert not phone.run(shows("unfinished"))


def test_tutorial_waits_while_offline(phone):
    phone.set_network(SLOW)
    phone.click("Choose a video")
    phone.wait_for(HALFWAY)
    phone.set_network(is_offline=True)
    phone.wait_for(shows("waiting, "))
    phone.set_network()
    phone.wait_for(shows("video.mp4: stored, 100 %"))
    stored_check()


def test_tutorial_continues_after_a_kill(phone):
    phone.set_network(SLOW)
    phone.click("Choose a video")
    phone.wait_for("/uploading, [3-9]\\d/.test(document.body.textContent)")
    phone.reload()
    phone.wait_for(shows("video.mp4: unfinished"))
    phone.click("Continue")
    phone.wait_for(shows("video.mp4: stored, 100 %"))
    stored_check()
    phone.reload()
    phone.wait_for(shows("Choose a video"))
    assert not phone.run(shows("unfinished"))


def test_readme_of_the_client_stores_the_video(visitor, open_app, site, user):
    open_app("readme", README.replace("FILE", "expo"))
    given = [site + SERVICE, token_of(user).removeprefix("Token ")]
    assert visitor.run("([url, token]) => uploadVideo(url, token, VIDEO.uri)", given)["status"] == "stored"
    stored_check()


def test_first_readme_stores_the_video(visitor, open_app, site, user):
    open_app("first", README.replace("FILE", "upload"))
    given = [site + SERVICE, token_of(user).removeprefix("Token ")]
    upload = "([url, token]) => uploadVideo(url, token, VIDEO, (share) => shares.push(share))"
    assert visitor.run(upload, given)["status"] == "stored"
    stored_check()
    assert visitor.run("shares[shares.length - 1]") == 1
