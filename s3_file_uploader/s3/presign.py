"""Presigned URLs and forms: `sigv4.py` signs, with the keys and addresses that the settings and boto3 say.

These are looked at once a second, and when a test changes a setting: to read them costs twenty signatures.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Literal

from ..conf import conf
from ..exceptions import InvalidField, InvalidFileName
from ..values import PresignedPost, PresignedUrl
from .client import bucket_place, credentials
from .sigv4 import NOTHING, Presigner

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
FILE_NAME = "${filename}"
# Of a signature in headers nobody asks; the store gives it a quarter of an hour.
NO_URL_SECONDS = 900
# Where clients reach the store, or where this server does.
Endpoint = Literal["public", "internal"]


def presigned_url(
    *,
    method: Literal["GET", "HEAD", "PUT"],
    bucket: str,
    key: str,
    expires_in_seconds: int,
    content_disposition: str | None = None,
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> PresignedUrl:
    """Sign a request for one object; nothing is sent to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

    Args:
        method: the only one for which the URL works.
        bucket: its name.
        key: the object's, as it is, not percent-encoded.
        expires_in_seconds: 1 to 604,800. A URL signed with temporary credentials dies with them, if that is sooner.
        content_disposition: the header that the store shall answer with, or None for its own.
        content_type: likewise.
        headers: what the client must send, exactly so; `content-length` may be among them.
        now: the time of the signature, aware; the present by default.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked first.
    """
    signer = _presigner(bucket, "public", expires_in_seconds, now)
    wanted = {"response-content-disposition": content_disposition, "response-content-type": content_type}
    query = {name: value for name, value in wanted.items() if value} or NOTHING
    url = signer.url(method, key, query=query, headers=headers or NOTHING)
    return PresignedUrl(url, method, expires_in_seconds, signer.expires_at)


def presigned_part_urls(
    *,
    bucket: str,
    key: str,
    upload_id: str,
    part_numbers: Iterable[int],
    expires_in_seconds: int,
    part_sizes: Sequence[int] | None = None,
    endpoint: Endpoint = "public",
    now: datetime | None = None,
) -> list[str]:
    """Sign the PUT of each part of a multipart upload, in the order asked for; nothing is sent to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        bucket: its name.
        key: the object's, as it is, not percent-encoded.
        upload_id: of the multipart upload.
        part_numbers: 1 to 10,000.
        expires_in_seconds: 1 to 604,800. A URL signed with temporary credentials dies with them, if that is sooner.
        part_sizes: of each part in bytes; the store then takes no other. None leaves them open.
        endpoint: `internal` if this server itself sends the parts.
        now: the time of the signatures, aware; the present by default.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked first.
    """
    signer = _presigner(bucket, endpoint, expires_in_seconds, now)
    return signer.part_urls(key, upload_id=upload_id, part_numbers=part_numbers, part_sizes=part_sizes)


def presigned_post(
    *,
    bucket: str,
    key: str,
    fields: Mapping[str, str],
    min_bytes: int,
    max_bytes: int,
    expires_in_seconds: int,
    now: datetime | None = None,
) -> PresignedPost:
    """Sign a form that uploads one object, and only with these values; nothing is sent to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html

    Args:
        bucket: its name.
        key: the object's, as it is.
        fields: what else the client must send, exactly so: `Content-Type`, `x-amz-meta-...`.
        min_bytes: the smallest file that S3 takes.
        max_bytes: the largest, up to 5 GiB.
        expires_in_seconds: 1 to 604,800. A form signed with temporary credentials dies with them, if that is sooner.
        now: the time of the signature, aware; the present by default.

    Raises:
        InvalidFileName, InvalidField: the key, or a field, has `${filename}` in it.
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked first.
    """
    form_check(key=key, fields=fields)
    signer = _presigner(bucket, "public", expires_in_seconds, now)
    signed = signer.post_fields(key, fields=fields, min_bytes=min_bytes, max_bytes=max_bytes)
    return PresignedPost(signer.bucket_url, signed, expires_in_seconds, signer.expires_at)


def signed_request(
    method: str, bucket: str, key: str, *, query: Mapping[str, str], headers: Mapping[str, str], payload_sha256: str
) -> tuple[str, str, dict[str, str]]:
    """Sign a request that this server itself sends, now.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

    Args:
        method: of the request.
        bucket: its name.
        key: the object's, as it is.
        query: parameters, as they are.
        headers: what is sent besides Host.
        payload_sha256: of the body, in lower-case hex, or `UNSIGNED_PAYLOAD`.

    Returns:
        Scheme, host and port; path and query, encoded; all headers but Host.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked first.
    """
    signer = _presigner(bucket, "internal", NO_URL_SECONDS, None)
    signed = signer.headers(method, key, query=query, headers=headers, payload_sha256=payload_sha256)
    return signer.place.origin, signer.target(key, query), signed


def form_check(*, key: str, fields: Mapping[str, str]) -> None:
    """Pass if S3 takes the key and the fields of a form as they are.

    Raises:
        InvalidFileName, InvalidField: S3 would replace a part of them with the name of the client's file, and then find
            something else than was signed.
    """
    advice = f"S3 puts something else for {FILE_NAME} in a form: leave it out, or upload by PUT."
    if FILE_NAME in key:
        raise InvalidFileName(advice)
    for name, value in fields.items():
        if FILE_NAME in value:
            raise InvalidField(name, advice)


def settings_forget() -> None:
    """Read the settings anew before the next second begins."""
    _presigner_of_second.cache_clear()


def _presigner(bucket: str, endpoint: Endpoint, expires_in_seconds: int, now: datetime | None) -> Presigner:
    if now is None:
        return _presigner_of_second(bucket, endpoint, expires_in_seconds, int(time()))
    return _presigner_make(bucket, endpoint, expires_in_seconds, now)


@lru_cache(maxsize=256)
def _presigner_of_second(bucket: str, endpoint: Endpoint, expires_in_seconds: int, second: int) -> Presigner:
    """Return what the signatures of one second share: settings, keys and roles are looked at once in it."""
    return _presigner_make(bucket, endpoint, expires_in_seconds, datetime.fromtimestamp(second, UTC))


def _presigner_make(bucket: str, endpoint: Endpoint, expires_in_seconds: int, signed_at: datetime) -> Presigner:
    address = conf.public_endpoint_url if endpoint == "public" else conf.endpoint_url
    place = bucket_place(bucket, endpoint_url=address)
    return Presigner(credentials(), place, signed_at, expires_in_seconds=expires_in_seconds)
