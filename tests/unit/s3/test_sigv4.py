"""Our signatures beside AWS's published examples, and, byte for byte, beside those of botocore's own signers."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from hashlib import sha256

import pytest
from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.utils import percent_encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_file_uploader.s3.sigv4 import Credentials, Place, Presigner
from s3_file_uploader.values import MAX_EXPIRATION_SECONDS, MAX_PART_BYTES, MAX_PARTS
from tests.conftest import FUZZ_INPUTS

pytestmark = pytest.mark.slow  # It signs many random requests, as botocore does.

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_BUCKET = Place(
    bucket="examplebucket",
    region="us-east-1",
    origin="https://examplebucket.s3.amazonaws.com",
    host="examplebucket.s3.amazonaws.com",
    path="/",
)
EXAMPLE_DAY = datetime(2013, 5, 24, tzinfo=UTC)
NO_BODY = sha256().hexdigest()


def test_url_of_the_aws_example_has_its_signature():
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    presigner = Presigner(EXAMPLE, EXAMPLE_BUCKET, EXAMPLE_DAY, expires_in_seconds=86_400)
    assert presigner.url("GET", "test.txt") == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html, whose lines end as Windows ends them.
EXAMPLE_POLICY = """\
{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "<your-access-key-id>/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"""


def test_sign_text_of_the_aws_example_policy_has_its_signature():
    presigner = Presigner(EXAMPLE, EXAMPLE_BUCKET, datetime(2015, 12, 29, tzinfo=UTC), expires_in_seconds=60)
    policy = EXAMPLE_POLICY.replace("<your-access-key-id>", EXAMPLE.access_key_id).replace("\n", "\r\n")
    assert (
        presigner.sign_text(b64encode(policy.encode()).decode())
        == "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    )


# --- beside botocore -------------------------------------------------------------------------------------------------

thoroughly = settings(max_examples=FUZZ_INPUTS or 40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
AWKWARD = st.text("+%&=~!*'();:@,/ ?#[]$\"<>\\^`{|}.-_aZ9é\t\n", max_size=60)
KEYS = ANYTHING | AWKWARD | st.sampled_from(["", "a/../b", "./a", "//", "a" * 1024, "a%2Fb", "ключ/😀", "x\u0301"])
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
CREDENTIALS = st.builds(Credentials, PRINTABLE, PRINTABLE, st.none() | PRINTABLE)
REGIONS = st.sampled_from(["us-east-1", "eu-west-3", "cn-north-1", "us-gov-west-1", "auto", "nyc3"])
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
EXPIRATIONS = st.integers(1, MAX_EXPIRATION_SECONDS) | st.sampled_from([1, MAX_EXPIRATION_SECONDS])
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "POST"])
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("Content-Length", "content-type", "Content-MD5", "cache-control", "content-disposition", "If-None-Match"),
            *("X-Amz-Meta-Name", "x-amz-meta-a", "x-amz-meta-a-b", "x-amz-acl", "x-amz-checksum-sha256"),
        ]
    ),
    VALUES,
)
QUERIES = st.dictionaries(
    st.sampled_from(
        ["response-content-disposition", "response-content-type", "uploadId", "partNumber", "versionId", "uploads"]
    ),
    ANYTHING | AWKWARD,
)


ORIGINS = {
    "https://a-bucket.s3.eu-west-3.amazonaws.com": "a-bucket.s3.eu-west-3.amazonaws.com",
    "https://Store.Example:443": "store.example",
    "http://store.example:80": "store.example",
    "https://store.example:80": "store.example:80",
    "http://127.0.0.1:9000": "127.0.0.1:9000",
    "http://[::1]": "[::1]",
    "https://[2001:DB8::1]:9000": "[2001:db8::1]:9000",
}
PATHS = st.sampled_from(["/", "/a-bucket/", "/base/a-bucket/"])
PLACES = st.builds(
    lambda region, origin, path: Place("a-bucket", region, origin, ORIGINS[origin], path),
    *(REGIONS, st.sampled_from(list(ORIGINS)), PATHS),
)


class QueryAuth(S3SigV4QueryAuth):
    """A signer of botocore whose clock is a parameter."""

    def __init__(self, credentials, place, at, **options):
        keys = ReadOnlyCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
        super().__init__(keys, "s3", place.region, **options)
        self.at = at

    def add_auth(self, request):
        request.context["timestamp"] = self.at.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def request_for(method, place, key, query, headers):
    url = f"{place.origin}{place.path}{percent_encode(key, safe='/~')}"
    return AWSRequest(method, url, headers=dict(headers), params=dict(query))


