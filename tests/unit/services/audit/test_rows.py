"""Events as rows: their texts, their expiry, their failures, and the list of the admin."""

import uuid
from datetime import timedelta

import pytest
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.models import AuditEvent, FileUpload
from s3_file_uploader.models.audit_event import escape_text
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.services.audit.trail import OK, follow_request, record_event, set_event_object
from s3_file_uploader.services.housekeeping.expire import BATCH
from tests.conftest import client_of
from tests.unit.services.conftest import stored_file

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
BASE = "/modules/s3-file-uploader/service"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("plain é 😀.txt", "plain é 😀.txt"),
        ("a\nb\x00\x1b[31m", "a\\nb\\x00\\x1b[31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("line\u2028end", "line\\u2028end"),
        ("half\ud800", "half\\ud800"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("no-break\u00a0space", "no-break\u00a0space"),
        ("x" * 2000, "x" * 1024),
    ],
)
def test_row_escapes_control_characters_in_names(user, rows, read_events, name, escaped):
    with follow_request(action="file_delete", address="") as trail:
        trail.user = user
        set_event_object(bucket="b", file_name=name)
    assert rows.get().file_name == escaped
    assert read_events()[0]["file_name"] == name
    assert list(rows.at(bucket="b", file_name=escaped)) == [rows.get()]


def test_escape_text_cuts_long_texts():
    assert escape_text("\x00" * 10, 10) == "\\x00\\x00\\x"


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_off_makes_no_query(bucket, user, read_events):
    stored_file(user, bucket)
    with CaptureQueriesContext(connection) as queries:
        assert client_of(user).get(f"{BASE}/buckets/{bucket}/files/file/").status_code == 302
    assert not [query for query in queries if "auditevent" in query["sql"]]
    assert len(read_events()) == 2
    assert not AuditEvent.objects.exists()


@pytest.fixture
def no_table(rows):
    """Let the database refuse to insert events."""
    with connection.execute_wrapper(refuse_events):
        yield


def refuse_events(execute, sql, params, many, context):
    if "auditevent" in sql and sql.startswith("INSERT"):
        raise Error("secret dsn")
    return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
def test_row_that_fails_does_not_fail_the_upload(bucket, user, read_events, no_table, caplog):
    answer = client_of(user).put(f"{BASE}/buckets/{bucket}/files/file/", "content", content_type="text/plain")
    assert answer.status_code == 201
    assert FileUpload.objects.get().status == "stored"
    assert "The event above is in the log only" in caplog.text
    assert [event["action"] for event in read_events()] == ["file_upload"]
    missing = client_of(user).get(f"{BASE}/buckets/{bucket}/files/another/")
    assert (missing.status_code, missing.json()["code"]) == (404, "file_not_found")


@pytest.mark.django_db(transaction=True)
def test_row_that_fails_leaves_the_transaction_usable(user, rows):
    with transaction.atomic():
        with connection.execute_wrapper(break_events):
            record_event(action="file_delete", user=user, outcome=OK)
        record_event(action="file_upload", user=user, outcome=OK)
    assert [row.action for row in rows.all()] == ["file_upload"]


def break_events(execute, sql, params, many, context):
    broken = "auditevent" in sql and sql.startswith("INSERT")
    return execute(sql.replace("auditevent", "no_such_table") if broken else sql, params, many, context)


def make_event(rows, days=0, **fields):
    event = AuditEvent.build(user=None, outcome=OK, **{"action": "file_delete", **fields})
    event.created_at = timezone.now() - timedelta(days=days, seconds=1)
    event.save()
    return event


