import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from s3_file_uploader.exceptions import (
    BucketExists,
    BucketNotAllowed,
    BucketNotEmpty,
    BucketNotFound,
    BucketOwnerMismatch,
    InvalidBucketName,
    InvalidField,
    StorageAccessDenied,
    StorageError,
    StorageNotConfigured,
)
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import find_bucket_region, get_client
from s3_file_uploader.s3.cors_rules import build_own_rule
from s3_file_uploader.services import bucket_create, bucket_list, bucket_remove, cors_list, file_delete
from s3_file_uploader.values import BucketListing
from tests.unit.services.conftest import objects_in, on_event, refusing, started, stored_file

ACCOUNT = "123456789012"


def takes_a_file(stub):
    """Let the store take the probe after a rule was written."""
    stub.add_response("put_object", {}, {"Bucket": "bucket-one", "Key": ".s3-file-uploader-probe", "Body": b""})
    stub.add_response("delete_object", {}, {"Bucket": "bucket-one", "Key": ".s3-file-uploader-probe"})


def is_empty(stub):
    stub.add_response("list_objects_v2", {}, {"Bucket": "bucket-one", "MaxKeys": 1})
    stub.add_response("list_object_versions", {}, {"Bucket": "bucket-one", "MaxKeys": 1})


@pytest.fixture
def stubbed():
    with Stubber(get_client()) as stub:
        yield stub
        stub.assert_no_pending_responses()


