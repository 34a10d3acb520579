"""Direct uploads against a real S3, with its signatures, parts and errors, by a plain HTTP client."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import httpx
import pytest
from django.utils import timezone

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import forget_buckets, get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.values import USUAL_MAX_OBJECT_BYTES, mib
from tests.support.faults import FaultyProxy
from tests.support.stores import port_of

NAMES = ["plain.txt", "été/ключ 😀.bin", "a b+c&d=e%2F#?.txt", "100%", "'\"<>\\|.txt", "x" * 800]
STRATEGIES = ["put", "post", "multipart"]
HOUR = timedelta(hours=1)


class Phone:
    """A client that only follows the responses of the service."""

    def __init__(self, client, straight, bucket):
        self.client, self.straight, self.bucket = client, straight, bucket

    def start(self, content=b"content", *, key=None, **fields):
        body = {"bucket": self.bucket, "file_name": "my file.txt", "size": len(content), **fields}
        return self.client.post("uploads/", json=body, headers={"Idempotency-Key": key} if key else {})

    def started(self, content=b"content", **fields):
        answer = self.start(content, **fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def send(self, transfer, content):
        """Send the whole file, and return the responses of S3."""
        match transfer["strategy"]:
            case "put":
                return [self.straight.put(transfer["url"], headers=transfer["headers"], content=content)]
            case "post":
                form = {"data": transfer["fields"], "files": {"file": ("any name", content)}}
                return [self.straight.post(transfer["url"], **form)]
        return self.send_parts(transfer["parts"], content)

    def send_parts(self, parts, content):
        return [self.straight.put(part["url"], content=content[part["offset"] :][: part["size"]]) for part in parts]

    def parts(self, upload):
        return self.client.get(f"uploads/{upload['id']}/parts/")

    def sign(self, upload, **which):
        return self.client.post(f"uploads/{upload['id']}/parts/", json=which)

    def complete(self, upload):
        return self.client.post(f"uploads/{upload['id']}/complete/")

    def abort(self, upload):
        return self.client.delete(f"uploads/{upload['id']}/")

    def read(self, record):
        return self.client.get(record["url"], follow_redirects=True).content

    def uploaded(self, content, **fields):
        upload = self.started(content, **fields)
        assert {answer.status_code for answer in self.send(upload["transfer"], content)} <= {200, 201}
        answer = self.complete(upload)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def phone_of(http, bucket, store):
    """Return a function that makes the phone of a user, or one without a login."""
    with httpx.Client(timeout=60) as straight:
        yield lambda person, bucket=bucket: Phone(http(person), straight, bucket)


@pytest.fixture
def phone(phone_of, user):
    return phone_of(user)


@pytest.fixture
def small_parts(settings):
    """Parts of a thousand bytes, which this store accepts."""
    settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = 1000


def error(answer):
    return answer.status_code, answer.json()["code"]


def objects_in(bucket):
    return [listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def parts_left(upload):
    """List the parts, because the store may keep parts of an upload that it no longer lists."""
    where = {"Bucket": upload.bucket, "Key": upload.file_name, "UploadId": upload.multipart_upload_id}
    try:
        return [part["PartNumber"] for part in get_client().list_parts(**where).get("Parts", ())]
    except get_client().exceptions.NoSuchUpload:
        return []


def time_goes_by():
    FileUpload.objects.exclude(status="stored").update(
        writable_until=timezone.now() - HOUR, claimed_until=timezone.now() - HOUR
    )


class TestExpectedBytes:
    @pytest.mark.parametrize("strategy", STRATEGIES)
    @pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 20_000])
    def test_upload_with_each_strategy_and_size_is_stored(self, phone, bucket, small_parts, strategy, size):
        content = os.urandom(size)
        record = phone.uploaded(content, strategy=strategy)
        assert (record["status"], record["size"], record["checksum_sha256"]) == ("stored", size, "")
        assert record["etag"] == head_object(bucket=bucket, key=record["file_name"]).etag
        assert phone.read(record) == content

    @pytest.mark.parametrize("strategy", STRATEGIES)
    @pytest.mark.parametrize("name", NAMES)
    def test_upload_with_each_name_is_stored(self, phone, strategy, name):
        record = phone.uploaded(b"content", strategy=strategy, file_name=name)
        assert (record["original_name"], record["file_name"]) == (name, f"uploads/{record['id']}/{name}")
        assert phone.read(record) == b"content"

    @pytest.mark.parametrize("strategy", ["put", "multipart"])
    def test_upload_with_a_checksum_is_stored(self, phone, small_parts, strategy):
        content = os.urandom(2500)
        checksum = sha256(content).hexdigest()
        assert phone.uploaded(content, strategy=strategy, checksum_sha256=checksum)["checksum_sha256"] == checksum

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_upload_keeps_its_content_type(self, phone, strategy):
        record = phone.uploaded(b"content", strategy=strategy, content_type="text/markdown; charset=utf-8")
        head = phone.client.head(record["url"], follow_redirects=True)
        assert (record["content_type"], head.headers["Content-Type"]) == ("text/markdown; charset=utf-8",) * 2

    def test_upload_in_parts_of_5_mib_is_stored(self, phone):
        content = os.urandom(mib(20))
        assert phone.read(phone.uploaded(content)) == content

    def test_parts_in_any_order_and_twice_are_stored(self, phone, small_parts):
        content = os.urandom(30_500)
        upload = phone.started(content, strategy="multipart")
        assert [part["part_number"] for part in upload["transfer"]["parts"]] == list(range(1, 21))
        rest = phone.sign(upload, first=21, last=31).json()["parts"]
        with ThreadPoolExecutor(8) as pool:
            parts = [*reversed(upload["transfer"]["parts"]), *rest, *rest]
            sent = list(pool.map(lambda part: phone.send_parts([part], content)[0].status_code, parts))
        assert set(sent) == {200}
        assert phone.read(phone.complete(upload).json()) == content

    def test_upload_by_staff_belongs_to_the_user(self, phone_of, phone, staff, user):
        record = phone_of(staff).uploaded(b"content", user_id=str(user.pk))
        assert phone.read(record) == b"content"


class TestOtherBytes:
    """The store refuses other bytes than announced. The completion detects the rest."""

    @pytest.mark.parametrize("strategy", ["put", "post"])
    @pytest.mark.parametrize("content", [b"", b"conten", b"contents"])
    def test_upload_of_another_size_is_refused(self, phone, bucket, strategy, content):
        upload = phone.started(b"content", strategy=strategy)
        (answer,) = phone.send(upload["transfer"], content)
        assert answer.status_code in {400, 403}
        assert error(phone.complete(upload)) == (400, "parts_missing")
        assert objects_in(bucket) == []

    def test_put_with_another_type_is_refused(self, phone, bucket):
        transfer = phone.started()["transfer"]
        transfer["headers"]["Content-Type"] = "text/html"
        assert phone.send(transfer, b"content")[0].status_code == 403
        assert objects_in(bucket) == []

    @pytest.mark.parametrize("field", ["Content-Type", "key"])
    def test_form_with_another_type_or_key_is_refused(self, phone, bucket, field):
        transfer = phone.started(strategy="post")["transfer"]
        transfer["fields"][field] = "something/else"
        assert phone.send(transfer, b"content")[0].status_code == 403
        assert objects_in(bucket) == []

    def test_complete_with_another_stored_type_is_refused(self, phone, bucket):
        upload = phone.started()
        get_client().put_object(Bucket=bucket, Key=upload["file_name"], Body=b"content", ContentType="text/html")
        assert error(phone.complete(upload)) == (400, "content_type_mismatch")
        assert objects_in(bucket) == []
        assert error(phone.complete(upload)) == (404, "upload_not_found")

    def test_put_of_other_bytes_than_the_checksum_is_refused(self, phone, bucket, settings):
        settings.S3_FILE_UPLOADER_STORE = ["payload_hash_in_urls"]
        upload = phone.started(checksum_sha256=sha256(b"content").hexdigest())
        (answer,) = phone.send(upload["transfer"], b"CONTENT")
        assert (answer.status_code, "ContentSHA256Mismatch" in answer.text) == (400, True)
        assert objects_in(bucket) == []
        phone.send(upload["transfer"], b"content")
        assert phone.complete(upload).json()["status"] == "stored"

    @pytest.mark.parametrize("strategy", ["put", "multipart"])
    def test_upload_of_other_bytes_than_the_checksum_is_refused(self, phone, bucket, strategy):
        upload = phone.started(strategy=strategy, checksum_sha256=sha256(b"content").hexdigest())
        assert phone.send(upload["transfer"], b"CONTENT")[0].status_code in {200, 201}
        assert error(phone.complete(upload)) == (400, "checksum_mismatch")
        assert objects_in(bucket) == []

    def test_part_of_another_size_is_refused(self, phone, small_parts):
        content = os.urandom(2500)
        upload = phone.started(content, strategy="multipart")
        answers = phone.send_parts(upload["transfer"]["parts"], content[:-1])
        assert [answer.status_code for answer in answers] == [200, 200, 403]
        assert error(phone.complete(upload)) == (400, "parts_missing")
        assert phone.parts(upload).json()["missing"] == [3]
        phone.send_parts(phone.sign(upload, missing=True).json()["parts"], content)
        assert phone.read(phone.complete(upload).json()) == content

    def test_complete_without_a_part_is_refused(self, phone, small_parts):
        content = os.urandom(2500)
        upload = phone.started(content, strategy="multipart")
        first, _, last = upload["transfer"]["parts"]
        phone.send_parts([last, first], content)
        answer = phone.complete(upload)
        assert (error(answer), "send 2, then" in answer.json()["detail"]) == ((400, "parts_missing"), True)
        held = phone.parts(upload).json()
        assert ([part["part_number"] for part in held["parts"]], held["missing"]) == ([1, 3], [2])
        phone.send_parts(phone.sign(upload, missing=True).json()["parts"], content)
        assert phone.parts(upload).json()["missing"] == []
        assert phone.read(phone.complete(upload).json()) == content

    def test_complete_with_an_additional_part_is_refused(self, phone, bucket, small_parts):
        content = os.urandom(2500)
        upload = phone.started(content, strategy="multipart")
        phone.send(upload["transfer"], content)
        get_client().upload_part(
            Bucket=bucket,
            Key=upload["file_name"],
            UploadId=FileUpload.objects.get().multipart_upload_id,
            PartNumber=4,
            Body=b"excess",
        )
        assert error(phone.complete(upload)) == (413, "file_too_large")
        assert error(phone.complete(upload)) == (404, "upload_not_found")

    def test_part_url_for_another_part_is_refused(self, phone, small_parts):
        first, second = phone.started(b"x" * 2000, strategy="multipart")["transfer"]["parts"]
        forged = first["url"].replace("partNumber=1&", "partNumber=2&")
        assert forged not in {first["url"], second["url"]}
        assert phone.straight.put(forged, content=b"x" * 1000).status_code == 403

    def test_upload_url_cannot_be_used_to_read(self, phone):
        upload = phone.started()
        phone.send(upload["transfer"], b"content")
        assert phone.straight.get(upload["transfer"]["url"], headers=upload["transfer"]["headers"]).status_code == 403


class TestTime:
    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_url_that_expired_is_replaced_by_a_fresh_one(self, phone, settings, strategy):
        settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = 1
        upload = phone.started(key="my-key", strategy=strategy)
        time.sleep(2.1)
        assert phone.send(upload["transfer"], b"content")[0].status_code == 403
        settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = 60
        again = phone.start(key="my-key", strategy=strategy)
        assert (again.json()["id"], again.headers["Idempotency-Replayed"]) == (upload["id"], "true")
        assert phone.send(again.json()["transfer"], b"content")[0].status_code in {200, 201}
        assert phone.complete(upload).json()["status"] == "stored"
        assert phone.start(key="my-key", strategy=strategy).json()["transfer"] is None

    def test_part_urls_that_expired_are_replaced_by_fresh_ones(self, phone, settings, small_parts):
        content = os.urandom(2500)
        upload = phone.started(content, strategy="multipart")
        phone.send_parts(upload["transfer"]["parts"][:1], content)
        settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = 1
        short = phone.sign(upload, missing=True).json()["parts"]
        time.sleep(2.1)
        assert [answer.status_code for answer in phone.send_parts(short, content)] == [403, 403]
        settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = 60
        fresh = phone.sign(upload, missing=True).json()["parts"]
        assert [part["part_number"] for part in fresh] == [2, 3]
        phone.send_parts(fresh, content)
        assert phone.read(phone.complete(upload).json()) == content

    def test_url_after_completion_writes_again_until_it_expires(self, phone, bucket):
        upload = phone.started()
        phone.send(upload["transfer"], b"content")
        assert phone.complete(upload).status_code == 200
        assert phone.abort(upload).status_code == 204
        phone.send(upload["transfer"], b"content")
        assert objects_in(bucket) == [upload["file_name"]]
        time_goes_by()
        assert housekeeping_run().records_settled == 1
        assert (objects_in(bucket), FileUpload.objects.count()) == ([], 0)

    def test_part_in_transit_during_an_abort_is_removed(self, phone):
        """The store accepts it, responds 200, and no longer lists the upload."""
        content = os.urandom(mib(8))
        upload = phone.started(content, strategy="multipart")
        record, address = FileUpload.objects.get(), urlsplit(upload["transfer"]["parts"][0]["url"])
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            head = (
                f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                f"Content-Length: {len(content)}\r\n\r\n"
            )
            connection.sendall(head.encode() + content[: mib(4)])
            time.sleep(0.5)
            assert phone.abort(upload).status_code == 204
            connection.sendall(content[mib(4) :])
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert parts_left(record) == [1]
        time_goes_by()
        assert housekeeping_run().records_settled == 1
        assert parts_left(record) == []
        assert not FileUpload.objects.exists()

    def test_upload_without_completion_is_completed_by_housekeeping(self, phone):
        uploads = [phone.started(strategy=strategy) for strategy in ("put", "post")]
        for upload in uploads:
            phone.send(upload["transfer"], b"content")
        FileUpload.objects.update(created_at=timezone.now() - HOUR)
        assert housekeeping_run().uploads_completed == 2
        for upload in uploads:
            assert phone.client.get(f"uploads/{upload['id']}/").json()["status"] == "stored"

    def test_upload_that_expired_is_removed(self, phone, bucket, small_parts):
        content = os.urandom(2500)
        upload = phone.started(content, strategy="multipart")
        phone.send(upload["transfer"], content)
        record = FileUpload.objects.get()
        time_goes_by()
        housekeeping_run()
        assert parts_left(record) == []
        assert error(phone.complete(upload)) == (404, "upload_not_found")


class TestLarge:
    def test_start_of_five_tebibytes_plans_the_parts(self, phone, bucket):
        answer = phone.start(size=USUAL_MAX_OBJECT_BYTES)
        upload = answer.json()
        transfer = upload["transfer"]
        assert (transfer["part_size"], transfer["part_count"], len(transfer["parts"])) == (mib(525), 9987, 20)
        parts = phone.sign(upload, first=1, last=9987).json()["parts"]
        assert sum(part["size"] for part in parts) == USUAL_MAX_OBJECT_BYTES
        assert phone.straight.put(parts[-1]["url"], content=b"some").status_code == 403
        record = FileUpload.objects.get()
        where = {"Bucket": bucket, "Key": record.file_name, "UploadId": record.multipart_upload_id}
        get_client().upload_part(**where, PartNumber=9987, Body=b"some")
        assert phone.parts(upload).json()["parts"][0]["part_number"] == 9987
        assert phone.abort(upload).status_code == 204
        assert parts_left(record) == []
        assert error(phone.start(size=USUAL_MAX_OBJECT_BYTES + 1)) == (413, "file_too_large")

    def test_parts_sign_returns_ten_thousand_urls(self, phone, small_parts):
        upload = phone.started(size=1000 * 10_000, strategy="multipart")
        parts = phone.sign(upload, part_numbers=list(range(10_000, 0, -1))).json()["parts"]
        assert len({part["url"] for part in parts}) == 10_000
        for part in (parts[0], parts[-1]):
            assert phone.straight.put(part["url"], content=b"x" * 1000).status_code == 200
        held = phone.parts(upload).json()
        assert ([part["part_number"] for part in held["parts"]], len(held["missing"])) == ([1, 10_000], 9998)


class TestOtherUsers:
    def test_other_user_finds_no_upload(self, phone, phone_of, other, small_parts):
        upload = phone.started(b"x" * 2500, strategy="multipart")
        stranger = phone_of(other)
        for answer in (
            stranger.client.get(f"uploads/{upload['id']}/"),
            stranger.parts(upload),
            stranger.sign(upload, missing=True),
            stranger.complete(upload),
            stranger.abort(upload),
        ):
            assert error(answer) == (404, "upload_not_found")
        assert phone.parts(upload).json()["missing"] == [1, 2, 3]

    def test_anonymous_user_gets_401(self, phone_of):
        assert error(phone_of(None).start()) == (401, "not_authenticated")


class TestBucket:
    def test_start_in_a_missing_bucket_is_refused(self, phone):
        for strategy in STRATEGIES:
            assert error(phone.start(bucket="bucket-none", strategy=strategy)) == (404, "bucket_not_found")
        assert not FileUpload.objects.exists()

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_upload_to_a_removed_bucket_fails(self, phone, bucket, strategy):
        upload = phone.started(strategy=strategy)
        get_client().delete_bucket(Bucket=bucket)
        assert phone.send(upload["transfer"], b"content")[0].status_code == 404
        assert error(phone.complete(upload)) == (404, "bucket_not_found")
        assert error(phone.start(strategy=strategy)) == (404, "bucket_not_found")
        assert phone.abort(upload).status_code == 204

    def test_upload_below_a_key_that_is_a_file_is_refused(self, phone, bucket):
        get_client().put_object(Bucket=bucket, Key="uploads", Body=b"in the way")
        upload = phone.started()
        assert phone.send(upload["transfer"], b"content")[0].status_code >= 400
        assert error(phone.complete(upload))[0] in {400, 403, 409, 502}  # The store of a common user responds 403.
        assert objects_in(bucket) == ["uploads"]


class TestS3IsDown:
    """S3 fails and recovers. The same request succeeds then."""

    @pytest.fixture
    def proxy(self, store, settings, bucket):
        """Connect the service to the store through a proxy with faults. The phone connects directly."""
        with FaultyProxy(port_of(store)) as proxy:
            settings.AWS_S3_ENDPOINT_URL = proxy.url
            settings.AWS_S3_PUBLIC_ENDPOINT_URL = store.endpoint_url
            settings.S3_FILE_UPLOADER_READ_TIMEOUT_SECONDS = 1
            settings.S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = 1
            settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
            yield proxy

    def tried(self, proxy, request, only):
        """Send a request while S3 drops requests that begin with `only`. Return the error."""
        proxy.only, proxy.cut_after = only, 10
        answer = request()
        proxy.cut_after = None
        return error(answer)

    def is_down(self, refusal):
        return refusal[0] in {503, 504} and refusal[1] in {"storage_unavailable", "storage_timeout"}

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_start_without_s3_in_an_unknown_bucket_fails(self, phone, proxy, strategy):
        forget_buckets()
        assert self.is_down(self.tried(proxy, lambda: phone.start(strategy=strategy), b"HEAD "))
        assert not FileUpload.objects.exists()
        assert phone.uploaded(b"content", strategy=strategy)["status"] == "stored"

    @pytest.mark.parametrize("strategy", ["put", "post"])
    def test_start_of_a_single_request_needs_no_s3(self, phone, proxy, strategy):
        phone.started()
        proxy.only, proxy.cut_after = b"", 1
        assert phone.start(strategy=strategy).status_code == 201

    def test_start_of_parts_without_s3_fails(self, phone, proxy):
        phone.started()
        assert self.is_down(self.tried(proxy, lambda: phone.start(strategy="multipart", key="my-key"), b"POST "))
        again = phone.start(strategy="multipart", key="my-key")
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        phone.send(again.json()["transfer"], b"content")
        assert phone.complete(again.json()).json()["status"] == "stored"

    def test_start_of_parts_with_a_lost_response_can_be_retried(self, phone, proxy, bucket):
        phone.started()
        proxy.only, proxy.answers_lost = b"POST ", True
        assert self.is_down(error(phone.start(strategy="multipart", key="my-key")))
        proxy.answers_lost = False
        upload = phone.start(strategy="multipart", key="my-key").json()
        assert len(get_client().list_multipart_uploads(Bucket=bucket, Prefix=upload["file_name"])["Uploads"]) == 2
        assert phone.abort(upload).status_code == 204
        assert not get_client().list_multipart_uploads(Bucket=bucket, Prefix=upload["file_name"]).get("Uploads")

    def test_parts_without_s3_can_be_signed_by_number_only(self, phone, proxy):
        upload = phone.started(strategy="multipart")
        assert self.is_down(self.tried(proxy, lambda: phone.parts(upload), b"GET "))
        assert self.is_down(self.tried(proxy, lambda: phone.sign(upload, missing=True), b"GET "))
        proxy.only, proxy.cut_after = b"", 1
        assert phone.sign(upload, part_numbers=[1]).status_code == 200
        proxy.cut_after = None
        assert phone.parts(upload).json()["missing"] == [1]

    @pytest.mark.parametrize("only", [b"GET ", b"POST ", b"HEAD "])
    @pytest.mark.parametrize("fault", ["cut", "lost answer"])
    def test_complete_with_a_fault_can_be_retried(self, phone, proxy, only, fault):
        upload = phone.started(strategy="multipart")
        phone.send(upload["transfer"], b"content")
        proxy.only = only
        proxy.cut_after, proxy.answers_lost = (10, False) if fault == "cut" else (None, True)
        assert self.is_down(error(phone.complete(upload)))
        assert phone.client.get(f"uploads/{upload['id']}/").json()["status"] == "pending"
        proxy.cut_after, proxy.answers_lost = None, False
        assert phone.parts(upload).json()["missing"] == []
        assert phone.complete(upload).json()["status"] == "stored"

    def test_complete_with_a_fault_while_reading_can_be_retried(self, phone, proxy):
        upload = phone.started(strategy="put", checksum_sha256=sha256(b"content").hexdigest())
        phone.send(upload["transfer"], b"content")
        assert self.is_down(self.tried(proxy, lambda: phone.complete(upload), b"GET "))
        assert phone.complete(upload).json()["status"] == "stored"

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_abort_with_a_fault_can_be_retried(self, phone, proxy, bucket, strategy):
        upload = phone.started(strategy=strategy)
        phone.send(upload["transfer"], b"content")
        record = FileUpload.objects.get()
        refusal = self.tried(proxy, lambda: phone.abort(upload), b"DELETE ")
        assert self.is_down(refusal)
        time.sleep(1.1 if refusal[0] == 504 else 0)
        assert phone.abort(upload).status_code == 204
        assert (objects_in(bucket), parts_left(record)) == ([], [])


def test_upload_across_a_restart_of_the_store_is_stored(phone_of, user, tmp_path, settings):
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    with EmbeddedS3(tmp_path / "s3") as store:
        for name, value in store.environment().items():
            setattr(settings, name, value)
        get_client().create_bucket(Bucket="lasting")
        own = phone_of(user, "lasting")
        content = os.urandom(mib(17))
        upload = own.started(content)
        own.send_parts(upload["transfer"]["parts"][:2], content)
    assert error(own.complete(upload)) == (503, "storage_unavailable")
    assert error(own.parts(upload)) == (503, "storage_unavailable")
    with EmbeddedS3(tmp_path / "s3"):
        missing = own.sign(upload, missing=True).json()["parts"]
        assert [part["part_number"] for part in missing] == [3]
        own.send_parts(missing, content)
        assert own.read(own.complete(upload).json()) == content
