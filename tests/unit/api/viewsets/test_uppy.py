"""The responses that Uppy receives; other tests run Uppy itself on them."""

import json
import re
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from s3_file_uploader.models import FileUpload, UploadToken
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_complete, upload_token_create
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.services.conftest import started, stored_file

BASE = "/modules/s3-file-uploader/service/uppy"
NAME = "été 😀.txt"


@pytest.fixture(autouse=True)
def uppy_bucket(settings, bucket):
    settings.S3_FILE_UPLOADER_UPPY_BUCKET = bucket
    return bucket


def params(client, base=BASE, **query):
    return client.get(f"{base}/s3/params?{urlencode({'filename': NAME, 'type': 'text/plain', **query})}")


def create(client, base=BASE, **body):
    return client.post(f"{base}/s3/multipart", {"filename": NAME, "type": "text/plain", **body}, format="json")


def begun(person, **body):
    answer = create(client_of(person), **body)
    assert answer.status_code == 200, answer.content
    return FileUpload.objects.get(pk=answer.json()["uploadId"])


def address(upload, ending="", key=None, **query):
    query = {"key": upload.file_name if key is None else key, **query}
    return f"{BASE}/s3/multipart/{upload.pk}{ending}?{urlencode(query)}"


def part_sent(upload, number=1, body=b"content"):
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    return get_client().upload_part(**where, PartNumber=number, Body=body)["ETag"].strip('"')


def file_sent(upload, body=b"content", content_type="text/plain"):
    get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=body, ContentType=content_type)


def refused(answer):
    return answer.status_code, answer.json()["code"]


def complete(client, upload, *numbers, **options):
    parts = [{"PartNumber": number, "ETag": "whatever"} for number in numbers]
    return client.post(address(upload, "/complete", **options), {"parts": parts}, format="json")


class TestOneRequest:
    def test_params_signs_form_for_record(self, user, bucket):
        answer = params(client_of(user))
        upload = FileUpload.objects.get()
        form = answer.json()
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
        assert form.keys() == {"method", "url", "fields", "expires"}
        assert (form["method"], form["expires"]) == ("POST", 3600)
        assert form["url"].endswith("amazonaws.com/")
        assert form["fields"]["key"] == upload.file_name == f"uploads/{upload.pk}/{NAME}"
        assert (form["fields"]["Content-Type"], form["fields"]["success_action_status"]) == ("text/plain", "201")
        assert (upload.user, upload.status, upload.strategy, upload.size) == (user, "pending", "post", None)
        assert (upload.bucket, upload.original_name, upload.content_type) == (bucket, NAME, "text/plain")

    def test_params_without_post_support_signs_put(self, settings, user):
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["put", "multipart"]
        form = params(client_of(user)).json()
        upload = FileUpload.objects.get()
        assert form.keys() == {"method", "url", "fields", "headers", "expires"}
        assert (form["method"], form["fields"], upload.strategy) == ("PUT", {"key": upload.file_name}, "put")
        assert form["headers"]["Content-Type"] == "text/plain"

    def test_params_without_post_and_put_is_refused(self, settings, user):
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["multipart"]
        assert refused(params(client_of(user))) == (400, "invalid")

    @pytest.mark.parametrize("declared", ["", "null", "undefined", "text", "x" * 300 + "/y"])
    def test_params_with_malformed_type_guesses_it(self, user, declared):
        assert params(client_of(user), type=declared).status_code == 200
        assert FileUpload.objects.get().content_type == "text/plain"

    @pytest.mark.parametrize("name", ["", "a/../b", "a\nb", "x" * 1024, "/a", ".."])
    def test_params_with_invalid_name_is_refused(self, user, name):
        answer = params(client_of(user), filename=name)
        assert refused(answer)[0] == 400
        assert not FileUpload.objects.exists()

    def test_params_without_name_is_refused(self, user):
        answer = client_of(user).get(f"{BASE}/s3/params")
        assert refused(answer) == (400, "invalid")
        assert answer.json()["errors"].keys() == {"filename"}

    def test_arrived_completes_upload(self, user):
        client = client_of(user)
        key = params(client).json()["fields"]["key"]
        url = f"{BASE}/s3/complete?{urlencode({'key': key})}"
        early = client.post(url)
        assert refused(early) == (400, "parts_missing")
        file_sent(FileUpload.objects.get())
        for _ in range(2):
            answer = client.post(url)
            assert answer.status_code == 200
            assert (answer.json()["status"], answer.json()["size"]) == ("stored", 7)
        assert FileUpload.objects.get().status == "stored"

    def test_arrived_with_foreign_key_is_not_found(self, user, other):
        key = params(client_of(user)).json()["fields"]["key"]
        file_sent(FileUpload.objects.get())
        for person, value in ((other, key), (user, key[:-1]), (user, ""), (user, f"uploads/{uuid.uuid4()}/{NAME}")):
            answer = client_of(person).post(f"{BASE}/s3/complete?{urlencode({'key': value})}")
            assert refused(answer) == (404, "upload_not_found")
        assert FileUpload.objects.get().status == "pending"


