"""AWS Signature Version 4 for S3: presigned URLs and POST policies. Standard library only, no I/O, no clock.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

A `Presigner` computes the parts that all signatures share once: the signing key of the day, the scope and the common
query parameters. So 1,000 part URLs cost little more than hashing the rest of each. The URLs equal botocore's byte for
byte.
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
# Stands in place of the hash of the body if the body is not signed.
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
CONTENT_SHA256 = "x-amz-content-sha256"
NOTHING: Mapping[str, str] = MappingProxyType({})
# HMAC by its definition, because copying the state of an `hmac` object is slower: https://www.rfc-editor.org/rfc/rfc2104
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True)
class Credentials:
    """A pair of keys, and the session token if they are temporary."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """The address of the objects of one bucket.

    Args:
        bucket: name of the bucket.
        region: the region for which the store checks signatures.
        origin: scheme, host and port, as written in URLs.
        host: the Host header that a client derives from it: lower case, without the default port of the scheme.
        path: the percent-encoded path before the key: `/`, or `/bucket/` in path style.
    """

    bucket: str
    region: str
    origin: str
    host: str
    path: str


class Presigner:
    """Signs URLs and forms for one place, with one pair of keys, at one second; threads may share it."""

    def __init__(self, credentials: Credentials, place: Place, signed_at: datetime, *, expires_in_seconds: int) -> None:
        """Compute the parts that all signatures share.

        Args:
            credentials: the keys and their token.
            place: the bucket and its address.
            signed_at: aware; cut to whole seconds, because signatures have no fractions.
            expires_in_seconds: 1 to 604,800.
        """
        self.place = place
        signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
        self.expires_at = signed_at + timedelta(seconds=expires_in_seconds)
        stamp = f"{signed_at:%Y%m%dT%H%M%SZ}"
        scope = f"{stamp[:8]}/{place.region}/s3/aws4_request"
        key = derive_signing_key(credentials, stamp[:8], place.region).ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(key.translate(_INNER))
        self._outer = sha256(key.translate(_OUTER))
        # All strings to sign are equal up to the hash of the request.
        self._string_to_sign = self._inner.copy()
        self._string_to_sign.update(f"{ALGORITHM}\n{stamp}\n{scope}\n".encode())
        self._prepare_urls(f"{credentials.access_key_id}/{scope}", stamp, credentials.session_token, expires_in_seconds)
        self._prepare_forms(f"{credentials.access_key_id}/{scope}", stamp, credentials.session_token)

    def _prepare_urls(self, credential: str, stamp: str, token: str | None, expires_in_seconds: int) -> None:
        common = (
            f"X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={quote(credential, safe='')}"
            f"&X-Amz-Date={stamp}&X-Amz-Expires={expires_in_seconds}"
        )
        self._token_query = f"&X-Amz-Security-Token={quote(token, safe='')}" if token else ""
        # In URLs botocore writes the token last; in the string to sign, parameters are in the order of their names.
        self._query = f"{common}&X-Amz-SignedHeaders="
        self._ordered_query = f"{common}{self._token_query}&X-Amz-SignedHeaders="
        self._host_alone = self._build_canonical_headers(NOTHING)

    def _prepare_forms(self, credential: str, stamp: str, token: str | None) -> None:
        self.bucket_url = f"{self.place.origin}{self.place.path}"
        self._fields = {
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": credential,
            "x-amz-date": stamp,
            **({"x-amz-security-token": token} if token else {}),
        }
        self._policy_head = f'{{"expiration": "{self.expires_at:%Y-%m-%dT%H:%M:%SZ}", "conditions": ['
        self._policy_bucket = _require_exactly("bucket", self.place.bucket)
        self._policy_tail = f"{', '.join(_require_exactly(*field) for field in self._fields.items())}]}}"

    def url(
        self, method: str, key: str, *, query: Mapping[str, str] = NOTHING, headers: Mapping[str, str] = NOTHING
    ) -> str:
        """Return a URL for one request.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

        Args:
            method: the only method for which the URL works.
            key: key of the object, not encoded; empty for the bucket itself.
            query: more parameters, not encoded. Their names begin with a small letter, as all names that S3 knows do.
            headers: the headers that the client must send besides Host; `x-amz-content-sha256` signs the body too.
        """
        path = self._path(key)
        names, ending = self._build_canonical_headers(headers) if headers else self._host_alone
        given, ordered = _encode_query(query) if query else ("", "")
        encoded_names = names.replace(";", "%3B")
        inner = self._string_to_sign.copy()
        request = f"{method}\n{path}\n{self._ordered_query}{encoded_names}{ordered}\n{ending}"
        inner.update(sha256(request.encode()).hexdigest().encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return (
            f"{self.place.origin}{path}?{given}{self._query}{encoded_names}{self._token_query}"
            f"&X-Amz-Signature={outer.hexdigest()}"
        )

    def part_urls(
        self, key: str, *, upload_id: str, part_numbers: Iterable[int], part_sizes: Sequence[int] | None = None
    ) -> list[str]:
        """Return URLs to PUT the parts of a multipart upload, in the given order.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

        Args:
            key: key of the object, not encoded.
            upload_id: id of the multipart upload.
            part_numbers: 1 to 10,000.
            part_sizes: size of each part in bytes, signed as its Content-Length; None leaves the sizes open.
        """
        path, upload = self._path(key), quote(upload_id, safe="")
        names = "host" if part_sizes is None else "content-length%3Bhost"
        # The bytes before the part number are hashed once.
        request_head = sha256(f"PUT\n{path}\n{self._ordered_query}{names}&partNumber=".encode())
        request_tails = self._part_tails(upload, part_sizes)
        before = f"{self.place.origin}{path}?uploadId={upload}&partNumber="
        after = f"&{self._query}{names}{self._token_query}&X-Amz-Signature="
        urls = []
        for number, tail in zip(part_numbers, request_tails, strict=part_sizes is not None):
            request = request_head.copy()
            request.update(f"{number}{tail}".encode())
            inner = self._string_to_sign.copy()
            inner.update(request.hexdigest().encode())
            outer = self._outer.copy()
            outer.update(inner.digest())
            urls.append(f"{before}{number}{after}{outer.hexdigest()}")
        return urls

    def _part_tails(self, upload: str, part_sizes: Sequence[int] | None) -> Iterable[str]:
        """Return the text behind each part number in a canonical request; a file has parts of two sizes at most."""
        if part_sizes is None:
            return repeat(f"&uploadId={upload}\n{self._host_alone[1]}")
        tails = {
            size: f"&uploadId={upload}\n{self._build_canonical_headers({'content-length': str(size)})[1]}"
            for size in set(part_sizes)
        }
        return map(tails.__getitem__, part_sizes)

    def post_fields(self, key: str, *, fields: Mapping[str, str], min_bytes: int, max_bytes: int) -> dict[str, str]:
        """Return the fields of a form that uploads one object; the policy among them allows no other values.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

        Args:
            key: key of the object, not encoded.
            fields: more fields.
            min_bytes: the smallest allowed size of the file.
            max_bytes: the largest allowed size.
        """
        exactly = [_require_exactly(*field) for field in fields.items()]
        size = f'["content-length-range", {min_bytes}, {max_bytes}]'
        conditions = [*exactly, size, self._policy_bucket, _require_exactly("key", key), self._policy_tail]
        policy = b64encode(f"{self._policy_head}{', '.join(conditions)}".encode()).decode()
        return {**fields, "key": key, **self._fields, "policy": policy, "x-amz-signature": self.sign_text(policy)}

    def sign_text(self, text: str) -> str:
        """Return the signature of a text, such as a POST policy in base64."""
        inner = self._inner.copy()
        inner.update(text.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def _path(self, key: str) -> str:
        return self.place.path + quote(key)

    def _build_canonical_headers(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """Return the names of the headers, and the text behind the query in a canonical request."""
        signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        signed["host"] = self.place.host
        ordered = sorted(signed)
        names = ";".join(ordered)
        lines = "".join([f"{name}:{signed[name]}\n" for name in ordered])
        return names, f"{lines}\n{names}\n{signed.get(CONTENT_SHA256, UNSIGNED_PAYLOAD)}"


def _require_exactly(name: str, value: str) -> str:
    return f"{{{json.dumps(name)}: {json.dumps(value)}}}"


def _encode_query(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the encoded parameters twice: in the given order, each with a trailing `&`; sorted, with a leading `&`."""
    pairs = [(quote(name, safe=""), quote(value, safe="")) for name, value in query.items()]
    given = "".join([f"{name}={value}&" for name, value in pairs])
    return given, "".join([f"&{name}={value}" for name, value in sorted(pairs)])


@lru_cache(maxsize=256)
def derive_signing_key(credentials: Credentials, day: str, region: str) -> bytes:
    """Return the signing key of one day and region.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

    Args:
        credentials: the keys from whose secret it is derived.
        day: in UTC, such as `20130524`.
        region: the region for which the store checks signatures.
    """
    key = f"AWS4{credentials.secret_access_key}".encode()
    for message in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, message.encode(), "sha256")
    return key
