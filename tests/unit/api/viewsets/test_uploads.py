"""Direct uploads over HTTP: bodies, answers, errors; what happens to the bytes is tested with the services."""

import uuid
from datetime import timedelta

import pytest
from django.urls import resolve, reverse
from django.utils import timezone

from s3_file_uploader.api.serializers.direct_uploads import PartNumbersSerializer
from s3_file_uploader.models import FileUpload
from s3_file_uploader.values import MAX_OBJECT_BYTES, mib
from tests.conftest import client_of
from tests.unit.services.conftest import refusing, sent, started

pytestmark = pytest.mark.django_db
BASE = "/modules/s3-file-uploader/service"
CHECKSUM = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
NO_UPLOAD = uuid.UUID(int=0)


def start(client, bucket, *, form="json", key=None, **fields):
    body = {"bucket": bucket, "file_name": "my file.txt", "size": 7, **fields}
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"{BASE}/uploads/", body, format=form, headers=headers)


def shown(moment):
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def big(bucket, user):
    return started(user, bucket, size=mib(20)).upload


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("upload-list", "/uploads/"),
        ("upload", f"/uploads/{NO_UPLOAD}/"),
        ("upload-parts", f"/uploads/{NO_UPLOAD}/parts/"),
        ("upload-complete", f"/uploads/{NO_UPLOAD}/complete/"),
    ],
)
def test_urls_of_uploads_have_their_names(name, path):
    match = resolve(BASE + path)
    assert match.view_name == f"s3_service-{name}"
    assert reverse(match.view_name, kwargs=match.kwargs) == BASE + path


