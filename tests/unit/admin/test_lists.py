"""The lists: search, filters, links between pages, and the number of queries."""

import uuid
from datetime import timedelta

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.admin import FileUploadAdmin, searching
from s3_file_uploader.admin.links import build_url, build_user_url, format_link, format_links
from s3_file_uploader.models import AuditEvent, FileUpload, ShareLink, UploadToken, audit_event
from s3_file_uploader.models.distinct import list_values
from s3_file_uploader.services import upload_token_create
from tests.unit.admin.conftest import EVENTS, LINKS, LIST, build_record, give, list_messages, list_shown, make_record

MAX_QUERIES = 20


@pytest.fixture
def people(user, other):
    User.objects.filter(pk=user.pk).update(email="ada@example.com")
    User.objects.filter(pk=other.pk).update(last_name="Brandt")
    return user, other


def share(upload, user, digest="d", **values):
    fields = {"etag": upload.etag, "expires_at": timezone.now() + timedelta(hours=1), **values}
    return ShareLink.objects.create(upload=upload, user=user, digest=digest, **fields)


def test_search_finds_users_ids_places_and_parts_of_names(admin, people):
    user, other = people
    a = make_record(user, "a/photo.jpg", original_name="Holiday at the lake.jpg")
    b = make_record(other, "b.txt")
    for term, expected in (
        ("ada@exam", [a.pk]),
        ("brandt", [b.pk]),
        (str(a.pk), [a.pk]),
        ("bucket-one/b.txt", [b.pk]),
        ("LAKE holiday", [a.pk]),
        ("photo", [a.pk]),
        ("lake nothing", []),
        (" ", [b.pk, a.pk]),
    ):
        assert list_shown(admin.get(LIST, {"q": term})) == expected, term


def test_search_for_parts_of_names_ends_with_the_newest(admin, user, monkeypatch):
    monkeypatch.setattr(searching, "NEWEST", 2)
    now = timezone.now()
    records = [make_record(user, f"file-{n}", created_at=now - timedelta(hours=n)) for n in range(3)]
    assert list_shown(admin.get(LIST, {"q": "file-"})) == [records[0].pk, records[1].pk]


def test_search_without_the_right_to_view_users_ignores_email(client, people, other):
    user, _ = people
    upload = make_record(user, "a")
    client.force_login(give(other, "view_fileupload"))
    assert list_shown(client.get(LIST, {"q": "ada@exam"})) == []
    assert list_shown(client.get(LIST, {"q": "user"})) == [upload.pk]
    assert 'placeholder="Login name or primary key"' in client.get(LIST).content.decode()


def test_user_filter_takes_names_keys_and_files_without_a_user(admin, user, other):
    a, b, c = make_record(user, "a"), make_record(other, "b"), make_record(None, "c")
    page = admin.get(LIST, {"user": user.pk, "status__exact": "stored", "q": "a"})
    html = page.content.decode()
    assert list_shown(page) == [a.pk]
    assert "admin-autocomplete" in html
    assert f'<option value="{user.pk}" selected>user</option>' in html
    assert '<input type="hidden" name="status__exact" value="stored">' in html
    assert '<input type="hidden" name="q" value="a">' in html
    for value, expected in (
        ("other", [b.pk]),
        ("-", [c.pk]),
        ("nobody-here", []),
        ("x\0", []),
        ("", [c.pk, b.pk, a.pk]),
    ):
        assert list_shown(admin.get(LIST, {"user": value})) == expected, value


def test_filters_offer_the_values_of_the_table(admin, user):
    for n in range(3):
        make_record(user, f"{n}", bucket=f"bucket-{n % 2}", content_type="image/png" if n else "text/plain")
    html = admin.get(LIST).content.decode()
    for value in ("?bucket=bucket-0", "?bucket=bucket-1", "?content_type=image/png", "?content_type=text/plain"):
        assert value in html.replace("%2F", "/"), value
    assert "bucket=bucket-9" in admin.get(LIST, {"bucket": "bucket-9"}).content.decode()
    assert list_shown(admin.get(LIST, {"bucket": "x\0"})) == []
    assert list_values(FileUpload, "bucket", at_most=1) == ["bucket-0"]


