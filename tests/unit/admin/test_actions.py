"""The actions on uploads, their permissions and their events; previews."""

import asyncio
import csv
import io
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from s3_file_uploader.admin import selection, upload_actions, upload_forms
from s3_file_uploader.admin.export import BATCH, export_uploads, neutralise, write_lines
from s3_file_uploader.admin.upload_files import MAX_PREVIEW_BYTES
from s3_file_uploader.models import FileUpload, ShareLink
from s3_file_uploader.s3.client import get_client
from tests.support.scanners import FOUND_VIRUS, VIRUS, use
from tests.unit.admin.conftest import LINKS, LIST, build_record, give, list_messages, make_record
from tests.unit.services.conftest import sent, started, stored_file

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.4\n" + bytes(100)


def run(client, action, uploads, **fields):
    body = {"action": action, "_selected_action": [upload.pk for upload in uploads], **fields}
    return client.post(LIST, body, follow=True)


def list_offered(client):
    return [name for name, _ in client.get(LIST).context["action_form"].fields["action"].choices if name]


def list_event_names(read_events):
    return [(event["action"], event["outcome"]) for event in read_events()]


# --- share and presign -----------------------------------------------------------------------------------------------


def test_share_files_shows_links_once_and_errors_beside(admin, bucket, user, staff, read_events):
    upload, pending = stored_file(user, bucket), started(user, bucket).upload
    form = run(admin, "share_files", [upload, pending])
    assert "no-store" in form["Cache-Control"]
    assert "1 day (86,400 seconds)" in form.content.decode()
    assert "90 days" not in form.content.decode()
    assert not ShareLink.objects.exists()
    read_events()
    fields = {"expires_in_seconds": "3600", "max_downloads": "2", "apply": "Share"}
    html = run(admin, "share_files", [upload, pending], **fields).content.decode()
    assert "no stored file of that name" in html
    link = ShareLink.objects.get()
    assert (link.user, link.upload, link.max_downloads) == (staff, upload, 2)
    assert timedelta(minutes=59) < link.expires_at - timezone.now() <= timedelta(hours=1)
    address = html.partition('readonly value="')[2].partition('"')[0]
    assert address.startswith("http://testserver/modules/s3-file-uploader/service/shares/")
    assert admin.get(address).status_code == 302
    assert list_event_names(read_events)[:1] == [("share_create", "ok")]
    wrong = run(admin, "share_files", [upload], expires_in_seconds="1", max_downloads="0", apply="Share")
    assert "not one of the available choices" in wrong.content.decode()
    assert ShareLink.objects.count() == 1


def test_presign_files_signs_the_chosen_life_and_disposition(admin, bucket, user, read_events):
    upload = stored_file(user, bucket, "a.png", PNG, content_type="image/png")
    read_events()
    fields = {"expires_in_seconds": "604800", "disposition": "inline", "apply": "Presign"}
    html = run(admin, "presign_files", [upload], **fields).content.decode()
    url = html.partition('readonly value="')[2].partition('"')[0].replace("&amp;", "&")
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Expires"] == ["604800"]
    assert query["response-content-disposition"][0].startswith("inline")
    assert list_event_names(read_events) == [("file_presign", "ok")]


def test_share_life_follows_the_setting(settings):
    settings.S3_FILE_UPLOADER_SHARE_MAX_SECONDS = 5000
    choices = upload_forms.ShareForm(None).fields["expires_in_seconds"].choices
    assert choices[-1] == (5000, "the longest time that the settings allow (5,000 seconds)")


def test_action_form_needs_a_way_to_make_urls(rf, user):
    with pytest.raises(NotImplementedError):
        upload_forms.ActionForm(None).make_url(rf.get("/"), user, FileUpload())


# --- permissions and limits ------------------------------------------------------------------------------------------


def test_each_action_needs_its_own_permission(client, bucket, user, other, settings):
    use(settings, "LooksForVirus")
    upload = make_record(user, "a")
    for permission, expected in (
        ("add_sharelink", ["share_files"]),
        ("change_fileupload", ["settle_now"]),
        ("delete_fileupload", ["scan_again", "delete_selected"]),
        ("view_sharelink", []),
    ):
        client.force_login(give(other, "view_fileupload", permission))
        always = ["presign_files", "export_csv"]
        assert sorted(list_offered(client)) == sorted(always + expected), permission
    answer = run(client, "share_files", [upload], expires_in_seconds="3600", apply="Share")
    assert list_messages(answer) == ["No action selected."]
    assert not ShareLink.objects.exists()
    client.force_login(give(other, "view_sharelink"))
    assert client.get(LIST).status_code == client.get(f"{LIST}usage/").status_code == 403
    assert client.get(f"{LIST}{upload.pk}/preview/").status_code == 403


@override_settings(ROOT_URLCONF="tests.unit.admin.urls_without_api")
def test_share_is_not_offered_without_the_addresses_of_the_api(admin):
    assert "share_files" not in list_offered(admin)


