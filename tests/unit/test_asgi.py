"""The ASGI application: uploads are read while they arrive, everything else as Django does it."""

import asyncio

import pytest

from s3_file_uploader.asgi import get_asgi_application

SERVICE = "/modules/s3-file-uploader/service/"
FILE = f"{SERVICE}buckets/bucket-one/files/file/"


class Connection:
    """A server that gives one body in two pieces, and keeps the status of the response."""

    def __init__(self, method, path, prefix=""):
        self.scope = {
            "type": "http",
            "method": method,
            "path": f"{prefix}{path}",
            "root_path": prefix,
            "headers": [(b"host", b"localhost")],
        }
        self.asked, self.status = 0, None

    async def receive(self):
        self.asked += 1
        if self.asked > 2:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"content", "more_body": self.asked == 1}

    async def send(self, message):
        self.status = message.get("status", self.status)


def send(*arguments, **options):
    connection = Connection(*arguments, **options)
    asyncio.run(get_asgi_application()(connection.scope, connection.receive, connection.send))
    return connection.status, connection.asked


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", FILE), ("POST", f"{SERVICE}file/upload/"), ("PUT", f"{SERVICE}buckets/b/files/a//b/")]
)
def test_refused_upload_leaves_its_body_with_the_server(method, path):
    assert send(method, path) == (401, 0)


def test_prefix_of_the_server_is_not_part_of_the_address():
    assert send("PUT", FILE, prefix="/below") == (401, 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", FILE, 401), ("POST", f"{SERVICE}uploads/", 401), ("PUT", "/nowhere/", 404), ("PATCH", FILE, 401)],
)
def test_other_bodies_are_collected_first(method, path, status):
    came, asked = send(method, path)
    assert (came, asked >= 2) == (status, True)


def test_upload_beyond_the_limit_is_collected_first(settings):
    settings.S3_FILE_UPLOADER_ASGI_STREAMS = 0
    status, asked = send("PUT", FILE)
    assert status == 401
    assert asked >= 2


def test_other_protocols_are_left_to_django():
    with pytest.raises(ValueError, match="lifespan"):
        asyncio.run(get_asgi_application()({"type": "lifespan"}, None, None))
