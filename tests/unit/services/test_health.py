import pytest
from botocore.stub import Stubber
from django.db import InterfaceError, connection

from s3_file_uploader import s3
from s3_file_uploader.services import health_check
from s3_file_uploader.services.health import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db


def refusing(execute, sql, params, many, context):
    raise InterfaceError("connection already closed")


def test_both_answer(aws):
    assert health_check() == {"database": True, "storage": True}


def test_the_database_does_not(aws):
    with connection.execute_wrapper(refusing):
        assert health_check() == {"database": False, "storage": True}


@pytest.mark.parametrize(
    ("code", "status", "reachable"),
    [("AccessDenied", 403, True), ("SlowDown", 503, False), ("InvalidAccessKeyId", 403, False)],
)
def test_what_the_store_says(code, status, reachable):
    with Stubber(s3.client(patience_seconds=PATIENCE_SECONDS)) as stub:
        stub.add_client_error("list_buckets", code, http_status_code=status)
        assert health_check() == {"database": True, "storage": reachable}


def test_no_region_is_not_well(settings):
    settings.AWS_STORAGE_REGION = ""
    assert health_check()["storage"] is False