@thoroughly
@given(CREDENTIALS, PLACES, TIMES, EXPIRATIONS, METHODS, KEYS, QUERIES, HEADERS)
def test_url_of_any_request_equals_botocore(credentials, place, at, expires_in_seconds, method, key, query, headers):
    request = request_for(method, place, key, query, headers)
    QueryAuth(credentials, place, at, expires=expires_in_seconds).add_auth(request)
    presigner = Presigner(credentials, place, at, expires_in_seconds=expires_in_seconds)
    assert presigner.url(method, key, query=query, headers=headers) == request.url
    assert presigner.expires_at == at.replace(microsecond=0) + timedelta(seconds=expires_in_seconds)


@thoroughly
@given(
    CREDENTIALS,
    PLACES,
    TIMES,
    EXPIRATIONS,
    KEYS,
    ANYTHING,
    st.lists(st.tuples(st.integers(1, MAX_PARTS), st.integers(0, MAX_PART_BYTES)), max_size=5),
    st.booleans(),
)
def test_part_urls_of_any_upload_equal_botocore(
    credentials, place, at, expires_in_seconds, key, upload_id, parts, with_sizes
):
    def theirs(number, size):
        headers = {"Content-Length": str(size)} if with_sizes else {}
        request = request_for("PUT", place, key, {"uploadId": upload_id, "partNumber": number}, headers)
        QueryAuth(credentials, place, at, expires=expires_in_seconds).add_auth(request)
        return request.url

    presigner = Presigner(credentials, place, at, expires_in_seconds=expires_in_seconds)
    numbers, sizes = [number for number, _ in parts], [size for _, size in parts]
    ours = presigner.part_urls(key, upload_id=upload_id, part_numbers=numbers, part_sizes=sizes if with_sizes else None)
    assert ours == [theirs(*part) for part in parts]


@thoroughly
@given(
    CREDENTIALS,
    PLACES,
    EXPIRATIONS,
    KEYS,
    st.dictionaries(ANYTHING, ANYTHING, max_size=4),
    st.integers(),
    st.integers(),
)
def test_post_fields_of_any_form_equal_botocore(
    credentials, place, expires_in_seconds, key, fields, min_bytes, max_bytes
):
    keys = ReadOnlyCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)

    def signed(at):
        request = AWSRequest("POST", place.origin)
        conditions = [
            *({name: value} for name, value in fields.items()),
            *(["content-length-range", min_bytes, max_bytes], {"bucket": place.bucket}, {"key": key}),
        ]
        until = (at + timedelta(seconds=expires_in_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        request.context["s3-presign-post-policy"] = {"expiration": until, "conditions": conditions}
        request.context["s3-presign-post-fields"] = {**fields, "key": key}
        S3SigV4PostAuth(keys, "s3", place.region).add_auth(request)
        return request.context["s3-presign-post-fields"]

    at, theirs = same_second(signed)
    presigner = Presigner(credentials, place, at, expires_in_seconds=expires_in_seconds)
    ours = presigner.post_fields(key, fields=fields, min_bytes=min_bytes, max_bytes=max_bytes)
    assert ours == theirs


def same_second(signed):
    """Sign with botocore's own clock, and once more if a second ended meanwhile."""
    while True:
        at = datetime.now(UTC)
        fields = signed(at)
        if fields["x-amz-date"] == at.strftime("%Y%m%dT%H%M%SZ"):
            return at, fields


def test_url_with_a_signed_body_equals_botocore():
    headers = {"x-amz-content-sha256": NO_BODY, "content-length": "0"}
    request = request_for("PUT", EXAMPLE_BUCKET, "key", {}, headers)
    QueryAuth(EXAMPLE, EXAMPLE_BUCKET, EXAMPLE_DAY, expires=60).add_auth(request)
    presigner = Presigner(EXAMPLE, EXAMPLE_BUCKET, EXAMPLE_DAY, expires_in_seconds=60)
    assert presigner.url("PUT", "key", headers=headers) == request.url
    assert presigner.url("PUT", "key", headers={"content-length": "0"}) != request.url


def test_presigner_other_time_zone_is_converted_to_whole_seconds():
    east = EXAMPLE_DAY.astimezone(timezone(timedelta(hours=9))).replace(microsecond=999_999)
    in_utc, in_the_east = (Presigner(EXAMPLE, EXAMPLE_BUCKET, at, expires_in_seconds=60) for at in (EXAMPLE_DAY, east))
    assert in_the_east.expires_at == EXAMPLE_DAY + timedelta(seconds=60)
    assert in_the_east.url("GET", "key") == in_utc.url("GET", "key")


def test_credentials_repr_shows_no_secret():
    text = repr(Credentials("test-key", "test-secret", "test-token"))
    assert "test-key" in text
    assert "test-secret" not in text
    assert "test-token" not in text


def test_presigner_shared_by_threads_signs_the_same():
    presigner = Presigner(EXAMPLE, EXAMPLE_BUCKET, EXAMPLE_DAY, expires_in_seconds=60)
    keys = [f"key-{number}" for number in range(2000)]
    alone = [presigner.url("GET", key) for key in keys]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(partial(presigner.url, "GET"), keys)) == alone
