"""Presigned URLs and forms: `sigv4.py` signs them, with the keys and addresses from the settings and from boto3.

Settings, keys and address are read once a second, and when a test changes a setting: reading them costs as much as
twenty signatures.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Literal

from ..conf import conf
from ..exceptions import InvalidField, InvalidFileName
from ..values import PresignedPost, PresignedUrl
from .client import credentials, find_bucket_place
from .sigv4 import NOTHING, Presigner

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
FILE_NAME = "${filename}"


def presign_url(
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
    """Sign a request for one object, without a call to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

    Args:
        method: the only method for which the URL works.
        bucket: name of the bucket.
        key: key of the object, not percent-encoded.
        expires_in_seconds: 1 to 604,800. A URL signed with temporary credentials expires with them, if that is sooner.
        content_disposition: the Content-Disposition of the store's response, or None for the stored one.
        content_type: the Content-Type of the response, or None for the stored one.
        headers: headers that the client must send unchanged; `content-length` may be one of them.
        now: time of the signature, aware; the present by default.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: the call that finds the region of an unknown bucket on AWS failed.
    """
    presigner = _get_presigner(bucket, expires_in_seconds, now)
    overrides = {"response-content-disposition": content_disposition, "response-content-type": content_type}
    query = {name: value for name, value in overrides.items() if value} or NOTHING
    url = presigner.url(method, key, query=query, headers=headers or NOTHING)
    return PresignedUrl(url, method, expires_in_seconds, presigner.expires_at)


def presign_part_urls(
    *,
    bucket: str,
    key: str,
    upload_id: str,
    part_numbers: Iterable[int],
    expires_in_seconds: int,
    part_sizes: Sequence[int] | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Sign the PUT of each part of a multipart upload, in the given order, without a call to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        bucket: name of the bucket.
        key: key of the object, not percent-encoded.
        upload_id: id of the multipart upload.
        part_numbers: 1 to 10,000.
        expires_in_seconds: 1 to 604,800. A URL signed with temporary credentials expires with them, if that is sooner.
        part_sizes: size of each part in bytes, which the store enforces; None leaves the sizes open.
        now: time of the signatures, aware; the present by default.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: the call that finds the region of an unknown bucket on AWS failed.
    """
    presigner = _get_presigner(bucket, expires_in_seconds, now)
    return presigner.part_urls(key, upload_id=upload_id, part_numbers=part_numbers, part_sizes=part_sizes)


def presign_post(
    *,
    bucket: str,
    key: str,
    fields: Mapping[str, str],
    min_bytes: int,
    max_bytes: int,
    expires_in_seconds: int,
    now: datetime | None = None,
) -> PresignedPost:
    """Sign a form that uploads one object with exactly these values, without a call to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        fields: other fields that the client must send unchanged: `Content-Type`, `x-amz-meta-...`.
        min_bytes: the smallest file that S3 accepts.
        max_bytes: the largest, up to 5 GiB.
        expires_in_seconds: 1 to 604,800. A form signed with temporary credentials expires with them, if that is sooner.
        now: time of the signature, aware; the present by default.

    Raises:
        InvalidFileName, InvalidField: the key, or a field, contains `${filename}`.
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: the call that finds the region of an unknown bucket on AWS failed.
    """
    validate_form(key=key, fields=fields)
    presigner = _get_presigner(bucket, expires_in_seconds, now)
    signed = presigner.post_fields(key, fields=fields, min_bytes=min_bytes, max_bytes=max_bytes)
    return PresignedPost(presigner.bucket_url, signed, expires_in_seconds, presigner.expires_at)


def validate_form(*, key: str, fields: Mapping[str, str]) -> None:
    """Raise if S3 would not take the key and the fields of a form literally.

    Raises:
        InvalidFileName, InvalidField: S3 replaces `${filename}` with the name of the client's file, and the form no
            longer matches its signature.
    """
    advice = f"S3 replaces {FILE_NAME} in a form: leave it out, or upload by PUT."
    if FILE_NAME in key:
        raise InvalidFileName(advice)
    for name, value in fields.items():
        if FILE_NAME in value:
            raise InvalidField(name, advice)


def forget_settings() -> None:
    """Read the settings again before the next second begins."""
    _build_presigner_of_second.cache_clear()


def _get_presigner(bucket: str, expires_in_seconds: int, now: datetime | None) -> Presigner:
    if now is None:
        return _build_presigner_of_second(bucket, expires_in_seconds, int(time()))
    return _build_presigner(bucket, expires_in_seconds, now)


@lru_cache(maxsize=256)
def _build_presigner_of_second(bucket: str, expires_in_seconds: int, second: int) -> Presigner:
    return _build_presigner(bucket, expires_in_seconds, datetime.fromtimestamp(second, UTC))


def _build_presigner(bucket: str, expires_in_seconds: int, signed_at: datetime) -> Presigner:
    place = find_bucket_place(bucket, endpoint_url=conf.public_endpoint_url)
    return Presigner(credentials(), place, signed_at, expires_in_seconds=expires_in_seconds)
