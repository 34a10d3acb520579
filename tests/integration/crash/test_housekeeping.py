"""Compare records and objects on a real S3: after foreign changes, beside the service, and on several hosts."""

import io
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from random import Random
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.management.commands.s3_housekeeping import INCOMPLETE
from s3_file_uploader.models import FileUpload, location_digest
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import list_object_pages
from s3_file_uploader.s3.presign import presign_url
from s3_file_uploader.services import (
    Repairs,
    bucket_compare,
    file_delete,
    file_upload,
    housekeeping_buckets,
    housekeeping_run,
)
from s3_file_uploader.services.housekeeping.compare import _iterate_batches
from s3_file_uploader.services.recovery import WRITTEN_BY
from s3_file_uploader.services.reports import Kind, Outcome
from tests.support.host import ALL_APPS, ROOT, environment
from tests.support.killing import becomes_true, connections_of
from tests.support.served import database_url

MANY = 1_005  # More objects than S3 lists in a page.
NAMES = ("\u00e9", "e\u0301", "\u65e5\u672c/\U0001f600", "a b+c%20&=?#", "A", "a", "z" * 200)
ANOTHER_HOST = "another-host"
pytestmark = pytest.mark.django_db(transaction=True)


def upload(user, bucket, name, content=b"content", **options):
    return file_upload(
        user=user,
        owner=user,
        bucket=bucket,
        file_name=name,
        content=io.BytesIO(content),
        size=len(content),
        content_type="text/plain",
        original_name=name,
        **options,
    )


def put(bucket, name, body=b"of another program", **metadata):
    get_client().put_object(Bucket=bucket, Key=name, Body=body, Metadata=metadata)


def put_many(bucket, names, body=b"of another program", **metadata):
    """Put an object for each name."""
    headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    signed = (
        presign_url(method="PUT", bucket=bucket, key=name, expires_in_seconds=600, headers=headers) for name in names
    )
    send_many("PUT", [one.url for one in signed], body, headers)


def send_many(method, urls, body=b"", headers=MappingProxyType({})):
    """Send requests with presigned URLs, several in parallel, in a tenth of the time of boto3."""

    def send_some(urls):
        address = urlsplit(get_client().meta.endpoint_url)
        with closing(HTTPConnection(address.hostname, address.port, timeout=60)) as http:
            for url in urls:
                http.request(method, url.removeprefix(f"http://{address.netloc}"), body, headers)
                answer = http.getresponse()
                assert answer.status == 200, answer.read()
                answer.read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send_some, (urls[first::8] for first in range(8))))


def recorded(user, bucket):
    """Create a record for every object, as its upload would have done."""
    FileUpload.objects.bulk_create(
        FileUpload(
            user=user,
            bucket=bucket,
            file_name=listed.file_name,
            location_digest=location_digest(bucket, listed.file_name),
            size=listed.size,
            etag=listed.etag,
            status="stored",
            completed_at=timezone.now(),
        )
        for page in list_object_pages(bucket=bucket)
        for listed in page
    )


def keys_in(bucket):
    return {listed.file_name for page in list_object_pages(bucket=bucket) for listed in page}


def list_findings(bucket, **options):
    """Return the differences of a comparison that ran to its end."""
    findings = []
    report = bucket_compare(bucket=bucket, on_finding=findings.append, **options)
    assert report.is_complete
    return {finding.file_name: (finding.kind, finding.outcome) for finding in findings}


def disorder(user, bucket, count):
    """Create lost records, changed objects, and objects without a record that this app made, in these numbers."""
    put_many(bucket, [f"changed/{number}" for number in range(count)])
    put_many(bucket, [f"lost/{number}" for number in range(count)])
    put_many(bucket, [f"kept/{number}" for number in range(count)])
    recorded(user, bucket)
    put_many(bucket, [f"stray/{number}" for number in range(count)], **{WRITTEN_BY: "long ago"})
    put_many(bucket, [f"changed/{number}" for number in range(count)], body=b"changed")
    for number in range(count):
        get_client().delete_object(Bucket=bucket, Key=f"lost/{number}")


REPAIRS = Repairs(remove_records=True, update_records=True, delete_objects_older_than=timedelta(0))
REPAIR_OPTIONS = ("--remove-records", "--update-records", "--delete-objects", "--older-than", "0")