class TestBucket:
    @pytest.mark.parametrize("ask", [params, create])
    def test_bucket_without_setting_is_refused(self, settings, user, ask):
        settings.S3_FILE_UPLOADER_UPPY_BUCKET = None
        answer = ask(client_of(user))
        assert refused(answer) == (503, "storage_not_configured")
        assert "S3_FILE_UPLOADER_UPPY_BUCKET" in answer.json()["detail"]
        assert not FileUpload.objects.exists()

    def test_bucket_in_metadata_is_used(self, settings, user):
        settings.S3_FILE_UPLOADER_UPPY_BUCKET = None
        get_client().create_bucket(Bucket="bucket-two")
        assert params(client_of(user), **{"metadata[bucket]": "bucket-two", "metadata[name]": "x"}).status_code == 200
        assert create(client_of(user), metadata={"bucket": "bucket-two", "name": "x"}).json()["bucket"] == "bucket-two"
        assert {upload.bucket for upload in FileUpload.objects.all()} == {"bucket-two"}

    @pytest.mark.parametrize("nothing", ["", "null", "undefined"])
    def test_bucket_null_in_metadata_uses_setting(self, user, bucket, nothing):
        assert params(client_of(user), **{"metadata[bucket]": nothing}).status_code == 200
        assert create(client_of(user), metadata={"bucket": nothing}).json()["bucket"] == bucket

    @pytest.mark.parametrize("metadata", [None, {}, {"bucket": None}])
    def test_create_without_metadata_uses_setting(self, user, bucket, metadata):
        assert create(client_of(user), metadata=metadata).json()["bucket"] == bucket

    @pytest.mark.parametrize(
        ("named", "code"),
        [("closed", "bucket_not_allowed"), ("No Bucket", "invalid_bucket_name"), ({"a": 1}, "invalid_bucket_name")],
    )
    def test_bucket_that_is_closed_is_refused(self, settings, user, bucket, named, code):
        settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = [bucket]
        assert refused(create(client_of(user), metadata={"bucket": named}))[1] == code
        assert not FileUpload.objects.exists()


