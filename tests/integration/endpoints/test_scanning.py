"""Files of users before a real clamd: all ways to upload, large files, and a clamd that dies, hangs and restarts."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from clamav_client.clamd import ClamdUnixSocket
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from s3_file_uploader.embedded import free_port
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import file_receive, housekeeping_run, upload_scan, waiting_scan
from s3_file_uploader.services.reports import Outcome
from s3_file_uploader.services.scanning.scan import URL_STILL_WORKS
from s3_file_uploader.values import CHUNK_BYTES, mib
from tests.integration.conftest import client_at
from tests.integration.uploads.test_direct import Phone, error, objects_in
from tests.support.clamd import EICAR, FOUND_VIRUS, clamd
from tests.support.host import ROOT, python
from tests.support.served import WSGI, Served, database_url

DAY = timedelta(days=1)
AT_ONCE = 8
LARGE = 200  # In MiB.
MAY_GROW = 16  # In MiB: one chunk, the buffers of a connection to S3, and Python's memory for the next chunk.


@pytest.fixture(scope="session")
def shared_clamd():
    with clamd() as daemon:
        yield daemon


@pytest.fixture
def daemon(shared_clamd):
    yield shared_clamd
    shared_clamd.end()
    shared_clamd.start()


@pytest.fixture
def scanning(shared_clamd, settings):
    settings.S3_FILE_UPLOADER_SCANNERS = ["s3_file_uploader.scanners.ClamAV"]
    settings.S3_FILE_UPLOADER_CLAMAV_ADDRESS = shared_clamd.address
    settings.S3_FILE_UPLOADER_CLAMAV_MAX_BYTES = mib(LARGE)
    return settings


@pytest.fixture
def phone(http, bucket, user):
    with httpx.Client(timeout=60) as straight:
        yield Phone(http(user), straight, bucket)


def form(client, bucket, content, name="file.txt", **headers):
    data = {"bucket": bucket, "file_name": name}
    return client.post("file/upload/", data=data, files={"file": ("my file.txt", content)}, headers=headers)


def raw(client, bucket, content, name="file.txt", **headers):
    return client.put(f"buckets/{bucket}/files/{name}/", content=content, headers=headers)


def direct(strategy):
    def send(client, bucket, content):
        with httpx.Client(timeout=60) as straight:
            phone = Phone(client, straight, bucket)
            upload = phone.started(content, strategy=strategy)
            phone.send(upload["transfer"], content)
            return phone.complete(upload)

    return send


def uppy_form(client, bucket, content):
    params = {"filename": "my file.txt", "type": "text/plain", "metadata[bucket]": bucket}
    form_data = client.get("uppy/s3/params", params=params).json()
    with httpx.Client(timeout=60) as straight:
        straight.post(form_data["url"], data=form_data["fields"], files={"file": ("f", content)})
    return client.post("uppy/s3/complete", params={"key": form_data["fields"]["key"]})


def uppy_parts(client, bucket, content):
    params = {"filename": "my file.txt", "type": "text/plain", "metadata": {"bucket": bucket}}
    started = client.post("uppy/s3/multipart", json=params).json()
    upload, key = f"uppy/s3/multipart/{started['uploadId']}", {"key": started["key"]}
    with httpx.Client(timeout=60) as straight:
        straight.put(client.get(f"{upload}/1", params=key).json()["url"], content=content)
    return client.post(f"{upload}/complete", params=key, json={"parts": [{"PartNumber": 1}]})


WAYS = {
    "form": form,
    "raw": raw,
    **{strategy: direct(strategy) for strategy in ("put", "post", "multipart")},
    "uppy form": uppy_form,
    "uppy parts": uppy_parts,
}
BY_URL = {"put", "post", "uppy form"}  # In other stores than AWS, the URLs of a rejected upload still work.
every_way = pytest.mark.parametrize("way", WAYS)


def in_thread(action, **options):
    """Close the thread's connection to the database."""
    try:
        return action(**options)
    finally:
        connection.close()


def urls_expire():
    """Let the URLs of direct uploads expire."""
    FileUpload.objects.update(writable_until=timezone.now() - DAY)
    FileUpload.objects.filter(status="quarantined").update(scan_after=None)