@contextmanager
def on_another_host(store, folder, *arguments, variables=(), stderr=subprocess.PIPE):
    """Run the command as a process of its own, on the database and the store of the test."""
    own = {
        "DATABASE_URL": database_url(ANOTHER_HOST),
        "PATH_TO_SAVE_FILE": str(folder),
        **store.environment(),
        **ALL_APPS,
        **dict(variables),
    }
    command = [sys.executable, "manage.py", "s3_housekeeping", *arguments]
    options = {"cwd": ROOT, "env": environment(folder, **own), "stdout": subprocess.PIPE, "stderr": stderr}
    with subprocess.Popen(command, text=True, **options) as process:
        yield process


def figures_of(output):
    lines = (line.partition(": ") for line in output.splitlines())
    return Counter({name: int(figure) for name, _, figure in lines if figure.isdigit()})


def test_compare_of_many_pages_repairs_every_difference(user, bucket):
    put_many(bucket, [*NAMES, *(f"many/{number:04}" for number in range(MANY))])
    recorded(user, bucket)
    assert list_findings(bucket) == {}
    put(bucket, "\u00fc/stray")
    put(bucket, "many/0500", b"changed")
    put(bucket, "\u00e9", b"of another prograM")  # The new content has the same size.
    for name in ("many/0000", "many/1004", "e\u0301", "A"):
        get_client().delete_object(Bucket=bucket, Key=name)
    expected = {
        "\u00fc/stray": Kind.OBJECT_WITHOUT_RECORD,
        **dict.fromkeys(("many/0500", "\u00e9"), Kind.OBJECT_CHANGED),
        **dict.fromkeys(("many/0000", "many/1004", "e\u0301", "A"), Kind.RECORD_WITHOUT_OBJECT),
    }
    assert list_findings(bucket) == {name: (kind, Outcome.NOTHING) for name, kind in expected.items()}
    before = keys_in(bucket), list(FileUpload.objects.order_by("pk").values())
    dry_run_findings = list_findings(bucket, repairs=REPAIRS, dry_run=True)
    assert (keys_in(bucket), list(FileUpload.objects.order_by("pk").values())) == before
    assert list_findings(bucket, repairs=REPAIRS) == dry_run_findings
    assert list_findings(bucket) == {"\u00fc/stray": (Kind.OBJECT_WITHOUT_RECORD, Outcome.NOTHING)}
    assert list_findings(bucket, repairs=Repairs(adopt_for=user)) == {
        "\u00fc/stray": (Kind.OBJECT_WITHOUT_RECORD, Outcome.OBJECT_ADOPTED)
    }
    assert list_findings(bucket) == {}
    assert {upload.file_name for upload in FileUpload.objects.stored()} == keys_in(bucket)


def test_compare_of_a_multipart_upload_finds_no_difference(user, bucket):
    upload(user, bucket, "parts", os.urandom(12 * 2**20))
    upload(user, bucket, "empty", b"")
    assert list_findings(bucket) == {}


def test_compare_ignores_folders_of_the_store(user, bucket):
    upload(user, bucket, "file")
    put(bucket, "folder/", b"")
    expected = {"folder/": (Kind.OBJECT_WITHOUT_RECORD, Outcome.NOTHING)}
    assert list_findings(bucket) == expected
    assert list_findings(bucket, repairs=Repairs(adopt_for=user)) == expected


def test_housekeeping_aborts_multipart_uploads_of_several_pages(user, bucket):
    upload(user, bucket, "file")
    begin = [
        get_client().generate_presigned_url("create_multipart_upload", Params={"Bucket": bucket, "Key": f"{key}"})
        for key in range(7)
    ]
    send_many("POST", [begin[number % 7] for number in range(MANY)])
    assert housekeeping_run().multipart_uploads_unexplained == MANY
    assert housekeeping_run(abort_multipart_older_than=timedelta(0)).multipart_uploads_aborted == MANY
    assert housekeeping_run().multipart_uploads_unexplained == 0


