"""A store with conditional deletes and versions: what is deleted, and what stays."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from threading import Barrier

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import create_claimed, end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import bucket_compare, housekeeping_run
from s3_file_uploader.services.housekeeping.repairs import Repairs
from s3_file_uploader.services.recovery import WRITTEN_BY
from s3_file_uploader.services.reports import Outcome
from tests.integration.conftest import client_at, new_bucket
from tests.support.killing import disagreements
from tests.support.served import SERVICE
from tests.support.stores import use_store

CONTENT = b"0123456789" * 100
OTHER = b"9876543210" * 100
FOREIGN = b"by another program"
ROUNDS = 20


@pytest.fixture(autouse=True)
def bucket(store, stores, own_settings):
    use_store(own_settings, stores("seaweedfs"))
    return new_bucket()


@pytest.fixture
def client(http, user):
    return http(user)


def put_by_another_program(bucket, key="file", **options):
    get_client().put_object(Bucket=bucket, Key=key, Body=FOREIGN, **options)


def bytes_at(bucket, key="file"):
    return get_client().get_object(Bucket=bucket, Key=key)["Body"].read()


class TestConditionalDeletes:
    """Another program replaces an object after the app has looked at it, and before S3 gets the deletion."""

    @contextmanager
    def replaced(self, bucket):
        events = get_client().meta.events
        replace = lambda **kwargs: put_by_another_program(bucket)  # noqa: E731
        events.register("before-call.s3.DeleteObject", replace)
        try:
            yield
        finally:
            events.unregister("before-call.s3.DeleteObject", replace)

    def test_file_delete_spares_the_new_object(self, client, bucket):
        client.put(f"buckets/{bucket}/files/file/", content=CONTENT)
        with self.replaced(bucket):
            assert client.delete(f"buckets/{bucket}/files/file/").status_code == 204
        assert not FileUpload.objects.exists()
        assert bytes_at(bucket) == FOREIGN

    def test_recovery_spares_the_new_object(self, transactional_db, user, bucket):
        upload = create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        end_lease_in(upload, -1)
        get_client().put_object(Bucket=bucket, Key="file", Metadata={WRITTEN_BY: str(upload.write_id)})
        with self.replaced(bucket):
            assert housekeeping_run().records_settled == 1
        assert not FileUpload.objects.exists()
        assert bytes_at(bucket) == FOREIGN

    def test_repair_spares_the_new_object(self, transactional_db, bucket):
        put_by_another_program(bucket, Metadata={WRITTEN_BY: "a claim"}, ContentType="x/y")
        found, options = [], {"delete_objects_older_than": timedelta(0), "include_foreign_objects": True}
        with self.replaced(bucket):
            get_client().put_object(Bucket=bucket, Key="file", Body=OTHER)
            bucket_compare(bucket=bucket, repairs=Repairs(**options), on_finding=found.append)
        assert [finding.outcome for finding in found] == [Outcome.OVERTAKEN]
        assert bytes_at(bucket) == FOREIGN

    def test_direct_upload_is_deleted_with_what_its_url_wrote(self, client, bucket):
        body = {"bucket": bucket, "file_name": "file", "size": len(CONTENT), "strategy": "post"}
        record = client.post("uploads/", json=body).json()
        form = {"data": record["transfer"]["fields"], "files": {"file": ("file", CONTENT)}}
        assert httpx.post(record["transfer"]["url"], **form).status_code == 201
        assert client.post(f"uploads/{record['id']}/complete/").status_code == 200
        other = {**form, "files": {"file": ("file", OTHER)}}
        assert httpx.post(record["transfer"]["url"], **other).status_code == 201
        assert client.delete(f"uploads/{record['id']}/").status_code == 204
        assert "Contents" not in get_client().list_objects_v2(Bucket=bucket)

    def test_race_of_delete_and_put_keeps_the_new_object(self, transactional_db, live_server, user, bucket):
        keys = [f"{number}" for number in range(ROUNDS)]
        start = Barrier(2)

        def delete(key):
            with client_at(live_server.url + SERVICE, user) as client:
                start.wait()
                return client.delete(f"buckets/{bucket}/files/{key}/").status_code

        def replace(key):
            start.wait()
            put_by_another_program(bucket, key)

        with client_at(live_server.url + SERVICE, user) as client, ThreadPoolExecutor(2) as pool:
            for key in keys:
                client.put(f"buckets/{bucket}/files/{key}/", content=CONTENT)
                deletion, _ = pool.submit(delete, key), pool.submit(replace, key).result()
                assert deletion.result() == 204
        assert not FileUpload.objects.exists()
        assert {bytes_at(bucket, key) for key in keys} == {FOREIGN}


class TestVersions:
    """A bucket with versions works as any other; S3 keeps the bytes of replaced and deleted files."""

    @pytest.fixture
    def bucket(self, bucket):
        get_client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def left(self, bucket):
        """Return the number of versions and of delete markers."""
        listed = get_client().list_object_versions(Bucket=bucket)
        return len(listed.get("Versions", ())), len(listed.get("DeleteMarkers", ()))

    def agrees(self, bucket, **contents):
        possible = {key: {sha256(body).hexdigest()} for key, body in contents.items()}
        return not list(disagreements(bucket, possible))

    def test_overwrite_leaves_the_old_bytes_as_a_version(self, client, bucket):
        address = f"buckets/{bucket}/files/file/"
        assert client.put(address, content=CONTENT).status_code == 201
        assert client.put(address, content=OTHER).json()["code"] == "file_exists"
        assert client.put(address, content=OTHER, params={"overwrite": "true"}).status_code == 201
        assert client.get(address, params={"proxy": "true"}).content == OTHER
        assert self.agrees(bucket, file=OTHER)
        assert self.left(bucket) == (2, 0)

    def test_delete_leaves_a_version_and_a_marker(self, client, bucket, staff, http):
        address = f"buckets/{bucket}/files/file/"
        client.put(address, content=CONTENT)
        assert client.delete(address).status_code == 204
        assert client.get(address, params={"proxy": "true"}).status_code == 404
        assert self.agrees(bucket)
        assert self.left(bucket) == (1, 1)
        assert client.put(address, content=OTHER).status_code == 201
        assert client.delete(address).status_code == 204
        owner_id = get_client().list_buckets()["Owner"]["ID"]
        answer = http(staff).delete(f"owners/{owner_id}/buckets/{bucket}/remove/")
        assert (answer.status_code, answer.json()["code"]) == (409, "bucket_not_empty")
        assert "old versions" in answer.json()["detail"]
        assert self.left(bucket) == (2, 2)

    @pytest.mark.parametrize("strategy", ["put", "post", "multipart"])
    def test_direct_upload_is_stored_and_deleted(self, client, bucket, strategy):
        body = {"bucket": bucket, "file_name": "file", "size": len(CONTENT), "strategy": strategy}
        record = client.post("uploads/", json=body).json()
        transfer = record["transfer"]
        if strategy == "post":
            sent = httpx.post(transfer["url"], data=transfer["fields"], files={"file": ("file", CONTENT)})
        else:
            target = transfer if strategy == "put" else transfer["parts"][0]
            sent = httpx.put(target["url"], headers=transfer.get("headers"), content=CONTENT)
        assert sent.status_code in {200, 201}
        assert client.post(f"uploads/{record['id']}/complete/").status_code == 200
        assert self.agrees(bucket, **{record["file_name"]: CONTENT})
        assert client.delete(f"uploads/{record['id']}/").status_code == 204
        assert self.left(bucket) == (1, 1)

    def test_housekeeping_and_comparison_see_current_versions(self, client, bucket, user):
        for name in ("kept", "deleted"):
            client.put(f"buckets/{bucket}/files/{name}/", content=CONTENT)
        client.delete(f"buckets/{bucket}/files/deleted/")
        put_by_another_program(bucket, "kept")
        get_client().delete_object(Bucket=bucket, Key="kept")
        upload = create_claimed(user=user, bucket=bucket, file_name="begun", content_type="x/y")
        end_lease_in(upload, -1)
        get_client().put_object(Bucket=bucket, Key="begun", Metadata={WRITTEN_BY: str(upload.write_id)})
        assert housekeeping_run().records_settled == 1
        found = []
        bucket_compare(bucket=bucket, on_finding=found.append, repairs=Repairs(remove_records=True))
        assert [(finding.file_name, finding.outcome) for finding in found] == [("kept", Outcome.RECORD_REMOVED)]
        assert self.agrees(bucket)
        assert self.left(bucket) == (4, 3)