def given_by(client, upload):
    """Return the responses of every URL that returns a file."""
    file = f"buckets/{upload.bucket}/files/{upload.file_name}/"
    named = {"bucket": upload.bucket, "file_name": upload.file_name}
    yield client.get(f"{file}download/")
    yield client.get(file)
    yield client.get(file, params={"proxy": "true"})
    yield client.get("file/presigned/url/", params=named)
    yield client.post("file/presigned/url/", json=named)
    yield client.head(file)
    yield client.head(file, params={"proxy": "true"})


def cannot_be_read(client, upload, expected):
    for answer in given_by(client, upload):
        assert answer.status_code == expected[0]
        assert answer.request.method == "HEAD" or error(answer) == expected


# --- every way to upload ----------------------------------------------------------------------------------------------


def test_clamd_finds_eicar_for_another_client(shared_clamd):
    """Another client of clamd finds the virus, too, so the signature works outside of this app."""
    client = ClamdUnixSocket(shared_clamd.address, timeout=10)
    assert client.version().startswith("ClamAV")
    with (ROOT / "README.md").open("rb") as file:
        assert client.instream(file) == {"stream": ("OK", None)}


@every_way
def test_upload_of_eicar_is_refused(http, user, staff, bucket, scanning, way):
    client = http(user)
    answer = WAYS[way](client, bucket, b"before " + EICAR + b" behind")
    assert error(answer) == (422, "file_rejected")
    assert answer.json()["detail"] == FOUND_VIRUS
    upload = FileUpload.objects.get(user=user)
    cannot_be_read(client, upload, (404, "file_not_found"))
    cannot_be_read(http(staff), upload, (404, "file_not_found"))
    shown = client.get(f"uploads/{upload.pk}/").json()
    assert (shown["status"], shown["status_reason"], shown["url"]) == ("rejected", FOUND_VIRUS, None)
    assert client.get("uploads/", params={"status": "rejected"}).json()["results"] == [shown]
    assert objects_in(bucket) == []
    assert client.delete(f"uploads/{upload.pk}/").status_code == 204


@every_way
def test_eicar_in_quarantine_cannot_be_read(http, user, bucket, scanning, way):
    scanning.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
    client = http(user)
    answer = WAYS[way](client, bucket, EICAR)
    assert answer.is_success
    upload = FileUpload.objects.get()
    shown = client.get(f"uploads/{upload.pk}/").json()
    assert (shown["status"], shown["url"]) == ("quarantined", None)
    assert answer.json().get("url") is answer.json().get("location") is None
    cannot_be_read(client, upload, (409, "quarantined"))
    call_command("s3_scan", verbosity=0)
    cannot_be_read(client, upload, (404, "file_not_found"))
    assert client.get(f"uploads/{upload.pk}/").json()["status"] == "rejected"
    assert objects_in(bucket) == []


@every_way
def test_upload_of_a_clean_file_is_stored(http, user, bucket, scanning, way):
    client, content = http(user), b"content " * 100
    assert WAYS[way](client, bucket, content).is_success
    if way in BY_URL:
        shown = client.get("uploads/").json()["results"][0]
        assert (shown["status"], shown["status_reason"]) == ("quarantined", URL_STILL_WORKS)
        urls_expire()
        call_command("s3_scan", verbosity=0)
    shown = client.get("uploads/").json()["results"][0]
    assert shown["status"] == "stored"
    assert client.get(shown["url"], follow_redirects=True).content == content


@pytest.mark.parametrize("strategy", ["put", "post"])
def test_direct_upload_replaced_after_the_scan_cannot_be_read(phone, bucket, scanning, strategy):
    clean = b"x" * len(EICAR)
    upload = phone.started(clean, strategy=strategy)
    phone.send(upload["transfer"], clean)
    assert phone.complete(upload).json()["status"] == "quarantined"
    assert phone.send(upload["transfer"], EICAR)[0].is_success
    urls_expire()
    call_command("s3_scan", verbosity=0)
    cannot_be_read(phone.client, FileUpload.objects.get(), (409, "quarantined"))


def test_direct_upload_without_a_strategy_is_not_delayed(phone, scanning):
    assert phone.uploaded(b"content")["status"] == "stored"


def test_upload_of_eicar_repeated_gets_the_same_refusal(http, user, bucket, scanning):
    client = http(user)
    for send in (form, raw):
        key, name = {"Idempotency-Key": str(uuid4())}, f"{send.__name__}.txt"
        for _ in range(2):
            assert error(send(client, bucket, EICAR, name, **key)) == (422, "file_rejected")
    assert FileUpload.objects.count() == 2


