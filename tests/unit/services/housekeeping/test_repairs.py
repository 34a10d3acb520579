from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from django.utils import timezone

from s3_file_uploader.exceptions import InvalidField
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import Repairs, bucket_compare, housekeeping_run
from s3_file_uploader.services.reports import Finding, Kind, Outcome
from s3_file_uploader.signals import file_deleted, file_uploaded
from tests.unit.services.conftest import objects_in, on_event, refused, stored_file

Status, Strategy = FileUpload.Status, FileUpload.Strategy
DAY = timedelta(days=1)
NOW = timedelta(0)
pytestmark = pytest.mark.django_db


def stray(bucket, name="stray", body=b"of another program", content_type="text/x-stray", **metadata):
    get_client().put_object(Bucket=bucket, Key=name, Body=body, Metadata=metadata, ContentType=content_type)


def lost(user, bucket, name="file"):
    upload = stored_file(user, bucket, name)
    get_client().delete_object(Bucket=bucket, Key=name)
    return upload


def changed(user, bucket, name="file"):
    upload = stored_file(user, bucket, name)
    stray(bucket, name)
    return upload


def orphaned(user, bucket, *names):
    """Leave objects that were made here, without their records; another record names the bucket."""
    names = names or ("file",)
    for name in (*names, "kept"):
        stored_file(user, bucket, name)
    FileUpload.objects.filter(file_name__in=names).delete()


def mended(bucket, dry_run=False, **repairs):
    """Return the report, and what came of each thing by its name."""
    report = bucket_compare(bucket=bucket, repairs=Repairs(**repairs), dry_run=dry_run)
    return report, {finding.file_name: finding.outcome for finding in report.examples}


def snapshot(bucket):
    """Return every row and every object, with all that can be known of them."""
    rows = list(FileUpload.objects.order_by("pk").values())
    heads = [head_object(bucket=bucket, key=name) for name in objects_in(bucket)]
    return rows, objects_in(bucket), heads


def assert_as_it_was(upload):
    now = FileUpload.objects.get(pk=upload.pk)
    fields = ("status", "size", "etag", "checksum_sha256", "content_type", "completed_at", "claimed_until")
    assert [getattr(now, name) for name in fields] == [getattr(upload, name) for name in fields]


def at_call(number, call, action):
    """Do something right before the call of that name is made for the so-many-th time."""
    made = []

    def handler(**kwargs):
        made.append(call)
        if len(made) == number:
            action()

    return on_event(f"provide-client-params.s3.{call}", handler)


def s3_is_gone():
    raise EndpointConnectionError(endpoint_url="https://s3.example.com")


def s3_is_silent():
    raise ReadTimeoutError(endpoint_url="https://s3.example.com")


@pytest.fixture
def signals(django_capture_on_commit_callbacks):
    """Return what is told to integrators, in order; commits are made at the end of the block."""
    heard = []

    def listener(name):
        def listen(sender, upload, **kwargs):
            heard.append((name, upload.file_name))

        return listen

    listeners = {
        signal: listener(name) for name, signal in {"uploaded": file_uploaded, "deleted": file_deleted}.items()
    }
    for signal, listen in listeners.items():
        signal.connect(listen)

    @contextmanager
    def delivered():
        with django_capture_on_commit_callbacks(execute=True):
            yield heard

    yield delivered
    for signal, listen in listeners.items():
        signal.disconnect(listen)


EVERYTHING = {
    "remove_records": True,
    "update_records": True,
    "delete_objects_older_than": NOW,
    "include_foreign_objects": True,
}