class TestStart:
    @pytest.mark.parametrize("form", ["json", "multipart"])
    def test_start_returns_record_and_transfer(self, bucket, user, form):
        answer = start(client_of(user), bucket, form=form, content_type="text/plain", checksum_sha256=CHECKSUM.upper())
        upload = FileUpload.objects.get()
        body = answer.json()
        transfer = body.pop("transfer")
        assert answer.status_code == 201
        assert body == {
            "id": str(upload.pk),
            "user_id": str(user.pk),
            "bucket": bucket,
            "file_name": f"uploads/{upload.pk}/my file.txt",
            "path": "my file.txt",
            "original_name": "my file.txt",
            "size": 7,
            "content_type": "text/plain",
            "etag": "",
            "checksum_sha256": CHECKSUM,
            "status": "pending",
            "status_reason": "",
            "created_at": shown(upload.created_at),
            "completed_at": None,
            "url": f"http://testserver{BASE}/buckets/{bucket}/files/uploads/{upload.pk}/my%20file.txt/",
        }
        assert transfer.keys() == {"strategy", "method", "url", "headers", "expires_at"}
        assert (transfer["strategy"], transfer["method"]) == ("put", "PUT")
        assert transfer["headers"]["Content-Type"] == "text/plain"
        assert transfer["expires_at"].endswith("Z")
        assert "Idempotency-Replayed" not in answer.headers

    def test_start_with_post_returns_form(self, bucket, user):
        transfer = start(client_of(user), bucket, strategy="post").json()["transfer"]
        assert transfer.keys() == {"strategy", "method", "url", "fields", "expires_at"}
        assert (transfer["strategy"], transfer["method"]) == ("post", "POST")
        assert transfer["fields"]["key"] == FileUpload.objects.get().file_name

    def test_start_with_multipart_returns_parts(self, bucket, user):
        transfer = start(client_of(user), bucket, size=mib(20)).json()["transfer"]
        url = transfer["parts"][0].pop("url")
        assert transfer.pop("expires_at")
        assert transfer["parts"].pop(0) == {"part_number": 1, "offset": 0, "size": mib(8)}
        assert [part["part_number"] for part in transfer.pop("parts")] == [2, 3]
        assert transfer == {"strategy": "multipart", "part_size": mib(8), "part_count": 3}
        assert f"uploadId={FileUpload.objects.get().multipart_upload_id}" in url

    @pytest.mark.parametrize(
        ("name", "declared", "expected"),
        [
            ("photo.png", None, "image/png"),
            ("photo.png", "", "image/png"),
            ("photo.png", "image", "image/png"),
            ("photo.png", "image/x; y=\r\nz", "image/png"),
            ("photo.png", "image/heic", "image/heic"),
            ("no-such.ending", None, "application/octet-stream"),
        ],
    )
    def test_start_without_type_guesses_it(self, bucket, user, name, declared, expected):
        fields = {} if declared is None else {"content_type": declared}
        answer = start(client_of(user), bucket, file_name=name, **fields).json()
        assert (answer["content_type"], answer["transfer"]["headers"]["Content-Type"]) == (expected, expected)

    def test_start_with_nulls_uses_defaults(self, bucket, user):
        answer = start(client_of(user), bucket, content_type=None, checksum_sha256=None, user_id=None)
        assert (answer.status_code, answer.json()["content_type"]) == (201, "text/plain")

    def test_start_with_same_key_returns_same_record(self, bucket, user):
        first = start(client_of(user), bucket, key="my-key").json()
        again = start(client_of(user), bucket, key="my-key")
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.json()["id"] == first["id"]
        sent(FileUpload.objects.get())
        client_of(user).post(f"{BASE}/uploads/{first['id']}/complete/")
        stored = start(client_of(user), bucket, key="my-key").json()
        assert (stored["status"], stored["transfer"]) == ("stored", None)

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"bucket": ""}, "bucket"),
            ({"bucket": None}, "bucket"),
            ({"file_name": ""}, "file_name"),
            ({"file_name": " a"}, None),
            ({"size": None}, "size"),
            ({"size": ""}, "size"),
            ({"size": -1}, "size"),
            ({"size": 1.5}, "size"),
            ({"size": "many"}, "size"),
            ({"size": True}, "size"),
            ({"size": [7]}, "size"),
            ({"checksum_sha256": "abc"}, "checksum_sha256"),
            ({"checksum_sha256": "é" * 64}, "checksum_sha256"),
            ({"strategy": "tus"}, "strategy"),
            ({"strategy": ""}, "strategy"),
            ({"strategy": "put", "size": 5 * 2**30 + 1}, "strategy"),
            ({"content_type": {}}, "content_type"),
        ],
    )
    def test_request_with_invalid_field_names_it(self, bucket, user, fields, named):
        answer = start(client_of(user), **{"bucket": bucket, **fields})
        if named is None:
            assert answer.status_code == 201
            return
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {named}
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("missing", ["bucket", "file_name", "size"])
    def test_start_without_field_names_it(self, bucket, user, missing):
        body = {"bucket": bucket, "file_name": "name", "size": 7}
        del body[missing]
        answer = client_of(user).post(f"{BASE}/uploads/", body, format="json")
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {missing})

    @pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"null", b'{"size": 1e999}', b"\xff"])
    def test_start_with_malformed_body_is_refused(self, user, body):
        answer = client_of(user).generic("POST", f"{BASE}/uploads/", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"bucket": "No"}, 400, "invalid_bucket_name"),
            ({"bucket": "bucket-none"}, 404, "bucket_not_found"),
            ({"file_name": "a//b"}, 400, "invalid_file_name"),
            ({"size": MAX_OBJECT_BYTES + 1}, 413, "file_too_large"),
            ({"size": 10**30}, 413, "file_too_large"),
            ({"user_id": "12345"}, 403, "not_your_file"),
        ],
    )
    def test_start_against_rules_is_refused(self, bucket, user, fields, status, code):
        answer = start(client_of(user), **{"bucket": bucket, **fields})
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    @pytest.mark.parametrize("key", ["", " ", "é", "x" * 256])
    def test_start_with_malformed_key_is_refused(self, bucket, user, key):
        answer = start(client_of(user), bucket, key=key)
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"Idempotency-Key"})

    def test_start_with_same_key_for_other_file_is_refused(self, bucket, user):
        start(client_of(user), bucket, key="my-key")
        answer = start(client_of(user), bucket, key="my-key", size=8)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_start_by_staff_belongs_to_owner(self, bucket, user, other, staff):
        answer = start(client_of(staff), bucket, user_id=user.pk)
        assert (answer.status_code, answer.json()["user_id"]) == (201, str(user.pk))
        refused = start(client_of(other), bucket, user_id=user.pk)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_start_without_s3_is_unavailable(self, bucket, user):
        with refusing():
            answer = start(client_of(user), bucket)
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
            503,
            "storage_unavailable",
            "5",
        )
        assert start(client_of(user), bucket).status_code == 201