def test_columns_hide_deceptive_characters_and_show_reasons(admin, user):
    make_record(user, "key", original_name="gpj.\u202eexe", status="rejected", status_reason="It is <b>bad</b>.")
    html = admin.get(LIST).content.decode()
    assert "<bdi>gpj.exe</bdi>" in html
    assert "<bdi>key</bdi></small>" in html
    assert "It is &lt;b&gt;bad&lt;/b&gt;." in html


def test_lists_say_where_they_end(admin, user, monkeypatch):
    monkeypatch.setattr("s3_file_uploader.admin.paginator.MAX_SHOWN", 2)
    FileUpload.objects.bulk_create([build_record(user, f"{n}") for n in range(3)])
    assert "The list ends after 2 rows" in admin.get(LIST).content.decode()
    assert "The list ends" not in admin.get(f"{LIST}?status__exact=pending").content.decode()


def test_share_links_can_be_searched_and_filtered(admin, user, other):
    upload, shared = make_record(user, "a"), make_record(other, "b")
    now = timezone.now()
    usable = share(upload, user, "1")
    expired = share(upload, user, "2", expires_at=now)
    revoked = share(shared, other, "3", revoked_at=now)
    used = share(shared, other, "4", max_downloads=1, downloads=1)
    replaced = share(shared, other, "5", etag="another")
    for query, expected in (
        ({"state": "usable"}, [replaced.pk, usable.pk]),
        ({"state": "expired"}, [expired.pk]),
        ({"state": "revoked"}, [revoked.pk]),
        ({"state": "used_up"}, [used.pk]),
        ({"upload": upload.pk}, [expired.pk, usable.pk]),
        ({"upload": "none"}, []),
        ({"upload": uuid.uuid4()}, []),
        ({"user": user.pk}, [expired.pk, usable.pk]),
        ({"q": "bucket-one/b"}, [replaced.pk, used.pk, revoked.pk]),
        ({"q": str(used.pk)}, [used.pk]),
        ({"q": str(upload.pk)}, [expired.pk, usable.pk]),
        ({"q": "other"}, [replaced.pk, used.pk, revoked.pk]),
        ({"q": "a", "state": "usable"}, [usable.pk]),
        ({"q": " "}, [replaced.pk, used.pk, revoked.pk, expired.pk, usable.pk]),
    ):
        assert list_shown(admin.get(LINKS, query)) == expected, query
    html = admin.get(LINKS).content.decode()
    for state in ("usable", "expired", "revoked", "used up", "file replaced"):
        assert f'<td class="field-state">{state}</td>' in html


def test_share_links_are_revoked_before_they_are_deleted(admin, user, staff, read_events):
    upload = make_record(user, "a")
    links = [share(upload, user, f"{n}") for n in range(3)]
    answer = admin.post(LINKS, {"action": "revoke_links", "_selected_action": [links[0].pk]}, follow=True)
    assert list_messages(answer) == ["The links are revoked."]
    assert not ShareLink.objects.usable().filter(pk=links[0].pk).exists()
    admin.post(f"{LINKS}{links[1].pk}/delete/", {"post": "yes"})
    admin.post(LINKS, {"action": "delete_selected", "_selected_action": [links[2].pk], "post": "yes"})
    assert list(ShareLink.objects.all()) == [links[0]]
    events = [(event["action"], event["user"], event["object_id"]) for event in read_events()]
    assert events == [("share_revoke", str(staff.pk), str(link.pk)) for link in links]


def test_tokens_can_be_searched(admin, user):
    upload_token_create(user=user, expires_in_seconds=60)
    token = UploadToken.objects.get()
    tokens = "/admin/s3_file_uploader/uploadtoken/"
    for term, expected in (("user", [token.pk]), (str(token.pk), [token.pk]), ("nothing", []), (" ", [token.pk])):
        assert list_shown(admin.get(tokens, {"q": term})) == expected, term