class TestNothingIsTouched:
    @pytest.fixture
    def disorder(self, bucket, user):
        lost(user, bucket, "lost")
        changed(user, bucket, "changed")
        orphaned(user, bucket, "made here")
        stray(bucket)
        return snapshot(bucket)

    def test_compare_without_repairs_changes_nothing(self, bucket, disorder):
        report, outcomes = mended(bucket)
        assert set(outcomes.values()) == {Outcome.NOTHING}
        assert len(outcomes) == 4
        assert report.is_complete
        assert snapshot(bucket) == disorder

    @pytest.mark.parametrize("strays", ["delete", "adopt"])
    def test_compare_dry_run_foresees_the_repairs(self, bucket, other, disorder, strays):
        options = (
            {"remove_records": True, "update_records": True, "adopt_for": other} if strays == "adopt" else EVERYTHING
        )
        foretold = mended(bucket, dry_run=True, **options)
        assert snapshot(bucket) == disorder
        done = mended(bucket, **options)
        # A record that was updated is younger than the comparison, and no longer one of those to look at.
        assert (replace(done[0], records_compared=3), done[1]) == foretold
        assert foretold[1]["stray"] == (Outcome.OBJECT_DELETED if strays == "delete" else Outcome.OBJECT_ADOPTED)
        again, outcomes = mended(bucket, **options)
        assert (again.is_complete, outcomes) == (True, {})


class TestRecordsWhoseObjectIsGone:
    def test_remove_records_removes_them_and_notifies(self, bucket, user, signals):
        lost(user, bucket)
        stored_file(user, bucket, "kept")
        with signals() as heard:
            report, outcomes = mended(bucket, remove_records=True)
        assert (report.records_removed, outcomes) == (1, {"file": Outcome.RECORD_REMOVED})
        assert [upload.file_name for upload in FileUpload.objects.all()] == ["kept"]
        assert heard == [("deleted", "file")]

    def test_remove_records_keeps_one_whose_object_is_back(self, bucket, user, signals):
        upload = lost(user, bucket)
        with signals() as heard, at_call(2, "HeadObject", lambda: stray(bucket, "file", b"content")):
            report, outcomes = mended(bucket, remove_records=True)
        assert (report.is_complete, report.records_removed, outcomes) == (True, 0, {"file": Outcome.OVERTAKEN})
        assert_as_it_was(upload)
        assert (objects_in(bucket), heard) == (["file"], [])

    def test_remove_records_leaves_a_claimed_one(self, bucket, user):
        uploads = [lost(user, bucket, name) for name in "ab"]

        def others_claimed():
            for upload in FileUpload.objects.stored():
                claim_record(upload, Status.PENDING)

        with at_call(3, "HeadObject", others_claimed):
            report, outcomes = mended(bucket, remove_records=True)
        assert sorted(outcomes.values()) == [Outcome.OVERTAKEN, Outcome.RECORD_REMOVED]
        assert (len(uploads), report.is_complete) == (2, True)
        assert FileUpload.objects.get().status == Status.PENDING

    def test_remove_records_while_s3_fails_settles_later(self, bucket, user):
        upload = lost(user, bucket)
        with at_call(2, "HeadObject", s3_is_gone):
            report, outcomes = mended(bucket, remove_records=True)
        assert (report.is_whole, report.left, outcomes) == (False, 1, {"file": Outcome.LEFT})
        assert FileUpload.objects.get().is_abandoned
        stray(bucket, "file", b"content")
        assert housekeeping_run().records_settled == 1
        assert_as_it_was(upload)
        assert objects_in(bucket) == ["file"]

    def test_remove_records_killed_loses_no_object(self, bucket, user):
        upload = lost(user, bucket)
        killed = FileUpload.objects.get()
        claim_record(killed, Status.PENDING)
        end_lease_in(killed, -1)
        stray(bucket, "file", b"content")
        housekeeping_run()
        assert_as_it_was(upload)
        assert objects_in(bucket) == ["file"]


