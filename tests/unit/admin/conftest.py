"""A logged-in admin, records without objects, and real transactions."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from django.utils import timezone

from s3_file_uploader.models import FileUpload, location_digest
from tests.unit.services.audit.conftest import read_events as read_events  # noqa: PLC0414 - a fixture

BASE = "/admin/s3_file_uploader/"
LIST = f"{BASE}fileupload/"
LINKS = f"{BASE}sharelink/"
EVENTS = f"{BASE}auditevent/"


@pytest.fixture
def admin(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture(params=[False, True], ids=["", "ATOMIC_REQUESTS"])
def transactional(transactional_db, request, monkeypatch):
    """Use real transactions: a transaction of the admin or the host must not contain the claim."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", request.param)


def list_messages(answer):
    return [str(message) for message in answer.context["messages"]]


def list_shown(answer):
    """Return the primary keys of the rows in a list."""
    return [row.pk for row in answer.context["cl"].result_list]


def build_record(user, key, *, bucket="bucket-one", **values):
    """Return the record of a stored file, without a file and unsaved."""
    fields = {"original_name": key, "size": 2048, "content_type": "text/plain", "etag": "e", "status": "stored"}
    digest = location_digest(bucket, key)
    values = {**fields, "completed_at": timezone.now(), **values}
    return FileUpload(user=user, bucket=bucket, file_name=key, location_digest=digest, **values)


def make_record(user, key, **values):
    record = build_record(user, key, **values)
    record.save()
    return record


def give(user, *permissions):
    """Make a user staff, with these permissions only."""
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user
