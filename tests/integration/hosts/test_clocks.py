"""A host whose clock is five minutes wrong neither takes the claims of other hosts nor loses its own."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.values import mib
from tests.support.host import python
from tests.support.killing import becomes_true
from tests.support.uploading import Upload

WRONG = {"CLOCK_AHEAD_SECONDS": "300"}, {"CLOCK_AHEAD_SECONDS": "-300"}


@pytest.fixture(scope="module", params=WRONG, ids=["ahead", "behind"])
def skewed(request, site):
    """Run a third host, whose clock is wrong."""
    with site.another(**request.param) as served:
        yield served


def slowly(released):
    yield os.urandom(mib(1))
    released.wait(60)
    yield os.urandom(mib(1))


def test_host_with_a_wrong_clock_leaves_live_claims(hosts, client, user, bucket, skewed):
    """Each host wants the key of an upload at the other, and a host that is ahead runs housekeeping."""
    of_host, released = {"right": client(user, hosts.one.url), "wrong": client(user, skewed.url)}, Event()
    path = f"buckets/{bucket}/files"
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        stack.callback(released.set)
        running = [pool.submit(http.put, f"{path}/{name}/", content=slowly(released)) for name, http in of_host.items()]
        becomes_true(lambda: FileUpload.objects.filter(status="pending").count() == 2, 20)
        for name, http in zip(("wrong", "right"), of_host.values(), strict=True):
            thief = http.put(f"{path}/{name}/", params={"overwrite": "true"}, content=b"thief")
            assert thief.json()["code"] == "file_exists"
        housekeeping = python(hosts.folder, "manage.py", "s3_housekeeping", **(hosts.variables | WRONG[0]))
        assert "records settled: 0\n" in housekeeping.stdout, housekeeping.stderr
        released.set()
        assert [upload.result().status_code for upload in running] == [201, 201]


def test_host_with_a_wrong_clock_says_so_in_its_log(client, user, bucket, skewed):
    assert client(user, skewed.url).put(f"buckets/{bucket}/files/a/", content=b"content").status_code == 201
    direction = "behind" if "-" in skewed.variables["CLOCK_AHEAD_SECONDS"] else "ahead of"
    assert f"The clock of this host is 300 s {direction} that of the database." in skewed.log


def test_host_with_a_wrong_clock_serves_direct_uploads(hosts, client, straight, user, bucket, skewed):
    upload = Upload(client(user, skewed.url), straight, bucket, "put").do("start", "send")
    upload.http = client(user, hosts.one.url)
    upload.do("complete", "show")
