import io
import json
import shlex
from datetime import timedelta

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from s3_file_uploader.management import next_steps
from s3_file_uploader.management.commands.s3_housekeeping import INCOMPLETE, Command
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from tests.support.documents import blocks_of
from tests.support.host import ROOT
from tests.unit.services.conftest import objects_in, on_event, out_of_order, stored_file

pytestmark = pytest.mark.django_db
PAGE = "docs/how-to/housekeeping.md"
DJANGO_OPTIONS = {
    *("-h", "--version", "-v", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color"),
    "--skip-checks",
}
NOTHING_DONE = [
    "uploads completed: 0",
    "uploads too large: 0",
    "records settled: 0",
    "records left: 0",
    "multipart uploads aborted: 0",
    "multipart uploads unexplained: 0",
    "buckets left: 0",
    "rolled back files removed: 0",
    "idempotency keys forgotten: 0",
    "upload tokens forgotten: 0",
    "share links forgotten: 0",
    "audit events forgotten: 0",
    "partial files removed: 0",
    "saved copies removed: 0",
    "attachments mended: 0",
    "unattached removed: 0",
]
NO_DIFFERENCES = [
    "objects without record: 0",
    "objects without record made here: 0",
    "records without object: 0",
    "objects changed: 0",
    "records removed: 0",
    "records updated: 0",
    "objects adopted: 0",
    "objects deleted: 0",
    "left: 0",
    "compared to the end: yes",
]


def run(*arguments, **options):
    """Return the printed lines, and the message of the error or None."""
    output = io.StringIO()
    try:
        call_command("s3_housekeeping", *arguments, stdout=output, **options)
    except CommandError as error:
        return output.getvalue().splitlines(), str(error)
    return output.getvalue().splitlines(), None


def abandon_upload(user, bucket, file_name="file"):
    upload = create_claimed(user=user, bucket=bucket, file_name=file_name, content_type="x/y")
    end_lease_in(upload, -1)
    return upload


def begin_multipart_upload(bucket, key):
    get_client().create_multipart_upload(Bucket=bucket, Key=key)


def put_foreign_object(bucket, name="stray"):
    get_client().put_object(Bucket=bucket, Key=name, Body=b"of another program")


class TestFigures:
    def test_run_prints_one_figure_a_line(self, bucket, user):
        abandon_upload(user, bucket)
        assert run() == ([*NOTHING_DONE[:2], "records settled: 1", *NOTHING_DONE[3:]], None)

    def test_run_with_work_left_fails_after_the_figures(self, bucket, user):
        abandon_upload(user, bucket)
        with out_of_order(bucket):
            lines, error = run()
        assert {"records settled: 0", "records left: 1", "buckets left: 1"} <= set(lines)
        assert error == INCOMPLETE

    @pytest.mark.parametrize(("hours", "aborted"), [(None, 0), (1.5, 1), (1.6, 0), (0, 1)])
    def test_age_is_in_hours(self, bucket, user, hours, aborted):
        def backdate(parsed, **kwargs):
            for upload in parsed.get("Uploads", ()):
                upload["Initiated"] = timezone.now() - timedelta(minutes=93)

        stored_file(user, bucket)
        begin_multipart_upload(bucket, "another's")
        with on_event("after-call.s3.ListMultipartUploads", backdate):
            lines, error = run(abort_multipart_older_than=hours)
        assert f"multipart uploads aborted: {aborted}" in lines
        assert f"multipart uploads unexplained: {1 - aborted}" in lines
        assert error is None
        assert (next_steps.UNEXPLAINED in lines) == (not aborted)

    def test_compare_prints_figures_of_each_bucket(self, bucket, user):
        get_client().create_bucket(Bucket="bucket-two")
        for name in (bucket, "bucket-two"):
            stored_file(user, name)
        compared = ["objects compared: 1", "records compared: 1", *NO_DIFFERENCES]
        lines = [*NOTHING_DONE, "bucket: bucket-one", *compared, "bucket: bucket-two", *compared]
        assert run("--compare") == (lines, None)
        assert run("--compare", "bucket-two", "bucket-one", "bucket-two")[0] == [
            *NOTHING_DONE,
            *lines[len(NOTHING_DONE) + 13 :],
            *lines[len(NOTHING_DONE) : len(NOTHING_DONE) + 13],
        ]

    def test_compare_without_any_record_asks_for_a_bucket(self, bucket):
        assert run("--compare") == ([*NOTHING_DONE, next_steps.NO_BUCKET], None)

    def test_compare_that_cannot_end_fails(self, bucket, user):
        stored_file(user, bucket)
        lines, error = run("--compare", bucket, "no-such-bucket")
        assert lines.count("compared to the end: yes") == lines.count("compared to the end: no") == 1
        assert error == INCOMPLETE

    def test_run_with_verbosity_0_prints_nothing(self, bucket, user):
        put_foreign_object(bucket)
        assert run("--compare", bucket, verbosity=0) == ([], None)
        with out_of_order(bucket):
            assert run("--compare", bucket, verbosity=0) == ([], INCOMPLETE)


@pytest.fixture
def disorder(bucket, user, caplog):
    """Make three differences for a comparison to find. Two of the keys need quoting on a terminal."""
    for name in ("kept", "lost", "\u00e9"):
        stored_file(user, bucket, name)
    get_client().delete_object(Bucket=bucket, Key="lost")
    put_foreign_object(bucket, "\u00e9")
    put_foreign_object(bucket, "\x1b[31mred")
    return bucket


class TestFindings:
    LINES = (
        "object without record 'bucket-one/\\x1b[31mred'",
        "object changed 'bucket-one/\u00e9'",
        "record without object 'bucket-one/lost'",
    )

    def test_finding_with_verbosity_2_is_printed(self, disorder):
        lines, error = run("--compare", verbosity=2)
        assert tuple(lines[len(NOTHING_DONE) :][:3]) == self.LINES
        assert error is None
        assert not set(self.LINES) & set(run("--compare")[0])

    def test_finding_shows_its_repair(self, disorder, other):
        repairs = ("--compare", "--remove-records", "--update-records", "--adopt", str(other.pk))
        dry_run_lines, _ = run(*repairs, "--dry-run", verbosity=2)
        done, _ = run(*repairs, verbosity=2)
        expected = [f"{self.LINES[0]}", f"{self.LINES[1]}: record updated", f"{self.LINES[2]}: record removed"]
        # A file name cannot contain a control character, so the object is not adopted.
        assert done[len(NOTHING_DONE) :][:3] == expected
        assert dry_run_lines[len(NOTHING_DONE) :][:3] == [f"dry run: {line}" for line in expected]
        assert (next_steps.DRY_RUN in dry_run_lines, next_steps.DRY_RUN in done) == (True, False)

    def test_finding_of_housekeeping_is_printed(self, bucket, user):
        abandon_upload(user, bucket)
        begin_multipart_upload(bucket, "another's")
        lines, _ = run(verbosity=2)
        assert lines[:2] == [
            "record halfway 'bucket-one/file': record removed",
            'multipart upload "bucket-one/another\'s"',
        ]

    def test_finding_is_a_line_of_the_report(self, disorder, user, tmp_path):
        path = tmp_path / "report.jsonl"
        path.write_text("of last week\n" * 100)
        upload, stored = FileUpload.objects.get(file_name="\u00e9"), head_object(bucket=disorder, key="\u00e9")
        assert run("--compare", "--report", str(path), "--dry-run", "--remove-records")[1] is None
        foreign_line, changed, lost = map(json.loads, path.read_text().splitlines())
        assert changed == {
            "dry_run": True,
            "kind": "object_changed",
            "bucket": "bucket-one",
            "file_name": "\u00e9",
            "record_id": str(upload.pk),
            "size": 18,
            "etag": stored.etag,
            "changed_at": stored.changed_at.isoformat().replace("+00:00", "Z"),
            "recorded_size": 7,
            "recorded_etag": upload.etag,
            "made_here": False,
            "outcome": "nothing",
        }
        assert (foreign_line["file_name"], foreign_line["record_id"]) == ("\x1b[31mred", None)
        assert (lost["kind"], lost["size"], lost["outcome"]) == ("record_without_object", None, "record_removed")

    def test_finding_is_in_the_report_at_once(self, disorder, tmp_path):
        """A comparison that takes hours and is interrupted leaves a report of its findings so far."""
        path, seen = tmp_path / "report.jsonl", []

        def count_lines(**kwargs):
            seen.append(len(path.read_text().splitlines()))

        with on_event("provide-client-params.s3.GetObject", count_lines):
            run("--compare", "--report", str(path), "--update-records")
        assert seen == [1]

    @pytest.mark.parametrize("path", ["missing/report", ""])
    def test_report_that_cannot_be_opened_stops_the_run(self, bucket, user, tmp_path, path):
        abandon_upload(user, bucket)
        lines, error = run("--report", str(tmp_path / path))
        assert (lines, str(tmp_path) in error) == ([], True)
        assert FileUpload.objects.exists()


class TestRepairs:
    def test_repairs_follow_the_options(self, disorder, other):
        put_foreign_object(disorder, "folder/file")
        _, error = run("--compare", "--remove-records", "--update-records", "--adopt", other.username)
        assert error is None
        assert {(upload.file_name, upload.user_id == other.pk) for upload in FileUpload.objects.all()} == {
            ("kept", False),
            ("\u00e9", False),
            ("folder/file", True),
        }

    def test_age_is_in_hours(self, disorder):
        assert (
            "objects deleted: 0"
            in run("--compare", "--delete-objects", "--older-than", "1", "--include-foreign-objects")[0]
        )
        lines, _ = run("--compare", "--delete-objects", "--older-than", "0", "--include-foreign-objects")
        assert "objects deleted: 1" in lines
        assert objects_in(disorder) == ["kept", "\u00e9"]


class TestAdvice:
    def test_advice_is_printed_once(self, disorder, user):
        get_client().create_bucket(Bucket="bucket-two")
        put_foreign_object("bucket-two")
        lines, _ = run("--compare", disorder, "bucket-two")
        assert lines[-4:] == [next_steps.WITHOUT_RECORD, next_steps.WITHOUT_OBJECT, next_steps.CHANGED, next_steps.EACH]

    def test_advice_leaves_out_repaired_differences(self, disorder):
        lines, _ = run("--compare", "--remove-records", "--update-records", "--delete-objects", "--older-than", "0")
        # The stray object belongs to another program.
        assert lines[-2:] == [next_steps.WITHOUT_RECORD, next_steps.EACH]
        lines, _ = run("--compare", "--delete-objects", "--older-than", "0", "--include-foreign-objects")
        assert lines[-1] == NO_DIFFERENCES[-1]

    def test_advice_names_options_that_exist(self):
        parser = Command().create_parser("manage.py", "s3_housekeeping")
        words = " ".join(value for name, value in vars(next_steps).items() if name.isupper())
        named = {word.strip(".,:") for word in words.split() if word.startswith("--")}
        assert named <= set(parser._option_string_actions)
        assert len(named) >= 7


class TestPage:
    @pytest.fixture
    def section(self):
        return (ROOT / PAGE).read_text()

    def test_commands_of_the_page_parse(self, section):
        parser = Command().create_parser("manage.py", "s3_housekeeping")
        lines = [line for line in section.splitlines() if "python manage.py s3_housekeeping" in line]
        for line in lines:
            parser.parse_args(shlex.split(line.partition("s3_housekeeping")[2], comments=True))
        assert len(lines) == 6

    def test_page_lists_every_option(self, section):
        parser = Command().create_parser("manage.py", "s3_housekeeping")
        ours = {
            action.option_strings[0] for action in parser._actions if action.option_strings[0] not in DJANGO_OPTIONS
        }
        assert {option for option in ours if f"{option}" in section} == ours
        assert len(ours) == 10

    def test_celery_tasks_of_the_page_work(self, bucket, user):
        (code,) = blocks_of(PAGE, "python")
        names = {"shared_task": lambda **options: lambda task: task}
        exec(code.replace("from celery import shared_task\n", ""), names)  # noqa: S102 - ours, from the docs
        stored_file(user, bucket)
        abandon_upload(user, bucket, "halfway")
        names["s3_housekeeping"]()
        assert [upload.file_name for upload in FileUpload.objects.all()] == ["file"]
        names["s3_compare"]()
        put_foreign_object(bucket)
        with pytest.raises(RuntimeError, match="bucket-one"):
            names["s3_compare"]()
        assert {entry["task"] for entry in names["CELERY_BEAT_SCHEDULE"].values()} == {
            "my_app.tasks.s3_housekeeping",
            "my_app.tasks.s3_compare",
        }
        get_client().delete_object(Bucket=bucket, Key="stray")
        for task in ("s3_housekeeping", "s3_compare"):
            with out_of_order(bucket), pytest.raises(RuntimeError):
                names[task]()

    def test_kubernetes_job_of_the_page_runs_the_command(self):
        job = yaml.safe_load(*blocks_of(PAGE, "yaml"))
        assert (job["apiVersion"], job["kind"], job["spec"]["schedule"]) == ("batch/v1", "CronJob", "*/5 * * * *")
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["python", "manage.py", "s3_housekeeping"]
