"""The storage of django-storages. Listings need neither a store nor its keys."""

import os

from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]

from benchmarks.store import BUCKET, CONFIG


def storage_make() -> S3Storage:
    """Create it with the settings of all contenders."""
    return S3Storage(
        bucket_name=BUCKET,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        region_name=os.environ.get("AWS_STORAGE_REGION"),
        endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL"),
        client_config=CONFIG,
        verify=os.environ.get("AWS_CA_BUNDLE"),
        file_overwrite=True,
    )