class TestRecordsWhoseObjectChanged:
    def test_update_records_takes_over_the_new_object(self, bucket, user, signals):
        before = changed(user, bucket)
        with signals() as heard:
            report, outcomes = mended(bucket, update_records=True)
        assert (report.records_updated, outcomes) == (1, {"file": Outcome.RECORD_UPDATED})
        upload, stored = FileUpload.objects.get(), head_object(bucket=bucket, key="file")
        assert (upload.size, upload.etag, upload.content_type) == (18, stored.etag, "text/x-stray")
        assert upload.checksum_sha256 == sha256(b"of another program").hexdigest()
        assert (upload.status, upload.claimed_until) == (Status.STORED, None)
        fields = ("pk", "user", "created_at", "original_name")
        assert [getattr(upload, name) for name in fields] == [getattr(before, name) for name in fields]
        assert upload.completed_at > before.completed_at
        assert heard == [("uploaded", "file")]
        assert mended(bucket)[1] == {}

    def test_update_records_of_an_object_changed_while_read_waits(self, bucket, user):
        upload = changed(user, bucket)
        with at_call(1, "GetObject", lambda: stray(bucket, "file", b"once more")):
            report, outcomes = mended(bucket, update_records=True)
        assert (report.is_whole, report.left, outcomes) == (True, 1, {"file": Outcome.LEFT})
        assert_as_it_was(upload)

    def test_update_records_of_an_object_removed_while_read_waits(self, bucket, user):
        upload = changed(user, bucket)
        with at_call(1, "GetObject", lambda: get_client().delete_object(Bucket=bucket, Key="file")):
            assert mended(bucket, update_records=True)[1] == {"file": Outcome.OVERTAKEN}
        assert_as_it_was(upload)

    def test_update_records_object_changed_after_read_keeps_the_last(self, bucket, user):
        changed(user, bucket)
        with at_call(2, "HeadObject", lambda: stray(bucket, "file", b"once more")):
            assert mended(bucket, update_records=True)[1] == {"file": Outcome.OVERTAKEN}
        upload = FileUpload.objects.get()
        assert (upload.status, upload.size) == (Status.STORED, 9)
        assert upload.checksum_sha256 == sha256(b"once more").hexdigest()

    def test_update_records_file_overwritten_meanwhile_is_unchanged(self, bucket, user):
        changed(user, bucket)
        with at_call(1, "GetObject", lambda: stored_file(user, bucket, content=b"by owner", overwrite=True)):
            report, outcomes = mended(bucket, update_records=True)
        assert (report.left, outcomes) == (1, {"file": Outcome.LEFT})
        assert FileUpload.objects.get().checksum_sha256 == sha256(b"by owner").hexdigest()


class TestRecordsOfDirectUploads:
    """Whatever lies under such a key is that upload's own, and goes with it; but not because a repair was cut short."""

    @pytest.fixture(params=[Strategy.PUT, Strategy.MULTIPART])
    def direct(self, request):
        """Return what makes the record of a stored file that of a direct upload."""
        return lambda: FileUpload.objects.update(strategy=request.param, multipart_upload_id="gone")

    def test_direct_upload_is_repaired_as_others_are(self, bucket, user, direct):
        lost(user, bucket, "lost")
        changed(user, bucket, "changed")
        direct()
        _, outcomes = mended(bucket, remove_records=True, update_records=True)
        assert outcomes == {"lost": Outcome.RECORD_REMOVED, "changed": Outcome.RECORD_UPDATED}
        assert FileUpload.objects.get().status == Status.STORED
        assert objects_in(bucket) == ["changed"]

    def test_direct_upload_whose_object_is_back_stays(self, bucket, user, direct):
        upload = lost(user, bucket)
        direct()
        with at_call(2, "HeadObject", lambda: stray(bucket, "file", b"content")):
            assert mended(bucket, remove_records=True)[1] == {"file": Outcome.OVERTAKEN}
        assert_as_it_was(upload)
        assert objects_in(bucket) == ["file"]

    @pytest.mark.parametrize("repair", ["remove_records", "update_records"])
    def test_direct_upload_while_s3_fails_loses_no_object(self, bucket, user, direct, repair):
        (lost if repair == "remove_records" else changed)(user, bucket)
        direct()
        with at_call(2, "HeadObject", s3_is_gone):
            assert mended(bucket, **{repair: True})[1] == {"file": Outcome.LEFT}
        stray(bucket, "file", b"by nobody")
        assert housekeeping_run().records_settled == 1
        upload = FileUpload.objects.get()
        assert (upload.status, upload.checksum_sha256) == (Status.STORED, sha256(b"by nobody").hexdigest())
        assert objects_in(bucket) == ["file"]


