"""Kill the server with -9 at every step of direct uploads: no file is lost or left over.

The client repeats its request and finishes, or it never returns and housekeeping finishes.
"""

from collections import Counter
from contextlib import ExitStack
from hashlib import sha256

import httpx
import pytest

from s3_file_uploader.embedded import EmbeddedS3
from tests.integration.conftest import client_at
from tests.support.killing import ONE_WORKER, SETTINGS, disagreements, impatient, on_its_way, with_sqlite
from tests.support.uploading import CONTENT, REMOVALS, SMALL_PARTS, Upload, all_mended

DYING = ("gunicorn", "tests.support.dying:application", *ONE_WORKER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dying")


@pytest.fixture(scope="module")
def embedded_s3(folder):
    """A separate store, because the tests read its files."""
    with EmbeddedS3(with_sqlite(folder / "s3")) as store:
        yield store


@pytest.fixture(scope="module")
def served(django_db_setup, django_db_blocker, embedded_s3, folder):
    """Start the server once for all tests. Each test leaves it running."""
    settings = {**SETTINGS, **SMALL_PARTS, "S3_FILE_UPLOADER_CLAIM_SECONDS": 900}
    with impatient(folder, embedded_s3, DYING, settings, DYING_FOLDER=str(folder)) as served:
        yield served


# Plans: requests that succeed, and then the request in which the server dies.
PLANS = {
    "multipart": [
        ("start",),
        ("start", "sign"),
        ("start", "send", "progress"),
        ("start", "send", "complete"),
        ("start", "send", "abort"),
        ("start", "send", "complete", "delete"),
        ("start", "send", "housekeeping"),
    ],
    "put": [
        ("start",),
        ("start", "start"),
        ("start", "send", "complete"),
        ("start", "send", "abort"),
        ("start", "send", "complete", "delete"),
        ("start", "send", "housekeeping"),
        ("start", "housekeeping"),
    ],
    "post": [("start",), ("start", "send", "complete")],
}
READING = {"progress", "sign"}


class Dying:
    """A server that kills itself at a given step."""

    def __init__(self, served, folder, bucket, http, straight):
        self.served, self.folder, self.bucket, self.http, self.straight = served, folder, bucket, http, straight
        self.kills = Counter()

    def upload(self, strategy):
        return Upload(self.http, self.straight, self.bucket, strategy)

    def record_steps(self, request):
        """Return the steps of a request."""
        (self.folder / "steps").write_text("")
        request()
        return (self.folder / "steps").read_text().splitlines()

    def kill_in(self, request, step, who):
        (self.folder / "dies").write_text(f"{who} {step + 1}")
        with pytest.raises(httpx.TransportError):
            request()
        assert not (self.folder / "dies").exists()
        self.kills[who] += 1
        if who == "server":
            self.served.revive()

    def heard(self):
        return Counter((self.folder / "heard").read_text().splitlines())


@pytest.fixture
def dying(transactional_db, served, folder, bucket, user):
    (folder / "dies").unlink(missing_ok=True)  # A test that failed may have left it.
    with ExitStack() as stack:
        http, straight = client_at(served.url, user), httpx.Client(timeout=60)
        yield Dying(served, folder, bucket, stack.enter_context(http), stack.enter_context(straight))


def kill_at_each_step(dying, strategy, plan, possible):
    """Yield an upload for each step of the plan's last request at which the server dies, and the steps until then.

    One upload runs without a kill, to find the steps. Its expected result goes into `possible`.
    """
    *before, request = plan
    whole = dying.upload(strategy)
    if request == "housekeeping":  # This run removes everything but the following uploads.
        whole.do("housekeeping", "housekeeping")
    whole.do(*before)
    steps = dying.record_steps(getattr(whole, request))
    possible[whole.record["file_name"]] = list_possible(is_kept_without_retry(strategy, plan, steps))
    if request == "housekeeping":
        whole.do("housekeeping")
    for number in range(len(steps)):
        upload = dying.upload(strategy)
        upload.do(*before)
        is_middle = (request, number) == ("complete", len(steps) // 2)
        dying.kill_in(getattr(upload, request), number, "server" if is_middle else "worker")
        yield upload, steps[: number + 1]


def is_kept_without_retry(strategy, plan, steps):
    """Return True if an upload ends as a file although no client returns after these steps of its last request."""
    *before, request = plan
    # Multipart: S3 may already join the parts. Other strategies: the object was complete before.
    if request == "complete":
        return strategy != "multipart" or "after begin_joining" in steps
    if request == "housekeeping":
        return strategy != "multipart" and "send" in before
    if request == "abort" and strategy != "multipart":
        return "after claim_from_client" not in steps
    return request == "delete" and "after claim_record" not in steps


def finish_upload(upload, plan):
    """Repeat the last request and finish the plan. Return True if the file is stored then."""
    request = plan[-1]
    upload.until_done(request)
    if request == "housekeeping":
        upload.until_done("housekeeping")  # This run finds events that came late.
        return is_kept_without_retry(upload.strategy, plan, ())
    if request in REMOVALS:
        return False
    upload.do(*(left for left in ("send", "complete") if left not in plan))
    return True


def list_possible(is_file):
    return {sha256(CONTENT).hexdigest() if is_file else None}


@pytest.mark.parametrize("strategy", PLANS)
def test_server_killed_at_each_step_lets_the_client_finish(dying, strategy, store, settings, record_testsuite_property):
    possible, heard = {}, Counter()
    for plan in PLANS[strategy]:
        for upload, _ in kill_at_each_step(dying, strategy, plan, possible):
            is_stored = finish_upload(upload, plan)
            possible[upload.record["file_name"]] = list_possible(is_stored)
            heard[f"uploaded {upload.record['id']}"] = int(is_stored or "complete" in plan)
            heard[f"deleted {upload.record['id']}"] = int("delete" in plan)
    figures = {**dying.kills, **all_mended(settings), "uploads": len(possible)}
    record_testsuite_property(f"server killed, {strategy}, retried", str(figures))
    assert list(disagreements(dying.bucket, possible)) == []
    assert on_its_way(store.folder, dying.bucket) == {}
    assert {event: dying.heard()[event] for event in heard} == heard


@pytest.mark.parametrize("strategy", PLANS)
def test_server_killed_without_retry_leaves_records_consistent(
    dying, strategy, store, settings, record_testsuite_property
):
    possible = {}
    for plan in PLANS[strategy]:
        if plan[-1] in READING | {"housekeeping"}:
            continue  # Reading changes nothing, and housekeeping always runs again.
        for upload, steps in kill_at_each_step(dying, strategy, plan, possible):
            if upload.record:
                possible[upload.record["file_name"]] = list_possible(is_kept_without_retry(strategy, plan, steps))
    figures = {**dying.kills, **all_mended(settings), "uploads": len(possible)}
    record_testsuite_property(f"server killed, {strategy}, no retry", str(figures))
    assert list(disagreements(dying.bucket, possible)) == []
    assert on_its_way(store.folder, dying.bucket) == {}
