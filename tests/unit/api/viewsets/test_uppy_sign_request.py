"""Requests that Uppy has signed one by one."""

import re
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import upload_token_create
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.support.uppy_requests import BASE, NAME, part_sent, refused, sign

pytestmark = pytest.mark.usefixtures("uppy_bucket")


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
