from uuid import uuid4

import pytest

from s3_file_uploader.s3.client import find_bucket_region, get_client
from s3_file_uploader.s3.trials.scratch import Scratch


@pytest.fixture
def scratch(own_settings, embedded_s3):
    """Return scratch objects in a new bucket of a real store, which checks signatures."""
    for name, value in embedded_s3.environment().items():
        setattr(own_settings, name, value)
    bucket = f"bucket-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=bucket)
    return Scratch(bucket)


@pytest.fixture
def moto_scratch(bucket):
    """Return scratch objects in a store in memory, in a bucket of known region."""
    find_bucket_region(bucket)
    return Scratch(bucket)
