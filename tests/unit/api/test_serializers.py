from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as django_timezone
from rest_framework import serializers

from s3_file_uploader.api.serializers.headers import content_type_of
from s3_file_uploader.api.serializers.responses import UploadSerializer, UTCDateTimeField
from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import build_pending

MOMENT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=5)))])
def test_times_in_any_time_zone_are_utc(settings, value):
    settings.TIME_ZONE = "America/New_York"
    with django_timezone.override("Asia/Tokyo"):
        assert UTCDateTimeField().to_representation(value) == "2026-01-31T09:30:00Z"


def test_times_without_time_zones_are_utc(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Etc/GMT-3"
    assert UTCDateTimeField().to_representation(datetime(2026, 1, 31, 12, 30)) == "2026-01-31T09:30:00Z"


@pytest.mark.parametrize("parameter", ["a=\U0001f600", "a=é", "a=b\r\nx", "a=b\x7f", "\x0ba=b", "a"])
def test_content_type_invalid_in_headers_is_derived_from_name(parameter):
    assert content_type_of(f"text/html; {parameter}", "photo.png") == "image/png"


def test_content_type_with_parameters_keeps_charset_only():
    declared = "text/plain; charset=utf-8; title*=utf-8''a"
    assert content_type_of(declared, "photo.png") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("user_id", [None, 7])
@pytest.mark.parametrize("completed_at", [None, MOMENT])
def test_upload_serializer_returns_what_its_fields_describe(rf, user_id, completed_at):
    times = {"created_at": MOMENT, "completed_at": completed_at}
    upload = build_pending(user_id=user_id, bucket="bucket", file_name="file", size=1, **times)
    shape = UploadSerializer(upload, context={"request": rf.get("/")})
    assert shape.data == serializers.Serializer.to_representation(shape, upload)


@pytest.mark.parametrize("status", ["quarantined", "rejected"])
def test_upload_that_is_unreadable_has_no_url(rf, status):
    upload = FileUpload(bucket="bucket-one", file_name="file", status=status)
    assert UploadSerializer(upload, context={"request": rf.get("/")}).data["url"] is None
