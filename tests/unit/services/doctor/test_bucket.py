from datetime import timedelta

import pytest
from botocore.stub import Stubber
from django.db import OperationalError, connection

from s3_file_uploader.s3.client import find_bucket_region, get_client
from s3_file_uploader.s3.trials import scratch as scratch_module
from s3_file_uploader.s3.trials.scratch import Scratch
from s3_file_uploader.services.doctor.bucket import (
    examine_abilities,
    examine_bucket,
    examine_forms,
    examine_multipart,
    examine_privacy,
    examine_ranges,
    examine_rights,
    examine_signed_urls,
    remove_scratch,
)
from tests.support.answering import AnsweringServer
from tests.unit.services.conftest import stored_file
from tests.unit.services.doctor.conftest import only

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_scratch(case, real_bucket):
    """Return a case with scratch objects in a real store, and remove them."""
    case.bucket, case.scratch = real_bucket, Scratch(real_bucket)
    yield case
    remove_scratch(case)
    assert "Contents" not in get_client().list_objects_v2(Bucket=real_bucket)


class TestBucket:
    def test_bucket_of_a_record_is_chosen(self, case, bucket, user, settings):
        stored_file(user, bucket)
        assert only(examine_bucket(case)).seen == "bucket-one, in us-east-1"
        case.bucket, settings.S3_FILE_UPLOADER_UPPY_BUCKET = "", "uppy-bucket"
        get_client().create_bucket(Bucket="uppy-bucket")
        assert only(examine_bucket(case)).seen == "uppy-bucket, in us-east-1. There are also bucket-one"

    def test_without_a_name_nothing_is_tried(self, case):
        diagnosis = only(examine_bucket(case))
        assert (diagnosis.status, diagnosis.blocks) == ("warning", True)

    def test_database_that_fails_names_none(self, case, settings):
        def refuse(*arguments):
            raise OperationalError

        with connection.execute_wrapper(refuse):
            assert only(examine_bucket(case)).status == "warning"
            case.blocked["database"] = "database"
            assert only(examine_bucket(case)).status == "warning"

    def test_missing_bucket_fails(self, case, aws):
        case.bucket = "missing-bucket"
        assert only(examine_bucket(case)).seen == "there is no bucket missing-bucket in this store"

    def test_invalid_name_fails(self, case):
        case.bucket = "No Bucket"
        assert only(examine_bucket(case)).seen == "'No Bucket' is no name of a bucket"

    def test_bucket_of_another_fails(self, case, bucket):
        case.bucket = bucket
        find_bucket_region(bucket)
        with Stubber(get_client(region="us-east-1")) as stub:
            stub.add_client_error("head_bucket", "403", http_status_code=403)
            diagnosis = only(examine_bucket(case))
        assert diagnosis.seen.startswith("bucket-one: status 403. It belongs to another account")


class TestRights:
    def test_all_rights_are_ok_and_old_scratch_goes(self, case, bucket, monkeypatch):
        case.bucket = bucket
        find_bucket_region(bucket)
        with Stubber(get_client()) as stub:  # moto says that all multipart uploads are of 2010.
            for call in ("put_object", "delete_object", "put_object", "head_object"):
                stub.add_response(call, {})
            stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
            stub.add_response("list_objects_v2", {})
            for _ in range(2):
                stub.add_client_error("create_multipart_upload", "NotImplemented", http_status_code=501)
            stub.add_response("list_multipart_uploads", {})
            stub.add_response("list_objects_v2", {})
            stub.add_response("list_multipart_uploads", {})
            assert only(examine_rights(case)).seen == "read, write, delete, list, multipart uploads"
        Scratch(bucket).put("left")
        monkeypatch.setattr(scratch_module.remove_old_scratch, "__kwdefaults__", {"older_than": timedelta(seconds=-5)})
        assert only(examine_rights(case)).seen.endswith("; removed 2 objects of a killed run")

    @pytest.mark.parametrize(("calls", "right"), [([], "s3:PutObject"), (["put_object"], "s3:DeleteObject")])
    def test_denied_right_is_named(self, case, bucket, calls, right):
        case.bucket = bucket
        find_bucket_region(bucket)
        with Stubber(get_client()) as stub:
            for call in calls:
                stub.add_response(call, {})
            stub.add_client_error("delete_object" if calls else "put_object", "AccessDenied", http_status_code=403)
            diagnosis = only(examine_rights(case))
        assert (diagnosis.status, diagnosis.seen) == ("failure", f"S3 denies {right}")
        assert ("by hand" in diagnosis.advice) is bool(calls)


def test_transfers_of_a_real_store_are_ok(on_scratch):
    for examine in (examine_multipart, examine_ranges, examine_signed_urls, examine_forms, examine_privacy):
        assert only(examine(on_scratch)).status == "ok"


def test_transfers_that_clients_cannot_make_fail(on_scratch, settings):
    with AnsweringServer({"POST": (501, {})}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        assert only(examine_signed_urls(on_scratch)).status == "failure"
        assert only(examine_forms(on_scratch)).advice.startswith("Leave post_forms out of")
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["put"]
        assert only(examine_forms(on_scratch)).status == "ok"


def test_public_bucket_fails(on_scratch, settings):
    with AnsweringServer({"GET": (200, {})}) as server:
        server.content = b"scratch of s3_doctor"
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        assert only(examine_privacy(on_scratch)).status == "failure"


@pytest.mark.parametrize(
    ("abilities", "status", "text"),
    [
        (["payload_hash_in_urls", "post_forms"], "ok", "as the settings say: payload_hash_in_urls, post_forms"),
        (["post_forms"], "warning", "the store has more than the settings say: payload_hash_in_urls"),
        (["payload_hash_in_urls", "post_forms", "lifecycle"], "warning", "the store has no lifecycle"),
        (["checksums"], "failure", "the settings promise what the store lacks: checksums"),
    ],
)
def test_abilities_are_printed_as_the_setting(on_scratch, settings, abilities, status, text):
    settings.S3_FILE_UPLOADER_STORE = abilities
    diagnosis = only(examine_abilities(on_scratch))
    assert (diagnosis.status, diagnosis.seen) == (status, text)
    paste = 'S3_FILE_UPLOADER_STORE = ["payload_hash_in_urls", "post_forms"]'
    assert diagnosis.advice == ("" if status == "ok" else paste)


def test_remove_scratch_without_any_asks_nothing(case):
    remove_scratch(case)