def owner_id():
    return get_client().list_buckets()["Owner"]["ID"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", None])
def test_create_in_any_region_is_private(aws, staff, settings, region):
    settings.AWS_STORAGE_REGION = "eu-central-1"
    made = bucket_create(user=staff, name="bucket-one", region=region)
    assert (made.name, made.region) == ("bucket-one", region or "eu-central-1")
    assert made.location
    assert find_bucket_region("bucket-one") == made.region
    blocked = get_client().get_public_access_block(Bucket="bucket-one")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert len(blocked) == 4


def test_create_with_an_invalid_name_asks_s3_nothing(staff, stubbed):
    with pytest.raises(InvalidBucketName):
        bucket_create(user=staff, name="Not A Name")


def test_create_of_an_own_bucket_is_refused(bucket, staff):
    with pytest.raises(BucketExists):
        bucket_create(user=staff, name=bucket)


def test_create_of_a_foreign_bucket_is_refused(staff, stubbed):
    stubbed.add_client_error("head_bucket", "403", http_status_code=403)
    with pytest.raises(BucketExists):
        bucket_create(user=staff, name="bucket-one")


def test_create_in_an_unknown_region_is_refused(staff, stubbed):
    stubbed.add_client_error("head_bucket", "404", http_status_code=404)
    stubbed.add_client_error("create_bucket", "InvalidLocationConstraint")
    with pytest.raises(InvalidField) as caught:
        bucket_create(user=staff, name="bucket-one", region="us-east-1")
    assert caught.value.field == "region"


def test_create_without_public_access_block_succeeds(staff, stubbed, caplog):
    stubbed.add_client_error("head_bucket", "404", http_status_code=404)
    stubbed.add_response("create_bucket", {"Location": "/bucket-one"})
    stubbed.add_client_error("put_public_access_block", "NotImplemented", http_status_code=501)
    stubbed.add_response("put_bucket_lifecycle_configuration", {})
    takes_a_file(stubbed)
    caplog.set_level("INFO")
    assert bucket_create(user=staff, name="bucket-one").location == "/bucket-one"
    assert "no public access block" in caplog.text


class TestWhatTheSettingsWantForNewBuckets:
    @pytest.fixture
    def made(self, stubbed):
        stubbed.add_client_error("head_bucket", "404", http_status_code=404)
        stubbed.add_response("create_bucket", {"Location": "/bucket-one"})
        stubbed.add_response("put_public_access_block", {})
        takes_a_file(stubbed)
        return stubbed

    def test_create_writes_the_abort_rule(self, aws, staff, settings):
        bucket_create(user=staff, name="bucket-one")
        settings.S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS = 2
        bucket_create(user=staff, name="bucket-two", region="eu-west-3")
        for name, days in (("bucket-one", 7), ("bucket-two", 2)):
            (rule,) = get_client().get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
            assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": days}
            assert (rule["ID"], rule["Status"], rule["Filter"]) == ("s3-file-uploader", "Enabled", {"Prefix": ""})

    def test_create_without_settings_writes_no_rule(self, staff, settings, made):
        settings.S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS = None
        assert bucket_create(user=staff, name="bucket-one").location == "/bucket-one"

    def test_create_writes_the_cors_rule(self, aws, staff, settings):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = ["https://app.example.com"]
        bucket_create(user=staff, name="bucket-one", region="eu-west-3")
        assert cors_list(bucket="bucket-one") == (build_own_rule(["https://app.example.com"]),)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("NotImplemented", 501), ("MalformedXML", 400), ("InvalidArgument", 400), ("BucketAlreadyExists", 409)],
    )
    def test_create_on_a_store_without_rules_succeeds(self, staff, settings, made, caplog, code, status):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = ["*"]
        made.add_client_error("put_bucket_lifecycle_configuration", code, http_status_code=status)
        made.add_client_error("put_bucket_cors", code, http_status_code=status)
        caplog.set_level("INFO")
        assert bucket_create(user=staff, name="bucket-one").location == "/bucket-one"
        assert [record.getMessage() for record in caplog.records if "bucket-one" in record.getMessage()][:2] == [
            "This store ends no multipart uploads by itself: in bucket bucket-one, s3_housekeeping does.",
            "This store keeps no CORS rules: `s3_cors` shows which origins may use bucket bucket-one.",
        ]

    def test_create_without_the_abilities_asks_for_no_rule(self, staff, settings, made, caplog):
        settings.S3_FILE_UPLOADER_STORE = ["checksum_trailers"]
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = ["*"]
        caplog.set_level("INFO")
        assert bucket_create(user=staff, name="bucket-one").location == "/bucket-one"
        assert "This store ends no multipart uploads by itself: in bucket bucket-one" in caplog.text
        assert "This store keeps no CORS rules" in caplog.text

    @pytest.mark.parametrize(
        ("call", "right"),
        [
            ("put_bucket_lifecycle_configuration", "s3:PutLifecycleConfiguration"),
            ("put_bucket_cors", "s3:PutBucketCORS"),
        ],
    )
    def test_create_without_a_right_names_it_and_leaves_no_bucket(self, staff, settings, made, call, right):
        if call == "put_bucket_cors":
            settings.S3_FILE_UPLOADER_CORS_ORIGINS = ["*"]
            made.add_response("put_bucket_lifecycle_configuration", {})
            takes_a_file(made)
        made.add_client_error(call, "AccessDenied", http_status_code=403)
        is_empty(made)
        made.add_response("delete_bucket", {}, {"Bucket": "bucket-one"})
        with pytest.raises(StorageAccessDenied, match=f"S3 denies this service {right}: "):
            bucket_create(user=staff, name="bucket-one")

    def test_create_that_cannot_be_undone_logs_the_bucket(self, staff, made, caplog):
        made.add_client_error("put_bucket_lifecycle_configuration", "InternalError", http_status_code=500)
        is_empty(made)
        made.add_client_error("delete_bucket", "SlowDown", http_status_code=503)
        with pytest.raises(StorageError) as caught:
            bucket_create(user=staff, name="bucket-one")
        assert type(caught.value) is StorageError
        assert "Bucket bucket-one was left behind, half set up: remove it." in caplog.text


def test_create_that_cannot_be_made_private_leaves_no_bucket(staff, stubbed):
    stubbed.add_client_error("head_bucket", "404", http_status_code=404)
    stubbed.add_response("create_bucket", {"Location": "/bucket-one"})
    stubbed.add_client_error("put_public_access_block", "AccessDenied", http_status_code=403)
    is_empty(stubbed)
    stubbed.add_response("delete_bucket", {}, {"Bucket": "bucket-one"})
    with pytest.raises(StorageAccessDenied):
        bucket_create(user=staff, name="bucket-one")


