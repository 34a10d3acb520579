"""Audit events of servers with many threads: each has its own user, object and IP address."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from tests.integration.conftest import client_at

EVENT = re.compile(
    r's3_file_uploader\.audit action="(\w+)" user="(\d+)" address="([^"]*)" .*file_name="([^"]*)".*outcome="(\w+)"'
)


@pytest.fixture
def people(both):
    return [User.objects.create_user(f"user{number}") for number in range(6)]


def test_events_of_parallel_requests_have_their_own_values(both, people, bucket):
    mark = uuid4().hex

    def use(person, client):
        with client:
            for number in range(4):
                path = f"buckets/{bucket}/files/{mark}/{person.pk}/{number}/"
                assert client.put(path, content=b"content").status_code == 201
                assert client.get(f"{path}?proxy=true").content == b"content"
                assert client.put(path, content=b"again").status_code == 409
                assert client.get(path).status_code == 302
                assert client.delete(path).status_code == 204

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(use, people, [client_at(both.url, person) for person in people]))
    events = [event for event in EVENT.findall(both.log) if mark in event[3]]
    steps = [
        *(("file_upload", "ok"), ("file_read", "ok"), ("file_upload", "file_exists")),
        *(("file_redirect", "ok"), ("file_delete", "ok")),
    ]
    expected = [
        (action, str(person.pk), "127.0.0.1", f"{mark}/{person.pk}/{number}", outcome)
        for person in people
        for number in range(4)
        for action, outcome in steps
    ]
    assert sorted(events) == sorted(expected)
