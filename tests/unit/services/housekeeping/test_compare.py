import gc
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.exceptions import InvalidBucketName
from s3_file_uploader.models import FileUpload, location_digest
from s3_file_uploader.models.lease import claim_record, create_claimed
from s3_file_uploader.models.transitions import mark_stored
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import bucket_compare, file_delete
from s3_file_uploader.services.housekeeping import compare
from s3_file_uploader.services.housekeeping.compare import _iterate_batches
from s3_file_uploader.services.reports import EXAMPLES, ComparisonTally, Finding, Kind, Outcome
from s3_file_uploader.values import ListedObject
from tests.unit.services.conftest import on_event, refused, stored_file

Status = FileUpload.Status
pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # Buckets of many pages.
S3_IS_GONE = EndpointConnectionError(endpoint_url="https://s3.example.com")


def figures(report):
    """Return those that are neither 0 nor the bucket's name."""
    names = [name for name in report.__slots__ if name not in ("bucket", "examples", "is_whole")]
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def compared(bucket, **options):
    """Compare, to the end; return the figures, and what is told by name."""
    reported = []
    report = bucket_compare(bucket=bucket, on_finding=reported.append, **options)
    assert report.is_whole
    assert list(report.examples) == reported
    return figures(report), {finding.file_name: finding for finding in reported}


def stray(bucket, name="stray", body=b"of another program", **metadata):
    get_client().put_object(Bucket=bucket, Key=name, Body=body, Metadata=metadata)


def at_the_first(call, action):
    """Do something right after S3 answered that call for the first time."""
    done = []

    def handler(**kwargs):
        if not done:
            done.append(True)
            action()

    return on_event(f"after-call.s3.{call}", handler)


def in_a_thread_of_its_own(action):
    """Close the connection that it took: the thread ends with the comparison."""

    def act():
        action()
        connection.close()

    return act


class TestFindings:
    def test_compare_matching_bucket_finds_nothing(self, bucket, user):
        for name in "abc":
            stored_file(user, bucket, name)
        assert compared(bucket) == ({"objects_compared": 3, "records_compared": 3}, {})

    def test_compare_empty_bucket_finds_nothing(self, bucket):
        assert compared(bucket) == ({}, {})

    def test_compare_object_without_record_reports_it(self, bucket, user):
        stored_file(user, bucket)
        stray(bucket)
        stored = head_object(bucket=bucket, key="stray")
        counts, findings = compared(bucket)
        assert counts == {"objects_compared": 2, "records_compared": 1, "objects_without_record": 1}
        assert findings == {
            "stray": Finding(
                kind=Kind.OBJECT_WITHOUT_RECORD,
                bucket=bucket,
                file_name="stray",
                size=18,
                etag=stored.etag,
                changed_at=stored.changed_at,
                made_here=False,
            )
        }

    def test_compare_own_object_reports_made_here(self, bucket, user):
        for name in "ab":
            stored_file(user, bucket, name)
        FileUpload.objects.filter(file_name="a").delete()
        counts, findings = compared(bucket)
        assert (counts["objects_without_record"], counts["objects_without_record_made_here"]) == (1, 1)
        assert findings["a"].made_here

    def test_compare_unknown_bucket_reports_nothing_made_here(self, bucket, user):
        """Or the records are in another database than the settings name."""
        get_client().create_bucket(Bucket="bucket-two")
        for name in (bucket, "bucket-two"):
            stored_file(user, name)
        FileUpload.objects.filter(bucket=bucket).delete()
        counts, findings = compared(bucket)
        assert counts == {"objects_compared": 1, "objects_without_record": 1}
        assert findings["file"].made_here is False

    def test_compare_record_without_object_reports_it(self, bucket, user):
        stored_file(user, bucket, "kept")
        upload = stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        counts, findings = compared(bucket)
        assert counts == {"objects_compared": 1, "records_compared": 2, "records_without_object": 1}
        assert findings == {
            "file": Finding(
                kind=Kind.RECORD_WITHOUT_OBJECT,
                bucket=bucket,
                file_name="file",
                record_id=upload.pk,
                recorded_size=7,
                recorded_etag=upload.etag,
            )
        }

    @pytest.mark.parametrize("body", [b"changed", b"changed too"], ids=["same size", "other size"])
    def test_compare_changed_object_reports_it(self, bucket, user, body):
        upload = stored_file(user, bucket)
        stray(bucket, "file", body)
        counts, findings = compared(bucket)
        assert counts == {"objects_compared": 1, "records_compared": 1, "objects_changed": 1}
        finding = findings["file"]
        assert (finding.record_id, finding.recorded_size, finding.recorded_etag) == (upload.pk, 7, upload.etag)
        assert (finding.size, finding.etag) == (len(body), head_object(bucket=bucket, key="file").etag)

    @pytest.mark.parametrize("status", [Status.PENDING, Status.DELETING])
    def test_compare_claimed_record_reports_nothing(self, bucket, user, status):
        for name in ("there", "gone", "changed"):
            claim_record(stored_file(user, bucket, name), status)
        get_client().delete_object(Bucket=bucket, Key="gone")
        stray(bucket, "changed")
        assert compared(bucket) == ({"objects_compared": 2}, {})

    def test_compare_ignores_other_buckets(self, bucket, user):
        get_client().create_bucket(Bucket="bucket-two")
        stored_file(user, "bucket-two")
        get_client().delete_object(Bucket="bucket-two", Key="file")
        stray(bucket, "file")
        counts, _ = compared(bucket)
        assert counts == {"objects_compared": 1, "objects_without_record": 1}

    def test_compare_tells_similar_keys_apart(self, bucket, user):
        stored_file(user, bucket, "\u00e9")
        stored_file(user, bucket, "B")
        for name in ("e\u0301", "b", "\u65e5\u672c/\U0001f600 +%20"):
            stray(bucket, name)
        counts, findings = compared(bucket)
        assert counts["objects_without_record"] == 3
        assert set(findings) == {"e\u0301", "b", "\u65e5\u672c/\U0001f600 +%20"}

    def test_compare_reports_progress(self, bucket, user):
        for name in "ab":
            stored_file(user, bucket, name)
        stray(bucket)
        reported = []
        bucket_compare(bucket=bucket, on_progress=lambda *progress: reported.append(progress))
        assert reported == [("objects", 3, 2), ("records", 2, 2)]

    def test_compare_invalid_bucket_name_is_refused(self):
        with pytest.raises(InvalidBucketName):
            bucket_compare(bucket="No Bucket")