class TestParts:
    def path(self, upload):
        return f"{BASE}/uploads/{upload.pk}/parts/"

    def test_parts_shows_those_in_s3(self, big, user):
        sent(big, b"x" * mib(20), only=[2])
        answer = client_of(user).get(self.path(big))
        (part,) = answer.json()["parts"]
        assert (answer.status_code, answer.json()["missing"]) == (200, [1, 3])
        assert part == {"part_number": 2, "size": mib(8), "etag": part["etag"]}
        assert len(part["etag"]) == 32

    @pytest.mark.parametrize("form", ["json", "multipart"])
    @pytest.mark.parametrize(
        ("body", "numbers"),
        [
            ({"part_numbers": [3, 1]}, [3, 1]),
            ({"part_numbers": ["2"]}, [2]),
            ({"first": 1, "last": 3}, [1, 2, 3]),
            ({"first": 2, "last": 2}, [2]),
            ({"missing": True}, [1, 3]),
            ({"part_numbers": [1], "missing": False}, [1]),
        ],
    )
    def test_parts_sign_returns_urls(self, big, user, body, numbers, form):
        sent(big, b"x" * mib(20), only=[2])
        answer = client_of(user).post(self.path(big), body, format=form)
        assert answer.status_code == 200
        body = answer.json()
        assert body.keys() == {"parts", "expires_at"}
        assert [part["part_number"] for part in body["parts"]] == numbers
        for part in body["parts"]:
            assert part.keys() == {"part_number", "url", "offset", "size"}
            assert part["offset"] == (part["part_number"] - 1) * mib(8)
            assert part["size"] == min(mib(8), mib(20) - part["offset"])
            assert f"partNumber={part['part_number']}&" in part["url"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "part_numbers"),
            ({"missing": False}, "part_numbers"),
            ({"missing": None}, "missing"),
            ({"missing": "perhaps"}, "missing"),
            ({"part_numbers": []}, "part_numbers"),
            ({"part_numbers": 1}, "part_numbers"),
            ({"part_numbers": None}, "part_numbers"),
            ({"part_numbers": "1,2"}, "part_numbers"),
            ({"part_numbers": {"1": 2}}, "part_numbers"),
            ({"part_numbers": [0]}, "part_numbers"),
            ({"part_numbers": [4]}, "part_numbers"),
            ({"part_numbers": [1, "two"]}, "part_numbers"),
            ({"part_numbers": [1.5]}, "part_numbers"),
            ({"part_numbers": [True]}, "part_numbers"),
            ({"part_numbers": [[1]]}, "part_numbers"),
            ({"part_numbers": [None]}, "part_numbers"),
            ({"part_numbers": [1] * 10_001}, "part_numbers"),
            ({"first": 1}, "part_numbers"),
            ({"last": 1}, "part_numbers"),
            ({"first": 0, "last": 1}, "first"),
            ({"first": 1, "last": 10_001}, "last"),
            ({"first": 3, "last": 2}, "last"),
            ({"first": 1, "last": 4}, "part_numbers"),
            ({"first": 1, "last": 2, "missing": True}, "part_numbers"),
            ({"part_numbers": [1], "missing": True}, "part_numbers"),
        ],
    )
    def test_request_with_invalid_field_names_it(self, big, user, body, field):
        answer = client_of(user).post(self.path(big), body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_parts_sign_ten_thousand_is_one_request(self, bucket, user):
        upload = started(user, bucket, size=mib(32) * 10_000).upload
        for body in ({"first": 1, "last": 10_000}, {"part_numbers": list(range(1, 10_001))}):
            parts = client_of(user).post(self.path(upload), body, format="json").json()["parts"]
            assert len({part["url"] for part in parts}) == 10_000
            assert parts[-1]["offset"] + parts[-1]["size"] == mib(32) * 10_000

    def test_parts_serializer_large_number_is_left_to_service(self):
        serializer = PartNumbersSerializer(data={"part_numbers": [10**9]})
        assert serializer.is_valid(), "the upload knows which there can be, and says so"

    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_parts_of_single_request_is_refused(self, bucket, user, strategy):
        upload = started(user, bucket, strategy=strategy).upload
        for answer in (
            client_of(user).get(self.path(upload)),
            client_of(user).post(self.path(upload), {"missing": True}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "upload_not_pending")

    def test_parts_during_completion_is_refused(self, big, user):
        FileUpload.objects.update(writable_until=timezone.now() + timedelta(hours=1))
        with refusing("ListParts", code="NoSuchUpload", status=404):
            answer = client_of(user).get(self.path(big))
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_in_progress")
        assert answer.headers["Retry-After"] == "5"


class TestComplete:
    def test_complete_marks_record_stored(self, bucket, user):
        upload = started(user, bucket).upload
        sent(upload)
        for _ in range(2):
            answer = client_of(user).post(f"{BASE}/uploads/{upload.pk}/complete/")
            record = client_of(user).get(f"{BASE}/uploads/{upload.pk}/")
            assert (answer.status_code, answer.json()) == (200, record.json())
            assert (answer.json()["status"], answer.json()["size"]) == ("stored", 7)
            assert answer.json()["completed_at"]

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data"])
    def test_complete_ignores_body(self, bucket, user, content_type):
        upload = started(user, bucket).upload
        sent(upload)
        path = f"{BASE}/uploads/{upload.pk}/complete/"
        assert client_of(user).generic("POST", path, b"{", content_type=content_type).status_code == 200

    def test_complete_before_arrival_is_refused(self, big, user):
        answer = client_of(user).post(f"{BASE}/uploads/{big.pk}/complete/")
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "code": "parts_missing",
                "detail": "S3 does not hold all parts: send 1, 2, 3, then complete the upload again.",
            },
        )

    @pytest.mark.parametrize(
        ("content", "content_type", "code"),
        [
            (b"contents", "text/plain", "size_mismatch"),
            (b"content", "text/html", "content_type_mismatch"),
            (b"CONTENT", "text/plain", "checksum_mismatch"),
        ],
    )
    def test_complete_of_other_bytes_is_refused(self, bucket, user, content, content_type, code):
        upload = started(user, bucket, checksum_sha256=CHECKSUM).upload
        sent(upload, content, content_type=content_type)
        answer = client_of(user).post(f"{BASE}/uploads/{upload.pk}/complete/")
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert client_of(user).get(f"{BASE}/uploads/{upload.pk}/").status_code == 404


