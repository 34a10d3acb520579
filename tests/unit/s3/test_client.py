from base64 import b64encode
from hashlib import md5

import pytest

from s3_file_uploader import exceptions as own
from s3_file_uploader.s3.client import (
    _build_client,
    _get_session,
    _read_options,
    find_bucket_region,
    forget_buckets,
    get_client,
    region_is_known,
    require_bucket,
)
from s3_file_uploader.s3.objects import head_object


def test_get_client_same_options_return_the_same_client(settings):
    first = get_client()
    assert get_client() is first
    assert get_client(region="eu-west-1") is not first
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 9
    assert get_client() is not first


def test_get_client_on_aws_and_elsewhere_has_its_configuration(settings):
    on_aws = get_client().meta
    assert on_aws.config.signature_version == "s3v4"
    assert on_aws.config.s3["addressing_style"] == "virtual"
    assert on_aws.config.request_checksum_calculation == "when_supported"
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    elsewhere = get_client().meta
    assert elsewhere.endpoint_url == "http://store.example:9000"
    assert elsewhere.config.s3["addressing_style"] == "path"
    assert elsewhere.config.request_checksum_calculation == "when_required"
    settings.AWS_S3_ADDRESSING_STYLE = "virtual"
    assert get_client().meta.config.s3["addressing_style"] == "virtual"


def test_get_client_uses_the_endpoint_variables_of_aws(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://other-services.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere.example")
    assert get_client().meta.endpoint_url == "http://elsewhere.example"


@pytest.fixture
def new_session():
    """Read the files of AWS's configuration anew, in the test and after it."""
    forget_session()
    yield
    forget_session()


def forget_session():
    _build_client.cache_clear()
    _get_session.cache_clear()


def test_get_client_ignores_the_endpoint_of_a_profile(monkeypatch, tmp_path, new_session):
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://elsewhere.example\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert get_client().meta.endpoint_url == "https://s3.amazonaws.com"


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_get_client_with_one_key_names_the_missing_one(settings, missing):
    setattr(settings, missing, "")
    with pytest.raises(own.StorageNotConfigured, match=missing):
        get_client()


@pytest.mark.parametrize("name", ["AWS_S3_ENDPOINT_URL", "AWS_STORAGE_REGION"])
def test_get_client_malformed_address_is_storage_not_configured(settings, name):
    setattr(settings, name, "not an address")
    with pytest.raises(own.StorageNotConfigured):
        get_client()


def test_options_repr_shows_no_secret(settings):
    settings.AWS_SESSION_TOKEN = "test-session-token"
    text = repr(_read_options())
    assert "us-east-1" in text
    assert not any(secret in text for secret in ("test-access-key", "test-secret-key", "test-session-token"))


def test_find_bucket_region_on_aws_is_requested_once(aws, settings):
    get_client(region="eu-west-3").create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
    )
    assert find_bucket_region("far-away") == "eu-west-3"
    get_client(region="eu-west-3").delete_bucket(Bucket="far-away")
    assert find_bucket_region("far-away") == "eu-west-3"
    forget_buckets()
    with pytest.raises(own.BucketNotFound):
        find_bucket_region("far-away")
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    assert find_bucket_region("any") == "us-east-1"


def test_client_calls_that_need_content_md5_send_it(bucket):
    sent = []

    def keep(request, **kwargs):
        sent.append((request.headers["Content-MD5"], b64encode(md5(request.body, usedforsecurity=False).digest())))

    events = get_client().meta.events
    events.register_first("before-send.s3", keep)
    try:
        rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
        get_client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
        rule = {"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}
        get_client().put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    finally:
        events.unregister("before-send.s3", keep)
    (first, md5_of_first), (second, md5_of_second) = sent
    assert (first, second) == (md5_of_first, md5_of_second)


def test_head_object_of_an_object_on_aws_describes_it(bucket):
    get_client().put_object(Bucket=bucket, Key="k", Body=b"abc", ContentType="text/x", Metadata={"Name": "v"})
    stored = head_object(bucket=bucket, key="k")
    assert (stored.size, stored.content_type, stored.metadata) == (3, "text/x", {"name": "v"})
    assert stored.etag == "900150983cd24fb0d6963f7d28e17f72"
    with pytest.raises(own.FileNotFound):
        head_object(bucket=bucket, key="none")


def test_region_is_known_on_aws_only_if_botocore_knows_it(settings):
    assert [region_is_known(name) for name in ("eu-west-1", "cn-north-1", "eu-nowhere-9")] == [True, True, False]
    settings.AWS_S3_ENDPOINT_URL = "http://store.example:9000"
    assert region_is_known("nyc3")


def test_require_bucket_within_a_minute_asks_once(bucket):
    require_bucket(bucket)
    get_client().delete_bucket(Bucket=bucket)
    require_bucket(bucket)
    with pytest.raises(own.BucketNotFound):
        require_bucket(bucket, remembered_seconds=0)
    with pytest.raises(own.BucketNotFound):
        require_bucket(bucket)


@pytest.mark.parametrize(
    ("abilities", "calculation"), [([], "when_required"), (["checksum_trailers"], "when_supported")]
)
def test_client_adds_checksums_where_the_store_takes_trailers(settings, abilities, calculation):
    settings.AWS_S3_ENDPOINT_URL, settings.S3_FILE_UPLOADER_STORE = "http://store.example", abilities
    config = get_client().meta.config
    assert (config.request_checksum_calculation, config.response_checksum_validation) == (calculation, calculation)