class TestABusyBucket:
    def test_compare_ignores_changes_after_its_start(self, bucket, user):
        def later(parsed, **kwargs):
            for entry in parsed["Contents"]:
                entry["LastModified"] = timezone.now() + timedelta(seconds=entry["Key"] == "young")

        for name in ("old", "young"):
            stray(bucket, name)
        for name in ("a", "b", "c"):
            stored_file(user, bucket, name)
        FileUpload.objects.filter(file_name__in="bc").update(completed_at=timezone.now() + timedelta(minutes=1))
        stray(bucket, "b")
        get_client().delete_object(Bucket=bucket, Key="c")
        with on_event("after-call.s3.ListObjectsV2", later):
            counts, findings = compared(bucket)
        assert counts == {"objects_compared": 4, "records_compared": 1}
        assert findings == {}

    def test_compare_file_deleted_after_the_listing_reports_nothing(self, bucket, user):
        stored_file(user, bucket, "kept")
        stored_file(user, bucket)
        with at_the_first("ListObjectsV2", lambda: file_delete(user=user, bucket=bucket, file_name="file")):
            assert compared(bucket) == ({"objects_compared": 2, "records_compared": 1}, {})

    def test_compare_file_overwritten_after_listing_reports_nothing(self, bucket, user):
        stored_file(user, bucket)
        with at_the_first("ListObjectsV2", lambda: stored_file(user, bucket, content=b"longer!!", overwrite=True)):
            assert compared(bucket) == ({"objects_compared": 1}, {})

    def test_compare_file_stored_after_the_listing_reports_nothing(self, bucket, user):
        with at_the_first("ListObjectsV2", lambda: stored_file(user, bucket)):
            assert compared(bucket) == ({}, {})

    def test_compare_object_that_is_back_reports_nothing(self, bucket, user):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        with at_the_first("ListObjectsV2", lambda: stray(bucket, "file", b"content")):
            assert compared(bucket) == ({"records_compared": 1}, {})

    def test_compare_object_overwritten_meanwhile_reports_nothing(self, bucket):
        def later(parsed, **kwargs):
            parsed["LastModified"] = timezone.now() + timedelta(seconds=1)

        stray(bucket)
        with on_event("after-call.s3.HeadObject", later):
            assert compared(bucket) == ({"objects_compared": 1}, {})