class TestObjectsThatAreAdopted:
    def test_adopt_gives_objects_a_record_of_the_user(self, bucket, other, signals):
        stray(bucket, "folder/\u00e9 1.txt")
        began = timezone.now()
        with signals() as heard:
            report, outcomes = mended(bucket, adopt_for=other)
        assert (report.objects_adopted, outcomes) == (1, {"folder/\u00e9 1.txt": Outcome.OBJECT_ADOPTED})
        upload, stored = FileUpload.objects.get(), head_object(bucket=bucket, key="folder/\u00e9 1.txt")
        assert (upload.user, upload.original_name, upload.status) == (other, "\u00e9 1.txt", Status.STORED)
        assert (upload.size, upload.etag, upload.content_type) == (18, stored.etag, "text/x-stray")
        assert upload.checksum_sha256 == sha256(b"of another program").hexdigest()
        assert (upload.claimed_until, upload.completed_at >= began) == (None, True)
        assert heard == [("uploaded", "folder/\u00e9 1.txt")]
        assert mended(bucket)[1] == {}

    def test_adopt_empty_object_with_an_impossible_type_stores_it(self, bucket, other):
        stray(bucket, body=b"", content_type="x/" + "y" * 500)
        mended(bucket, adopt_for=other)
        upload = FileUpload.objects.get()
        assert (upload.size, upload.checksum_sha256) == (0, sha256(b"").hexdigest())
        assert upload.content_type == "application/octet-stream"

    @pytest.mark.parametrize("name", ["folder/", "a//b", "/a", "a/../b", "line\nbreak"])
    def test_adopt_of_an_invalid_name_leaves_it(self, bucket, other, name):
        stray(bucket, name)
        report, outcomes = mended(bucket, adopt_for=other)
        assert (report.is_complete, outcomes) == (True, {name: Outcome.NOTHING})
        assert not FileUpload.objects.exists()

    def test_adopt_of_an_object_changed_after_the_read_leaves_it(self, bucket, other):
        stray(bucket)
        with at_call(2, "HeadObject", lambda: stray(bucket, body=b"once more")):
            assert mended(bucket, adopt_for=other)[1] == {"stray": Outcome.OVERTAKEN}
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == ["stray"]

    def test_adopt_by_two_hosts_adopts_once(self, bucket, user, other):
        stray(bucket)
        with at_call(1, "GetObject", lambda: mended(bucket, adopt_for=user)):
            report, outcomes = mended(bucket, adopt_for=other)
        assert (report.objects_adopted, outcomes) == (0, {"stray": Outcome.OVERTAKEN})
        assert FileUpload.objects.get().user == user

    @pytest.mark.parametrize("how", ["gone", "silent"])
    def test_adopt_while_s3_fails_leaves_no_record(self, bucket, other, how, settings):
        settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 7
        stray(bucket)
        with at_call(2, "HeadObject", s3_is_gone if how == "gone" else s3_is_silent):
            report, outcomes = mended(bucket, adopt_for=other)
        assert (report.is_whole, outcomes) == (False, {"stray": Outcome.LEFT})
        if how == "silent":
            FileUpload.objects.update(claimed_until=timezone.now() - NOW)
            assert housekeeping_run().records_settled == 1
        assert not FileUpload.objects.exists()
        assert objects_in(bucket) == ["stray"]

    def test_adopt_killed_loses_no_object(self, bucket, user, other):
        orphaned(user, bucket)
        end_lease_in(create_claimed(user=other, bucket=bucket, file_name="file"), -1)
        assert housekeeping_run().records_settled == 1
        assert objects_in(bucket) == ["file", "kept"]