def test_events_say_if_rows_are_off_and_filter_by_deleted_users(admin, user, settings):
    assert "S3_FILE_UPLOADER_AUDIT_ROWS is off" in admin.get(EVENTS).content.decode()
    settings.S3_FILE_UPLOADER_AUDIT_ROWS = True
    assert "S3_FILE_UPLOADER_AUDIT_ROWS" not in admin.get(EVENTS).content.decode()
    AuditEvent.objects.all().delete()
    gone = AuditEvent.objects.create(action="file_get", outcome="ok", user_id="77", user_name="gone")
    of_command = AuditEvent.objects.create(action="housekeeping", outcome="record_removed", bucket="b")
    own = AuditEvent.objects.create(action="file_get", outcome="ok", user_id=str(user.pk), user_name="user")
    for query, expected in (
        ({"user": "77"}, [gone.pk]),
        ({"user": "-"}, [of_command.pk]),
        ({"user": "user"}, [own.pk]),
        ({"user": "x\0"}, []),
        ({"q": "gone"}, [gone.pk]),
        ({"action": "file_get", "outcome": "done"}, [own.pk, gone.pk]),
        ({"outcome": "not_done"}, []),
        ({"action": "unknown"}, [own.pk, of_command.pk, gone.pk]),
    ):
        assert list_shown(admin.get(EVENTS, query)) == expected, query
    assert admin.post(f"{EVENTS}{own.pk}/delete/", {"post": "yes"}).status_code == 403


def test_search_for_names_of_deleted_users_ends_with_the_newest(db, monkeypatch):
    monkeypatch.setattr(audit_event, "NEWEST", 1)
    now = timezone.now()
    new, _ = (
        AuditEvent.objects.create(action="a", outcome="ok", user_name="gone", created_at=now - timedelta(hours=n))
        for n in range(2)
    )
    assert list(AuditEvent.objects.about("gone")) == [new]


def test_details_link_users_uploads_links_and_events(admin, user):
    upload = make_record(user, "a b")
    link = share(upload, user)
    event = AuditEvent.build(
        user=user, action="file_get", outcome="ok", bucket="bucket-one", file_name="a b", object_id=str(upload.pk)
    )
    event.save()
    assert f"{LIST}?q=bucket-one%2Fa+b" in admin.get(EVENTS).content.decode()
    of_link = AuditEvent.objects.create(action="share_create", outcome="ok", object_id=str(link.pk), user_id="77")
    place, of_user = "q=bucket-one%2Fa+b", f"?user={user.pk}"
    for page, expected in (
        (f"{LIST}{upload.pk}/change/", [f"/admin/auth/user/{user.pk}/change/", f"{LINKS}?upload={upload.pk}", place]),
        (f"{LINKS}{link.pk}/change/", [f"{LIST}{upload.pk}/change/", f"{LIST}{of_user}", f"q={link.pk}", place]),
        (f"{EVENTS}{event.pk}/change/", [f"{LIST}{upload.pk}/change/", f"{LIST}{of_user}", f"{LINKS}{of_user}", place]),
        (f"{EVENTS}{of_link.pk}/change/", [f"{LINKS}{link.pk}/change/", f"{EVENTS}?user=77"]),
        (f"/admin/auth/user/{user.pk}/change/", [f"{LIST}{of_user}", f"{LINKS}{of_user}", f"{EVENTS}{of_user}"]),
    ):
        html = admin.get(page).content.decode()
        assert [address for address in expected if address not in html] == [], page
    assert "Files" not in admin.get("/admin/auth/user/add/").content.decode()
    of_command = AuditEvent.objects.create(action="housekeeping", outcome="ok", bucket="b")
    assert f"{LIST}{of_user}" not in admin.get(f"{EVENTS}{of_command.pk}/change/").content.decode()
    assert "1 share link<" in admin.get(f"{LIST}{upload.pk}/change/").content.decode()


