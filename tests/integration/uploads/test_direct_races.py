"""Parallel requests for one direct upload: each database resolves the race, and every response is true."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import httpx
import pytest

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.integration.conftest import client_at
from tests.support.killing import (
    ONE_WORKER,
    SETTINGS,
    disagreements,
    impatient,
    on_another_host,
    on_its_way,
    with_sqlite,
)
from tests.support.uploading import CONTENT, SMALL_PARTS, Upload, all_mended, time_goes_by

AT_ONCE = 8
STRATEGIES = ("put", "post", "multipart")
SERVER = ("gunicorn", "tests.support.dying:application", "--workers", "3", *ONE_WORKER)
PATIENT = {**SETTINGS, **SMALL_PARTS, "S3_FILE_UPLOADER_CLAIM_SECONDS": 900}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("races")


@pytest.fixture(scope="module")
def embedded_s3(tmp_path_factory):
    """A separate store, because the tests read its files."""
    with EmbeddedS3(with_sqlite(tmp_path_factory.mktemp("embedded-s3"))) as store:
        yield store


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker, embedded_s3, folder):
    with impatient(folder, embedded_s3, SERVER, PATIENT, DYING_FOLDER=str(folder)) as served:
        yield served


@pytest.fixture
def clients(transactional_db, server, user):
    """Several apps of one user, each with its own connections to the service and to S3."""
    with ExitStack() as stack:
        yield [
            (stack.enter_context(client_at(server.url, user)), stack.enter_context(httpx.Client(timeout=60)))
            for _ in range(AT_ONCE)
        ]


@pytest.fixture
def count_for_report(folder, record_testsuite_property, request):
    """Count responses for the report."""
    figures = Counter()
    yield figures
    record_testsuite_property(request.node.name, str(dict(sorted(figures.items()))))


def all_at_once(*calls):
    """Call the functions at the same moment, and return their results."""
    ready = Barrier(len(calls))

    def at_once(call):
        ready.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(at_once, calls))


def later(seconds, call):
    def after_a_while():
        time.sleep(max(seconds, 0))
        return call()

    return after_a_while


def of_all(clients, upload):
    """Return the same upload for each client."""
    copies = [
        Upload(*client, upload.bucket, upload.strategy, key=upload.key, content=upload.content) for client in clients
    ]
    for copy in copies:
        copy.record = upload.record
    return copies


def heard(folder, upload_id):
    """Return how many signals of an upload and of a deletion were sent."""
    events = Counter((folder / "heard").read_text().splitlines()) if (folder / "heard").exists() else Counter()
    return events[f"uploaded {upload_id}"], events[f"deleted {upload_id}"]


def uploads_in(bucket):
    return [upload["UploadId"] for upload in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def nothing_else_is_there(store, bucket, settings, possible):
    all_mended(settings)
    assert list(disagreements(bucket, possible)) == []
    assert on_its_way(store.folder, bucket) == {}
    return True


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


# --- start ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_start_in_parallel_with_one_key_is_one_upload(
    clients, bucket, store, settings, folder, count_for_report, strategy
):
    possible = {}
    for _ in range(5):
        first = Upload(*clients[0], bucket, strategy)
        uploads = of_all(clients, first)
        answers = all_at_once(*(upload.start for upload in uploads))
        assert statuses(answers) == [201] * AT_ONCE
        (upload_id,) = {answer.json()["id"] for answer in answers}
        record = FileUpload.objects.get(pk=upload_id)
        assert FileUpload.objects.count() == len(possible) + 1
        assert uploads_in(bucket) == ([record.multipart_upload_id] if strategy == "multipart" else [])
        count_for_report["replayed"] += sum("idempotency-replayed" in answer.headers for answer in answers)
        count_for_report["started"] += 1
        uploads[-1].do("send", "complete")
        possible[record.file_name] = {first.checksum}
    assert nothing_else_is_there(store, bucket, settings, possible)


def test_start_in_parallel_with_one_name_is_many_uploads(clients, bucket, store, settings, count_for_report):
    uploads = [
        Upload(*client, bucket, strategy, content=CONTENT + bytes([number]))
        for number, (client, strategy) in enumerate(zip(clients, STRATEGIES * 3, strict=False))
    ]
    for request in ("start", "send", "complete"):
        assert {answer.status_code for answer in all_at_once(*(getattr(one, request) for one in uploads))} <= {
            200,
            201,
            204,
        }
    assert len({upload.record["id"] for upload in uploads}) == AT_ONCE
    count_for_report["started"] += AT_ONCE
    possible = {upload.record["file_name"]: {upload.checksum} for upload in uploads}
    assert nothing_else_is_there(store, bucket, settings, possible)


# --- complete ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_complete_in_parallel_completes_once(clients, bucket, store, settings, folder, count_for_report, strategy):
    possible = {}
    for _ in range(10 if strategy == "multipart" else 5):
        first = Upload(*clients[0], bucket, strategy).do("start", "send")
        answers = all_at_once(*(upload.complete for upload in of_all(clients, first)))
        assert statuses(answers) == [200] * AT_ONCE
        assert len({answer.text for answer in answers}) == 1
        assert heard(folder, first.record["id"]) == (1, 0)
        count_for_report["completed"] += 1
        possible[first.record["file_name"]] = {first.checksum}
    assert nothing_else_is_there(store, bucket, settings, possible)


@pytest.mark.parametrize(
    ("strategy", "removal", "rounds"), [("multipart", "give_up", 30), ("multipart", "abort", 20), ("put", "abort", 20)]
)
def test_abort_and_complete_in_parallel_end_as_one_of_both(
    clients, bucket, store, settings, folder, count_for_report, strategy, removal, rounds
):
    """Aborts come earlier at first and later in the end. After the completion, they delete the file or leave it."""
    possible = {}
    for number in range(rounds):
        begun = time.monotonic()
        first = Upload(*clients[0], bucket, strategy).do("start", "send")
        apart = max(0.05, 2 * (time.monotonic() - begun))  # A busy machine needs longer for each request.
        uploads = of_all(clients, first)
        seconds = (number / rounds * 2 - 1) * apart
        aborts = [later(seconds, getattr(upload, removal)) for upload in uploads[::2]]
        answers = all_at_once(*aborts, *(later(-seconds, upload.complete) for upload in uploads[1::2]))
        aborted, completed = statuses(answers[:4]), statuses(answers[4:])
        assert ({*aborted} <= {200, 204, 404, 409}, {*completed} <= {200, 404, 409}) == (True, True), count_for_report
        is_told, shown = 200 in completed, first.show()
        is_file = shown.status_code == 200
        if removal == "give_up":
            assert is_file == is_told == (200 not in aborted)
        else:
            assert (is_file, 204 in aborted) == (False, True)
        assert heard(folder, first.record["id"]) == (int(is_told), int(is_told and not is_file))
        count_for_report["completed" if is_told else "aborted"] += 1
        count_for_report.update(
            [f"abort {status}" for status in aborted] + [f"complete {status}" for status in completed]
        )
        possible[first.record["file_name"]] = {first.checksum if is_file else None}
    assert nothing_else_is_there(store, bucket, settings, possible)
    assert (count_for_report["completed"] > 0, count_for_report["aborted"] > 0) == (True, True), (
        f"This was no test: {count_for_report}"
    )


# --- parts ------------------------------------------------------------------------------------------------------------


def test_parts_sent_during_an_abort_are_removed(clients, bucket, store, settings, count_for_report):
    def sign_and_send(upload):
        signed = upload.sign()
        return [signed, *(upload.send_part(part) for part in signed.json().get("parts", ()))]

    for _ in range(10):
        first = Upload(*clients[0], bucket).do("start")
        *others, last = of_all(clients, first)
        answers = all_at_once(last.abort, *(lambda upload=upload: sign_and_send(upload) for upload in others))
        assert answers[0].status_code in {204, 403}
        for signed, *sent in answers[1:]:
            assert signed.status_code in {200, 404, 409}
            assert {answer.status_code for answer in sent} <= {200, 404}
            count_for_report[f"signed {signed.status_code}"] += 1
            count_for_report.update(f"sent {status}" for status in statuses(sent))
        last.until_done("abort")
    assert nothing_else_is_there(store, bucket, settings, {})


@pytest.mark.parametrize("strategy", ["put", "post"])
def test_bytes_sent_during_a_deletion_are_removed(clients, bucket, store, settings, count_for_report, strategy):
    for _ in range(6):
        first = Upload(*clients[0], bucket, strategy).do("start", "send", "complete")
        *others, last = of_all(clients, first)
        answers = all_at_once(last.delete, *(upload.send for upload in others))
        assert answers[0].status_code == 204
        count_for_report.update(f"sent {status}" for status in statuses(answers[1:]))
        assert first.show().status_code == 404
    count_for_report["objects that came late"] = get_client().list_objects_v2(Bucket=bucket)["KeyCount"]
    assert nothing_else_is_there(store, bucket, settings, {})


# --- housekeeping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_housekeeping_and_complete_in_parallel_agree(
    clients, bucket, store, settings, folder, count_for_report, strategy
):
    """The upload has expired. Two hosts run housekeeping while the client returns."""
    possible = {}
    for _ in range(10):
        first = Upload(*clients[0], bucket, strategy).do("start", "send")
        uploads = of_all(clients[:4], first)
        time_goes_by()
        answers = all_at_once(on_another_host, on_another_host, *(upload.complete for upload in uploads))[2:]
        assert {*statuses(answers)} <= {200, 404, 409}
        shown = first.show()
        is_file = shown.status_code == 200 and shown.json()["status"] == "stored"
        if 200 in statuses(answers) or strategy != "multipart":
            assert is_file
        assert heard(folder, first.record["id"])[0] <= 1
        count_for_report["stored" if is_file else "removed"] += 1
        count_for_report.update(f"complete {status}" for status in statuses(answers))
        possible[first.record["file_name"]] = {first.checksum if is_file else None}
    assert nothing_else_is_there(store, bucket, settings, possible)
