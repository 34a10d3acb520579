from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from s3_file_uploader.exceptions import StorageUnavailable
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.trials.rights import find_denied_rights
from s3_file_uploader.s3.trials.scratch import PREFIX, Scratch, remove_old_scratch
from tests.unit.services.conftest import refused


def keys_in(bucket):
    return [listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def uploads_in(bucket):
    return get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())


@pytest.fixture
def left(moto_scratch):
    """Return the scratch of a killed run, beside an object of a user."""
    get_client().put_object(Bucket=moto_scratch.bucket, Key="file")
    moto_scratch.put("object")
    return moto_scratch


def test_remove_leaves_other_objects_and_other_runs(left):
    other = Scratch(left.bucket)
    other.put("object")
    left.begin("upload")
    left.remove()
    assert keys_in(left.bucket) == [other.key("object"), "file"]
    assert not uploads_in(left.bucket)


@pytest.fixture
def listing_everything():
    """Have the store ignore Prefix."""
    calls = [f"provide-client-params.s3.{call}" for call in ("ListObjectsV2", "ListMultipartUploads")]
    drop = lambda params, **kwargs: {name: value for name, value in params.items() if name != "Prefix"}  # noqa: E731
    for call in calls:
        get_client().meta.events.register(call, drop)
    yield
    for call in calls:
        get_client().meta.events.unregister(call, drop)


@pytest.mark.usefixtures("listing_everything")
class TestStoreThatIgnoresPrefix:
    @pytest.fixture
    def foreign(self, left):
        """Return the keys of files of users, each an object and a multipart upload."""
        keys = [f"{PREFIX}report.pdf", f"{PREFIX}{'0' * 31}/x", f"{PREFIX}{'0' * 32}", f"a/{left.key('x')}", "file"]
        for key in keys:
            get_client().put_object(Bucket=left.bucket, Key=key)
            get_client().create_multipart_upload(Bucket=left.bucket, Key=key)
        return sorted(keys)

    def test_remove_spares_other_runs_and_files_of_users(self, left, foreign):
        other = Scratch(left.bucket)
        other.put("object")
        other.begin("upload")
        left.begin("upload")
        left.remove()
        assert keys_in(left.bucket) == sorted([*foreign, other.key("object")])
        assert sorted(upload["Key"] for upload in uploads_in(left.bucket)) == sorted([*foreign, other.key("upload")])

    def test_remove_old_scratch_spares_files_of_users(self, left, foreign):
        left.begin("upload")
        assert remove_old_scratch(left.bucket, older_than=timedelta(seconds=-5)) == 2
        assert keys_in(left.bucket) == sorted(upload["Key"] for upload in uploads_in(left.bucket)) == foreign


def test_remove_old_scratch_spares_runs_of_now(left):
    assert remove_old_scratch(left.bucket) == 0
    assert keys_in(left.bucket) == [left.key("object"), "file"]
    left.begin("upload")  # moto says that it is of 2010.
    assert remove_old_scratch(left.bucket, older_than=timedelta(seconds=-5)) == 2
    assert keys_in(left.bucket) == ["file"]
    assert not uploads_in(left.bucket)


def test_remove_old_scratch_spares_uploads_of_now(moto_scratch):
    upload = {"Key": moto_scratch.key("upload"), "UploadId": "id", "Initiated": datetime.now(UTC)}
    with Stubber(get_client()) as stub:
        stub.add_response("list_objects_v2", {})
        stub.add_response("list_multipart_uploads", {"Uploads": [upload]})
        assert remove_old_scratch(moto_scratch.bucket) == 0


def test_read_of_a_missing_object_is_none(moto_scratch):
    assert moto_scratch.read("missing") is None
    assert moto_scratch.key("missing").startswith(PREFIX)


class TestRights:
    def test_all_granted_is_empty_and_leaves_what_remove_removes(self, moto_scratch):
        assert find_denied_rights(moto_scratch) == []
        moto_scratch.remove()
        assert keys_in(moto_scratch.bucket) == []

    def test_without_the_right_to_write_tries_nothing_else(self, moto_scratch):
        with Stubber(get_client()) as stub:
            stub.add_client_error("put_object", "AccessDenied", http_status_code=403)
            assert find_denied_rights(moto_scratch) == ["s3:PutObject"]
            stub.add_response("put_object", {})
            stub.add_client_error("delete_object", "AccessDenied", http_status_code=403)
            assert find_denied_rights(moto_scratch) == ["s3:DeleteObject"]

    def test_denied_and_unsupported_calls_differ(self, moto_scratch):
        with Stubber(get_client()) as stub:
            for call in ("put_object", "delete_object", "put_object"):
                stub.add_response(call, {})
            stub.add_client_error("head_object", "403", http_status_code=403)
            stub.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
            stub.add_client_error("create_multipart_upload", "NotImplemented", http_status_code=501)
            stub.add_client_error("create_multipart_upload", "NotImplemented", http_status_code=501)
            stub.add_client_error("list_multipart_uploads", "NotImplemented", http_status_code=501)
            assert find_denied_rights(moto_scratch) == ["s3:GetObject", "s3:ListBucket"]

    def test_multipart_uploads_are_aborted_without_a_listing(self, moto_scratch):
        assert find_denied_rights(moto_scratch) == []
        assert not uploads_in(moto_scratch.bucket)

    def test_multipart_upload_is_aborted_after_an_error(self, moto_scratch):
        with pytest.raises(StorageUnavailable), moto_scratch.unfinished("parts"):
            raise StorageUnavailable
        assert not uploads_in(moto_scratch.bucket)

    def test_without_the_right_to_abort_the_other_rights_are_tried(self, moto_scratch):
        with refused("AccessDenied", "AbortMultipartUpload"):
            assert find_denied_rights(moto_scratch) == ["s3:AbortMultipartUpload"]

    def test_another_error_is_raised(self, moto_scratch):
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("put_object", "SlowDown", http_status_code=503)
            find_denied_rights(moto_scratch)