# --- large files ------------------------------------------------------------------------------------------------------


def large(user, bucket, end=b""):
    """Store a file larger than any buffer in quarantine."""
    piece = os.urandom(CHUNK_BYTES)
    with file_receive(
        user=user, owner=user, bucket=bucket, file_name="large", content_type="x/y", original_name="large"
    ) as incoming:
        for _ in range(LARGE - bool(end)):
            incoming.write(piece)
        incoming.write(end)
    return incoming.upload


@contextmanager
def memory_grows_by():
    """Measure, in MiB, how much the peak memory of this process grew in the block."""
    Path("/proc/self/clear_refs").write_text("5")  # This resets the peak: proc_pid_clear_refs(5).
    before, grown = _memory("VmRSS"), []
    yield grown
    grown.append(_memory("VmHWM") - before)


def _memory(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


@pytest.mark.parametrize(
    ("end", "outcome"), [(b"", Outcome.FILE_CLEAN), (EICAR, Outcome.FILE_REJECTED)], ids=["clean", "infected"]
)
def test_scan_of_a_large_file_uses_constant_memory(transactional_db, user, bucket, scanning, end, outcome):
    upload = large(user, bucket, end)
    assert upload.status == "quarantined"
    with memory_grows_by() as grown:
        assert upload_scan(upload=upload) == outcome
    assert grown[0] < MAY_GROW


def test_scan_over_the_limit_of_clamd_leaves_the_file_waiting(transactional_db, user, bucket, scanning):
    """The limit is known before the scan, or clamd closes the connection during it. Other files do not wait."""
    scanning.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 1000
    with clamd(StreamMaxLength="3M") as small:
        scanning.S3_FILE_UPLOADER_CLAMAV_ADDRESS = small.address
        upload = large(user, bucket)
        assert upload_scan(upload=upload) == Outcome.LEFT
        assert "larger than StreamMaxLength" in FileUpload.objects.get().status_reason
    FileUpload.objects.update(scan_after=None)
    scanning.S3_FILE_UPLOADER_CLAMAV_MAX_BYTES = mib(LARGE) - 1
    assert upload_scan(upload=FileUpload.objects.get()) == Outcome.LEFT
    assert f"larger than the {mib(LARGE) - 1} bytes" in FileUpload.objects.get().status_reason


def test_scan_of_a_part_of_the_file_is_no_verdict(transactional_db, user, bucket, scanning):
    """Beyond MaxFileSize, clamd reports OK unless AlertExceedsMax is set."""
    with clamd(MaxFileSize="3M", AlertExceedsMax="yes") as small:
        scanning.S3_FILE_UPLOADER_CLAMAV_ADDRESS = small.address
        assert upload_scan(upload=large(user, bucket)) == Outcome.LEFT


# --- problems of clamd ------------------------------------------------------------------------------------------------


def test_scan_with_a_killed_clamd_is_retried(http, user, bucket, scanning, daemon):
    client = http(user)
    daemon.end()
    for number in range(3):
        shown = form(client, bucket, b"content", f"clean-{number}")
        assert (shown.status_code, shown.json()["status"]) == (201, "quarantined")
    assert raw(client, bucket, EICAR, "infected").json()["status"] == "quarantined"
    assert waiting_scan().files_in_quarantine == 4
    cannot_be_read(client, FileUpload.objects.get(file_name="clean-0"), (409, "quarantined"))
    daemon.start()
    done = waiting_scan()
    assert (done.files_clean, done.files_rejected, done.files_in_quarantine) == (3, 1, 0)
    assert sorted(objects_in(bucket)) == ["clean-0", "clean-1", "clean-2"]


def test_scan_over_tcp_returns_the_verdict(http, user, bucket, scanning):
    port = free_port()
    with clamd(TCPSocket=str(port), TCPAddr="127.0.0.1"):
        scanning.S3_FILE_UPLOADER_CLAMAV_ADDRESS = f"127.0.0.1:{port}"
        assert raw(http(user), bucket, b"content", "clean").json()["status"] == "stored"
        assert error(raw(http(user), bucket, EICAR, "infected")) == (422, "file_rejected")
    assert raw(http(user), bucket, b"content", "later").json()["status"] == "quarantined"


def test_scan_with_a_hanging_clamd_times_out(http, user, bucket, scanning, daemon):
    scanning.S3_FILE_UPLOADER_CLAMAV_TIMEOUT_SECONDS = 1
    scanning.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = mib(20)
    client = http(user)
    daemon.stop()
    try:
        for size in (7, mib(8)):  # clamd neither responds nor reads.
            began = time.monotonic()
            assert raw(client, bucket, bytes(size), str(size)).json()["status"] == "quarantined"
            assert time.monotonic() - began < 10
        assert "did not respond for 1 seconds" in FileUpload.objects.first().status_reason
    finally:
        daemon.go_on()
    scanning.S3_FILE_UPLOADER_CLAMAV_TIMEOUT_SECONDS = 60  # A busy machine may take longer than a second for 8 MiB.
    assert waiting_scan().files_clean == 2


def test_scan_with_clamd_killed_during_it_is_retried(transactional_db, user, bucket, scanning, daemon):
    upload = large(user, bucket)
    daemon.stop()
    with ThreadPoolExecutor(1) as pool:
        scan = pool.submit(in_thread, upload_scan, upload=upload)
        time.sleep(1)
        daemon.end()
        assert scan.result(60) == Outcome.LEFT
    assert FileUpload.objects.get().status == "quarantined"
    daemon.start()
    assert upload_scan(upload=FileUpload.objects.get()) == Outcome.FILE_CLEAN


def test_parallel_uploads_and_scans_end_correctly(http, user, bucket, scanning):
    """Uploads run beside the command that scans the waiting files."""
    client = http(user)
    contents = [(b"content", EICAR)[number % 2] for number in range(AT_ONCE * 4)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [pool.submit(raw, client, bucket, content, str(n)) for n, content in enumerate(contents)]
        swept = [pool.submit(in_thread, waiting_scan) for _ in range(4)]
        codes = [answer.result().status_code for answer in sent]
        [sweep.result() for sweep in swept]
    waiting_scan()
    assert codes.count(201) >= len(contents) / 2
    statuses = dict(FileUpload.objects.values_list("file_name", "status"))
    assert statuses == {str(n): "rejected" if content == EICAR else "stored" for n, content in enumerate(contents)}
    assert len(objects_in(bucket)) == len(contents) / 2


def test_parallel_scan_commands_scan_each_file_once(transactional_db, user, bucket, scanning):
    scanning.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
    for number in range(20):
        with file_receive(
            user=user, owner=user, bucket=bucket, file_name=str(number), content_type="x/y", original_name="n"
        ) as incoming:
            incoming.write(EICAR if number % 2 else b"content")
    with ThreadPoolExecutor(4) as pool:
        done = [sweep.result() for sweep in [pool.submit(in_thread, waiting_scan) for _ in range(4)]]
    assert (sum(report.files_clean for report in done), sum(report.files_rejected for report in done)) == (10, 10)


# --- problems of the server -------------------------------------------------------------------------------------------


def test_scan_with_a_killed_server_is_retried(transactional_db, user, bucket, store, shared_clamd, daemon, tmp_path):
    variables = {**store.environment(), "CLAMAV_ADDRESS": shared_clamd.address}
    with Served(tmp_path, WSGI, **variables) as served, client_at(served.url, user) as client:
        daemon.stop()
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(raw, client, bucket, EICAR)
            until = time.monotonic() + 30
            while not FileUpload.objects.filter(status="quarantined", scan_after__isnull=False).exists():
                assert time.monotonic() < until
                time.sleep(0.05)
            served.kill()
            with pytest.raises(httpx.TransportError):
                sent.result()
        daemon.go_on()
        assert FileUpload.objects.get().status == "quarantined"
        FileUpload.objects.update(scan_after=timezone.now())  # The claim of the killed scan has expired.
        command = python(tmp_path, "manage.py", "s3_scan", DATABASE_URL=database_url(), **variables)
        assert command.stdout == "files clean: 0\nfiles rejected: 1\nfiles left: 0\nfiles in quarantine: 0\n", (
            command.stderr
        )
    assert (FileUpload.objects.get().status, objects_in(bucket)) == ("rejected", [])
    assert housekeeping_run().records_settled == 0


def test_upload_without_scanners_is_stored(http, user, bucket, settings):
    assert raw(http(user), bucket, EICAR).json()["status"] == "stored"
    assert get_client().get_object(Bucket=bucket, Key="file.txt")["Body"].read() == EICAR
