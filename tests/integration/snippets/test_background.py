"""Blocks for background uploads run with stand-ins for the native uploaders."""

import pytest

from s3_file_uploader.models import FileUpload
from tests.integration.snippets.conftest import VIDEO_BYTES, content_of, stand_in, video_bytes

ENTRY = f"""
import {{ VIDEO }} from "{stand_in("device")}";
import {{ client }} from "./client";
import * as downloader from "./downloader";
import * as expo from "./expo";
import {{ settleAll }} from "./start";

Object.assign(window, {{ VIDEO, client, downloader, expo, settleAll }});
"""
HAND_OVER = """async (name) => {
    const file = { ...VIDEO, name };
    const { headers, method, uploadId, url } = await client.handOver(file, { bucket: "my-first-bucket" });
    if (name === "arrived.mp4") {
        const body = new Blob([new Uint8Array(VIDEO.size)]);
        const response = await fetch(url, { method, headers, body });
        if (!response.ok) throw new Error(String(response.status));
    }
    return uploadId;
}"""
SETTLE = "async () => (await settleAll()).map(({ fileName, handedOver }) => [fileName, handedOver])"
AGAIN = """async () => {
    const [left] = await client.pending();
    const { bucket, fileName, key } = left;
    const { headers, method, uploadId, url } = await client.handOver(VIDEO, { bucket, fileName, key });
    await fetch(url, { method, headers, body: new Blob([new Uint8Array(VIDEO.size)]) });
    return [uploadId, (await client.settle(uploadId)).status, (await client.pending()).length];
}"""


@pytest.fixture
def app(visitor, open_app):
    open_app("background", ENTRY)
    return visitor


@pytest.mark.parametrize("call", ["expo.uploadInBackground(VIDEO.uri)", "downloader.uploadInBackground(VIDEO)"])
def test_native_uploader_stores_a_verified_record(app, call):
    record = app.run(f"() => {call}")
    upload = FileUpload.objects.get()
    assert (record["id"], record["status"], record["size"]) == (str(upload.pk), "stored", VIDEO_BYTES)
    assert (upload.strategy, upload.content_type, upload.original_name) == ("put", "video/mp4", "video.mp4")
    assert content_of(upload) == video_bytes()
    assert app.run("async () => (await client.pending()).length") == 0


def test_start_settles_what_arrived_and_lists_the_rest(app):
    arrived, lost = app.run(HAND_OVER, "arrived.mp4"), app.run(HAND_OVER, "lost.mp4")
    app.reload()
    app.wait_for("typeof settleAll === 'function'")
    assert app.run(SETTLE) == [["lost.mp4", True]]
    assert FileUpload.objects.get(pk=arrived).status == "stored"
    assert FileUpload.objects.get(pk=lost).status == "pending"
    assert app.run(AGAIN) == [lost, "stored", 0]
