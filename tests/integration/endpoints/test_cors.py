"""Check with real servers whether browsers can use a bucket, and which rules a new bucket gets."""

from contextlib import ExitStack

import pytest
from django.core.management import CommandError, call_command

from s3_file_uploader.embedded import EmbeddedS3, free_port
from s3_file_uploader.exceptions import StorageUnsupported
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import cors_check, cors_list, cors_remove, cors_set
from tests.support.moto_server import MotoServer

APP, STRANGER = "https://app.example.com", "https://stranger.example.com"


@pytest.fixture
def other_store(own_settings, tmp_path):
    """Start a store with other defaults than the embedded one, with a bucket in it."""
    with ExitStack() as stack:

        def start(store=None, **options):
            store = stack.enter_context(store or EmbeddedS3(tmp_path / "other", **options))
            for name, value in store.environment().items():
                setattr(own_settings, name, value)
            get_client().create_bucket(Bucket="bucket-one")
            return "bucket-one"

        yield start


class TestEmbeddedStore:
    def test_check_of_any_origin_passes(self, bucket):
        assert cors_list(bucket=bucket) == ()
        for origin in (APP, STRANGER, "*", "http://localhost:3000"):
            access = cors_check(bucket=bucket, origins=[origin])
            assert access.is_enough
            assert access.store_was_asked

    def test_set_fails_and_names_the_setting_of_the_store(self, bucket):
        with pytest.raises(StorageUnsupported, match="MINIO_API_CORS_ALLOW_ORIGIN"):
            cors_set(bucket=bucket, origins=[APP])
        assert not cors_remove(bucket=bucket).is_changed

    def test_check_follows_the_setting_of_the_store(self, other_store):
        bucket = other_store(extra_environment={"MINIO_API_CORS_ALLOW_ORIGIN": APP})
        assert cors_check(bucket=bucket, origins=[APP]).is_enough
        assert cors_check(bucket=bucket, origins=[APP, STRANGER]).refused_by_store == (
            f"{STRANGER} may not send GET, HEAD, PUT, POST: the answer allows no origin.",
            f"{STRANGER} may not read answers: the answer allows no origin.",
        )

    def test_new_bucket_gets_no_rules(self, http, staff, settings):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
        assert http(staff).post("bucket/create/", data={"bucket": "new-one"}).status_code == 201
        assert cors_check(bucket="new-one", origins=[APP]).is_enough
        get_client().delete_bucket(Bucket="new-one")


class TestStoreWithRules:
    def test_check_follows_the_rules(self, other_store):
        bucket = other_store(MotoServer(access_key_id="test-id", secret_access_key="test-secret"))
        rules = cors_set(bucket=bucket, origins=[APP]).rules
        assert cors_list(bucket=bucket) == rules
        assert cors_check(bucket=bucket, origins=[APP]).is_enough
        access = cors_check(bucket=bucket, origins=[STRANGER], preflight=True)
        assert access.missing_in_rules == (f"No rule allows {STRANGER}.",)
        refused = f"{STRANGER} may not send GET, HEAD, PUT, POST: the preflight is answered with 403."
        assert access.refused_by_store[0] == refused

    def test_preflight_checks_the_responses_of_the_store(self, other_store):
        # moto accepts the rule that exposes ETag, but sends the header only in responses to preflight requests.
        bucket = other_store(MotoServer(access_key_id="test-id", secret_access_key="test-secret"))
        cors_set(bucket=bucket, origins=[APP])
        access = cors_check(bucket=bucket, origins=[APP], preflight=True)
        assert access.missing_in_rules == ()
        why = "the answer does not expose ETag, Location"
        assert access.refused_by_store == (f"{APP} may not read answers: {why}.",)

    def test_new_bucket_gets_the_rules_of_the_settings(self, other_store, http, staff, settings):
        settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
        other_store(MotoServer(access_key_id="test-id", secret_access_key="test-secret"))
        assert http(staff).post("bucket/create/", data={"bucket": "new-one"}).status_code == 201
        assert cors_check(bucket="new-one", origins=[APP]).is_enough
        (rule,) = get_client().get_bucket_lifecycle_configuration(Bucket="new-one")["Rules"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_check_without_the_store_fails(other_store, own_settings):
    bucket = other_store()
    own_settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    own_settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    for arguments in ([], ["--origin", APP], ["--set", "--origin", APP], ["--remove"]):
        with pytest.raises(CommandError, match="S3 cannot be reached"):
            call_command("s3_cors", bucket, *arguments)