class TestParts:
    def test_multipart_upload_is_stored(self, user, bucket):
        client, answer = client_of(user), create(client_of(user))
        upload = FileUpload.objects.get()
        assert answer.json() == {"key": f"uploads/{upload.pk}/{NAME}", "uploadId": str(upload.pk), "bucket": bucket}
        assert (upload.user, upload.status, upload.strategy, upload.size) == (user, "pending", "multipart", None)

        signed = client.get(address(upload, "/2"))
        assert (signed.status_code, signed.json().keys(), signed.json()["expires"]) == (200, {"url", "expires"}, 3600)
        query = parse_qs(urlsplit(signed.json()["url"]).query)
        assert (query["partNumber"], query["uploadId"]) == (["2"], [upload.multipart_upload_id])
        assert query["X-Amz-SignedHeaders"] == ["host"]
        batch = client.get(address(upload, "/batch", partNumbers="1,2"))
        assert batch.json()["presignedUrls"].keys() == {"1", "2"}

        assert client.get(address(upload)).json() == []
        first, second = part_sent(upload, 1, b"x" * mib(5)), part_sent(upload, 2)
        assert client.get(address(upload)).json() == [
            {"PartNumber": 1, "ETag": first, "Size": mib(5)},
            {"PartNumber": 2, "ETag": second, "Size": 7},
        ]

        answer = complete(client, upload, 1, 2)
        upload.refresh_from_db()
        assert (upload.status, upload.size) == ("stored", mib(5) + 7)
        location = reverse("s3_service-file", kwargs={"bucket_name": bucket, "file_name": upload.file_name})
        assert answer.json() == {"location": f"http://testserver{location}", "key": upload.file_name, "bucket": bucket}
        assert complete(client, upload, 1, 2).json() == answer.json()

    def test_complete_with_missing_part_is_refused(self, user):
        upload = begun(user)
        part_sent(upload)
        answer = complete(client_of(user), upload, 1, 2)
        assert refused(answer) == (400, "parts_missing")
        assert "send 2" in answer.json()["detail"]
        assert complete(client_of(user), upload, 1).status_code == 200

    def test_complete_without_last_part_leaves_it_out(self, user):
        upload = begun(user)
        part_sent(upload, 1)
        part_sent(upload, 2)
        assert complete(client_of(user), upload, 1).status_code == 200
        assert FileUpload.objects.get().size == 7

    @pytest.mark.parametrize(
        "body",
        [{}, {"parts": {}}, {"parts": [{}]}, {"parts": [{"PartNumber": 0}]}, {"parts": [{"PartNumber": 10001}]}, []],
    )
    def test_complete_with_malformed_parts_is_refused(self, user, body):
        upload = begun(user)
        answer = client_of(user).post(address(upload, "/complete"), body, format="json")
        assert refused(answer) == (400, "invalid")

    @pytest.mark.parametrize("ending", ["/0", "/10001", "/-1", "/first", "/1,2", "/batch"])
    def test_sign_part_beyond_limits_is_refused(self, user, ending):
        numbers = {"partNumbers": "1,0"} if ending == "/batch" else {}
        assert refused(client_of(user).get(address(begun(user), ending, **numbers))) == (400, "invalid")

    @pytest.mark.parametrize("numbers", [None, "", "1,", "a", "1;2"])
    def test_sign_part_with_malformed_number_is_refused(self, user, numbers):
        query = {} if numbers is None else {"partNumbers": numbers}
        answer = client_of(user).get(address(begun(user), "/batch", **query))
        assert refused(answer) == (400, "invalid")
        assert answer.json()["errors"].keys() == {"partNumbers"}

    def test_abort_removes_upload(self, user, bucket):
        upload = begun(user)
        part_sent(upload)
        answer = client_of(user).delete(address(upload))
        assert (answer.status_code, answer.json()) == (200, {})
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
        assert refused(client_of(user).get(address(upload))) == (404, "upload_not_found")
        assert refused(client_of(user).delete(address(upload))) == (404, "upload_not_found")

    def test_abort_of_stored_upload_is_refused(self, user):
        upload = begun(user)
        part_sent(upload)
        upload_complete(user=user, upload_id=upload.pk)
        assert refused(client_of(user).delete(address(upload))) == (409, "upload_not_pending")
        assert FileUpload.objects.get().status == "stored"

    def test_abort_that_races_completion_is_refused(self, user):
        upload = begun(user)
        part_sent(upload)
        to_come = [lambda: upload_complete(user=user, upload_id=upload.pk)]

        def completed_first(execute, sql, *arguments):
            if sql.startswith("UPDATE") and to_come:
                to_come.pop()()
            return execute(sql, *arguments)

        with connection.execute_wrapper(completed_first):
            assert refused(client_of(user).delete(address(upload))) == (409, "upload_not_pending")
        assert to_come == []
        assert FileUpload.objects.get().status == "stored"

    @pytest.mark.parametrize("key", ["", "another", "uploads/x"])
    def test_request_with_other_key_is_not_found(self, user, key):
        client, upload = client_of(user), begun(user)
        part_sent(upload)
        for ask in (
            lambda: client.get(address(upload, key=key)),
            lambda: client.get(address(upload, "/1", key=key)),
            lambda: client.get(address(upload, "/batch", key=key, partNumbers="1")),
            lambda: complete(client, upload, 1, key=key),
            lambda: client.delete(address(upload, key=key)),
        ):
            assert refused(ask()) == (404, "upload_not_found")
        assert FileUpload.objects.get().status == "pending"

    def test_request_for_upload_of_other_user_is_not_found(self, user, other):
        upload, client = begun(user), client_of(other)
        part_sent(upload)
        for ask in (
            lambda: client.get(address(upload)),
            lambda: client.get(address(upload, "/1")),
            lambda: complete(client, upload, 1),
            lambda: client.delete(address(upload)),
            lambda: sign(client, "GET", upload.file_name, uploadId=str(upload.pk)),
            lambda: sign(client, "PUT", upload.file_name, uploadId=str(upload.pk), partNumber=1),
        ):
            assert refused(ask()) == (404, "upload_not_found")

    @pytest.mark.parametrize(
        "body", ["x", "[]", "{}", '{"filename": null}', '{"filename": [1]}', '{"filename": "\\ud800"}']
    )
    def test_create_without_file_is_refused(self, user, body):
        answer = client_of(user).generic("POST", f"{BASE}/s3/multipart", body, content_type="application/json")
        assert answer.status_code == 400
        assert not FileUpload.objects.exists()


