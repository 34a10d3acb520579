"""PUT `buckets/../files/../?own_key=true`: a small file in one request, under a key like that of a direct upload."""

import re

import pytest
from django.core.files.base import ContentFile

from s3_file_uploader import services
from s3_file_uploader.conf import conf
from s3_file_uploader.models import FileUpload, IdempotencyKey
from s3_file_uploader.s3.client import get_client
from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import put

OWN_KEY = "?own_key=true"


class TestOwnKey:
    def test_record_is_that_of_a_direct_upload(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": "of/{user_id}/"}}
        record = put(client_of(user), bucket, "a/b é.txt", b"hello", OWN_KEY).json()
        assert record["file_name"] == f"of/{user.pk}/uploads/{record['id']}/a/b é.txt"
        assert (record["path"], record["original_name"]) == (f"of/{user.pk}/a/b é.txt", "a/b é.txt")
        assert (record["size"], record["status"], record["user_id"]) == (5, "stored", str(user.pk))
        assert get_client().get_object(Bucket=bucket, Key=record["file_name"])["Body"].read() == b"hello"
        assert client_of(user).get(record["url"]).status_code == 302

    def test_files_of_one_name_are_kept_side_by_side(self, bucket, user, other):
        keys = {
            put(client_of(sender), bucket, "file.txt", query=query).json()["file_name"]
            for sender in (user, user, other)
            for query in (OWN_KEY, f"{OWN_KEY}&overwrite=true")
        }
        assert len(keys) == 6

    def test_file_of_that_name_is_not_replaced(self, bucket, user):
        first = put(client_of(user), bucket, "file.txt", b"first").json()
        put(client_of(user), bucket, "file.txt", b"second", f"{OWN_KEY}&overwrite=true")
        assert get_client().get_object(Bucket=bucket, Key=first["file_name"])["Body"].read() == b"first"

    @pytest.mark.parametrize("name", ["x" * 1024, "a//b", "a/../b"])
    def test_name_that_ends_no_key_is_refused(self, bucket, user, name):
        answer = put(client_of(user), bucket, name, query=OWN_KEY)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
        assert not FileUpload.objects.exists()

    def test_wrong_checksum_leaves_nothing(self, bucket, user):
        headers = {"X-Checksum-Sha256": "0" * 64, "Idempotency-Key": "k"}
        answer = put(client_of(user), bucket, "file.txt", query=OWN_KEY, **headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "checksum_mismatch")
        assert not FileUpload.objects.exists()
        assert not IdempotencyKey.objects.exists()
        assert "Contents" not in get_client().list_objects_v2(Bucket=bucket)

    def test_quota_is_kept(self, bucket, user, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": 10}}
        assert put(client_of(user), bucket, "file.txt", b"1234567", OWN_KEY).status_code == 201
        answer = put(client_of(user), bucket, "file.txt", b"1234567", OWN_KEY)
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")

    def test_s3_is_asked_for_nothing_but_the_put(self, bucket, user):
        put(client_of(user), bucket, "file.txt", query=OWN_KEY)  # From now on the bucket is known.
        calls = []
        note = calls.append
        events = get_client(signed_payload=conf.sign_parts).meta.events
        events.register("before-call.s3", lambda model, **_: note(model.name), unique_id="own-key")
        try:
            put(client_of(user), bucket, "file.txt", query=OWN_KEY)
        finally:
            events.unregister("before-call.s3", unique_id="own-key")
        assert calls == ["PutObject"]


class TestIdempotencyKey:
    @pytest.mark.parametrize("quota_files", [None, 1])
    def test_repeated_request_returns_the_record(self, bucket, user, settings, quota_files):
        key, name = {"Idempotency-Key": "k"}, "a/e\N{COMBINING ACUTE ACCENT}.txt"
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_files": quota_files}}
        first, again = (put(client_of(user), bucket, name, query=OWN_KEY, **key) for _ in "12")
        assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (201, first.json(), "true")
        assert FileUpload.objects.count() == 1

    @pytest.mark.parametrize(
        ("name", "content", "query"),
        [
            ("other.txt", b"content", OWN_KEY),
            ("file.txt", b"longer content", OWN_KEY),
            ("file.txt", b"content", ""),
        ],
    )
    def test_another_file_is_refused(self, bucket, user, name, content, query):
        put(client_of(user), bucket, "file.txt", query=OWN_KEY, **{"Idempotency-Key": "k"})
        answer = put(client_of(user), bucket, name, content, query, **{"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_request_during_the_first_one_is_in_progress(self, bucket, user):
        answers = []
        with services.file_receive(
            user=user,
            owner=user,
            bucket=bucket,
            file_name="file.txt",
            original_name="file.txt",
            content_type="",
            own_key=True,
            idempotency_key="k",
        ) as incoming:
            answers.append(put(client_of(user), bucket, "file.txt", query=OWN_KEY, **{"Idempotency-Key": "k"}))
            incoming.write(ContentFile(b"content").read())
        answers.append(put(client_of(user), bucket, "file.txt", query=OWN_KEY, **{"Idempotency-Key": "k"}))
        assert [answer.status_code for answer in answers] == [409, 201]
        assert answers[0].json()["code"] == "upload_in_progress"
        assert re.fullmatch("uploads/[^/]+/file.txt", answers[1].json()["file_name"])
        assert FileUpload.objects.count() == 1
