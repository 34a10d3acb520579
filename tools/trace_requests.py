"""Print which code of the app a request enters: `python tools/trace_requests.py`.

Each request of five bytes runs in this process, against the embedded S3. The second of two identical runs counts, when
all caches are warm. A room is a folder of the app, or a file at its top. Run it on two commits to compare them.
"""

import os
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
APP = f"{ROOT}/s3_file_uploader/"
SERVICE = "/modules/s3-file-uploader/service/"
BUCKET, CONTENT = "traced-bucket", b"hello"


def count_calls(files: Counter[str], send: Any, path: str, *args: Any, **options: Any) -> Any:
    """Send one request and count the calls of functions of the app by file; return the response."""

    def profile(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(APP):
            files[frame.f_code.co_filename.removeprefix(APP)] += 1

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        response = send(SERVICE + path, *args, **options)
        body = b"".join(response.streaming_content) if response.streaming else response.content
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    assert response.status_code < 300, (path, response.status_code, body)  # noqa: PLR2004 - a script, no -O
    return response


def trace(client: Any) -> dict[str, Counter[str]]:
    """Send each request once; return the calls by request and file."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - after django.setup()

    calls, name = defaultdict[str, Counter[str]](Counter), f"{uuid4()}.txt"
    file = f"buckets/{BUCKET}/files/{name}/"
    body = {"bucket": BUCKET, "file": SimpleUploadedFile(f"form-{name}", CONTENT)}
    count_calls(calls["form upload"], client.post, "file/upload/", body, format="multipart")
    count_calls(calls["raw PUT"], client.put, file, CONTENT, content_type="text/plain")
    start = {"bucket": BUCKET, "file_name": name, "size": len(CONTENT), "content_type": "text/plain", "strategy": "put"}
    upload = count_calls(calls["direct start"], client.post, "uploads/", start, format="json").json()
    sent = Request(upload["transfer"]["url"], CONTENT, upload["transfer"]["headers"], method="PUT")  # noqa: S310 - our own store
    urlopen(sent).close()  # noqa: S310 - our own store
    count_calls(calls["direct complete"], client.post, f"uploads/{upload['id']}/complete/", {}, format="json")
    count_calls(calls["presign"], client.get, "file/presigned/url/", {"bucket": BUCKET, "file_name": name})
    count_calls(calls["read"], client.get, file, {"proxy": "true"})
    count_calls(calls["download"], client.get, f"{file}download/")
    count_calls(calls["delete"], client.delete, file)
    return calls


def main() -> None:
    """Print one line for each request; everything is imported after the choice of settings."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django  # noqa: PLC0415

    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from rest_framework.test import APIClient  # noqa: PLC0415

    from s3_file_uploader.embedded import EmbeddedS3  # noqa: PLC0415

    connection.creation.create_test_db(verbosity=0)
    client = APIClient(HTTP_HOST="localhost")
    client.force_authenticate(User.objects.create_user("traced", is_staff=True))
    with tempfile.TemporaryDirectory() as folder, EmbeddedS3(folder) as store:
        os.environ.update(store.environment(), PATH_TO_SAVE_FILE=folder)
        client.post(f"{SERVICE}bucket/create/", {"bucket": BUCKET}, format="json")
        calls = [trace(client) for _ in range(2)][-1]
    print(f"{'request':16} calls files rooms")
    for name, files in calls.items():
        print(f"{name:16} {files.total():5} {len(files):5} {len({file.split('/')[0] for file in files}):5}")


if __name__ == "__main__":
    main()