def test_actions_refuse_too_many_files(admin, user, monkeypatch):
    records = [make_record(user, f"{n}") for n in range(3)]
    link = ShareLink.objects.create(upload=records[0], user=user, expires_at=timezone.now())
    monkeypatch.setattr(upload_forms, "MAX_LINKS", 2)
    monkeypatch.setattr(selection.limit_selection, "__defaults__", (2,))
    refusal = "Nothing was done. Select at most 2 rows at a time."
    for action in ("share_files", "presign_files", "settle_now", "delete_selected"):
        answer = run(admin, action, records[:1], select_across="1")
        assert list_messages(answer) == [refusal], action
    monkeypatch.setattr(selection.limit_selection, "__defaults__", (0,))
    for action in ("revoke_links", "delete_selected"):
        answer = admin.post(LINKS, {"action": action, "_selected_action": [link.pk], "post": "yes"}, follow=True)
        assert list_messages(answer) == ["Nothing was done. Select at most 0 rows at a time."]
    assert FileUpload.objects.count() == 3


# --- settle ----------------------------------------------------------------------------------------------------------


def test_settle_now_does_what_housekeeping_would(transactional, admin, bucket, user, staff, settings, read_events):
    long_ago = timezone.now() - timedelta(days=2)
    arrived, expired, running = (started(user, bucket).upload for _ in range(3))
    sent(arrived)
    for upload in (arrived, expired):
        FileUpload.objects.filter(pk=upload.pk).update(created_at=long_ago, claimed_until=long_ago)
    large = started(user, bucket, size=20, strategy="multipart").upload
    get_client().upload_part(
        Bucket=bucket,
        Key=large.file_name,
        UploadId=large.multipart_upload_id,
        PartNumber=1,
        Body=b"x" * 21,
    )
    gone = started(user, bucket, size=20, strategy="multipart").upload
    where = {"Bucket": bucket, "Key": gone.file_name, "UploadId": gone.multipart_upload_id}
    get_client().abort_multipart_upload(**where)
    read_events()
    answer = run(admin, "settle_now", [arrived, expired, running, large, gone])
    assert sorted(list_messages(answer)) == [
        "1: record and object removed.",
        "1: record removed.",
        "1: upload completed.",
        "2: nothing to do.",
    ]
    assert dict(FileUpload.objects.values_list("pk", "status")) == {
        arrived.pk: "stored",
        # Their rows stay for a while, because S3 may keep a late part.
        expired.pk: "deleting",
        large.pk: "deleting",
        running.pk: "pending",
        gone.pk: "pending",
    }
    events = [event for event in read_events() if event["action"] == "housekeeping"]
    assert {event["outcome"] for event in events} == {"upload_completed", "record_removed", "record_and_object_removed"}
    assert {event["user"] for event in events} == {str(staff.pk)}


def test_settle_now_scans_waiting_files_and_shows_errors(admin, bucket, user, settings, monkeypatch):
    monkeypatch.setattr(upload_actions, "MAX_MESSAGES", 1)
    settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 0
    use(settings, "LooksForVirus")
    waiting = stored_file(user, bucket, "waiting")
    assert list_messages(run(admin, "settle_now", [waiting])) == ["1: file clean."]
    uploads = [stored_file(user, bucket, name) for name in "ab"]
    use(settings, "Down")
    messages = list_messages(run(admin, "settle_now", uploads))
    assert messages[0].endswith("It cannot be reached.")
    assert messages[1] == "1 more failed."


# --- scan ------------------------------------------------------------------------------------------------------------


def test_scan_again_shows_rejected_files(admin, bucket, user, settings):
    uploads = [stored_file(user, bucket, "clean"), stored_file(user, bucket, "infected", VIRUS)]
    use(settings, "LooksForVirus")
    answer = run(admin, "scan_again", uploads)
    assert list_messages(answer) == [f"bucket-one/infected: {FOUND_VIRUS}", "Files that were scanned, or will be: 2."]
    assert dict(FileUpload.objects.values_list("file_name", "status")) == {"clean": "stored", "infected": "rejected"}
    page = admin.get(f"{LIST}{uploads[1].pk}/change/").content.decode()
    assert FOUND_VIRUS in page
    assert ">open</a>" not in page
    assert 'class="s3-actions"' not in page
    assert 'value="scan_again"' in admin.get(f"{LIST}{uploads[0].pk}/change/").content.decode()


# --- export ----------------------------------------------------------------------------------------------------------


