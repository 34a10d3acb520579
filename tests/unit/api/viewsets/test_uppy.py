"""The responses that Uppy receives; other tests run Uppy itself on them."""

import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.urls import reverse

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_complete
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.support.uppy_requests import BASE, NAME, address, begun, create, params, part_sent, refused, sign

pytestmark = pytest.mark.usefixtures("uppy_bucket")


def file_sent(upload, body=b"content", content_type="text/plain"):
    get_client().put_object(Bucket=upload.bucket, Key=upload.file_name, Body=body, ContentType=content_type)


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
