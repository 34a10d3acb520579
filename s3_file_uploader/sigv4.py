"""AWS Signature Version 4 for S3: URLs, headers and POST policies. The standard library alone, no I/O, no clock.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

What requests have in common is worked out once: the key of a day, and within one second all but the method, the object
and the expiration. So a signature costs what hashing the rest costs. The URLs are, byte for byte, those of botocore.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
# What stands where the hash of the body would, if nobody knows or tells it.
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
CONTENT_SHA256 = "x-amz-content-sha256"
NOTHING: Mapping[str, str] = MappingProxyType({})
# https://www.rfc-editor.org/rfc/rfc2104#section-2
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
        origin: scheme, host and port, as the URL shall have them.
        host: the Host header that a client makes of it: lower case, without the scheme's own port.
        path: percent-encoded, before the key; `/`, or in path style `/bucket/`.
        region: for which the store checks signatures.
    """

    origin: str
    host: str
    path: str
    region: str


class Signer:
    """Signs for one place, with one pair of keys, at one second; threads may share it."""

    def __init__(self, credentials: Credentials, place: Place, signed_at: datetime) -> None:
        """Work out all that the signatures have in common.

        Args:
            credentials: the keys, and their token.
            place: which bucket, where.
            signed_at: aware; cut to whole seconds, as signatures know no others.
        """
        self.signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
        self.bucket_url = f"{place.origin}{place.path}"
        self._place = place
        self._stamp = f"{self.signed_at:%Y%m%dT%H%M%SZ}"
        self._token = credentials.session_token
        day = self._stamp[:8]
        scope = f"{day}/{place.region}/s3/aws4_request"
        self._credential = f"{credentials.access_key_id}/{scope}"
        key = signing_key(credentials, day, place.region).ljust(_BLOCK_BYTES, b"\0")
        self._keyed = sha256(key.translate(_INNER))
        self._outer = sha256(key.translate(_OUTER))
        self._begun = self._keyed.copy()
        self._begun.update(f"{ALGORITHM}\n{self._stamp}\n{scope}\n".encode())
        credential = quote(self._credential, safe="")
        self._query = (
            f"X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={self._stamp}&X-Amz-Expires="
        )
        self._token_query = f"&X-Amz-Security-Token={quote(self._token, safe='')}" if self._token else ""
        self._host_alone = ("host", f"host:{place.host}\n", UNSIGNED_PAYLOAD)

    def url(
        self,
        method: str,
        key: str,
        *,
        expires_in_seconds: int,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> str:
        """Return a URL that needs no further credentials.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

        Args:
            method: the only one for which the URL works.
            key: the object's, as it is; empty for the bucket itself.
            expires_in_seconds: 1 to 604,800.
            query: more parameters, as they are; their names begin with small letters, as all do that S3 knows.
            headers: what must be sent with it, as it is said here, besides Host; `x-amz-content-sha256` for a body
                that is signed too.
        """
        path = self._path(key)
        names, lines, payload = self._headers(headers) if headers else self._host_alone
        signed = f"&X-Amz-SignedHeaders={names.replace(';', '%3B')}"
        before, ordered = _query(query) if query else ("", "")
        common = f"{self._query}{expires_in_seconds}"
        question = f"{common}{self._token_query}{signed}{ordered and '&'}{ordered}"
        signature = self._sign(f"{method}\n{path}\n{question}\n{lines}\n{names}\n{payload}")
        return (
            f"{self._place.origin}{path}?{before}{before and '&'}{common}{signed}{self._token_query}"
            f"&X-Amz-Signature={signature}"
        )

    def part_urls(self, key: str, *, upload_id: str, part_numbers: Iterable[int], expires_in_seconds: int) -> list[str]:
        """Return a URL for the PUT of each part, in the order asked for; they share all but the number.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

        Args:
            key: the object's, as it is.
            upload_id: of the multipart upload.
            part_numbers: 1 to 10,000.
            expires_in_seconds: 1 to 604,800.
        """
        path, upload = self._path(key), quote(upload_id, safe="")
        names, lines, payload = self._host_alone
        common, signed = f"{self._query}{expires_in_seconds}", f"&X-Amz-SignedHeaders={names}"
        shared = sha256(f"PUT\n{path}\n{common}{self._token_query}{signed}&partNumber=".encode())
        rest = f"&uploadId={upload}\n{lines}\n{names}\n{payload}"
        before = f"{self._place.origin}{path}?uploadId={upload}&partNumber="
        after = f"&{common}{signed}{self._token_query}&X-Amz-Signature="
        urls = []
        for number in part_numbers:
            request = shared.copy()
            request.update(f"{number}{rest}".encode())
            urls.append(f"{before}{number}{after}{self._finish(request.hexdigest())}")
        return urls

    def headers(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        payload_sha256: str = UNSIGNED_PAYLOAD,
    ) -> dict[str, str]:
        """Return the headers that make a request a signed one: those given, and `authorization` among those added.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

        Args:
            method: of the request.
            key: the object's, as it is; empty for the bucket itself.
            query: the parameters, as they are.
            headers: what is sent and signed besides Host, by names in lower case.
            payload_sha256: of the body, in lower-case hex.
        """
        sent = {**headers, CONTENT_SHA256: payload_sha256, "x-amz-date": self._stamp}
        if self._token:
            sent["x-amz-security-token"] = self._token
        names, lines, payload = self._headers(sent)
        _, ordered = _query(query)
        signature = self._sign(f"{method}\n{self._path(key)}\n{ordered}\n{lines}\n{names}\n{payload}")
        sent["authorization"] = (
            f"{ALGORITHM} Credential={self._credential}, SignedHeaders={names}, Signature={signature}"
        )
        return sent

    def post_fields(
        self,
        key: str,
        *,
        bucket: str,
        fields: Mapping[str, str],
        min_bytes: int,
        max_bytes: int,
        expires_in_seconds: int,
    ) -> dict[str, str]:
        """Return the fields of a form that uploads one object; the policy in it allows these values and no others.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

        Args:
            key: the object's, as it is.
            bucket: its name.
            fields: more fields, which become conditions too.
            min_bytes: the smallest file allowed.
            max_bytes: the largest.
            expires_in_seconds: from the second of the signature.
        """
        credential = {"x-amz-algorithm": ALGORITHM, "x-amz-credential": self._credential, "x-amz-date": self._stamp}
        if self._token:
            credential["x-amz-security-token"] = self._token
        expiration = self.signed_at + timedelta(seconds=expires_in_seconds)
        conditions = [
            *({name: value} for name, value in fields.items()),
            ["content-length-range", min_bytes, max_bytes],
            {"bucket": bucket},
            {"key": key},
            *({name: value} for name, value in credential.items()),
        ]
        policy = {"expiration": f"{expiration:%Y-%m-%dT%H:%M:%SZ}", "conditions": conditions}
        encoded = b64encode(json.dumps(policy).encode()).decode()
        return {**fields, "key": key, **credential, "policy": encoded, "x-amz-signature": self.text(encoded)}

    def text(self, text: str) -> str:
        """Return the signature of a text as it is: a POST policy, in base64."""
        inner = self._keyed.copy()
        inner.update(text.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def _path(self, key: str) -> str:
        return self._place.path + quote(key, safe="/")

    def _headers(self, headers: Mapping[str, str]) -> tuple[str, str, str]:
        """Return the names, the lines, and what stands for the body."""
        signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        signed["host"] = self._place.host
        names = sorted(signed)
        lines = "".join([f"{name}:{signed[name]}\n" for name in names])
        return ";".join(names), lines, signed.get(CONTENT_SHA256, UNSIGNED_PAYLOAD)

    def _sign(self, canonical_request: str) -> str:
        return self._finish(sha256(canonical_request.encode()).hexdigest())

    def _finish(self, request_sha256: str) -> str:
        """Return the HMAC of the string to sign, whose beginning, up to the hash of the request, is digested."""
        inner = self._begun.copy()
        inner.update(request_sha256.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()


def _query(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the parameters encoded, in the order given and in that of the names."""
    pairs = [(quote(name, safe=""), quote(value, safe="")) for name, value in query.items()]
    given = "&".join([f"{name}={value}" for name, value in pairs])
    pairs.sort()
    return given, "&".join([f"{name}={value}" for name, value in pairs])


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
