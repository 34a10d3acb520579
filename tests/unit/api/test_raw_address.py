import pytest

from s3_file_uploader.api.raw_address import path_is_utf8
from tests.conftest import client_of

PATHS = [
    ("/files/bad%ff%fe.bin/", False),
    ("/files/bad\xff.bin/", False),
    ("/files/%25FF%25FE.bin/", True),
    ("/files/%C3%A9.bin/?prefix=%ff", True),
    ("", True),
]


@pytest.mark.parametrize(("path", "is_utf8"), PATHS)
@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_path_is_utf8_by_the_raw_address_of_wsgi(name, path, is_utf8):
    assert path_is_utf8({name: path}, {}) is is_utf8


@pytest.mark.parametrize(("path", "is_utf8"), PATHS)
def test_path_is_utf8_by_the_raw_path_of_asgi(path, is_utf8):
    assert path_is_utf8({}, {"raw_path": path.encode("latin-1")}) is is_utf8


@pytest.mark.parametrize("method", ["get", "put", "delete"])
@pytest.mark.parametrize("ending", ["/", "/download/"])
def test_file_name_that_is_not_utf8_is_refused(user, method, ending):
    path = f"/modules/s3-file-uploader/service/buckets/bucket-one/files/%FF{ending}"
    answer = getattr(client_of(user), method)(path, RAW_URI=path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
