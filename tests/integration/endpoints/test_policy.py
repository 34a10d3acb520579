"""A policy applies to every way to upload: refused files leave nothing behind, and parallel uploads keep the quota."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import httpx
import pytest

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object
from s3_file_uploader.values import mib
from tests.integration.conftest import client_at, token_of
from tests.support.policies import BYTES, FILES, UPPY_BUCKET
from tests.support.served import SERVICE, WSGI, Served

AT_ONCE = 50
CONTENT = b"x" * 1000
POLICY_SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.support.policies"}
# Two processes with as many threads as parallel requests.
SERVER = (*WSGI[:2], "--workers", "2", "--threads", str(AT_ONCE // 2), "--timeout", "120", "--log-level", "warning")


@pytest.fixture(scope="module")
def policies(django_db_setup, embedded_s3, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    with Served(folder, SERVER, **POLICY_SETTINGS, **embedded_s3.environment()) as served:
        yield served


@pytest.fixture
def client(transactional_db, policies, user):
    with client_at(policies.url, user) as client:
        yield client


def made_bucket(kind):
    name = f"{kind}-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def limited(store):
    return made_bucket("limited")


@pytest.fixture
def uppy_bucket(store):
    get_client().create_bucket(Bucket=UPPY_BUCKET)
    yield UPPY_BUCKET
    for listed in get_client().list_objects_v2(Bucket=UPPY_BUCKET).get("Contents", ()):
        get_client().delete_object(Bucket=UPPY_BUCKET, Key=listed["Key"])
    get_client().delete_bucket(Bucket=UPPY_BUCKET)


def objects_in(bucket):
    return [listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def nothing_in(bucket):
    parts = get_client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    return not objects_in(bucket) and not parts and not FileUpload.objects.filter(bucket=bucket).exists()


# --- the ways to upload ----------------------------------------------------------------------------------------------


def form(client, bucket, name, content=CONTENT, content_type="text/plain", **fields):
    files = {"file": (name.rpartition("/")[2], content, content_type)}
    return client.post("file/upload/", data={"bucket": bucket, "file_name": name, **fields}, files=files)


def form_without_a_name(client, bucket, name, content=CONTENT, content_type="text/plain"):
    files = {"file": (name.rpartition("/")[2], content, content_type)}
    return client.post("file/upload/", data={"bucket": bucket}, files=files)


def raw(client, bucket, name, content=CONTENT, content_type="text/plain"):
    return client.put(f"buckets/{bucket}/files/{name}/", content=content, headers={"Content-Type": content_type})


def chunked(client, bucket, name, content=CONTENT, content_type="text/plain"):
    return raw(client, bucket, name, iter([content]), content_type)


def direct(strategy):
    def start(client, bucket, name, content=CONTENT, content_type="text/plain"):
        file = {"file_name": name.rpartition("/")[2], "content_type": content_type, "size": len(content)}
        return client.post("uploads/", json={"bucket": bucket, "strategy": strategy, **file})

    return start


def uppy_form(client, bucket, name, content=CONTENT, content_type="text/plain"):
    query = {"filename": name.rpartition("/")[2], "type": content_type, "metadata[bucket]": bucket}
    return client.get("uppy/s3/params", params=query)


def uppy_parts(client, bucket, name, content=CONTENT, content_type="text/plain"):
    file = {"filename": name.rpartition("/")[2], "type": content_type, "metadata": {"bucket": bucket}}
    return client.post("uppy/s3/multipart", json=file)


def uppy_sign(client, bucket, name, content=CONTENT, content_type="text/plain"):
    return client.post("uppy/sign", json={"method": "PUT", "key": name, "contentType": content_type})


def uppy_sign_parts(client, bucket, name, content=CONTENT, content_type="text/plain"):
    url = client.post("uppy/sign", json={"method": "POST", "key": name}).json()["url"]
    return client.post(url, headers={"Content-Type": content_type})


THROUGH_THE_SERVER = {"form": form, "raw": raw, "chunked": chunked}
DIRECT = {strategy: direct(strategy) for strategy in ("put", "post", "multipart")}
UPPY = {"uppy-form": uppy_form, "uppy-parts": uppy_parts}
UPPY_SIGNED = {"uppy-sign": uppy_sign, "uppy-sign-parts": uppy_sign_parts}


def ways(*kinds):
    named = {name: way for kind in kinds for name, way in kind.items()}
    return pytest.mark.parametrize("way", named.values(), ids=named.keys())


# --- one file --------------------------------------------------------------------------------------------------------


@ways(THROUGH_THE_SERVER, DIRECT)
def test_upload_over_the_size_limit_is_refused(client, user, limited, way):
    answer = way(client, limited, f"users/{user.pk}/a.txt", b"x" * (mib(1) + 1))
    assert answer.status_code == 413
    assert answer.json() == {
        "code": "file_too_large",
        "detail": "Files up to 1048576 bytes are taken here.",
        "limit": {"max_file_bytes": mib(1)},
    }
    assert nothing_in(limited)


@ways(THROUGH_THE_SERVER, DIRECT, UPPY)
@pytest.mark.parametrize(
    ("name", "content_type", "limit"),
    [
        ("a.txt", "text/html", {"content_types": ["text/plain", "image/*"]}),
        ("a.html", "text/plain", {"extensions": ["txt", "png"]}),
    ],
)
def test_upload_of_a_forbidden_type_is_refused(client, user, limited, way, name, content_type, limit):
    answer = way(client, limited, f"users/{user.pk}/{name}", content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "content_type_not_allowed")
    assert answer.json()["limit"] == limit
    assert nothing_in(limited)


@ways({"form": form, "raw": raw})
def test_upload_outside_the_prefix_is_refused(client, user, limited, way):
    answer = way(client, limited, "users/0/a.txt")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_file_name")
    assert answer.json()["limit"] == {"key_prefix": f"users/{user.pk}/"}
    assert nothing_in(limited)


@ways({"form": form, "form-without-a-name": form_without_a_name, "raw": raw}, DIRECT, UPPY)
def test_upload_within_the_policy_is_stored_in_the_prefix(client, user, limited, way):
    answer = way(client, limited, f"users/{user.pk}/a.txt")
    assert answer.status_code in (200, 201), answer.text
    (upload,) = FileUpload.objects.filter(bucket=limited)
    assert upload.file_name.startswith(f"users/{user.pk}/")


def test_uppy_completes_an_upload_in_the_prefix(client, user, limited):
    key = uppy_form(client, limited, "a.txt").json()["fields"]["key"]
    get_client().put_object(Bucket=limited, Key=key, Body=CONTENT, ContentType="text/plain")
    answer = client.post("uppy/s3/complete", params={"key": key})
    assert (answer.status_code, answer.json()["status"], answer.json()["file_name"]) == (200, "stored", key)


def test_uppy_sign_returns_the_key_of_the_record(client, user, uppy_bucket):
    file = client.post("uppy/sign", json={"method": "PUT", "key": "a.txt"}).json()
    parts = client.post("uppy/sign", json={"method": "POST", "key": "b.txt"}).json()
    assert f"<Key>{parts['key']}</Key>" in client.post(parts["url"]).text
    keys = set(FileUpload.objects.filter(bucket=uppy_bucket).values_list("file_name", flat=True))
    assert keys == {file["key"], parts["key"]}
    assert all(key.startswith(f"users/{user.pk}/uploads/") for key in keys)


def test_staff_upload_for_a_user_uses_the_users_prefix(client, policies, staff, user, limited):
    with client_at(policies.url, staff) as staff_client:
        refused = form(staff_client, limited, f"users/{staff.pk}/a.txt", user_id=user.pk)
        taken = form(staff_client, limited, f"users/{user.pk}/a.txt", user_id=user.pk)
    assert (refused.status_code, taken.status_code) == (400, 201)
    assert taken.json()["user_id"] == str(user.pk)


def test_overwrite_forbidden_by_the_policy_is_refused(client, user, limited):
    name = f"users/{user.pk}/a.txt"
    assert form(client, limited, name).status_code == 201
    answers = [
        form(client, limited, name, overwrite="true"),
        client.put(
            f"buckets/{limited}/files/{name}/?overwrite=true", content=b"", headers={"Content-Type": "text/plain"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert [answer.json()["limit"] for answer in answers] == [{"may_overwrite": False}] * 2


@pytest.mark.parametrize("major", ["form", "parts"])
def test_uppy_upload_over_the_size_limit_is_removed(client, user, limited, major):
    """No size was announced, so S3 refuses the form, and the completion refuses the parts."""
    content = b"x" * (mib(1) + 1)
    if major == "form":
        signed = uppy_form(client, limited, "a.txt").json()
        refused = httpx.post(signed["url"], data=signed["fields"], files={"file": content})
        assert (refused.status_code, "EntityTooLarge" in refused.text) == (400, True)
        assert not objects_in(limited)
        return
    begun = uppy_parts(client, limited, "a.txt").json()
    address = f"uppy/s3/multipart/{begun['uploadId']}"
    url = client.get(f"{address}/1", params={"key": begun["key"]}).json()["url"]
    assert httpx.put(url, content=content).status_code == 200
    answer = client.post(f"{address}/complete", params={"key": begun["key"]}, json={"parts": [{"PartNumber": 1}]})
    assert (answer.status_code, answer.json()["limit"]) == (413, {"max_file_bytes": mib(1)})
    assert not objects_in(limited)


# --- early refusals --------------------------------------------------------------------------------------------------


def send_head(served, head, body=b""):
    """Send the beginning of a request, and return status and body of the response."""
    with served.connect() as connection:
        connection.sendall("\r\n".join((*head, "", "")).encode() + body)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
    start, _, content = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), json.loads(content)


def put_head(user, bucket, name, *headers):
    address = f"PUT {SERVICE}buckets/{bucket}/files/{name}/ HTTP/1.1"
    return [address, "Host: localhost", f"Authorization: {token_of(user)}", "Content-Type: text/plain", *headers]


def test_upload_with_a_large_content_length_is_refused_at_once(client, policies, user, limited):
    head = put_head(user, limited, f"users/{user.pk}/a.txt", f"Content-Length: {2**40}")
    assert send_head(policies, head)[0] == 413
    assert nothing_in(limited)


@pytest.mark.parametrize(("kind", "status"), [("limited", 413), ("quota-middle", 429)])
def test_chunked_upload_over_the_limit_is_refused_midway(client, policies, user, kind, status):
    bucket = made_bucket(kind)
    head = put_head(user, bucket, f"users/{user.pk}/a.txt", "Transfer-Encoding: chunked")
    # gunicorn passes on chunked bodies in the size that the app reads, here a MiB.
    assert send_head(policies, head, b"%x\r\n" % mib(2) + b"x" * mib(2) + b"\r\n")[0] == status
    assert nothing_in(bucket)


@pytest.mark.parametrize(("kind", "status"), [("limited", 413), ("quota-middle", 429)])
def test_form_over_the_limit_is_refused_during_the_body(client, policies, user, kind, status):
    bucket = made_bucket(kind)
    fields = {"bucket": bucket, "file_name": f"users/{user.pk}/a.txt"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    head = [f"POST {SERVICE}file/upload/ HTTP/1.1", "Host: localhost", f"Authorization: {token_of(user)}"]
    head += ["Content-Type: multipart/form-data; boundary=b", f"Content-Length: {2**40}"]
    assert send_head(policies, head, "\r\n".join([*parts, file]).encode() + b"x" * mib(3))[0] == status
    assert nothing_in(bucket)


# --- in parallel -----------------------------------------------------------------------------------------------------


def all_at_once(call):
    """Start many requests at the same moment, and return their responses."""
    barrier = Barrier(AT_ONCE)

    def one(number):
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def held(answers, allowed):
    """Return True if exactly so many were accepted, and all others refused because of the quota."""
    taken = [answer for answer in answers if answer.status_code < 300]
    codes = Counter(answer.json()["code"] for answer in answers if answer.status_code >= 300)
    return (len(taken), codes) == (allowed, Counter({"quota_exceeded": AT_ONCE - allowed}))


def describe(answers):
    return Counter((answer.status_code, answer.text[:200]) for answer in answers)


def starting(client, way, bucket):
    return all_at_once(lambda number: way(client, bucket, f"file-{number}.txt"))


@ways(THROUGH_THE_SERVER, DIRECT, UPPY)
def test_quota_of_files_holds_for_parallel_uploads(client, user, way):
    bucket = made_bucket("quota-files")
    answers = starting(client, way, bucket)
    assert held(answers, FILES), describe(answers)
    assert FileUpload.objects.usage(user_id=user.pk, bucket=bucket).files == FILES
    upload = FileUpload.objects.filter(bucket=bucket).first()
    assert client.delete(f"uploads/{upload.pk}/").status_code == 204
    assert way(client, bucket, "one-more.txt").status_code in (200, 201)
    refused = way(client, bucket, "another.txt")
    assert (refused.status_code, refused.json()["limit"]) == (429, {"quota_files": FILES, "files": FILES})


@ways(UPPY_SIGNED)
def test_quota_of_files_holds_for_sign_request(client, user, uppy_bucket, way):
    answers = starting(client, way, uppy_bucket)
    assert held(answers, FILES), describe(answers)
    assert FileUpload.objects.usage(user_id=user.pk, bucket=uppy_bucket).files == FILES


@ways(THROUGH_THE_SERVER, DIRECT)
def test_quota_of_bytes_holds_for_parallel_uploads(client, user, way):
    bucket = made_bucket("quota-bytes")
    answers = starting(client, way, bucket)
    assert held(answers, BYTES // len(CONTENT)), describe(answers)
    usage = FileUpload.objects.usage(user_id=user.pk, bucket=bucket)
    assert usage.bytes == BYTES // len(CONTENT) * len(CONTENT)
    if way in THROUGH_THE_SERVER.values():
        assert len(objects_in(bucket)) == usage.files == BYTES // len(CONTENT)


def test_quota_of_bytes_holds_for_uppy_at_completion(client, user):
    bucket = made_bucket("quota-bytes")
    keys = [uppy_form(client, bucket, f"file-{number}.txt").json()["fields"]["key"] for number in range(AT_ONCE)]
    for key in keys:
        get_client().put_object(Bucket=bucket, Key=key, Body=CONTENT, ContentType="text/plain")
    answers = all_at_once(lambda number: client.post("uppy/s3/complete", params={"key": keys[number]}))
    assert held(answers, BYTES // len(CONTENT)), describe(answers)
    assert len(objects_in(bucket)) == BYTES // len(CONTENT)
    assert FileUpload.objects.usage(user_id=user.pk, bucket=bucket).bytes == BYTES // len(CONTENT) * len(CONTENT)


def test_quota_with_parallel_overwrites_counts_the_difference(client, user):
    bucket = made_bucket("quota-bytes")
    for number in range(5):
        assert form(client, bucket, f"file-{number}.txt").status_code == 201
    answers = all_at_once(lambda number: form(client, bucket, f"file-{number % 5}.txt", b"y" * 1600, overwrite="true"))
    assert {answer.status_code for answer in answers} <= {201, 409, 429}
    usage = FileUpload.objects.usage(user_id=user.pk, bucket=bucket)
    assert usage.files == 5
    assert usage.bytes <= BYTES
    assert sum(head_object(bucket=bucket, key=key).size for key in objects_in(bucket)) == usage.bytes == 7_400


def test_quota_counts_each_user_separately(policies, client, user, other):
    bucket = made_bucket("quota-files")
    with client_at(policies.url, other) as another:
        answers = all_at_once(lambda number: raw((client, another)[number % 2], bucket, f"file-{number}.txt"))
    assert held(answers, 2 * FILES), describe(answers)


# --- accepted files --------------------------------------------------------------------------------------------------


def test_usage_returns_bytes_and_files(client, user):
    bucket = made_bucket("quota-files")
    raw(client, bucket, "a.txt")
    assert client.get("uploads/usage/", params={"bucket": bucket}).json() == {
        "bytes": 1000,
        "files": 1,
        "quota_bytes": None,
        "quota_files": FILES,
        "max_file_bytes": None,
        "content_types": None,
        "extensions": None,
        "key_prefix": "",
        "may_overwrite": True,
    }