def test_destroy_pending_aborts(big, user):
    assert client_of(user).delete(f"{BASE}/uploads/{big.pk}/").status_code == 204
    assert client_of(user).delete(f"{BASE}/uploads/{big.pk}/").json()["code"] == "upload_not_found"
    assert client_of(user).get(f"{BASE}/uploads/").json()["results"] == []


@pytest.mark.parametrize(
    ("method", "rest"),
    [("get", ""), ("delete", ""), ("get", "parts/"), ("post", "parts/"), ("post", "complete/")],
)
class TestWhoMay:
    def act(self, user, method, upload_id, rest):
        return client_of(user).generic(
            method.upper(), f"{BASE}/uploads/{upload_id}/{rest}", b'{"missing": true}', content_type="application/json"
        )

    def test_request_by_other_user_is_not_found(self, big, other, method, rest):
        answer = self.act(other, method, big.pk, rest)
        assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")

    def test_request_by_anonymous_is_401(self, big, method, rest):
        assert self.act(None, method, big.pk, rest).status_code == 401

    @pytest.mark.parametrize("upload_id", ["x", "%00", "é", NO_UPLOAD, "../" + "a" * 300])
    def test_request_with_malformed_id_is_not_found(self, user, method, rest, upload_id):
        answer = self.act(user, method, upload_id, rest)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith(("application/json", "text/html"))
