"""Presigned URLs: Signature Version 4, for the address that clients reach."""

from datetime import timedelta
from typing import Literal

from django.utils import timezone

from . import s3
from .conf import conf
from .s3_errors import storage_errors
from .values import PresignedUrl


def presigned_url(
    *,
    method: Literal["GET", "HEAD"],
    bucket: str,
    key: str,
    expires_in_seconds: int,
    content_disposition: str | None = None,
) -> PresignedUrl:
    """Sign a request for one object; nothing is sent to the store.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

    Args:
        method: the only one for which the URL works.
        bucket: its name.
        key: the object's, as it is, not percent-encoded.
        expires_in_seconds: 1 to 604,800. A URL signed with temporary credentials dies with them, if that is sooner.
        content_disposition: the header that the store shall answer with, or None for its own.

    Raises:
        StorageNotConfigured: credentials or region are missing.
        BucketNotFound, StorageProblem: on AWS, the region of an unknown bucket is asked first.
    """
    params = {"Bucket": bucket, "Key": key}
    if content_disposition:
        params["ResponseContentDisposition"] = content_disposition
    expires_at = timezone.now() + timedelta(seconds=expires_in_seconds)
    client = s3.client(region=s3.bucket_region(bucket), endpoint_url=conf.public_endpoint_url)
    with storage_errors():
        url = client.generate_presigned_url(f"{method.lower()}_object", Params=params, ExpiresIn=expires_in_seconds)
    return PresignedUrl(url=url, method=method, expires_in_seconds=expires_in_seconds, expires_at=expires_at)
