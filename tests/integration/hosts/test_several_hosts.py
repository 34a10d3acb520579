"""One site on two hosts: each request may reach either of them, and each thing happens once."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import housekeeping_run
from s3_file_uploader.values import mib
from tests.support.host import python
from tests.support.raw import left_in
from tests.support.uploading import Upload, time_goes_by

AT_ONCE = 8


def all_at_once(calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def bytes_of(bucket, record):
    return get_client().get_object(Bucket=bucket, Key=record["file_name"])["Body"].read()


def command_on_both(hosts, *arguments):
    """Run a command of manage.py on two hosts at the same time, and return what they print."""
    run = partial(python, hosts.folder, "manage.py", *arguments, **hosts.variables)
    done = all_at_once([run, run])
    assert [host.returncode for host in done] == [0, 0], [host.stderr for host in done]
    return [dict(line.split(": ") for line in host.stdout.splitlines() if ": " in line) for host in done]


# --- begun on one host, finished on the other -----------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["put", "multipart"])
def test_upload_begun_on_one_host_is_finished_on_the_other(hosts, client, straight, user, bucket, strategy):
    one, two = (client(user, host.url) for host in hosts.both)
    upload = Upload(one, straight, bucket, strategy, content=os.urandom(mib(7) if strategy == "multipart" else 900))
    upload.do("start")
    upload.http = two
    if strategy == "multipart":
        upload.do("sign")
        upload.http = one
    upload.do("send", "progress") if strategy == "multipart" else upload.do("send")
    upload.http = two
    assert upload.complete().status_code == 200
    upload.http = one
    assert upload.complete().json() == upload.show().json()
    assert bytes_of(bucket, upload.record) == upload.content


def test_retry_on_the_other_host_returns_the_first_record(hosts, client, user, bucket):
    answers = [
        client(user, host.url).put(f"buckets/{bucket}/files/a/", content=b"content", headers={"Idempotency-Key": "one"})
        for host in hosts.both
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["Idempotency-Replayed"] == "true"


def test_uppy_with_a_token_of_one_host_uploads_by_the_other(hosts, client, straight, user, bucket):
    one, two = (client(user, host.url) for host in hosts.both)
    token = one.post("uppy/tokens/").json()["token"]
    by_token, content = f"uppy/token/{token}/s3/multipart", os.urandom(mib(6))
    params = {"filename": "a.bin", "type": "application/octet-stream", "metadata": {"bucket": bucket}}
    started = client(None, hosts.two.url).post(by_token, json=params).json()
    upload, key = f"{by_token}/{started['uploadId']}", {"key": started["key"]}
    parts = []
    for number, host in zip((1, 2), hosts.both, strict=True):
        part = content[(number - 1) * mib(5) :][: mib(5)]
        url = client(None, host.url).get(f"{upload}/{number}", params=key).json()["url"]
        parts.append({"PartNumber": number, "ETag": straight.put(url, content=part).headers["ETag"]})
    assert two.post(f"{upload}/complete", params=key, json={"parts": parts}).status_code == 200
    assert bytes_of(bucket, {"file_name": started["key"]}) == content


# --- counted, cleaned and scanned once ------------------------------------------------------------------------------


def test_throttle_counts_the_requests_of_both_hosts(hosts, client, user, other):
    of_hosts = cycle([client(user, host.url) for host in hosts.both])
    answers = [next(of_hosts).delete(f"shares/{uuid4()}/") for _ in range(24)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429] * 4
    assert client(other).delete(f"shares/{uuid4()}/").status_code == 404


def test_only_throttled_requests_need_redis(hosts, client, user, bucket):
    http = client(user)
    hosts.redis.kill()
    try:
        answers = [http.delete(f"shares/{uuid4()}/"), http.put(f"buckets/{bucket}/files/a/", content=b"content")]
    finally:
        hosts.redis.start()
    assert [answer.status_code for answer in answers] == [500, 201]
    assert http.delete(f"shares/{uuid4()}/").status_code == 404


def test_two_housekeepings_at_once_clean_each_upload_once(hosts, client, straight, user, bucket):
    for strategy in ["multipart", "put"] * 4:
        upload = Upload(client(user), straight, bucket, strategy, content=os.urandom(mib(6))).do("start")
        if strategy == "multipart":
            assert upload.send_part(upload.record["transfer"]["parts"][0]).status_code == 200
    time_goes_by()
    reports = command_on_both(hosts, "s3_housekeeping")
    assert sum(int(report["records settled"]) for report in reports) == 8
    time_goes_by()
    assert housekeeping_run().records_settled == 4  # It looks once more for parts that were in transit.
    assert left_in(bucket) == []


def test_two_scans_at_once_scan_each_file_once(hosts, client, user, bucket):
    answers = [client(user).put(f"buckets/{bucket}/files/{n}/", content=os.urandom(5000)) for n in range(6)]
    assert {answer.json()["status"] for answer in answers} == {"quarantined"}
    reports = command_on_both(hosts, "s3_scan")
    assert sorted(hosts.scans) == sorted(answer.json()["id"] for answer in answers)
    assert sum(int(report["files clean"]) for report in reports) == 6
    assert set(FileUpload.objects.values_list("status", flat=True)) == {"stored"}


# --- races ------------------------------------------------------------------------------------------------------------


def putting(client, bucket, name, content):
    return partial(client.put, f"buckets/{bucket}/files/{name}/", content=content)


def test_race_for_one_key_over_both_hosts_has_one_winner(hosts, client, db, bucket):
    users = [User.objects.create_user(f"racer{number}") for number in range(AT_ONCE)]
    contents = [os.urandom(900) for _ in users]
    of_hosts = cycle(hosts.both)
    clients = [client(person, next(of_hosts).url) for person in users]
    calls = [putting(one, bucket, "key", content) for one, content in zip(clients, contents, strict=True)]
    answers = all_at_once(calls)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (AT_ONCE - 1)
    (winner,) = [content for answer, content in zip(answers, contents, strict=True) if answer.status_code == 201]
    assert bytes_of(bucket, {"file_name": "key"}) == winner


def test_quota_is_kept_by_both_hosts_together(hosts, client, user, store):
    bucket = f"quota-{uuid4().hex[:12]}"
    get_client().create_bucket(Bucket=bucket)
    of_hosts = cycle([client(user, host.url) for host in hosts.both])
    answers = all_at_once([putting(next(of_hosts), bucket, number, b"content") for number in range(20)])
    assert sorted(answer.status_code for answer in answers).count(201) == 5
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"quota_exceeded"}
    assert FileUpload.objects.filter(bucket=bucket).count() == 5
    assert get_client().list_objects_v2(Bucket=bucket)["KeyCount"] == 5
