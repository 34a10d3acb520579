from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.values import mib
from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import MP4, put, url


class TestPut:
    def test_upload_returns_record(self, bucket, user):
        answer = put(client_of(user), bucket, "a/b é.txt", b"hello")
        assert answer.status_code == 201
        record = answer.json()
        assert (record["file_name"], record["original_name"], record["size"]) == ("a/b é.txt", "b é.txt", 5)
        assert (record["content_type"], record["user_id"], record["status"]) == ("text/plain", str(user.pk), "stored")
        assert client_of(user).get(record["url"]).status_code == 302

    def test_raw_body_in_chunks_is_stored(self, bucket, user):
        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": BytesIO(b"hello")}
        answer = client_of(user).generic("PUT", url("file", bucket_name=bucket, file_name="key"), **chunks)
        assert (answer.status_code, answer.json()["size"]) == (201, 5)

    def test_upload_with_overwrite_replaces_file(self, bucket, user, other):
        assert put(client_of(user), bucket, "key").status_code == 201
        assert put(client_of(user), bucket, "key").json()["code"] == "file_exists"
        assert put(client_of(other), bucket, "key", query="?overwrite=true").json()["code"] == "file_exists"
        assert put(client_of(user), bucket, "key", b"new", query="?overwrite=true").json()["size"] == 3

    @pytest.mark.parametrize("query", ["?overwrite=perhaps"])
    def test_raw_with_invalid_query_names_field(self, bucket, user, query):
        answer = put(client_of(user), bucket, "key", query=query)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["overwrite"])

    def test_raw_with_checksum_is_compared(self, bucket, user):
        wrong = put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": "0" * 64})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "checksum_mismatch")
        none = put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": "abc"})
        assert (none.status_code, list(none.json()["errors"])) == (400, ["x_checksum_sha256"])
        right = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
        assert put(client_of(user), bucket, "key", b"hello", **{"X-Checksum-Sha256": right}).status_code == 201

    @pytest.mark.parametrize("form", ["multipart/form-data", "Multipart/Form-Data", "MULTIPART/FORM-DATA "])
    def test_raw_with_form_is_415(self, bucket, user, form):
        answer = put(client_of(user), bucket, "key", b"", content_type=f"{form}; boundary=b")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "file/upload/" in answer.json()["detail"]

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "gzip, identity"])
    def test_raw_with_content_encoding_is_415(self, bucket, user, coding):
        answer = put(client_of(user), bucket, "key", **{"Content-Encoding": coding})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "without Content-Encoding" in answer.json()["detail"]
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("coding", ["identity", "Identity", ""])
    def test_raw_with_identity_encoding_is_stored(self, bucket, user, coding):
        assert put(client_of(user), bucket, "key", **{"Content-Encoding": coding}).status_code == 201

    @pytest.mark.parametrize("invented", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded"])
    def test_raw_with_default_type_of_curl_is_detected(self, bucket, user, invented):
        answer = put(client_of(user), bucket, "film.mp4", MP4, content_type=invented)
        assert answer.json()["content_type"] == "video/mp4"

    def test_raw_with_default_type_of_runserver_is_detected(self, bucket, user):
        target, client = url("file", bucket_name=bucket, file_name="film.mp4"), client_of(user)
        answer = client.put(target, MP4, content_type="text/plain", SERVER_SOFTWARE="WSGIServer/0.2")
        assert answer.json()["content_type"] == "video/mp4"
        other = client.put(f"{target}?overwrite=true", MP4, content_type="text/plain", SERVER_SOFTWARE="gunicorn/27")
        assert (other.status_code, other.json()["code"]) == (400, "content_type_mismatch")

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
    def test_idempotency_key_malformed_is_refused(self, bucket, user, key):
        answer = put(client_of(user), bucket, "key", **{"Idempotency-Key": key})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])

    def test_idempotency_key_repeated_returns_record(self, bucket, user):
        key = {"Idempotency-Key": "k"}
        first = put(client_of(user), bucket, "file.txt", **key)
        again = put(
            client_of(user), bucket, "file.txt", **key, **{"X-Checksum-Sha256": first.json()["checksum_sha256"]}
        )
        assert (again.status_code, again.json()) == (201, first.json())
        file = SimpleUploadedFile("file.txt", b"content")
        form = client_of(user).post(url("upload-file"), {"bucket": bucket, "file": file}, headers=key)
        assert (form.status_code, form.json(), form["Idempotency-Replayed"]) == (201, first.json(), "true")
        another = put(client_of(user), bucket, "another", **key)
        assert (another.status_code, another.json()["code"]) == (422, "idempotency_key_reused")

    def test_idempotency_key_with_other_bytes_is_refused(self, bucket, user):
        def form(content, **fields):
            body = {"bucket": bucket, "file": SimpleUploadedFile("file.txt", content), **fields}
            return client_of(user).post(url("upload-file"), body, headers=key)

        key, sum_of_another = {"Idempotency-Key": "k"}, "0" * 64
        put(client_of(user), bucket, "file.txt", **key)
        for answer in (
            put(client_of(user), bucket, "file.txt", b"whatever", **key),
            put(client_of(user), bucket, "file.txt", **key, **{"X-Checksum-Sha256": sum_of_another}),
            form(b"whatever"),
            form(b"content", checksum_sha256=sum_of_another),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert get_client().get_object(Bucket=bucket, Key="file.txt")["Body"].read() == b"content"

    def test_idempotency_key_of_large_form_compares_checksum(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_PART_SIZE_BYTES = mib(5)
        key, content = {"Idempotency-Key": "k"}, b"1" * mib(6)
        first = put(client_of(user), bucket, "file.txt", content, **key)
        for checksum, status in ((first.json()["checksum_sha256"], 201), ("0" * 64, 422)):
            body = {"bucket": bucket, "checksum_sha256": checksum, "file": SimpleUploadedFile("file.txt", content)}
            assert client_of(user).post(url("upload-file"), body, headers=key).status_code == status

    def test_delete_by_address_removes_file(self, bucket, user, other):
        put(client_of(user), bucket, "key")
        address = url("file", bucket_name=bucket, file_name="key")
        assert client_of(other).delete(address).json()["code"] == "file_not_found"
        assert client_of(user).delete(address).status_code == 204
        assert client_of(user).get(address).json()["code"] == "file_not_found"


class TestRead:
    def test_read_ignores_accept(self, bucket, user):
        put(client_of(user), bucket, "film.mp4", MP4, content_type="video/mp4")
        address = f"{url('file', bucket_name=bucket, file_name='film.mp4')}?proxy=true"
        answer = client_of(user).get(address, headers={"Accept": "video/*"})
        assert (answer.status_code, answer.getvalue()) == (200, MP4)
        assert answer["Content-Disposition"] == 'attachment; filename="film.mp4"'

    def test_read_with_conditions_is_304_or_412(self, bucket, user):
        etag = put(client_of(user), bucket, "key").json()["etag"]
        address = url("file", bucket_name=bucket, file_name="key")
        assert client_of(user).get(address, headers={"If-None-Match": f'"{etag}"'}).status_code == 304
        gone = client_of(user).get(address, headers={"If-Match": '"before"'})
        assert (gone.status_code, gone.json()["code"]) == (412, "precondition_failed")
        beyond = client_of(user).get(f"{address}?proxy=true", headers={"Range": "bytes=7-"})
        assert (beyond.status_code, beyond["Content-Range"]) == (416, "bytes */7")

    def test_empty_file_is_stored_and_read(self, bucket, user):
        assert put(client_of(user), bucket, "key", b"", **{"Content-Length": "0"}).json()["size"] == 0
        answer = client_of(user).get(f"{url('file', bucket_name=bucket, file_name='key')}?proxy=true")
        assert (answer.status_code, answer["Content-Length"], answer.getvalue()) == (200, "0", b"")

    def test_read_of_changed_object_is_refused(self, bucket, user):
        put(client_of(user), bucket, "key")
        get_client().put_object(Bucket=bucket, Key="key", Body=b"changed")
        answer = client_of(user).get(f"{url('file', bucket_name=bucket, file_name='key')}?proxy=true")
        assert (answer.status_code, answer.json()["code"]) == (502, "storage_error")