def test_list_for_each_user_shows_open_buckets(aws, user, staff, settings):
    for name in ("photos-2026", "secrets"):
        get_client().create_bucket(Bucket=name)
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["photos-*"]
    assert [bucket.name for bucket in bucket_list(user=user).buckets] == ["photos-2026"]
    listing = bucket_list(user=staff)
    assert [bucket.name for bucket in listing.buckets] == ["photos-2026", "secrets"]
    assert listing.owner_id == owner_id()
    assert {bucket.region for bucket in listing.buckets} == {"us-east-1"}
    assert listing.buckets[0].created_at.tzinfo is not None


def test_closed_bucket_is_not_created_or_removed(bucket, user, staff, settings):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["public-*"]
    with pytest.raises(BucketNotAllowed):
        bucket_create(user=user, name="secret-one")
    with pytest.raises(BucketNotAllowed):
        bucket_remove(user=user, owner_id=owner_id(), name=bucket)
    bucket_remove(user=staff, owner_id=owner_id(), name=bucket)


def test_list_on_a_store_without_details_succeeds(user, stubbed):
    stubbed.add_response("list_buckets", {})
    assert bucket_list(user=user) == BucketListing(owner_id="", buckets=())


class TestRemoval:
    """A store like SeaweedFS removes a bucket with all that it holds: moto must never be asked to refuse."""

    @pytest.fixture
    def refused(self, bucket, staff):
        def refused(message):
            with refusing("DeleteBucket"), pytest.raises(BucketNotEmpty, match=message):
                bucket_remove(user=staff, owner_id=owner_id(), name=bucket)
            assert get_client().list_buckets()["Buckets"]

        return refused

    def test_bucket_remove_with_orphan_record_says_what_to_do(self, bucket, staff, refused):
        stored_file(staff, bucket, "gone")
        get_client().delete_object(Bucket=bucket, Key="gone")
        refused("s3_housekeeping --compare --remove-records")
        file_delete(user=staff, bucket=bucket, file_name="gone")
        bucket_remove(user=staff, owner_id=owner_id(), name=bucket)
        assert not get_client().list_buckets()["Buckets"]

    def test_bucket_remove_with_a_pending_upload_is_refused(self, bucket, staff, refused):
        started(staff, bucket)
        refused("uploads under way")

    def test_bucket_remove_with_object_of_other_program_is_refused(self, bucket, refused):
        get_client().put_object(Bucket=bucket, Key="a/file")
        refused("still holds files")

    def test_bucket_remove_with_old_versions_is_refused(self, bucket, refused):
        get_client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        get_client().put_object(Bucket=bucket, Key="file")
        get_client().delete_object(Bucket=bucket, Key="file")
        refused("old versions")

    @pytest.mark.parametrize(("code", "status"), [("NotImplemented", 501), ("AccessDenied", 403)])
    def test_bucket_remove_without_versions_leaves_them_to_the_store(self, bucket, staff, code, status):
        with refusing("ListObjectVersions", code=code, status=status):
            bucket_remove(user=staff, owner_id=owner_id(), name=bucket)
        assert not get_client().list_buckets()["Buckets"]

    def test_bucket_remove_forgets_rejected_files(self, bucket, staff):
        upload = stored_file(staff, bucket, "infected")
        FileUpload.objects.filter(pk=upload.pk).update(status="rejected", status_reason="EICAR")
        get_client().delete_object(Bucket=bucket, Key="infected")
        bucket_remove(user=staff, owner_id=owner_id(), name=bucket)
        assert not FileUpload.objects.exists()

    def test_bucket_remove_of_what_the_store_keeps_is_its_own_409(self, bucket, staff):
        with refusing("DeleteBucket", code="BucketNotEmpty", status=409), pytest.raises(BucketNotEmpty):
            bucket_remove(user=staff, owner_id=owner_id(), name=bucket)