def test_export_streams_all_rows_without_formulas(admin, user, staff, read_events):
    names = ["=1+1", "  =1+1", "+1", "-1", "@x", "\t=1", "\uff1d1", "plain, with comma"]
    FileUpload.objects.bulk_create([build_record(user, name) for name in names])
    orphan = make_record(None, "orphan", status="pending", size=None, completed_at=None)
    answer = run(admin, "export_csv", [orphan], select_across="1")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert ".csv" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeffid,bucket,file_name")
    rows = {row["file_name"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))}
    assert set(rows) == {f"'{name}" for name in names[:-1]} | {names[-1], "orphan"}
    assert rows["'=1+1"]["user_name"] == "user"
    assert rows["'=1+1"]["size"] == "2048"
    assert rows["orphan"]["user_name"] == rows["orphan"]["size"] == rows["orphan"]["completed_at"] == ""
    events = [(event["action"], event["user"], event["address"]) for event in read_events()]
    assert events == [("upload_export", str(staff.pk), "127.0.0.1")]


def test_export_holds_one_batch_at_a_time(user):
    FileUpload.objects.bulk_create([build_record(user, f"{n}") for n in range(BATCH + 1)])
    with CaptureQueriesContext(connection) as queries:
        lines = write_lines(FileUpload.objects.order_by("created_at"))
        sizes = [batch.count("\r\n") for batch in lines]
    assert sizes == [1, BATCH, 1]
    assert len(queries) <= 2  # A cursor of PostgreSQL is one query.


def test_export_under_asgi_reads_batch_by_batch(transactional_db, user, staff):
    make_record(user, "a")

    async def read():
        from django.test import AsyncRequestFactory  # noqa: PLC0415

        request = AsyncRequestFactory().get("/")
        request.user = staff
        response = export_uploads(request, FileUpload.objects.all())
        return [batch async for batch in response.streaming_content]

    heading, rows = asyncio.run(read())
    assert heading.startswith("\ufeffid".encode())
    assert rows.count(b"\r\n") == 1


def test_neutralise_keeps_text_and_nothing():
    assert [neutralise(value) for value in (None, 5, "a=b", "")] == ["", "5", "a=b", ""]


# --- preview ---------------------------------------------------------------------------------------------------------


def test_preview_shows_images_and_pdf_by_a_short_url(admin, bucket, user, read_events):
    image = stored_file(user, bucket, "a.png", PNG, content_type="image/png", original_name='a".png')
    pdf = stored_file(user, bucket, "a.pdf", PDF, content_type="application/pdf")
    read_events()
    page = admin.get(f"{LIST}{image.pk}/change/").content.decode()
    assert f'<img class="s3-preview" src="{LIST}{image.pk}/preview/" alt="Preview of a&quot;.png"' in page
    assert (
        f'<iframe class="s3-preview" src="{LIST}{pdf.pk}/preview/"'
        in admin.get(f"{LIST}{pdf.pk}/change/").content.decode()
    )
    assert read_events() == []
    answer = admin.get(f"{LIST}{pdf.pk}/preview/")
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["X-Amz-Expires"] == ["60"]
    assert query["response-content-disposition"][0].startswith("inline")
    assert query["response-content-type"] == ["application/pdf"]
    assert (answer["X-Frame-Options"], answer["Referrer-Policy"]) == ("SAMEORIGIN", "no-referrer")
    assert list_event_names(read_events) == [("file_presign", "ok")]


def test_preview_follows_the_policy_and_the_size(admin, bucket, user, settings):
    svg = make_record(user, "a.svg", content_type="image/svg+xml")
    text = make_record(user, "a.txt")
    large = make_record(user, "large.png", content_type="image/png", size=MAX_PREVIEW_BYTES + 1)
    waiting = make_record(user, "waiting.png", content_type="image/png", status="quarantined")
    image = make_record(user, "a.png", content_type="image/png")
    settings.S3_FILE_UPLOADER_POLICIES = {"bucket-one": {"inline_content_types": ["image/png"]}}
    pdf = make_record(user, "a.pdf", content_type="application/pdf")
    for upload in (svg, text, large, waiting, pdf):
        assert admin.get(f"{LIST}{upload.pk}/preview/").status_code == 404, upload
        assert "s3-preview" not in admin.get(f"{LIST}{upload.pk}/change/").content.decode(), upload
    assert admin.get(f"{LIST}{image.pk}/preview/").status_code == 302


def test_preview_that_cannot_be_signed_is_no_page_in_the_frame(admin, user, settings):
    image = make_record(user, "a.png", content_type="image/png", bucket="Not-A-Name")
    answer = admin.get(f"{LIST}{image.pk}/preview/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_pages_have_no_inline_script_or_style(admin, bucket, user):
    upload = stored_file(user, bucket, "a.png", PNG, content_type="image/png")
    for page in (LIST, f"{LIST}{upload.pk}/change/", f"{LIST}{upload.pk}/delete/", f"{LIST}usage/"):
        html = admin.get(page).content.decode()
        scripts = [tag for tag in html.split("<script")[1:] if "src=" not in tag.partition(">")[0]]
        assert [tag for tag in scripts if "application/json" not in tag.partition(">")[0]] == []
        assert "<style" not in html
        assert " style=" not in html