def test_details_show_exact_values(admin, user):
    now = timezone.now()
    start = now - timedelta(seconds=100, milliseconds=250)
    upload = make_record(
        user, "a", size=1_536, created_at=start, completed_at=now, claimed_until=now + timedelta(hours=3, seconds=5)
    )
    html = admin.get(f"{LIST}{upload.pk}/change/").content.decode().replace("\xa0", " ")
    for text in ("1.5 KB (1,536 bytes)", "1 minute (100.25 seconds)", "in 3 hours", start.isoformat(" ", "seconds")):
        assert text in html, text
    pending = make_record(None, "b", status="pending", size=None, completed_at=None)
    html = admin.get(f"{LIST}{pending.pk}/change/").content.decode()
    assert 'value="settle_now"' in html
    assert 'value="share_files"' not in html


def test_pages_of_a_missing_record_redirect_with_a_message(admin):
    for page in ("change", "delete"):
        answer = admin.get(f"{LIST}{uuid.uuid4()}/{page}/", follow=True)
        assert "exist. Perhaps it was deleted?" in list_messages(answer)[0]


def test_links_vanish_without_the_pages_of_a_host(user):
    site = AdminSite("own")
    assert build_url(site, FileUpload, "changelist") == build_user_url(site, user.pk) == ""
    assert format_link("", "a") == "a"
    assert format_links({"a": ""}) == "-"
    assert FileUploadAdmin(FileUpload, site).owner(FileUpload(user=user)) == "user"


def test_search_without_a_user_admin_compares_login_names(user, staff, rf):
    request = rf.get("/")
    request.user = staff
    site = AdminSite("own")
    assert searching.find_user_ids(site, request, "user") == [user.pk]
    site.register(User, django_admin.ModelAdmin)  # It has no search fields.
    assert searching.find_user_ids(site, request, "use") == []


def test_pages_need_few_queries_whatever_their_length(admin, user, django_assert_max_num_queries):
    uploads = [build_record(user, f"{n}", original_name=f"name {n}") for n in range(60)]
    FileUpload.objects.bulk_create(uploads)
    links = [share(upload, user, f"{n}") for n, upload in enumerate(uploads[:20])]
    AuditEvent.objects.bulk_create(
        [AuditEvent(action="file_get", outcome="ok", user_id=str(user.pk), object_id=str(u.pk)) for u in uploads]
    )
    event = AuditEvent.objects.first()
    pages = [
        *(
            LIST + query
            for query in ("", "?p=2", f"?user={user.pk}", "?q=name", "?q=user", "?bucket=bucket-one&user=-")
        ),
        *(LINKS + query for query in ("", "?state=usable", f"?upload={uploads[0].pk}", "?q=user")),
        *(EVENTS + query for query in ("", "?outcome=not_done", "?action=file_get", f"?user={user.pk}", "?q=user")),
        *(f"{LIST}{uploads[0].pk}/{page}/" for page in ("change", "delete", "history")),
        *(f"{LINKS}{links[0].pk}/{page}/" for page in ("change", "delete")),
        *(f"{EVENTS}{event.pk}/change/", f"{LIST}usage/", "/admin/s3_file_uploader/uploadtoken/"),
    ]
    for page in pages:
        with django_assert_max_num_queries(MAX_QUERIES):
            assert admin.get(page).status_code == 200, page


def test_lists_read_neither_all_rows_nor_all_values(admin, user):
    FileUpload.objects.bulk_create([build_record(user, f"{n}") for n in range(60)])
    with CaptureQueriesContext(connection) as queries:
        for query in ({}, {"_facets": "True"}, {"o": "2"}, {"status__exact": "stored", "user": user.pk}):
            assert admin.get(LIST, query).status_code == 200
    of_uploads = [query["sql"] for query in queries if 'FROM "s3_file_uploader_fileupload"' in query["sql"]]
    assert of_uploads
    for sql in of_uploads:
        assert "LIMIT" in sql or "WITH RECURSIVE" in sql, sql
        assert "DISTINCT" not in sql
        assert 'ORDER BY "s3_file_uploader_fileupload"."bucket"' not in sql
