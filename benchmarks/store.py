"""boto3 for the rivals, with this app's own settings for the store, so that no rival has a disadvantage."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "benchmark"
# The value of this variable is `when_supported` on a store like AWS. Other stores refuse the checksums that boto3 adds
# by default since 1.36, and that cost time.
CHECKSUMS = "BENCHMARK_CHECKSUMS"
_checksums: Any = os.environ.get(CHECKSUMS, "when_required")
# There are enough connections for eight uploads in ten parts each.
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    request_checksum_calculation=_checksums,
    response_checksum_validation=_checksums,
    max_pool_connections=80,
)


def client_of(environment: Mapping[str, str] = os.environ) -> "S3Client":
    """Return a client for the store that the variables name."""
    return boto3.session.Session().client(
        "s3",
        region_name=environment["AWS_STORAGE_REGION"],
        endpoint_url=environment["AWS_S3_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=CONFIG,
        verify=environment.get("AWS_CA_BUNDLE"),
    )
