"""Presigned URLs and forms: keys, addresses and times from the settings; equality with the boto3 client."""

import json
import threading
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as thoroughly
from hypothesis import strategies as st

from s3_file_uploader import exceptions as own
from s3_file_uploader.conf import conf
from s3_file_uploader.s3 import presign
from s3_file_uploader.s3.client import _build_client, _get_session, credentials, find_bucket_region, get_client
from s3_file_uploader.s3.presign import presign_part_urls, presign_post, presign_url
from s3_file_uploader.values import MAX_EXPIRATION_SECONDS, MAX_PART_BYTES, MAX_PARTS
from tests.conftest import FUZZ_INPUTS

pytestmark = pytest.mark.slow  # It signs many random requests, as botocore does.

ELSEWHERE = "http://store.example:9000"


class RoleOfTheHost(BaseHTTPRequestHandler):
    """Hands out temporary credentials, other ones each time, as a container's host does."""

    def do_GET(self):
        self.server.requests += 1
        until = datetime.now(UTC) + self.server.lifetime
        keys = {
            "AccessKeyId": f"test-role-{self.server.requests}",
            "SecretAccessKey": "test-secret",
            "Token": "test-token",
        }
        body = json.dumps({**keys, "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def without_keys(settings, monkeypatch, tmp_path):
    """Leave boto3 without credentials."""
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    _build_client.cache_clear()
    _get_session.cache_clear()
    yield
    _build_client.cache_clear()
    _get_session.cache_clear()


@pytest.fixture
def role(without_keys, monkeypatch):
    """Give the host a role."""
    with HTTPServer(("127.0.0.1", 0), RoleOfTheHost) as host:
        host.requests, host.lifetime = 0, timedelta(hours=1)
        threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{host.server_port}/")
        yield host
        host.shutdown()


def query_of(url):
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def signed(**options):
    given = {"method": "GET", "bucket": "bucket", "key": "key", "expires_in_seconds": 60}
    return presign_url(**{**given, **options})


def signed_at(url):
    return datetime.strptime(query_of(url)["X-Amz-Date"], "%Y%m%dT%H%M%S%z")


# --- keys ------------------------------------------------------------------------------------------------------------


def test_presign_url_without_keys_is_signed_by_role_of_host(role):
    query = query_of(signed().url)
    assert query["X-Amz-Credential"].startswith("test-role-1/")
    assert query["X-Amz-Security-Token"] == "test-token"


def test_presign_url_with_keys_about_to_expire_renews_them(role):
    def signer_of():
        return query_of(signed(now=datetime.now(UTC)).url)["X-Amz-Credential"]

    role.lifetime = timedelta(minutes=5)
    about_to_end = signer_of()
    role.lifetime = timedelta(hours=1)
    renewed = signer_of()
    assert about_to_end != renewed
    assert signer_of() == renewed


@pytest.mark.parametrize("sign", [signed, credentials])
def test_signing_without_any_keys_is_storage_not_configured(without_keys, sign):
    with pytest.raises(own.StorageNotConfigured, match="AWS_ACCESS_KEY_ID"):
        sign()


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_signing_with_half_a_pair_of_keys_names_the_missing_one(settings, missing):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    setattr(settings, missing, "")
    with pytest.raises(own.StorageNotConfigured, match=missing):
        signed()


def test_presign_url_with_a_session_token_contains_it(settings):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    assert "X-Amz-Security-Token" not in query_of(signed().url)
    settings.AWS_SESSION_TOKEN = "test-session"
    assert query_of(signed().url)["X-Amz-Security-Token"] == "test-session"


# --- address and time ------------------------------------------------------------------------------------------------


def test_presign_url_after_change_of_settings_uses_them_at_once(settings):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    for number in range(20):
        settings.AWS_ACCESS_KEY_ID = f"test-key-{number}"
        assert query_of(signed().url)["X-Amz-Credential"].startswith(f"test-key-{number}/")
        assert query_of(signed().url)["X-Amz-Credential"].startswith(f"test-key-{number}/")


def test_presign_url_after_new_environment_uses_it_next_second(without_keys, monkeypatch):
    def key_in(second):
        return presign._build_presigner_of_second("bucket", 60, second).url("GET", "key")

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    assert "test-key-1" in key_in(1_000_000_000)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-2")
    assert "test-key-1" in key_in(1_000_000_000)
    assert "test-key-2" in key_in(1_000_000_001)


def test_presign_url_with_a_public_endpoint_uses_it(settings):
    settings.AWS_S3_ENDPOINT_URL = "http://inside:9000"
    settings.AWS_S3_PUBLIC_ENDPOINT_URL = "https://outside.example"
    parts = {"bucket": "bucket", "key": "key", "upload_id": "id", "part_numbers": [1], "expires_in_seconds": 60}
    assert signed().url.startswith("https://outside.example/bucket/key?")
    assert presign_part_urls(**parts)[0].startswith("https://outside.example/bucket/key?")


def test_presign_url_of_a_bucket_elsewhere_uses_its_region(aws, settings):
    get_client(region="eu-west-3").create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
    )
    url = signed(bucket="far-away").url
    assert url.startswith("https://far-away.s3.eu-west-3.amazonaws.com/key?")
    assert "/eu-west-3/s3/" in query_of(url)["X-Amz-Credential"]
    with pytest.raises(own.BucketNotFound):
        signed(bucket="nowhere-at-all")


def test_presign_url_expires_at_its_signature_plus_its_seconds(settings):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    before = datetime.now(UTC).replace(microsecond=0)
    presigned = signed()
    assert before <= signed_at(presigned.url) <= datetime.now(UTC)
    assert presigned.expires_at - signed_at(presigned.url) == timedelta(seconds=60)
    assert (presigned.method, presigned.expires_in_seconds) == ("GET", 60)
    at = datetime(2013, 5, 24, 1, 2, 3, 999_999, tzinfo=UTC)
    long_ago = signed(now=at)
    assert long_ago.expires_at == datetime(2013, 5, 24, 1, 3, 3, tzinfo=UTC)
    assert query_of(long_ago.url)["X-Amz-Date"] == "20130524T010203Z"


# --- compared with boto3 ---------------------------------------------------------------------------------------------

STORES = {
    "aws": {},
    "aws, far away, for a while": {"AWS_STORAGE_REGION": "eu-west-3", "AWS_SESSION_TOKEN": "test/session+token=="},
    "aws, by path": {"AWS_S3_ADDRESSING_STYLE": "path", "AWS_STORAGE_REGION": "eu-west-3"},
    "a port": {"AWS_S3_ENDPOINT_URL": ELSEWHERE, "AWS_STORAGE_REGION": "nyc3"},
    "a port that is the scheme's": {"AWS_S3_ENDPOINT_URL": "https://Store.Example:443", "AWS_SESSION_TOKEN": "test-t"},
    "an address of IPv6": {"AWS_S3_ENDPOINT_URL": "http://[::1]:80"},
    "a path before the bucket": {"AWS_S3_ENDPOINT_URL": "https://store.example/base/"},
    "a host for each bucket": {"AWS_S3_ENDPOINT_URL": "https://store.example", "AWS_S3_ADDRESSING_STYLE": "virtual"},
    "another for clients": {"AWS_S3_ENDPOINT_URL": ELSEWHERE, "AWS_S3_PUBLIC_ENDPOINT_URL": "https://cdn.example"},
}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store(request, settings, aws):
    """Use each kind of store; on AWS the buckets must exist, because S3 is asked for their region."""
    for name, value in request.param.items():
        setattr(settings, name, value)
    if not conf.endpoint_url:
        place = {} if conf.region == "us-east-1" else {"LocationConstraint": conf.region}
        for bucket in ("bucket-one", "bucket.with.dots"):
            get_client().create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))


