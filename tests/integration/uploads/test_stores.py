"""Behaviour on each real store, with no setting that names the store."""

from base64 import b64encode
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.values import mib
from tests.integration.conftest import new_bucket
from tests.support.seaweedfs import ABILITIES
from tests.support.uploading import time_goes_by

CONTENT = b"0123456789" * 100
OTHER = b"9876543210" * 100
CHECKSUM = sha256(CONTENT).hexdigest()
SOME_ID = "0b9e2b1c-3f5d-4b5a-9a4e-2d8f1c7a6e53"


def begun(http, bucket, **options):
    return http.post("uploads/", json={"bucket": bucket, "file_name": "file", "size": len(CONTENT), **options})


def sent(transfer, content):
    if transfer["strategy"] == "put":
        return httpx.put(transfer["url"], headers=transfer["headers"], content=content)
    return httpx.post(transfer["url"], data=transfer["fields"], files={"file": ("file", content)})


def buckets():
    return {bucket["Name"] for bucket in get_client().list_buckets()["Buckets"]}


def keys_in(bucket):
    return [listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


class TestBucketRemoval:
    @pytest.fixture
    def removed(self, http, staff):
        owner_id = get_client().list_buckets()["Owner"]["ID"]
        return lambda bucket: http(staff).delete(f"owners/{owner_id}/buckets/{bucket}/remove/")

    def test_bucket_remove_with_a_file_in_it_is_409(self, bucket_of_each_store, removed):
        get_client().put_object(Bucket=bucket_of_each_store, Key="a/file", Body=CONTENT)
        answer = removed(bucket_of_each_store)
        assert (answer.status_code, answer.json()["code"]) == (409, "bucket_not_empty")
        assert keys_in(bucket_of_each_store) == ["a/file"]

    def test_bucket_remove_with_a_pending_upload_is_409(self, bucket_of_each_store, removed, http, user):
        record = begun(http(user), bucket_of_each_store, strategy="multipart").json()
        answer = removed(bucket_of_each_store)
        assert (answer.status_code, answer.json()["code"]) == (409, "bucket_not_empty")
        assert sent_parts(record, CONTENT) == [200]
        assert http(user).post(f"uploads/{record['id']}/complete/").status_code == 200

    def test_bucket_remove_of_an_empty_bucket_is_204(self, bucket_of_each_store, removed):
        assert removed(bucket_of_each_store).status_code == 204
        assert bucket_of_each_store not in buckets()

    def test_bucket_remove_with_old_versions_is_409(self, seaweedfs, removed):
        bucket = new_bucket()
        get_client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        get_client().put_object(Bucket=bucket, Key="file", Body=CONTENT)
        get_client().delete_object(Bucket=bucket, Key="file")
        assert keys_in(bucket) == []
        assert removed(bucket).status_code == 409
        assert len(get_client().list_object_versions(Bucket=bucket)["Versions"]) == 1


def sent_parts(record, content):
    parts = record["transfer"]["parts"]
    return [httpx.put(part["url"], content=content[part["offset"] :][: part["size"]]).status_code for part in parts]


class TestMissingBucket:
    @pytest.fixture
    def missing(self, each_store):
        return f"missing-{uuid4().hex[:12]}"

    @pytest.mark.parametrize("way", ["put", "form", "direct", "uppy"])
    def test_upload_to_a_missing_bucket_creates_none(self, missing, http, user, way):
        client = http(user)
        match way:
            case "put":
                answer = client.put(f"buckets/{missing}/files/file/", content=CONTENT)
            case "form":
                answer = client.post("file/upload/", data={"bucket": missing}, files={"file": ("file", CONTENT)})
            case "direct":
                answer = begun(client, missing)
            case _:
                body = {"filename": "file", "type": "text/plain", "metadata": {"bucket": missing}}
                answer = client.post("uppy/s3/multipart", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "bucket_not_found")
        assert missing not in buckets()
        assert not FileUpload.objects.exists()


class TestPutWithChecksum:
    def test_upload_of_the_right_bytes_is_stored(self, bucket_of_each_store, http, user):
        record = begun(http(user), bucket_of_each_store, strategy="put", checksum_sha256=CHECKSUM).json()
        assert sent(record["transfer"], CONTENT).status_code == 200
        stored = http(user).post(f"uploads/{record['id']}/complete/").json()
        assert (stored["status"], stored["checksum_sha256"]) == ("stored", CHECKSUM)

    def test_upload_of_other_bytes_is_removed_at_complete(self, bucket_of_each_store, http, user):
        record = begun(http(user), bucket_of_each_store, strategy="put", checksum_sha256=CHECKSUM).json()
        assert sent(record["transfer"], OTHER).status_code == 200
        answer = http(user).post(f"uploads/{record['id']}/complete/")
        assert (answer.status_code, answer.json()["code"]) == (400, "checksum_mismatch")
        assert keys_in(bucket_of_each_store) == []

    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_upload_of_other_bytes_is_refused_by_a_comparing_store(self, seaweedfs, own_settings, http, user, strategy):
        own_settings.S3_FILE_UPLOADER_STORE = ABILITIES
        record = begun(http(user), bucket := new_bucket(), strategy=strategy, checksum_sha256=CHECKSUM).json()
        assert sent(record["transfer"], OTHER).status_code == 400
        assert sent(record["transfer"], CONTENT).status_code in {200, 201}
        stored = http(user).post(f"uploads/{record['id']}/complete/").json()
        assert (stored["status"], stored["checksum_sha256"]) == ("stored", CHECKSUM)
        assert sent(record["transfer"], OTHER).status_code in {400, 412}
        assert get_client().get_object(Bucket=bucket, Key=record["file_name"])["Body"].read() == CONTENT

    def test_upload_of_other_bytes_is_refused_by_juicefs(self, bucket, own_settings, http, user):
        own_settings.S3_FILE_UPLOADER_STORE = ["payload_hash_in_urls"]
        record = begun(http(user), bucket, strategy="put", checksum_sha256=CHECKSUM).json()
        assert sent(record["transfer"], OTHER).status_code == 400
        assert sent(record["transfer"], CONTENT).status_code == 200


class TestRepeatedForm:
    def test_upload_start_of_a_form_with_checksum_is_refused(self, bucket_of_each_store, http, user):
        answer = begun(http(user), bucket_of_each_store, strategy="post", checksum_sha256=CHECKSUM)
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == ["strategy"]
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_download_of_a_rewritten_object_is_refused(self, bucket_of_each_store, http, user, strategy):
        client = http(user)
        record = begun(client, bucket_of_each_store, strategy=strategy).json()
        file = {"bucket": bucket_of_each_store, "file_name": record["file_name"]}
        assert sent(record["transfer"], CONTENT).status_code in {200, 201}
        assert client.post(f"uploads/{record['id']}/complete/").json()["status"] == "stored"
        share = client.post("shares/", json={name: file[name] for name in ("bucket", "file_name")}).json()
        assert client.get(share["url"]).status_code == 302
        assert sent(record["transfer"], OTHER).status_code in {200, 201}
        assert client.get(share["url"]).status_code == 404
        answer = client.get("file/presigned/url/", params=file)
        assert (answer.status_code, answer.json()["code"]) == (409, "quarantined")
        assert client.get(f"uploads/{record['id']}/").json()["status"] == "quarantined"


class TestPartSizes:
    def test_part_of_another_size_is_refused(self, bucket_of_each_store, http, user):
        record = begun(http(user), bucket_of_each_store, strategy="multipart").json()
        (part,) = record["transfer"]["parts"]
        assert httpx.put(part["url"], content=b"x" * mib(6)).status_code == 403
        assert sent_parts(record, CONTENT) == [200]
        assert http(user).post(f"uploads/{record['id']}/complete/").json()["size"] == len(CONTENT)

    def test_parts_of_unknown_size_beyond_the_quota_are_aborted(self, bucket_of_each_store, own_settings, http, user):
        own_settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": mib(2)}}
        upload = self._uppy_upload(bucket_of_each_store, http(user), mib(6))
        answer = http(user).get(f"uppy/s3/multipart/{upload['uploadId']}/32", params={"key": upload["key"]})
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
        assert "Uploads" not in get_client().list_multipart_uploads(Bucket=bucket_of_each_store, Prefix=upload["key"])

    def test_housekeeping_aborts_parts_beyond_the_largest_file(self, bucket_of_each_store, own_settings, http, user):
        upload = self._uppy_upload(bucket_of_each_store, http(user), mib(6))
        own_settings.S3_FILE_UPLOADER_POLICIES = {"*": {"max_file_bytes": mib(5)}}
        assert housekeeping_run().uploads_too_large == 1
        assert "Uploads" not in get_client().list_multipart_uploads(Bucket=bucket_of_each_store, Prefix=upload["key"])

    def test_upload_over_its_maximum_time_ends(self, bucket_of_each_store, own_settings, http, user):
        own_settings.S3_FILE_UPLOADER_DIRECT_MAX_SECONDS = 3000
        client = http(user)
        record = begun(client, bucket_of_each_store, strategy="multipart").json()
        assert client.post(f"uploads/{record['id']}/parts/", json={"first": 1, "last": 1}).status_code == 200
        time_goes_by()
        answer = client.post(f"uploads/{record['id']}/parts/", json={"first": 1, "last": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_not_pending")

    def _uppy_upload(self, bucket, client, size):
        body = {"filename": "file", "type": "text/plain", "metadata": {"bucket": bucket}}
        upload = client.post("uppy/s3/multipart", json=body).json()
        where = {"key": upload["key"]}
        part = client.get(f"uppy/s3/multipart/{upload['uploadId']}/1", params=where).json()
        assert httpx.put(part["url"], content=b"x" * size).status_code == 200
        return upload


class TestKeyThatIsAFolder:
    @pytest.mark.parametrize("key", ["uploads", f"uploads/{SOME_ID}", f"uploads/{SOME_ID}/file"])
    def test_upload_to_a_key_that_is_a_folder_is_refused(self, bucket_of_each_store, http, user, key):
        answer = http(user).put(f"buckets/{bucket_of_each_store}/files/{key}/", content=CONTENT)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
        assert begun(http(user), bucket_of_each_store).status_code == 201


def test_seaweedfs_keeps_the_checksum_of_the_client(seaweedfs):
    checksum = b64encode(sha256(CONTENT).digest()).decode()
    get_client().put_object(Bucket=(bucket := new_bucket()), Key="file", Body=CONTENT, ChecksumSHA256=checksum)
    assert get_client().head_object(Bucket=bucket, Key="file", ChecksumMode="ENABLED")["ChecksumSHA256"] == checksum
