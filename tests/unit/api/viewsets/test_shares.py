"""Share links over HTTP: create, list, follow, revoke; and the reasons for which a link stops working."""

import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from s3_file_uploader.models import FileUpload, ShareLink
from s3_file_uploader.models.lease import create_claimed
from s3_file_uploader.models.share_link import secret_digest
from s3_file_uploader.services import file_delete, housekeeping_run, share_create, upload_delete
from tests.conftest import client_of
from tests.unit.services.conftest import after_reading, stored_file

pytestmark = pytest.mark.django_db
BASE = "/modules/s3-file-uploader/service"


SHARES = f"{BASE}/shares/"


def make(person, bucket, name="file", form="json", **body):
    return client_of(person).post(SHARES, {"bucket": bucket, "file_name": name, **body}, format=form)


def links_to(person, bucket, name="file"):
    return client_of(person).get(SHARES, {"bucket": bucket, "file_name": name})


def shared(person, bucket, name="file", **body):
    answer = make(person, bucket, name, **body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def follow(url, **headers):
    return APIClient().get(url, headers=headers)


def refused(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def url(bucket, user):
    stored_file(user, bucket)
    return shared(user, bucket)["url"]


NOT_FOUND = (404, "share_not_found")


class TestMake:
    def test_create_shows_link_once(self, bucket, user):
        upload = stored_file(user, bucket, "a/é b.txt")
        answer = make(user, bucket, "a/é b.txt", expires_in=60, max_downloads=3)
        link = ShareLink.objects.get()
        body = answer.json()
        secret = body["url"].split("/")[-2]
        assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
        assert body == {
            "id": str(link.pk),
            "user_id": str(user.pk),
            "bucket": bucket,
            "file_name": "a/é b.txt",
            "created_at": link.created_at.isoformat().replace("+00:00", "Z"),
            "expires_at": link.expires_at.isoformat().replace("+00:00", "Z"),
            "revoked_at": None,
            "max_downloads": 3,
            "downloads": 0,
            "url": f"http://testserver{BASE}/shares/{secret}/",
        }
        assert len(secret) == 43
        assert (link.digest, link.upload, link.etag) == (secret_digest(secret), upload, upload.etag)
        assert secret not in repr(list(ShareLink.objects.values()))
        assert timedelta(seconds=50) < link.expires_at - timezone.now() <= timedelta(seconds=60)
        assert str(link) == str(link.pk)

    @pytest.mark.parametrize("form", ["json", "multipart"])
    @pytest.mark.parametrize("body", [{}, {"expires_in": 86_400}])
    def test_create_without_expiry_lasts_a_day(self, bucket, user, form, body):
        stored_file(user, bucket)
        assert make(user, bucket, form=form, **body).json()["max_downloads"] is None
        assert ShareLink.objects.get().expires_at - timezone.now() > timedelta(hours=23)

    def test_create_with_nulls_is_limited_by_setting(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_SHARE_MAX_SECONDS = 60
        stored_file(user, bucket)
        shared(user, bucket, expires_in=None, max_downloads=None)
        assert ShareLink.objects.get().expires_at - timezone.now() <= timedelta(seconds=60)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"expires_in": 0}, "expires_in"),
            ({"expires_in": 30 * 86_400 + 1}, "expires_in"),
            ({"expires_in": "soon"}, "expires_in"),
            ({"max_downloads": 0}, "max_downloads"),
            ({"max_downloads": 1_000_001}, "max_downloads"),
            ({"max_downloads": 10**30}, "max_downloads"),
        ],
    )
    def test_create_with_invalid_field_names_it(self, bucket, user, body, field):
        stored_file(user, bucket)
        answer = make(user, bucket, **body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
        assert not ShareLink.objects.exists()

    def test_refused_create_names_its_file_in_the_audit_trail(self, user, caplog):
        caplog.set_level(logging.INFO, "s3_file_uploader.audit")
        make(user, "bucket-one", max_downloads=0)
        (event,) = [record.audit for record in caplog.records if record.name == "s3_file_uploader.audit"]
        assert (event["bucket"], event["file_name"], event["outcome"]) == ("bucket-one", "file", "invalid")

    def test_create_for_missing_file_is_refused(self, bucket, user):
        create_claimed(user=user, bucket=bucket, file_name="file", content_type="x/y")
        assert refused(make(user, bucket)) == (404, "file_not_found")
        assert refused(make(user, bucket, "none")) == (404, "file_not_found")
        assert refused(make(user, bucket, "a//b")) == (400, "invalid_file_name")

    def test_create_by_other_users_is_refused(self, bucket, user, other, staff, settings):
        stored_file(user, bucket)
        assert refused(make(other, bucket)) == (404, "file_not_found")
        assert shared(staff, bucket)["user_id"] == str(staff.pk)
        settings.S3_FILE_UPLOADER_VISIBLE_TO = "tests.unit.api.viewsets.test_shares.everything"
        for answer in (make(other, bucket), links_to(other, bucket)):
            assert refused(answer) == (403, "not_your_file")
        assert make(None, bucket).status_code == 401


def everything(queryset, user):
    return queryset


def nothing(queryset, user):
    return queryset.none()


class TestFollow:
    def test_follow_redirects_and_counts(self, url, bucket):
        answer = follow(url)
        assert answer.status_code == 302
        to = urlsplit(answer["Location"])
        query = parse_qs(to.query)
        assert to.path.endswith("/file")
        assert query["X-Amz-Expires"] == ["300"]
        assert query["response-content-disposition"] == ['attachment; filename="my file.txt"']
        expected = {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
            "X-Content-Type-Options": "nosniff",
        }
        assert {name: answer[name] for name in expected} == expected
        assert ShareLink.objects.get().downloads == 1

    def test_follow_without_slash_and_with_wrong_token_redirects(self, url):
        assert follow(url.removesuffix("/")).status_code == 302
        assert follow(url, Authorization="Token wrong", Accept="image/*").status_code == 302

    def test_follow_by_head_is_not_counted(self, url):
        answer = APIClient().head(url)
        assert answer.status_code == 302
        assert answer["Location"] != follow(url)["Location"]
        assert ShareLink.objects.get().downloads == 1

    def test_follow_beyond_max_downloads_is_not_found(self, bucket, user):
        stored_file(user, bucket)
        url = shared(user, bucket, max_downloads=2)["url"]
        assert [follow(url).status_code for _ in range(4)] == [302, 302, 404, 404]
        assert APIClient().head(url).status_code == 404
        assert refused(follow(url)) == NOT_FOUND
        assert ShareLink.objects.get().downloads == 2

    def test_follow_that_loses_race_is_not_found(self, bucket, user):
        stored_file(user, bucket)
        url = shared(user, bucket, max_downloads=1)["url"]
        with after_reading("s3_file_uploader_sharelink", ShareLink.objects.get().count_download):
            assert refused(follow(url)) == NOT_FOUND
        assert ShareLink.objects.get().downloads == 1

    def test_follow_after_sharer_lost_sight_is_not_found(self, url, settings):
        settings.S3_FILE_UPLOADER_VISIBLE_TO = "tests.unit.api.viewsets.test_shares.nothing"
        assert refused(follow(url)) == NOT_FOUND

    def test_follow_expired_is_not_found(self, url):
        ShareLink.objects.update(expires_at=timezone.now())
        assert refused(follow(url)) == NOT_FOUND

    @pytest.mark.parametrize("secret", ["x", "é", "%00", "%ED%A0%80", "x" * 2000, str(UUID(int=7))])
    def test_follow_unknown_secret_is_not_found(self, db, secret):
        answer = follow(f"{BASE}/shares/{secret}/")
        assert (answer.status_code, answer.json()["code"], answer["Cache-Control"]) == (*NOT_FOUND, "no-store")
        assert answer["Referrer-Policy"] == "no-referrer"

    def test_follow_in_browser_without_file_is_a_page(self, url, settings):
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        assert follow(url, **browser).status_code == 302
        ShareLink.objects.update(expires_at=timezone.now())
        answers = [follow(url, **browser), follow(url.rstrip("/"), **browser)]
        settings.S3_FILE_UPLOADER_THROTTLE_RATES = {"share": "1/hour"}
        follow(url)
        answers.append(follow(url, **browser))
        told = [(answer.status_code, answer["Content-Type"], answer["Cache-Control"]) for answer in answers]
        assert told == [(code, "text/html; charset=utf-8", "no-store") for code in (404, 404, 429)]
        assert ["Ask its sender" in answer.text for answer in answers] == [True, True, False]
        assert int(answers[2]["Retry-After"]) > 0
        assert answers[0]["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert answers[0]["Referrer-Policy"] == "no-referrer"

    def test_follow_by_id_is_not_found(self, url):
        assert refused(follow(f"{BASE}/shares/{ShareLink.objects.get().pk}/")) == NOT_FOUND

    def test_follow_deleted_file_is_not_found(self, url, bucket, user):
        file_delete(user=user, bucket=bucket, file_name="file")
        assert refused(follow(url)) == NOT_FOUND
        assert not ShareLink.objects.exists()

    def test_follow_deleted_direct_upload_is_not_found(self, url, user):
        upload = FileUpload.objects.get()
        FileUpload.objects.update(strategy="put", writable_until=timezone.now() + timedelta(hours=1))
        upload_delete(user=user, upload_id=upload.pk)
        assert FileUpload.objects.get().status == "deleting"
        assert refused(follow(url)) == NOT_FOUND
        assert not ShareLink.objects.exists()

    def test_follow_replaced_bytes_is_not_found(self, url, bucket, user):
        stored_file(user, bucket, content=b"other bytes", overwrite=True)
        assert refused(follow(url)) == NOT_FOUND
        stored_file(user, bucket, overwrite=True)
        assert follow(url).status_code == 302  # The same bytes are there again.

    def test_follow_during_overwrite_is_not_found(self, url):
        FileUpload.objects.update(status="pending", claimed_until=timezone.now() + timedelta(hours=1))
        assert refused(follow(url)) == NOT_FOUND

    @pytest.mark.parametrize("who", ["user", "staff"])
    def test_follow_of_inactive_user_is_not_found(self, bucket, user, staff, who):
        stored_file(user, bucket)
        url = shared(staff, bucket)["url"]
        person = {"user": user, "staff": staff}[who]
        person.is_active = False
        person.save()
        assert refused(follow(url)) == NOT_FOUND
        person.is_active = True
        person.save()
        assert follow(url).status_code == 302

    def test_follow_after_sharer_left_staff_is_not_found(self, bucket, user, staff):
        stored_file(user, bucket)
        url = shared(staff, bucket)["url"]
        staff.is_staff = False
        staff.save()
        assert refused(follow(url)) == NOT_FOUND

    def test_follow_quarantined_file_is_not_found(self, url, bucket, user):
        FileUpload.objects.update(status="quarantined")
        assert refused(follow(url)) == NOT_FOUND
        assert refused(make(user, bucket)) == (409, "quarantined")

    def test_follow_in_closed_bucket_is_not_found(self, url, settings):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = []
        assert refused(follow(url)) == NOT_FOUND

    def test_follow_file_without_owner_redirects(self, bucket, user, staff):
        stored_file(user, bucket)
        url = shared(staff, bucket)["url"]
        user.delete()
        assert follow(url).status_code == 302

    def test_follow_without_credentials_is_not_counted(self, url, settings, monkeypatch):
        settings.AWS_S3_ENDPOINT_URL, settings.AWS_SECRET_ACCESS_KEY = "http://store.example", ""
        with monkeypatch.context() as unset:
            unset.delenv("AWS_SECRET_ACCESS_KEY")  # moto sets it.
            assert refused(follow(url)) == (503, "storage_not_configured")
        assert ShareLink.objects.get().downloads == 0

    def test_follow_keeps_secret_out_of_log(self, url, caplog):
        caplog.set_level(logging.DEBUG)
        secret = url.split("/")[-2]
        ShareLink.objects.update(revoked_at=timezone.now())
        assert Client().get(url).status_code == 404
        assert Client().get(f"{BASE}/shares/{'x' * 43}/").status_code == 404
        assert "Not Found" in caplog.text
        written = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
        assert secret not in written
        assert "x" * 43 not in written


class TestList:
    def test_list_shows_own_links_or_those_of_file(self, bucket, user, other, staff):
        for person, name in ((user, "a"), (user, "b"), (other, "c")):
            stored_file(person, bucket, name)
            shared(person, bucket, name)
        by_staff = shared(staff, bucket, "a")
        mine = client_of(user).get(f"{BASE}/shares/").json()
        assert [link["file_name"] for link in mine["results"]] == ["b", "a"]
        assert mine["next"] is None
        assert "url" not in mine["results"][0]
        of_file = links_to(user, bucket, "a").json()["results"]
        assert [link["user_id"] for link in of_file] == [str(staff.pk), str(user.pk)]
        assert by_staff["id"] == of_file[0]["id"]
        assert [link["file_name"] for link in client_of(staff).get(f"{BASE}/shares/").json()["results"]] == ["a"]
        assert refused(links_to(other, bucket, "a")) == (404, "file_not_found")

    def test_list_is_paged(self, bucket, user, django_assert_max_num_queries):
        stored_file(user, bucket)
        made = [shared(user, bucket)["id"] for _ in range(5)]
        for start in (f"{SHARES}?page_size=2", f"{SHARES}?page_size=2&bucket={bucket}&file_name=file"):
            seen, url = [], start
            while url:
                with django_assert_max_num_queries(2):
                    page = client_of(user).get(url).json()
                seen += [link["id"] for link in page["results"]]
                url = page["next"]
            assert seen == made[::-1]
        assert client_of(user).get(f"{BASE}/shares/?cursor=x").status_code == 400

    @pytest.mark.parametrize(("params", "field"), [({"bucket": "b"}, "file_name"), ({"file_name": "f"}, "bucket")])
    def test_list_with_one_name_alone_is_refused(self, user, params, field):
        answer = client_of(user).get(SHARES, params)
        assert (answer.status_code, answer.json()["errors"][field][0]["code"]) == (400, "required")


class TestRevoke:
    def test_revoke_link_is_refused_afterwards(self, bucket, user):
        stored_file(user, bucket)
        link = shared(user, bucket)
        path = f"{BASE}/shares/{link['id']}/"
        for _ in range(2):
            assert client_of(user).delete(path).status_code == 204
        assert refused(follow(link["url"])) == NOT_FOUND
        assert client_of(user).get(f"{BASE}/shares/").json()["results"][0]["revoked_at"]

    def test_revoke_by_owner_and_staff_only(self, bucket, user, other, staff):
        stored_file(user, bucket)
        link = shared(staff, bucket)
        path = f"{BASE}/shares/{link['id']}/"
        assert client_of(None).delete(path).status_code == 401
        assert refused(client_of(other).delete(path)) == NOT_FOUND
        assert follow(link["url"]).status_code == 302
        assert client_of(user).delete(path).status_code == 204
        assert client_of(staff).delete(path).status_code == 204

    @pytest.mark.parametrize("share_id", ["x", str(UUID(int=7))])
    def test_revoke_unknown_id_is_not_found(self, user, share_id):
        assert refused(client_of(user).delete(f"{BASE}/shares/{share_id}/")) == NOT_FOUND

    def test_revoke_by_secret_is_not_found(self, url, user):
        assert refused(client_of(user).delete(url)) == NOT_FOUND
        assert follow(url).status_code == 302


@pytest.mark.parametrize("slash", ["", "/"])
def test_file_called_share_is_an_ordinary_file(bucket, user, slash):
    client, path = client_of(user), f"{BASE}/buckets/{bucket}/files/a/share{slash}"
    record = client.put(path, "content", content_type="text/plain").json()
    assert record["file_name"] == "a/share"
    assert client.get(path, {"proxy": "true"}).getvalue() == b"content"
    assert client.get(record["url"]).status_code == 302
    assert shared(user, bucket, "a/share")["file_name"] == "a/share"
    assert client.post(path).status_code == 405
    assert client.delete(path).status_code == 204
    assert not FileUpload.objects.exists()


@pytest.mark.parametrize(("name", "path"), [("share", "/shares/x/"), ("share-list", "/shares/")])
def test_urls_of_shares_have_their_names(name, path):
    match = resolve(BASE + path)
    assert match.view_name == f"s3_service-{name}"
    assert reverse(match.view_name, kwargs=match.kwargs) == BASE + path


def test_housekeeping_removes_expired_links(bucket, user):
    stored_file(user, bucket)
    share_create(user=user, bucket=bucket, file_name="file")
    over = share_create(user=user, bucket=bucket, file_name="file").link
    ShareLink.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    assert housekeeping_run(dry_run=True).share_links_forgotten == 1
    assert ShareLink.objects.count() == 2
    assert housekeeping_run().share_links_forgotten == 1
    assert not ShareLink.objects.filter(pk=over.pk).exists()


class TestAdmin:
    LIST = "/admin/s3_file_uploader/sharelink/"

    @pytest.fixture
    def admin(self, client, staff):
        client.force_login(staff)
        return client

    def test_admin_lists_and_revokes_without_secret(self, admin, bucket, url):
        link = ShareLink.objects.get()
        for path in (f"{self.LIST}?q={bucket}/file", f"{self.LIST}{link.pk}/change/"):
            page = admin.get(path).content.decode()
            assert str(link.pk) in page
            assert url.split("/")[-2] not in page
            assert link.digest not in page
        assert admin.get(f"{self.LIST}add/").status_code == 403
        assert admin.post(f"{self.LIST}{link.pk}/change/", {"downloads": 1}).status_code == 403
        assert admin.post(self.LIST, {"action": "revoke_links", "_selected_action": [link.pk]}).status_code == 302
        assert refused(follow(url)) == NOT_FOUND

    def test_admin_deletion_revokes(self, admin, url, bucket, user, caplog):
        caplog.set_level(logging.INFO, "s3_file_uploader.audit")
        share_create(user=user, bucket=bucket, file_name="file")
        first, second = ShareLink.objects.all()
        admin.post(f"{self.LIST}{first.pk}/delete/", {"post": "yes"})
        admin.post(self.LIST, {"action": "delete_selected", "post": "yes", "_selected_action": [second.pk]})
        assert not ShareLink.objects.exists()
        events = [record.audit for record in caplog.records if record.audit["action"] == "share_revoke"]
        assert [event["object_id"] for event in events] == [str(first.pk), str(second.pk)]
        assert refused(follow(url)) == NOT_FOUND