class TestARuleThatKeepsFilesOut:
    """As Ceph RGW 16 does, which refuses every write while BlockPublicAcls is set."""

    @pytest.fixture
    def made(self, aws, staff, settings):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = ["https://app.example.com"]

        def made(is_refused):
            def refuse(params, model, **kwargs):
                if model.name == "PutObject" and is_refused(params["Bucket"]):
                    error = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
                    raise ClientError(error, model.name)

            with on_event("provide-client-params.s3", refuse):
                bucket_create(user=staff, name="bucket-one")
            return get_client()

        return made

    def test_bucket_create_takes_back_one_flag_of_the_block(self, made, caplog):
        client = made(lambda bucket: blocked_flags(bucket)["BlockPublicAcls"])
        assert [name for name, is_set in blocked_flags("bucket-one").items() if not is_set] == ["BlockPublicAcls"]
        assert "With BlockPublicAcls this store takes no file: bucket bucket-one" in caplog.text
        client.put_object(Bucket="bucket-one", Key="file")
        assert objects_in("bucket-one") == ["file"]

    def test_bucket_create_takes_back_lifecycle_rules(self, made, caplog):
        made(lambda bucket: has("get_bucket_lifecycle_configuration", bucket))
        assert not has("get_bucket_lifecycle_configuration", "bucket-one")
        assert set(blocked_flags("bucket-one").values()) == {True}
        assert "in bucket bucket-one, s3_housekeeping does their work" in caplog.text

    def test_bucket_create_takes_back_cors_rules(self, made, caplog):
        made(lambda bucket: has("get_bucket_cors", bucket))
        assert not has("get_bucket_cors", "bucket-one")
        assert has("get_bucket_lifecycle_configuration", "bucket-one")
        assert "With CORS rules this store takes no file: bucket bucket-one has none." in caplog.text

    def test_bucket_create_without_right_to_write_keeps_every_rule(self, made):
        made(lambda bucket: True)
        assert set(blocked_flags("bucket-one").values()) == {True}
        assert has("get_bucket_lifecycle_configuration", "bucket-one")
        assert has("get_bucket_cors", "bucket-one")


def blocked_flags(bucket):
    return get_client().get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]


def has(call, bucket):
    try:
        getattr(get_client(), call)(Bucket=bucket)
    except ClientError:
        return False
    return True


def test_remove_with_a_wrong_owner_is_refused(bucket, staff):
    with pytest.raises(BucketOwnerMismatch):
        bucket_remove(user=staff, owner_id="somebody-else", name=bucket)
    assert get_client().list_buckets()["Buckets"]


def test_remove_with_an_account_id_lets_s3_compare(staff, stubbed):
    stubbed.add_response("head_bucket", {}, {"Bucket": "bucket-one", "ExpectedBucketOwner": ACCOUNT})
    stubbed.add_response("head_bucket", {"BucketRegion": "us-east-1"}, {"Bucket": "bucket-one"})
    is_empty(stubbed)
    stubbed.add_response("delete_bucket", {}, {"Bucket": "bucket-one"})
    bucket_remove(user=staff, owner_id=ACCOUNT, name="bucket-one")


def test_remove_with_a_wrong_account_id_is_refused(staff, stubbed):
    stubbed.add_client_error("head_bucket", "403", http_status_code=403)
    stubbed.add_response("head_bucket", {}, {"Bucket": "bucket-one"})
    with pytest.raises(BucketOwnerMismatch):
        bucket_remove(user=staff, owner_id=ACCOUNT, name="bucket-one")


def test_remove_without_the_right_is_denied(staff, stubbed):
    stubbed.add_client_error("head_bucket", "403", http_status_code=403)
    stubbed.add_client_error("head_bucket", "403", http_status_code=403)
    with pytest.raises(StorageAccessDenied):
        bucket_remove(user=staff, owner_id=ACCOUNT, name="bucket-one")


@pytest.mark.parametrize("owner", [ACCOUNT, "f00"])
def test_remove_of_a_missing_bucket_is_not_found(aws, staff, owner):
    with pytest.raises(BucketNotFound):
        bucket_remove(user=staff, owner_id=owner, name="missing-bucket")


def test_calls_without_a_region_are_not_configured(staff, settings):
    settings.AWS_STORAGE_REGION = ""
    with pytest.raises(StorageNotConfigured):
        bucket_list(user=staff)