@pytest.mark.django_db(transaction=True)
class TestClaimsMeanwhile:
    """Another request claims the key between the call to S3 and the second read of the record."""

    def test_claim_of_a_record_without_object_reports_nothing(self, bucket, user):
        upload = stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        with at_the_first("HeadObject", in_a_thread_of_its_own(lambda: claim_record(upload, Status.PENDING))):
            assert compared(bucket) == ({"records_compared": 1}, {})

    def test_claim_that_stores_again_reports_nothing(self, bucket, user):
        """The status is what it was, the claim is not."""
        upload = stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")

        def overwritten():
            claim_record(upload, Status.PENDING)
            mark_stored(upload)

        with at_the_first("HeadObject", in_a_thread_of_its_own(overwritten)):
            assert compared(bucket) == ({"records_compared": 1}, {})

    def test_claim_by_user_deletion_reports_nothing(self, bucket, user):
        """Then the status changes, and the claim does not."""
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        marked = lambda: FileUpload.objects.update(status=Status.DELETING)  # noqa: E731
        with at_the_first("HeadObject", in_a_thread_of_its_own(marked)):
            assert compared(bucket) == ({"records_compared": 1}, {})

    def test_claim_that_removes_reports_nothing(self, bucket, user):
        upload = stored_file(user, bucket)
        stray(bucket, "file")
        with at_the_first("HeadObject", in_a_thread_of_its_own(upload.delete)):
            assert compared(bucket) == ({"objects_compared": 1}, {})

    def test_adoption_by_another_host_reports_nothing(self, bucket, user):
        stray(bucket)
        claim = lambda: create_claimed(user=user, bucket=bucket, file_name="stray")  # noqa: E731
        with at_the_first("HeadObject", in_a_thread_of_its_own(claim)):
            assert compared(bucket) == ({"objects_compared": 1}, {})


class TestWhereS3Fails:
    def incomplete(self, bucket):
        report = bucket_compare(bucket=bucket)
        assert not report.is_complete
        return report

    def test_failure_for_one_object_reports_the_others(self, bucket, user, caplog):
        for name in ("denied", "denied record", "stray"):
            stray(bucket, name)
        stored_file(user, bucket, "kept")
        with refused("AccessDenied", "HeadObject", Key="denied"):
            report = self.incomplete(bucket)
        assert report.is_whole
        assert figures(report) == {
            "objects_compared": 4,
            "records_compared": 1,
            "objects_without_record": 2,
            "left": 1,
        }
        assert [(finding.kind, finding.outcome) for finding in report.examples if finding.file_name == "denied"] == [
            (Kind.NOT_LOOKED_AT, Outcome.LEFT)
        ]
        assert "bucket-one/denied" in caplog.text

    def test_failure_for_a_record_is_not_reported_as_change(self, bucket, user):
        stored_file(user, bucket)
        stray(bucket, "file")
        with refused("InternalError", "HeadObject"):
            report = self.incomplete(bucket)
        assert figures(report) == {"objects_compared": 1, "records_compared": 1, "left": 1}

    def test_failure_before_the_second_page_ends_the_comparison(self, bucket, user, caplog):
        """A record is not missing because its page was not listed."""
        stored_file(user, bucket, "z")
        for number in range(3):
            stray(bucket, f"{number}")

        def small_pages(params, **kwargs):
            params["MaxKeys"] = 2
            if "ContinuationToken" in params:
                raise S3_IS_GONE

        with on_event("provide-client-params.s3.ListObjectsV2", small_pages):
            report = self.incomplete(bucket)
        assert figures(report) == {"objects_compared": 2, "objects_without_record": 2}
        assert not report.is_whole
        assert "could not go on" in caplog.text

    def test_failure_during_confirmation_ends_the_comparison(self, bucket, user):
        for number in range(30):
            stray(bucket, f"{number}")
        calls = []

        def gone(**kwargs):
            calls.append(1)
            raise S3_IS_GONE

        with on_event("provide-client-params.s3.HeadObject", gone):
            report = self.incomplete(bucket)
        assert (report.is_whole, figures(report)) == (False, {})
        assert len(calls) < 30  # No waiting object costs another time-out.

    def test_failure_of_a_missing_bucket_reports_no_record(self, bucket, user, caplog):
        stored_file(user, bucket)
        get_client().delete_object(Bucket=bucket, Key="file")
        get_client().delete_bucket(Bucket=bucket)
        report = self.incomplete(bucket)
        assert (report.is_whole, figures(report)) == (False, {})
        assert "There is no such bucket" in caplog.text