class TestBesideTheService:
    WORKERS, ROUNDS = 4, 50

    def work(self, number, user, bucket):
        """Upload, overwrite and delete files. Return the expected files."""
        random, there = Random(number), {}  # noqa: S311 - the same for each run
        with closing(connection):
            for _ in range(self.ROUNDS):
                name = f"{random.randrange(6)}/{number}"
                if random.random() < 0.4 and name in there:
                    file_delete(user=user, bucket=bucket, file_name=name)
                    del there[name]
                else:
                    content = random.randbytes(random.randrange(2000))
                    there[name] = upload(user, bucket, name, content, overwrite=True).checksum_sha256
        return there

    def test_compare_of_a_bucket_in_use_finds_no_difference(self, user, bucket):
        """This holds although every repair is on, for objects of any age."""
        with ThreadPoolExecutor(self.WORKERS) as pool:
            workers = [pool.submit(self.work, number, user, bucket) for number in range(self.WORKERS)]
            comparisons = 0
            while not all(worker.done() for worker in workers):
                assert list_findings(bucket, repairs=REPAIRS) == {}
                comparisons += 1
        there = {name: checksum for worker in workers for name, checksum in worker.result().items()}
        assert dict(FileUpload.objects.values_list("file_name", "checksum_sha256")) == there
        assert keys_in(bucket) == set(there)
        assert comparisons >= 3
        assert len(there) >= 10


class TestOnTwoHosts:
    COUNT = 25

    def test_compare_on_two_hosts_repairs_each_difference_once(self, user, bucket, store, tmp_path):
        disorder(user, bucket, self.COUNT)
        arguments = ("--compare", bucket, *REPAIR_OPTIONS)
        with (
            on_another_host(store, tmp_path, *arguments) as one,
            on_another_host(store, tmp_path, *arguments) as other,
        ):
            (output, errors), (other_output, other_errors) = one.communicate(timeout=60), other.communicate(timeout=60)
        assert (one.returncode, other.returncode) == (0, 0), errors + other_errors
        figures = figures_of(output) + figures_of(other_output)
        mended = ("records removed", "records updated", "objects deleted")
        assert {name: figures[name] for name in mended} == dict.fromkeys(mended, self.COUNT)
        assert list_findings(bucket) == {}
        assert {upload.file_name for upload in FileUpload.objects.stored()} == keys_in(bucket)
        assert len(keys_in(bucket)) == 2 * self.COUNT

    def test_compare_on_two_hosts_adopts_each_object_once(self, user, other, bucket, store, tmp_path):
        names = {f"stray/{number}" for number in range(self.COUNT)}
        put_many(bucket, names)
        with (
            on_another_host(store, tmp_path, "--compare", bucket, "--adopt", user.username) as one,
            on_another_host(store, tmp_path, "--compare", bucket, "--adopt", other.username) as two,
        ):
            (output, errors), (other_output, other_errors) = one.communicate(timeout=60), two.communicate(timeout=60)
        assert (one.returncode, two.returncode) == (0, 0), errors + other_errors
        adopted = [figures_of(text)["objects adopted"] for text in (output, other_output)]
        assert sum(adopted) == self.COUNT
        assert {upload.file_name for upload in FileUpload.objects.stored()} == names
        assert [FileUpload.objects.filter(user=person).count() for person in (user, other)] == adopted


def test_compare_after_a_kill_continues(user, bucket, store, tmp_path):
    names = {f"stray/{number}" for number in range(200)}
    put_many(bucket, names)
    with on_another_host(store, tmp_path, "--compare", bucket, "--adopt", user.username) as process:
        while not FileUpload.objects.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    becomes_true(lambda: not connections_of(ANOTHER_HOST), 5)
    adopted = FileUpload.objects.stored().count()
    assert adopted < len(names)
    FileUpload.objects.exclude(status="stored").update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert housekeeping_run().is_complete
    assert keys_in(bucket) == names
    assert FileUpload.objects.count() == FileUpload.objects.stored().count() == adopted
    assert len(list_findings(bucket, repairs=Repairs(adopt_for=user))) == len(names) - adopted
    assert list_findings(bucket) == {}


