"""AWS Signature Version 4 for S3: URLs, headers and POST policies. The standard library alone, no I/O, no clock.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

What requests have in common is worked out once: the key of a day, then all but the method, the object and what else is
signed with them. So a signature costs little more than hashing the rest. The URLs are, byte for byte, botocore's.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import repeat
from types import MappingProxyType
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
# What stands where the hash of the body would, if nobody knows or tells it.
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
CONTENT_SHA256 = "x-amz-content-sha256"
NOTHING: Mapping[str, str] = MappingProxyType({})
# HMAC by its definition, since a state of `hmac` cannot be copied as fast: https://www.rfc-editor.org/rfc/rfc2104
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True)
class Credentials:
    """A pair of keys, and the token that goes with them if they are temporary."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of one bucket are asked for.

    Args:
        bucket: its name.
        region: for which the store checks signatures.
        origin: scheme, host and port, as URLs shall have them.
        host: the Host header that a client makes of it: in lower case, without the scheme's own port.
        path: what comes before the key, percent-encoded; `/`, or in path style `/bucket/`.
    """

    bucket: str
    region: str
    origin: str
    host: str
    path: str


class Signer:
    """Signs requests for one place, with one pair of keys, at one second; threads may share it."""

    def __init__(self, credentials: Credentials, place: Place, signed_at: datetime) -> None:
        """Work out what all signatures have in common.

        Args:
            credentials: the keys, and their token.
            place: which bucket, where.
            signed_at: aware; cut to whole seconds, as signatures know no others.
        """
        self.place = place
        self.signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
        self._token = credentials.session_token
        self._stamp = f"{self.signed_at:%Y%m%dT%H%M%SZ}"
        day = self._stamp[:8]
        scope = f"{day}/{place.region}/s3/aws4_request"
        self._credential = f"{credentials.access_key_id}/{scope}"
        key = signing_key(credentials, day, place.region).ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(key.translate(_INNER))
        self._outer = sha256(key.translate(_OUTER))
        # Up to the hash of the request, every string to sign is the same.
        self._begun = self._inner.copy()
        self._begun.update(f"{ALGORITHM}\n{self._stamp}\n{scope}\n".encode())

    def headers(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        payload_sha256: str = UNSIGNED_PAYLOAD,
    ) -> dict[str, str]:
        """Return the headers that make a request a signed one: those given, and those added.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

        Args:
            method: of the request.
            key: the object's, as it is; empty for the bucket itself.
            query: the parameters, as they are.
            headers: what is sent and signed besides Host.
            payload_sha256: of the body, in lower-case hex.
        """
        added = {CONTENT_SHA256: payload_sha256, "x-amz-date": self._stamp}
        if self._token:
            added["x-amz-security-token"] = self._token
        sent = {**headers, **added}
        names, ending = self._headers(sent)
        _, ordered = _query(query)
        signature = self._sign(f"{method}\n{self._path(key)}\n{ordered[1:]}\n{ending}")
        authorization = f"{ALGORITHM} Credential={self._credential}, SignedHeaders={names}, Signature={signature}"
        return {**sent, "authorization": authorization}

    def target(self, key: str, query: Mapping[str, str] = NOTHING) -> str:
        """Return path and query of a request, as they were signed.

        Args:
            key: the object's, as it is; empty for the bucket itself.
            query: the parameters, as they are.
        """
        return f"{self._path(key)}?{_query(query)[1][1:]}" if query else self._path(key)

    def text(self, text: str) -> str:
        """Return the signature of a text as it is, such as a POST policy in base64."""
        inner = self._inner.copy()
        inner.update(text.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def _sign(self, canonical_request: str) -> str:
        inner = self._begun.copy()
        inner.update(sha256(canonical_request.encode()).hexdigest().encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def _path(self, key: str) -> str:
        return self.place.path + quote(key)

    def _headers(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """Return the names, and all that follows the query in a canonical request."""
        signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        signed["host"] = self.place.host
        ordered = sorted(signed)
        names = ";".join(ordered)
        lines = "".join([f"{name}:{signed[name]}\n" for name in ordered])
        return names, f"{lines}\n{names}\n{signed.get(CONTENT_SHA256, UNSIGNED_PAYLOAD)}"


class Presigner(Signer):
    """Signs what needs no further credentials, until `expires_at`: URLs and forms."""

    def __init__(self, credentials: Credentials, place: Place, signed_at: datetime, *, expires_in_seconds: int) -> None:
        """Work out what all signatures have in common.

        Args:
            credentials: the keys, and their token.
            place: which bucket, where.
            signed_at: aware; cut to whole seconds.
            expires_in_seconds: 1 to 604,800.
        """
        super().__init__(credentials, place, signed_at)
        self.expires_at = self.signed_at + timedelta(seconds=expires_in_seconds)
        self._begin_urls(expires_in_seconds)
        self._begin_forms()

    def _begin_urls(self, expires_in_seconds: int) -> None:
        common = (
            f"X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={quote(self._credential, safe='')}"
            f"&X-Amz-Date={self._stamp}&X-Amz-Expires={expires_in_seconds}"
        )
        self._token_query = f"&X-Amz-Security-Token={quote(self._token, safe='')}" if self._token else ""
        # As it stands in URLs, where botocore has the token last, and as it is signed: in the order of the names.
        self._query = f"{common}&X-Amz-SignedHeaders="
        self._ordered_query = f"{common}{self._token_query}&X-Amz-SignedHeaders="
        self._host_alone = self._headers(NOTHING)

    def _begin_forms(self) -> None:
        place = self.place
        self.bucket_url = f"{place.origin}{place.path}"
        self._fields = {
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": self._credential,
            "x-amz-date": self._stamp,
            **({"x-amz-security-token": self._token} if self._token else {}),
        }
        self._policy_begun = f'{{"expiration": "{self.expires_at:%Y-%m-%dT%H:%M:%SZ}", "conditions": ['
        self._policy_bucket = _exactly("bucket", place.bucket)
        self._policy_ended = f"{', '.join(_exactly(*field) for field in self._fields.items())}]}}"

    def url(
        self, method: str, key: str, *, query: Mapping[str, str] = NOTHING, headers: Mapping[str, str] = NOTHING
    ) -> str:
        """Return a URL for one request.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

        Args:
            method: the only one for which the URL works.
            key: the object's, as it is; empty for the bucket itself.
            query: more parameters, as they are; their names begin with small letters, as all do that S3 knows.
            headers: what must be sent with it, besides Host; `x-amz-content-sha256` if the body is signed too.
        """
        path = self._path(key)
        names, ending = self._headers(headers) if headers else self._host_alone
        given, ordered = _query(query) if query else ("", "")
        named = names.replace(";", "%3B")
        signature = self._sign(f"{method}\n{path}\n{self._ordered_query}{named}{ordered}\n{ending}")
        return f"{self.place.origin}{path}?{given}{self._query}{named}{self._token_query}&X-Amz-Signature={signature}"

    def part_urls(
        self, key: str, *, upload_id: str, part_numbers: Iterable[int], part_sizes: Sequence[int] | None = None
    ) -> list[str]:
        """Return a URL for the PUT of each part, in the order asked for.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

        Args:
            key: the object's, as it is.
            upload_id: of the multipart upload.
            part_numbers: 1 to 10,000.
            part_sizes: of each part in bytes, signed as its Content-Length; None leaves the sizes open.
        """
        path, upload = self._path(key), quote(upload_id, safe="")
        named = "host" if part_sizes is None else "content-length%3Bhost"
        # All that comes before the number is hashed once.
        begun = sha256(f"PUT\n{path}\n{self._ordered_query}{named}&partNumber=".encode())
        rests = self._part_rests(upload, part_sizes)
        before = f"{self.place.origin}{path}?uploadId={upload}&partNumber="
        after = f"&{self._query}{named}{self._token_query}&X-Amz-Signature="
        urls = []
        for number, rest in zip(part_numbers, rests, strict=part_sizes is not None):
            request = begun.copy()
            request.update(f"{number}{rest}".encode())
            inner = self._begun.copy()
            inner.update(request.hexdigest().encode())
            outer = self._outer.copy()
            outer.update(inner.digest())
            urls.append(f"{before}{number}{after}{outer.hexdigest()}")
        return urls

    def _part_rests(self, upload: str, part_sizes: Sequence[int] | None) -> Iterable[str]:
        """Return what follows each number in a canonical request; the parts of a file have two sizes at most."""
        if part_sizes is None:
            return repeat(f"&uploadId={upload}\n{self._host_alone[1]}")
        rests = {
            size: f"&uploadId={upload}\n{self._headers({'content-length': str(size)})[1]}" for size in set(part_sizes)
        }
        return map(rests.__getitem__, part_sizes)

    def post_fields(self, key: str, *, fields: Mapping[str, str], min_bytes: int, max_bytes: int) -> dict[str, str]:
        """Return the fields of a form that uploads one object; the policy among them allows no other values.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

        Args:
            key: the object's, as it is.
            fields: more fields.
            min_bytes: the size of the smallest file allowed.
            max_bytes: that of the largest.
        """
        exactly = [_exactly(*field) for field in fields.items()]
        size = f'["content-length-range", {min_bytes}, {max_bytes}]'
        conditions = [*exactly, size, self._policy_bucket, _exactly("key", key), self._policy_ended]
        policy = b64encode(f"{self._policy_begun}{', '.join(conditions)}".encode()).decode()
        return {**fields, "key": key, **self._fields, "policy": policy, "x-amz-signature": self.text(policy)}


def _exactly(name: str, value: str) -> str:
    return f"{{{json.dumps(name)}: {json.dumps(value)}}}"


def _query(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the parameters encoded: as they are given, each with an `&` after it, and in order, with one before."""
    pairs = [(quote(name, safe=""), quote(value, safe="")) for name, value in query.items()]
    given = "".join([f"{name}={value}&" for name, value in pairs])
    return given, "".join([f"&{name}={value}" for name, value in sorted(pairs)])


@lru_cache(maxsize=256)
def signing_key(credentials: Credentials, day: str, region: str) -> bytes:
    """Return the key of one day and region.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

    Args:
        credentials: whose secret it is made of.
        day: as `20130524`, in UTC.
        region: for which the store checks signatures.
    """
    key = f"AWS4{credentials.secret_access_key}".encode()
    for message in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, message.encode(), "sha256")
    return key