def rows(bucket, user, numbers, **values):
    """Return records of stored files, inserted without an upload."""
    return [
        FileUpload(
            user=user,
            bucket=bucket,
            file_name=f"{number:06}",
            location_digest=location_digest(bucket, f"{number:06}"),
            size=number,
            etag=f"{number}",
            status=Status.STORED,
            completed_at=datetime(2026, 1, 1, tzinfo=UTC),
            **{"created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number), **values},
        )
        for number in numbers
    ]


PAGE_KEYS = 10


@pytest.fixture
def small_batches(monkeypatch):
    """Ask the database for batches of ten records."""
    monkeypatch.setattr(compare, "PAGE_KEYS", PAGE_KEYS)


@pytest.mark.usefixtures("small_batches")
class TestBatches:
    @pytest.mark.parametrize("seconds", [10**9, 1, 7], ids=["one-moment", "many-moments", "few-moments"])
    def test_iterate_batches_yields_every_record_once(self, user, seconds):
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        uploads = [
            upload
            for number in range(2 * PAGE_KEYS + 1)
            for upload in rows("bucket", user, [number], created_at=begin + timedelta(seconds=number // seconds))
        ]
        FileUpload.objects.bulk_create(uploads)
        for count in (0, 1, PAGE_KEYS - 1, PAGE_KEYS, PAGE_KEYS + 1, 2 * PAGE_KEYS + 1):
            batches = list(islice(_iterate_batches(FileUpload.objects.stored().filter(size__lt=count)), 10))
            assert all(0 < len(batch) <= PAGE_KEYS for batch in batches)
            seen = [upload.pk for batch in batches for upload in batch]
            assert len(seen) == len(set(seen)) == count


@pytest.mark.usefixtures("small_batches")
class TestSize:
    def test_page_cost_is_constant_and_freed(self, user):
        costs = [self.cost(user, pages) for pages in (1, 2, 3)]
        assert costs[2]["queries"] - costs[1]["queries"] == costs[1]["queries"] - costs[0]["queries"] > 0
        assert [cost["calls"] for cost in costs] == [1, 2, 3]
        assert costs[0]["alive"] == costs[1]["alive"] == costs[2]["alive"] > 0

    def cost(self, user, pages):
        FileUpload.objects.all().delete()
        count = pages * PAGE_KEYS
        FileUpload.objects.bulk_create(rows("bucket", user, range(count)))
        gc.collect()  # Else garbage of earlier tests is counted, or not.
        alive = []

        def look(what, more, total):
            alive.append(sum(type(one) is ListedObject for one in gc.get_objects()))

        with Stubber(get_client()) as stub, CaptureQueriesContext(connection) as queries:
            for number in range(pages):
                stub.add_response("list_objects_v2", self.page(number, pages))
            report = bucket_compare(bucket="bucket", on_progress=look)
            stub.assert_no_pending_responses()
        assert figures(report) == {"objects_compared": count, "records_compared": count}
        return {"queries": len(queries), "calls": pages, "alive": max(alive)}

    def page(self, number, pages):
        numbers = range(number * PAGE_KEYS, (number + 1) * PAGE_KEYS)
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        listed = [{"Key": f"{n:06}", "Size": n, "ETag": f'"{n}"', "LastModified": long_ago} for n in numbers]
        more = {"IsTruncated": True, "NextContinuationToken": f"{number}"} if number + 1 < pages else {}
        return {"Contents": listed, **more}

    def test_report_keeps_the_first_examples_of_each_kind(self):
        reported = []
        tally = ComparisonTally(reported.append)
        for number in range(EXAMPLES + 1):
            for kind in (Kind.OBJECT_CHANGED, Kind.OBJECT_WITHOUT_RECORD):
                tally.add(Finding(kind=kind, bucket="bucket", file_name=f"{number}"))
        report = tally.report(bucket="bucket", is_whole=True)
        assert (report.objects_changed, report.objects_without_record) == (EXAMPLES + 1, EXAMPLES + 1)
        assert (len(report.examples), len(reported)) == (2 * EXAMPLES, 2 * EXAMPLES + 2)