class TestWithoutS3:
    @pytest.fixture
    def doomed(self, settings, tmp_path):
        """Return a function that starts a store of this test, repeatedly in the same folder."""
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 1

        @contextmanager
        def started():
            with EmbeddedS3(tmp_path / "doomed") as store:
                for name, value in store.environment().items():
                    setattr(settings, name, value)
                yield store

        with started():
            get_client().create_bucket(Bucket="doomed")
        return started

    def test_compare_without_s3_after_one_page_repairs_nothing(self, user, doomed):
        with doomed() as store:
            put_many("doomed", [f"{number:04}" for number in range(MANY)])
            recorded(user, "doomed")
            put("doomed", "0000stray")
            rows = list(FileUpload.objects.order_by("pk").values())
            kill = lambda *progress: os.kill(store.pid, signal.SIGKILL)  # noqa: E731
            report = bucket_compare(bucket="doomed", repairs=REPAIRS, on_progress=kill)
        assert (report.is_whole, report.objects_compared, report.records_without_object) == (False, 1000, 0)
        assert list(FileUpload.objects.order_by("pk").values()) == rows
        with doomed():
            assert set(list_findings("doomed")) == {"0000stray"}

    def test_compare_without_s3_between_repairs_leaves_the_rest(self, user, doomed):
        outcomes = []

        def kill_after_the_seventh(finding):
            outcomes.append(finding.outcome)
            if len(outcomes) == 7:
                os.kill(store.pid, signal.SIGKILL)

        with doomed() as store:
            disorder(user, "doomed", 5)
            report = bucket_compare(bucket="doomed", repairs=REPAIRS, on_finding=kill_after_the_seventh)
        assert (report.is_whole, report.left, len(outcomes)) == (False, 1, 8)
        FileUpload.objects.exclude(status="stored").update(claimed_until=timezone.now() - timedelta(seconds=1))
        expected = {f"{kind}/{number}" for kind in ("kept", "changed") for number in range(5)}
        with doomed():
            assert housekeeping_run().is_complete
            list_findings("doomed", repairs=REPAIRS)
            assert list_findings("doomed") == {}
            assert keys_in("doomed") == expected
        assert {upload.file_name for upload in FileUpload.objects.stored()} == expected

    @pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
    def test_command_without_s3_fails_with_a_message(self, user, bucket, store, tmp_path, dry_run):
        upload(user, bucket, "file")
        no_store = {"AWS_S3_ENDPOINT_URL": "http://127.0.0.1:1"}
        with on_another_host(store, tmp_path, "--compare", *REPAIR_OPTIONS, *dry_run, variables=no_store) as process:
            output, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "compared to the end: no" in output
        assert "S3 cannot be reached" in errors
        assert errors.splitlines()[-1] == f"CommandError: {INCOMPLETE}"
        assert FileUpload.objects.get().status == "stored"
        assert list_findings(bucket) == {}


class TestAtATerminal:
    def test_command_shows_its_bar_only_on_a_terminal(self, user, bucket, store, tmp_path):
        put_many(bucket, [f"{number}" for number in range(20)])
        recorded(user, bucket)
        assert f"{bucket}: objects:   0%" in self.shown(store, tmp_path, "--compare", bucket)
        assert self.shown(store, tmp_path, "--compare", bucket, "--verbosity", "0") == ""

    def shown(self, store, folder, *arguments):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (25, 100))
        with os.fdopen(ours, "rb", buffering=0) as screen:
            with on_another_host(store, folder, *arguments, stderr=theirs) as process:
                os.close(theirs)
                output, _ = process.communicate(timeout=60)
            assert process.returncode == 0
            assert "%" not in output
            return self.read(screen)

    def read(self, screen):
        shown = b""
        try:
            while data := screen.read(65536):
                shown += data
        except OSError:  # Linux reports this error if the other end has closed the connection.
            pass
        return shown.decode()


def test_compare_reads_batches_from_an_index(user, other):
    """The database reads an index, and does not sort all remaining rows for each page."""
    count, buckets = 8_000, 2
    moment = timezone.now()
    FileUpload.objects.bulk_create(
        (
            FileUpload(
                user=user,
                bucket=f"bucket-{number % buckets}",
                file_name=f"{number}",
                location_digest=location_digest("bucket", f"{number}"),
                size=1,
                etag="e",
                status="stored",
                created_at=moment - timedelta(seconds=number // 1000),
                completed_at=moment,
            )
            for number in range(count)
        ),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plans = []

    def explained(execute, sql, params, many, context):
        if sql.startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute(f"{'EXPLAIN QUERY PLAN' if connection.vendor == 'sqlite' else 'EXPLAIN'} {sql}", params)
                plans.append("\n".join(str(row) for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        batches = list(
            _iterate_batches(FileUpload.objects.stored().filter(bucket="bucket-1", completed_at__lte=moment))
        )
        assert housekeeping_buckets() == [f"bucket-{number}" for number in range(buckets)]
    assert sum(map(len, batches)) == count / buckets
    assert len(plans) >= count / buckets / 1000 + buckets
    for plan in plans:
        assert "s3_upload_" in plan
        assert "Seq Scan" not in plan
    for step in ("Sort", "TEMP B-TREE"):  # The last rows may be sorted, because this costs less than the index.
        assert step not in plans[0]
