"""The actions of the admin against the embedded S3: the bytes behind each address, and what a deletion leaves."""

import io
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.utils import timezone

from s3_file_uploader.models import FileUpload, ShareLink
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import file_upload, upload_start
from tests.support.scanners import FOUND_VIRUS, VIRUS, use

LIST = "/admin/s3_file_uploader/fileupload/"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def admin(transactional_db, client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def image(transactional_db, user, bucket):
    return stored(user, bucket, "a.png", PNG, "image/png")


def stored(user, bucket, name, content, content_type="text/plain"):
    fields = {"content_type": content_type, "original_name": name, "size": len(content)}
    return file_upload(user=user, owner=user, bucket=bucket, file_name=name, content=io.BytesIO(content), **fields)


def run(admin, action, uploads, **fields):
    body = {"action": action, "_selected_action": [upload.pk for upload in uploads], **fields}
    return admin.post(LIST, body, follow=True)


def find_address(answer):
    return answer.content.decode().partition('readonly value="')[2].partition('"')[0].replace("&amp;", "&")


def list_messages(answer):
    return [str(message) for message in answer.context["messages"]]


def test_admin_addresses_lead_to_the_bytes(admin, image, live_server):
    shared = find_address(run(admin, "share_files", [image], expires_in_seconds="3600", apply="Share"))
    answer = httpx.get(live_server.url + urlsplit(shared).path, follow_redirects=True)
    assert (answer.content, ShareLink.objects.get().downloads) == (PNG, 1)
    fields = {"expires_in_seconds": "300", "disposition": "inline", "apply": "Presign"}
    signed = httpx.get(find_address(run(admin, "presign_files", [image], **fields)))
    assert (signed.content, signed.headers["Content-Disposition"]) == (PNG, 'inline; filename="a.png"')
    preview = httpx.get(admin.get(f"{LIST}{image.pk}/preview/")["Location"])
    assert (preview.content, preview.headers["Content-Type"]) == (PNG, "image/png")
    assert preview.headers["Content-Disposition"].startswith("inline")
    opened = httpx.get(admin.get(f"{LIST}{image.pk}/open/")["Location"])
    assert opened.headers["Content-Disposition"].startswith("attachment")
    run(admin, "delete_selected", [image], post="yes")
    assert get_client().list_objects_v2(Bucket=image.bucket)["KeyCount"] == 0
    assert httpx.get(live_server.url + urlsplit(shared).path).status_code == 404
    assert not FileUpload.objects.exists()


def test_admin_settles_and_scans(admin, user, bucket, settings):
    fields = {"file_name": "a.txt", "content_type": "text/plain", "size": 7}
    arrived, expired = (
        upload_start(user=user, owner=user, bucket=bucket, **fields, strategy=strategy).upload
        for strategy in ("put", "multipart")
    )
    get_client().put_object(Bucket=bucket, Key=arrived.file_name, Body=b"content", ContentType="text/plain")
    long_ago = timezone.now() - timedelta(days=2)
    FileUpload.objects.update(created_at=long_ago, claimed_until=long_ago)
    answer = run(admin, "settle_now", [arrived, expired])
    assert "1: upload completed." in list_messages(answer)
    arrived.refresh_from_db()
    assert arrived.status == "stored"
    assert FileUpload.objects.filter(pk=expired.pk, status="pending").count() == 0
    assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    infected = stored(user, bucket, "infected", VIRUS)
    use(settings, "LooksForVirus")
    assert list_messages(run(admin, "scan_again", [infected]))[0] == f"{bucket}/infected: {FOUND_VIRUS}"
    keys = [entry["Key"] for entry in get_client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == [arrived.file_name]


def test_sums_and_export_have_the_stored_bytes(admin, user, image):
    stored(user, image.bucket, "=danger.txt", bytes(2000))
    assert f"{2000 + len(PNG):,}" in admin.get(f"{LIST}usage/").content.decode()
    exported = b"".join(run(admin, "export_csv", [image], select_across="1").streaming_content).decode()
    assert f"{image.bucket},'=danger.txt,'=danger.txt,{user.pk},user,2000" in exported
