from uuid import uuid4

import pytest

from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services.doctor.case import Case


@pytest.fixture
def case():
    return Case()


@pytest.fixture
def real_bucket(own_settings, embedded_s3):
    """Return a new bucket in a real store, which checks signatures."""
    for name, value in embedded_s3.environment().items():
        setattr(own_settings, name, value)
    bucket = f"bucket-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=bucket)
    return bucket


def seen(diagnoses):
    """Return status, name and text of each diagnosis."""
    return [(diagnosis.status.value, diagnosis.name, diagnosis.seen) for diagnosis in diagnoses]


def only(diagnoses):
    (diagnosis,) = diagnoses
    return diagnosis