def test_expired_rows_are_deleted_in_batches(rows, settings):
    old = AuditEvent.build(user=None, action="file_delete", outcome=OK)
    old.created_at = timezone.now() - timedelta(days=31)
    rows.bulk_create([AuditEvent(action="a", created_at=old.created_at) for _ in range(BATCH + 1)])
    young = make_event(rows, 29)
    settings.S3_FILE_UPLOADER_AUDIT_DAYS = None
    assert housekeeping_run().audit_events_forgotten == 0
    settings.S3_FILE_UPLOADER_AUDIT_DAYS = 30
    assert housekeeping_run(dry_run=True).audit_events_forgotten == BATCH + 1
    assert rows.count() == BATCH + 2
    with CaptureQueriesContext(connection) as queries:
        assert housekeeping_run().audit_events_forgotten == BATCH + 1
    deleted = [query for query in queries if query["sql"].startswith("DELETE") and "auditevent" in query["sql"]]
    assert len(deleted) >= 2
    assert list(rows.all()) == [young]


# --- the admin's list ------------------------------------------------------------------------------------------------


LIST = "/admin/s3_file_uploader/auditevent/"


@pytest.fixture
def admin(client, staff):
    client.force_login(staff)
    return client


def list_shown_ids(answer):
    return [row.pk for row in answer.context["cl"].result_list]


def test_admin_search_finds_whole_values(admin, rows, user):
    upload_id = str(uuid.uuid4())
    named = AuditEvent.build(user=user, action="file_upload", outcome=OK, bucket="b", file_name="a/c d.txt")
    named.save()
    refused = AuditEvent.build(
        user=None, action="file_read", outcome="file_not_found", address="10.0.0.1", object_id=upload_id
    )
    refused.save()
    gone = make_event(rows, 1, address="::1")
    AuditEvent.objects.filter(pk=gone.pk).update(user_name="gone@example.com", user_id="77")
    everything = [refused.pk, named.pk, gone.pk]
    for term, expected in (
        ("", everything),
        (" b/a/c d.txt ", [named.pk]),
        ("b/a", []),
        ("user", [named.pk]),
        (str(user.pk), [named.pk]),
        ("77", [gone.pk]),
        ("10.0.0.1", [refused.pk]),
        ("::1", [gone.pk]),
        (upload_id, [refused.pk]),
        ("gone@example.com", [gone.pk]),
    ):
        assert list_shown_ids(admin.get(LIST, {"q": term})) == expected, term
    assert list_shown_ids(admin.get(LIST, {"action": "file_read"})) == [refused.pk]
    assert list_shown_ids(admin.get(LIST, {"outcome": "not_done"})) == [refused.pk]
    assert list_shown_ids(admin.get(LIST, {"outcome": "done"})) == [named.pk, gone.pk]


def test_admin_cannot_change_events(admin, rows):
    event = make_event(rows)
    page = admin.get(f"{LIST}{event.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin.get(f"{LIST}add/").status_code == 403
    assert admin.post(f"{LIST}{event.pk}/change/", {"action": "x"}).status_code == 403
    assert admin.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in admin.get(LIST).content
    assert rows.get().action == "file_delete"


def test_admin_list_counts_at_most_the_shown_rows(admin, rows):
    rows.bulk_create([AuditEvent(action="a", outcome=OK) for _ in range(300)])
    with CaptureQueriesContext(connection) as queries:
        assert admin.get(LIST, {"p": 2}).status_code == 200
    counted = [query["sql"] for query in queries if "COUNT" in query["sql"] and "auditevent" in query["sql"]]
    assert counted
    assert all("LIMIT 10000" in sql for sql in counted)
    assert not [query for query in queries if "DISTINCT" in query["sql"] and "auditevent" in query["sql"]]


def test_admin_actions_are_events_with_the_address(admin, bucket, user, staff, read_events):
    uploads = [stored_file(user, bucket, name) for name in "ab"]
    read_events()
    admin.get(f"/admin/s3_file_uploader/fileupload/{uploads[0].pk}/open/")
    body = {"action": "delete_selected", "post": "yes", "_selected_action": [upload.pk for upload in uploads]}
    events = read_events()
    assert [(event["action"], event["user"], event["address"]) for event in events] == [
        ("file_presign", str(staff.pk), "127.0.0.1")
    ]
    admin.post("/admin/s3_file_uploader/fileupload/", body)
    assert [(event["action"], event["user"], event["address"]) for event in read_events()] == [
        ("file_delete", str(staff.pk), "127.0.0.1")
    ] * 2