def theirs(bucket):
    return get_client(region=find_bucket_region(bucket), endpoint_url=conf.public_endpoint_url)


compared_with_boto3 = thoroughly(
    max_examples=FUZZ_INPUTS or 30,  # For each store.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
AWKWARD = st.text("+%&=~!*'();:@,/ ?#[]$\"<>\\^`{|}.-_aZ9é\t\n", min_size=1, max_size=60)
KEYS = ANYTHING | AWKWARD | st.sampled_from(["a/../b", "./a", "//", "a" * 1024, "a%2Fb", "ключ/😀", "x\u0301"])
BUCKETS = st.sampled_from(["bucket-one", "bucket.with.dots"])
EXPIRATIONS = st.integers(1, MAX_EXPIRATION_SECONDS) | st.sampled_from([1, MAX_EXPIRATION_SECONDS])
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
# The parameter of boto3, and the header of a request.
HEADERS = {
    "ContentLength": "content-length",
    "ContentType": "Content-Type",
    "ContentMD5": "Content-MD5",
    "ContentDisposition": "content-disposition",
    "CacheControl": "cache-control",
    "IfNoneMatch": "if-none-match",
    "StorageClass": "x-amz-storage-class",
    "ServerSideEncryption": "x-amz-server-side-encryption",
}
UPLOADS = st.dictionaries(st.sampled_from(list(HEADERS)), ASCII)


@compared_with_boto3
@given(BUCKETS, KEYS, EXPIRATIONS, st.sampled_from(["GET", "HEAD"]), st.none() | ANYTHING | AWKWARD)
def test_presign_url_to_read_equals_boto3(store, bucket, key, expires_in_seconds, method, disposition):
    params = {"Bucket": bucket, "Key": key, **({"ResponseContentDisposition": disposition} if disposition else {})}
    url = theirs(bucket).generate_presigned_url(f"{method.lower()}_object", params, expires_in_seconds)
    read = {"method": method, "expires_in_seconds": expires_in_seconds, "content_disposition": disposition}
    assert signed(bucket=bucket, key=key, now=signed_at(url), **read).url == url


@compared_with_boto3
@given(BUCKETS, KEYS, EXPIRATIONS, UPLOADS, st.integers(0, 2**40), st.dictionaries(st.sampled_from("abc"), ASCII))
def test_presign_url_to_write_equals_boto3(store, bucket, key, expires_in_seconds, upload, size, metadata):
    params = {"Bucket": bucket, "Key": key, **upload, "ContentLength": size, "Metadata": metadata}
    url = theirs(bucket).generate_presigned_url("put_object", params, expires_in_seconds)
    headers = {HEADERS[name]: value for name, value in {**upload, "ContentLength": str(size)}.items()}
    headers |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    write = {"method": "PUT", "expires_in_seconds": expires_in_seconds, "headers": headers}
    assert signed(bucket=bucket, key=key, now=signed_at(url), **write).url == url


@compared_with_boto3
@given(
    BUCKETS,
    KEYS,
    EXPIRATIONS,
    ANYTHING | AWKWARD,
    st.integers(1, MAX_PARTS),
    st.none() | st.integers(0, MAX_PART_BYTES),
)
def test_presign_part_urls_equal_boto3(store, bucket, key, expires_in_seconds, upload_id, number, size):
    params = {"Bucket": bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
    params |= {} if size is None else {"ContentLength": size}
    url = theirs(bucket).generate_presigned_url("upload_part", params, expires_in_seconds)
    part = {"upload_id": upload_id, "part_numbers": iter([number]), "now": signed_at(url)}
    part["part_sizes"] = None if size is None else [size]
    assert presign_part_urls(bucket=bucket, key=key, expires_in_seconds=expires_in_seconds, **part) == [url]


@compared_with_boto3
@given(BUCKETS, KEYS, EXPIRATIONS, st.dictionaries(ANYTHING, ANYTHING, max_size=4), st.integers(0), st.integers(0))
def test_presign_post_equals_boto3(store, bucket, key, expires_in_seconds, fields, min_bytes, max_bytes):
    size = {"min_bytes": min_bytes, "max_bytes": max_bytes}
    conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", min_bytes, max_bytes]]
    form = {"Fields": fields, "Conditions": conditions, "ExpiresIn": expires_in_seconds}
    at, answer = in_one_second(lambda: theirs(bucket).generate_presigned_post(bucket, key, **form), expires_in_seconds)
    ours = presign_post(bucket=bucket, key=key, fields=fields, expires_in_seconds=expires_in_seconds, now=at, **size)
    assert (ours.url.removesuffix("/"), ours.fields) == (answer["url"].removesuffix("/"), answer["fields"])
    assert ours.url.endswith("/")
    assert ours.expires_at == at + timedelta(seconds=expires_in_seconds)
    assert ours.expires_in_seconds == expires_in_seconds


def in_one_second(sign, expires_in_seconds):
    """Sign, and once more if a second ended between boto3's two looks at the clock."""
    while True:
        answer = sign()
        at = datetime.strptime(answer["fields"]["x-amz-date"], "%Y%m%dT%H%M%S%z")
        until = datetime.fromisoformat(json.loads(b64decode(answer["fields"]["policy"]))["expiration"])
        if until - at == timedelta(seconds=expires_in_seconds):
            return at, answer


@pytest.mark.parametrize(
    ("key", "fields", "error"),
    [
        ("a/${filename}", {}, own.InvalidFileName),
        ("${filename}.txt", {"x-amz-meta-a": "${filename}"}, own.InvalidFileName),
        ("key", {"Content-Type": "a/b", "x-amz-meta-a": "a ${filename} b"}, own.InvalidField),
    ],
)
def test_presign_post_with_a_word_that_s3_replaces_is_refused(settings, key, fields, error):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    with pytest.raises(error, match=r"\$\{filename\}") as raised:
        presign_post(bucket="bucket", key=key, fields=fields, min_bytes=0, max_bytes=1, expires_in_seconds=60)
    assert getattr(raised.value, "field", "x-amz-meta-a") == "x-amz-meta-a"


def test_presign_part_urls_keep_the_given_order(settings):
    settings.AWS_S3_ENDPOINT_URL = ELSEWHERE
    upload = {"bucket": "bucket", "key": "key", "upload_id": "id", "expires_in_seconds": 60}
    urls = presign_part_urls(part_numbers=(10_000, 3, 3, 1), **upload)
    assert [query_of(url)["partNumber"] for url in urls] == ["10000", "3", "3", "1"]
    assert presign_part_urls(part_numbers=[], **upload) == []