class TestTokens:
    def test_token_is_created_used_listed_and_revoked(self, user, bucket):
        client = client_of(user)
        made = client.post(f"{BASE}/tokens/", {"expires_in": 60}, format="json")
        assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
        token = UploadToken.objects.get()
        assert made.json().keys() == {"id", "token", "endpoint", "expires_at"}
        assert (made.json()["id"], made.json()["token"]) == (str(token.pk), token.text)
        assert made.json()["endpoint"] == f"http://testserver{BASE}/token/{token.text}"

        listed = client.get(f"{BASE}/tokens/").json()
        assert [token.keys() for token in listed["results"]] == [{"id", "created_at", "expires_at", "revoked_at"}]
        assert token.text not in json.dumps(listed)
        used = params(Client(), f"{BASE}/token/{token.text}")
        assert used.status_code == 200
        assert FileUpload.objects.get().user == user

        assert client.delete(f"{BASE}/tokens/{token.pk}/").status_code == 204
        assert client.get(f"{BASE}/tokens/").json()["results"][0]["revoked_at"]
        answer = params(Client(), f"{BASE}/token/{token.text}")
        assert refused(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Upload-Token"
        assert token.text not in answer.content.decode()
        assert refused(client.delete(f"{BASE}/tokens/{uuid.uuid4()}/")) == (404, "upload_token_not_found")

    def test_token_without_expiry_lasts_an_hour(self, user):
        made = client_of(user).post(f"{BASE}/tokens/").json()
        token = UploadToken.objects.get(pk=made["id"])
        assert round((token.expires_at - token.created_at).total_seconds()) == 3600

    @pytest.mark.parametrize("seconds", [0, -1, 86_401, "soon", None, 1e300, 10**40])
    def test_token_with_long_expiry_is_refused(self, user, seconds):
        answer = client_of(user).post(f"{BASE}/tokens/", {"expires_in": seconds}, format="json")
        assert refused(answer) == (400, "invalid")
        assert answer.json()["errors"].keys() == {"expires_in"}

    def test_token_list_is_paged(self, user):
        for _ in range(3):
            upload_token_create(user=user, expires_in_seconds=60)
        page = client_of(user).get(f"{BASE}/tokens/?page_size=2").json()
        assert len(page["results"]) == 2
        assert len(client_of(user).get(page["next"]).json()["results"]) == 1

    def test_token_opens_endpoints_of_uppy_only(self, user):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        for path in ("tokens/", "signed/x", "../uploads/", "uploads/"):
            assert Client().get(f"{BASE}/token/{text}/{path}").status_code == 404
        headers = {"authorization": f"Token {text}"}
        assert Client().get(f"{BASE}/tokens/", headers=headers).status_code == 401
        assert Client().get(f"{BASE}/s3/params?filename=x", headers=headers).status_code == 401

    @pytest.mark.parametrize("ending", ["", "/", "//s3/params", "/s3/sts", "/s3/params/", "/nothing", "/a%0Ab"])
    @pytest.mark.parametrize("method", ["get", "post", "delete"])
    def test_token_in_unknown_address_is_not_logged(self, user, caplog, ending, method):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        answer = getattr(Client(), method)(f"{BASE}/token/{text}{ending}")
        assert refused(answer) == (404, "not_found")
        assert "no slash at its end" in answer.json()["detail"]
        assert "/token/..." in caplog.text
        assert text not in caplog.text + answer.content.decode()

    def test_token_overrides_session(self, user, other):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        client = Client()
        client.force_login(other)
        assert params(client, f"{BASE}/token/{text}").status_code == 200
        assert FileUpload.objects.get().user == user
        assert params(client, f"{BASE}/token/{text}x").status_code == 401


def of_a_page(site, destination="empty"):
    return {"sec-fetch-site": site, "sec-fetch-dest": destination}


class TestSessions:
    @pytest.fixture
    def client(self, user):
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return client

    def begin(self, client, **headers):
        return client.post(f"{BASE}/s3/multipart", {"filename": NAME}, "application/json", headers=headers)

    def test_session_from_same_origin_needs_no_csrf_token(self, client, user):
        assert self.begin(client, **of_a_page("same-origin")).status_code == 200
        upload = FileUpload.objects.get()
        assert client.delete(address(upload), headers=of_a_page("same-origin")).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"sec-fetch-site": "same-origin"},
            *(of_a_page(site) for site in ("same-site", "cross-site", "none", "", "SAME-ORIGIN", "same-origin, none")),
            *(of_a_page("same-origin", destination) for destination in ("document", "iframe", "image", "")),
        ],
    )
    def test_session_from_elsewhere_needs_csrf_token(self, client, headers):
        answer = self.begin(client, **headers)
        assert refused(answer) == (403, "permission_denied")
        assert "CSRF" in answer.json()["detail"]
        assert not FileUpload.objects.exists()

    def test_session_with_csrf_token_is_accepted(self, client):
        token = "x" * 32
        client.cookies["csrftoken"] = token
        assert self.begin(client, **{"x-csrftoken": token}).status_code == 200

    def test_session_at_other_endpoints_needs_csrf_token(self, client):
        answer = client.post(reverse("s3_service-create-presigned-url"), headers=of_a_page("same-origin"))
        assert refused(answer) == (403, "permission_denied")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"sec-fetch-site": "same-origin"},
            *(of_a_page(site) for site in ("same-site", "cross-site", "none", "")),
            *(of_a_page("same-origin", destination) for destination in ("document", "iframe", "image")),
        ],
    )
    @pytest.mark.parametrize(
        "path", ["params?filename=x", "multipart/{pk}/1?key={key}", "multipart/{pk}/batch?key={key}"]
    )
    def test_get_that_writes_by_a_session_needs_the_same_origin(self, client, user, bucket, headers, path):
        upload = started(user, bucket, strategy="multipart").upload
        before = FileUpload.objects.values().get()
        url = f"{BASE}/s3/{path.format(pk=upload.pk, key=upload.file_name)}&partNumbers=1"
        answer = client.get(url, headers=headers)
        assert refused(answer) == (403, "permission_denied")
        assert FileUpload.objects.values().get() == before
        assert client.get(url, headers=of_a_page("same-origin")).status_code == 200

    def test_get_that_writes_by_a_session_takes_the_csrf_token(self, client):
        client.cookies["csrftoken"] = token = "x" * 32
        assert client.get(f"{BASE}/s3/params?filename=x", headers={"x-csrftoken": token}).status_code == 200
        answer = client.get(f"{BASE}/s3/params?filename=x", headers={"x-csrftoken": "y" * 32})
        assert refused(answer) == (403, "permission_denied")

    def test_get_of_parts_writes_nothing_and_needs_no_proof(self, client, user, bucket):
        upload = started(user, bucket, strategy="multipart").upload
        assert client.get(address(upload)).status_code == 200

    @pytest.mark.parametrize(
        ("site", "status"), [("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)]
    )
    def test_download_that_another_site_asks_for_saves_nothing(self, client, user, bucket, tmp_path, site, status):
        stored_file(user, bucket)
        url = reverse("s3_service-download-file", args=[bucket, "file"])
        assert client.get(url, headers=of_a_page(site, "image")).status_code == status
        assert (tmp_path / bucket / "file").exists() is (status == 200)

    def test_token_in_header_is_accepted_from_any_origin(self, user):
        headers = {"authorization": f"Token {Token.objects.create(user=user).key}", **of_a_page("cross-site")}
        client = Client(enforce_csrf_checks=True)
        assert client.get(f"{BASE}/s3/params?filename=x", headers=headers).status_code == 200
        assert self.begin(client, **headers).status_code == 200


def sign(client, method, key=NAME, **request):
    return client.post(f"{BASE}/sign", {"method": method, "key": key, **request}, format="json")


def xml_value(answer, name):
    (value,) = re.findall(f"<{name}>(.*?)</{name}>", answer.content.decode())
    return value


class TestSignRequest:
    def begun(self, person, name=NAME):
        signed = sign(client_of(person), "POST", name).json()
        begun = Client().post(signed["url"], content_type="text/plain")
        assert begun.status_code == 200
        return FileUpload.objects.get(file_name=signed["key"])

    def test_sign_put_of_file_is_signed_for_s3(self, user):
        signed = sign(client_of(user), "PUT", contentType="text/plain").json()
        upload = FileUpload.objects.get()
        assert signed.keys() == {"url", "key", "headers"}
        assert (signed["key"], upload.strategy, upload.original_name) == (upload.file_name, "put", NAME)
        assert signed["headers"]["Content-Type"] == "text/plain"

    def test_sign_without_put_support_signs_form(self, user, settings):
        settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["post"]
        signed = sign(client_of(user), "PUT", contentType=None).json()
        assert signed.keys() == {"url", "key", "fields"}
        assert signed["fields"]["key"] == signed["key"] == FileUpload.objects.get().file_name

    def test_parts(self, user, bucket):
        client = client_of(user)
        signed = sign(client, "POST").json()
        assert signed.keys() == {"url", "key"}
        assert not FileUpload.objects.exists()
        answers = [Client().post(signed["url"], content_type="text/x-log") for _ in range(2)]
        upload = FileUpload.objects.get()
        assert {answer.status_code for answer in answers} == {200}
        assert [xml_value(answer, "UploadId") for answer in answers] == [str(upload.pk)] * 2
        assert (signed["key"], upload.content_type, upload.user) == (upload.file_name, "text/x-log", user)
        assert (answers[0]["Content-Type"], answers[0]["Cache-Control"]) == ("application/xml", "no-store")

        goes_on = {"key": upload.file_name, "uploadId": str(upload.pk)}
        part = sign(client, "PUT", **goes_on, partNumber=2).json()
        assert part.keys() == {"url"}
        assert parse_qs(urlsplit(part["url"]).query)["partNumber"] == ["2"]
        etags = [part_sent(upload, 1, b"x" * mib(5)), part_sent(upload, 2)]
        listed = Client().get(sign(client, "GET", **goes_on).json()["url"])
        assert re.findall(r"<PartNumber>(\d+)</PartNumber>", listed.content.decode()) == ["1", "2"]
        assert re.findall("<ETag>(.*?)</ETag>", listed.content.decode()) == etags

        parts = "".join(f"<Part><PartNumber>{number}</PartNumber></Part>" for number in (1, 2))
        url = sign(client, "POST", **goes_on).json()["url"]
        done = Client().post(url, f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>", "application/xml")
        upload.refresh_from_db()
        assert (upload.status, upload.size) == ("stored", mib(5) + 7)
        assert xml_value(done, "Key") == upload.file_name
        assert xml_value(done, "Location").endswith("/")
        assert xml_value(done, "ETag") == upload.etag

    def test_complete_with_missing_part_is_refused(self, user):
        upload = self.begun(user)
        part_sent(upload)
        url = sign(client_of(user), "POST", upload.file_name, uploadId=str(upload.pk)).json()["url"]
        answer = Client().post(url, "<PartNumber> 1 </PartNumber><PartNumber>2</PartNumber>", "application/xml")
        assert refused(answer) == (400, "parts_missing")

    def test_abort_removes_upload(self, user, bucket):
        upload = self.begun(user)
        url = sign(client_of(user), "DELETE", upload.file_name, uploadId=str(upload.pk)).json()["url"]
        assert Client().delete(url).status_code == 204
        assert not get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")

    def test_signed_xml_escapes_names(self, user):
        upload = self.begun(user, "a<b>&c.txt")
        url = sign(client_of(user), "POST", upload.file_name, uploadId=str(upload.pk)).json()["url"]
        part_sent(upload)
        assert xml_value(Client().post(url, "", "application/xml"), "Key").endswith("a&lt;b&gt;&amp;c.txt")

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            ({"method": "HEAD"}, "method"),
            ({"method": "GET"}, "uploadId"),
            ({"method": "DELETE"}, "uploadId"),
            ({"method": "PUT", "uploadId": "x"}, "partNumber"),
            ({"method": "PUT", "partNumber": 1}, "partNumber"),
            ({"method": "POST", "uploadId": "x", "partNumber": 1}, "partNumber"),
            ({"method": "PUT", "uploadId": "x", "partNumber": 0}, "partNumber"),
            ({"method": "PUT", "key": ""}, "key"),
        ],
    )
    def test_sign_unknown_request_is_refused(self, user, request_, field):
        answer = sign(client_of(user), **request_)
        assert refused(answer) == (400, "invalid")
        assert answer.json()["errors"].keys() == {field}

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_sign_with_other_key_or_id_is_not_found(self, user, method):
        upload = self.begun(user)
        for key, upload_id in ((NAME, str(upload.pk)), (upload.file_name, "x"), (upload.file_name, str(uuid.uuid4()))):
            assert refused(sign(client_of(user), method, key, uploadId=upload_id)) == (404, "upload_not_found")

    def test_sign_of_forbidden_upload_is_refused(self, user, settings):
        assert refused(sign(client_of(user), "POST", "a//b")) == (400, "invalid_file_name")
        settings.S3_FILE_UPLOADER_UPPY_BUCKET = None
        assert refused(sign(client_of(user), "POST")) == (503, "storage_not_configured")

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_ticket_for_other_method_is_refused(self, user, method):
        url = sign(client_of(user), "POST").json()["url"]
        assert getattr(Client(), method)(url).status_code in (401, 405)

    def test_ticket_is_not_logged(self, user, caplog):
        url = sign(client_of(user), "POST").json()["url"]
        answer = Client().get(url)
        assert refused(answer) == (401, "not_authenticated")
        assert "/uppy/signed/..." in caplog.text
        assert url.rpartition("/")[2] not in caplog.text + answer.content.decode()

    @pytest.mark.parametrize("ending", ["/", "/s3/params", "/a%0Ab"])
    def test_ticket_with_suffix_is_not_logged(self, user, caplog, ending):
        url = sign(client_of(user), "POST").json()["url"]
        answer = Client().post(f"{url}{ending}")
        assert refused(answer) == (404, "not_found")
        assert "nothing behind it" in answer.json()["detail"]
        assert "/uppy/signed/..." in caplog.text
        assert url.rpartition("/")[2] not in caplog.text + answer.content.decode()

    def test_sign_by_token_in_address_starts_upload(self, user):
        text = upload_token_create(user=user, expires_in_seconds=60).text
        body = {"method": "PUT", "key": NAME}
        assert Client().post(f"{BASE}/token/{text}/sign", body, "application/json").status_code == 200
        assert FileUpload.objects.get().user == user