class TestObjectsThatAreDeleted:
    def test_delete_removes_objects_made_here(self, bucket, user, signals):
        orphaned(user, bucket)
        stray(bucket)
        with signals() as heard:
            report, outcomes = mended(bucket, delete_objects_older_than=NOW)
        assert (report.objects_without_record, report.objects_deleted) == (2, 1)
        assert outcomes == {"file": Outcome.OBJECT_DELETED, "stray": Outcome.NOTHING}
        assert objects_in(bucket) == ["kept", "stray"]
        assert [upload.file_name for upload in FileUpload.objects.all()] == ["kept"]
        assert heard == []  # Listeners never knew of a record.

    def test_delete_removes_objects_of_others_if_asked(self, bucket, user):
        orphaned(user, bucket)
        stray(bucket)
        report, _ = mended(bucket, delete_objects_older_than=NOW, include_foreign_objects=True)
        assert report.objects_deleted == 2
        assert objects_in(bucket) == ["kept"]

    def test_delete_in_a_bucket_without_records_spares_all(self, bucket, user):
        stored_file(user, bucket)
        FileUpload.objects.all().delete()
        report, _ = mended(bucket, delete_objects_older_than=NOW)
        assert (report.objects_without_record, report.objects_deleted) == (1, 0)
        assert objects_in(bucket) == ["file"]

    @pytest.mark.parametrize(("hours", "left"), [(23, ["kept"]), (25, ["file", "kept"])])
    def test_delete_spares_recent_objects(self, bucket, user, hours, left):
        moment = timezone.now().replace(microsecond=0) - DAY

        def a_day_ago(parsed, **kwargs):
            for entry in parsed.get("Contents", [parsed]):
                entry["LastModified"] = moment

        orphaned(user, bucket)
        with on_event("after-call.s3.ListObjectsV2", a_day_ago), on_event("after-call.s3.HeadObject", a_day_ago):
            mended(bucket, delete_objects_older_than=timedelta(hours=hours))
        assert objects_in(bucket) == left

    @pytest.mark.parametrize("abilities", [["checksum_trailers", "conditional_deletes"], ["checksum_trailers"]])
    def test_delete_with_the_ability_sends_the_etag(self, bucket, user, settings, abilities):
        orphaned(user, bucket)
        etag = head_object(bucket=bucket, key="file").etag
        settings.S3_FILE_UPLOADER_STORE = abilities
        calls = []
        with on_event("provide-client-params.s3.DeleteObject", lambda params, **kwargs: calls.append(params)):
            mended(bucket, delete_objects_older_than=NOW)
        condition = {"IfMatch": f'"{etag}"'} if "conditional_deletes" in abilities else {}
        assert calls == [{"Bucket": bucket, "Key": "file", **condition}]

    def test_delete_spares_an_object_written_meanwhile(self, bucket, user):
        orphaned(user, bucket)
        with at_call(2, "HeadObject", lambda: stray(bucket, "file")):
            assert mended(bucket, delete_objects_older_than=NOW)[1] == {"file": Outcome.OVERTAKEN}
        assert objects_in(bucket) == ["file", "kept"]
        assert FileUpload.objects.get().file_name == "kept"

    def test_delete_refused_by_s3_spares_the_object(self, bucket, user):
        orphaned(user, bucket)
        with refused("PreconditionFailed", "DeleteObject"):
            assert mended(bucket, delete_objects_older_than=NOW)[1] == {"file": Outcome.OVERTAKEN}
        assert FileUpload.objects.get().file_name == "kept"

    def test_delete_of_a_missing_object_succeeds(self, bucket, user):
        orphaned(user, bucket)
        with refused("NoSuchKey", "DeleteObject"):
            assert mended(bucket, delete_objects_older_than=NOW)[1] == {"file": Outcome.OBJECT_DELETED}

    def test_delete_refused_for_one_object_removes_the_others(self, bucket, user, caplog):
        orphaned(user, bucket, *"abc")
        with refused("AccessDenied", "DeleteObject", Key="b"):
            report, outcomes = mended(bucket, delete_objects_older_than=NOW)
        assert (report.is_whole, report.is_complete, report.left) == (True, False, 1)
        assert outcomes == {"a": Outcome.OBJECT_DELETED, "b": Outcome.LEFT, "c": Outcome.OBJECT_DELETED}
        assert objects_in(bucket) == ["b", "kept"]
        assert FileUpload.objects.get().file_name == "kept"
        assert "bucket-one/b" in caplog.text

    def test_delete_that_timed_out_holds_the_key(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 7
        orphaned(user, bucket)
        with at_call(1, "DeleteObject", s3_is_silent):
            report, outcomes = mended(bucket, delete_objects_older_than=NOW)
        assert (report.is_whole, outcomes) == (False, {"file": Outcome.LEFT})
        holds = FileUpload.objects.get(file_name="file")
        assert timedelta(seconds=5) < holds.claimed_until - timezone.now() <= timedelta(seconds=7)
        end_lease_in(holds, -1)
        assert housekeeping_run().records_settled == 1
        assert mended(bucket, delete_objects_older_than=NOW)[1] == {"file": Outcome.OBJECT_DELETED}

    def test_delete_spares_parts_of_another_program(self, bucket, user):
        orphaned(user, bucket)
        get_client().create_multipart_upload(Bucket=bucket, Key="file")
        mended(bucket, delete_objects_older_than=NOW)
        assert len(get_client().list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1


class TestWhatIsWanted:
    """Which of the repairs applies to what, without a store."""

    def finding(self, kind, *, name="file", etag="e", days=2, made_here=True):
        at = None if days is None else timezone.now() - days * DAY
        return Finding(kind=kind, bucket="b", file_name=name, etag=etag, changed_at=at, made_here=made_here)

    @pytest.mark.parametrize("kind", list(Kind))
    def test_choose_outcome_by_default_is_nothing(self, kind):
        assert Repairs().choose_outcome(self.finding(kind)) == Outcome.NOTHING

    @pytest.mark.parametrize(
        ("kind", "outcome"),
        [
            (Kind.RECORD_WITHOUT_OBJECT, Outcome.RECORD_REMOVED),
            (Kind.OBJECT_CHANGED, Outcome.RECORD_UPDATED),
            (Kind.OBJECT_WITHOUT_RECORD, Outcome.OBJECT_DELETED),
            (Kind.NOT_LOOKED_AT, Outcome.NOTHING),
        ],
    )
    def test_choose_outcome_of_each_kind_is_its_repair(self, kind, outcome):
        assert Repairs(**EVERYTHING).choose_outcome(self.finding(kind)) == outcome

    def test_repairs_with_adopt_and_delete_is_refused(self, user):
        with pytest.raises(InvalidField, match="one of the two"):
            Repairs(adopt_for=user, delete_objects_older_than=NOW)

    def test_choose_outcome_without_an_etag_is_nothing(self, user):
        repairs = Repairs(update_records=True, adopt_for=user)
        assert repairs.choose_outcome(self.finding(Kind.OBJECT_CHANGED, etag="")) == Outcome.NOTHING
        assert repairs.choose_outcome(self.finding(Kind.OBJECT_WITHOUT_RECORD, etag="")) == Outcome.NOTHING

    @pytest.mark.parametrize(
        "described", [{"days": 0.9}, {"days": None}, {"made_here": False}, {"made_here": None}, {"name": "a\0b"}]
    )
    def test_choose_outcome_of_a_spared_object_is_nothing(self, described):
        repairs = Repairs(delete_objects_older_than=DAY)
        assert repairs.choose_outcome(self.finding(Kind.OBJECT_WITHOUT_RECORD)) == Outcome.OBJECT_DELETED
        assert repairs.choose_outcome(self.finding(Kind.OBJECT_WITHOUT_RECORD, **described)) == Outcome.NOTHING
