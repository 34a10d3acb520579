"""Listings of many rows: every page appears once, in order, and is read from an index without a sort."""

import uuid
from datetime import UTC, datetime, timedelta
from itertools import chain, product
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from s3_file_uploader import services
from s3_file_uploader.api.pagination import UploadPages
from s3_file_uploader.models import FileUpload, location_digest
from s3_file_uploader.s3.client import get_client

# Enough rows that the planner of each database prefers the index for a page, and few enough that ANALYZE reads all of
# them, so that the plan is the same in each run.
ROWS, PAGE = 12_000, 10
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def record(user, number, **values):
    name = f"{number:06}.txt"
    moment = BEGIN + timedelta(seconds=number)
    stored = {"bucket": "bucket-0", "file_name": name, "content_type": "text/plain", "status": "stored", **values}
    return FileUpload(
        user=user,
        location_digest=location_digest(str(uuid.uuid4()), name),
        path=name,
        original_name=name,
        size=number,
        etag="e",
        created_at=moment,
        completed_at=moment,
        **stored,
    )


def many_records(user, other):
    """A tenth of them belongs to one user, and a thirtieth of each user's to a bucket, a type, or pending uploads."""
    status = {0: "pending"}
    for number in range(ROWS):
        kind = number // 10 % 30
        yield record(
            user if number % 10 == 0 else other,
            number,
            bucket=f"bucket-{kind}",
            content_type=f"text/{kind}",
            status=status.get(kind, "stored"),
        )


def plan(queryset):
    """Return the query plan of a page, one step a line."""
    return queryset.explain(**({"costs": False} if connection.vendor == "postgresql" else {}))


def test_pages_of_lists_are_read_from_an_index(transactional_db, user, other, staff):
    FileUpload.objects.bulk_create(many_records(user, other), batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    check_upload_list(user, staff)
    check_object_and_folder_list(user, staff)


def check_upload_list(user, staff):
    """For every user and filter, the first and the last page need no sort and skip no row."""
    filters = {
        "": {},
        "bucket": {"bucket": "bucket-1"},
        "status": {"status": "pending"},
        "type": {"content_type": "text/1"},
    }
    whose = {"of_user": [(user, None), (staff, user)], "": [(staff, None)]}
    last = {"created_at__lt": BEGIN + timedelta(seconds=ROWS / 3)}
    seen = 0
    for (who, callers), (index, narrowed) in product(whose.items(), filters.items()):
        for (caller, owner), page in product(callers, ({}, last)):
            listing = services.upload_list(user=caller, owner=owner, **narrowed).filter(**page)
            steps = plan(listing.order_by(*UploadPages.ordering)[: PAGE + 1])
            for step in ("Sort", "TEMP B-TREE", "Seq Scan", "Filter", "Bitmap"):
                assert step not in steps, (who, index, steps)
            assert "s3_upload_" in steps, steps
            assert (who in steps, index in steps) == (True, True), steps
            seen += 1
    assert seen == 24


def check_object_and_folder_list(user, staff):
    """All queries of the first page and of pages after a folder or a file need no sort, and skip few rows."""
    last = f"{ROWS // 3:06}"
    lists = {
        "s3_upload_of_user_by_key": FileUpload.objects.visible_to(user).by_key("bucket-1"),
        "s3_upload_of_user_by_path": FileUpload.objects.visible_to(user).by_path("bucket-1"),
        "s3_upload_by_path": FileUpload.objects.visible_to(staff).by_path("bucket-1"),
    }
    for index, records in lists.items():
        # The status of a file in a folder, and the id behind a path, are read from the rows of the page.
        allowed = {"Filter"} if "path" in index else set()
        for page, filtered in (
            (records, allowed),
            (records.from_key("00"), allowed),
            (records.behind(last, uuid.uuid4()), {"Filter"}),
        ):
            steps = plan(page[: PAGE + 1])
            for step in {"Sort", "TEMP B-TREE", "Seq Scan", "Filter", "Bitmap"} - filtered:
                assert step not in steps, steps
            assert index in steps, steps


def test_object_list_skips_the_files_of_folders(transactional_db, user, bucket):
    """A page of folders takes one short query for each folder, however many files it has."""
    FileUpload.objects.bulk_create(
        [record(user, number, bucket=bucket, file_name=f"{number // 100:03}/{number}") for number in range(2_000)],
        batch_size=5000,
    )
    with CaptureQueriesContext(connection) as queries:
        page = services.object_list(user=user, bucket=bucket, delimiter="/", page_size=10)
    assert page.prefixes == tuple(f"{number:03}/" for number in range(10))
    assert len(queries) == 11
    assert all("LIMIT 11" in query["sql"] for query in queries)


def test_object_list_reveals_no_keys_of_other_users(http, user, other, bucket):
    """The attack: list the prefix of another user, one key a page. The responses must not reveal that user's files."""
    http(user).put(f"buckets/{bucket}/files/mine/", content=b"x")

    def guesses():
        return [
            {name: value for name, value in answer.json().items() if name != "next"}
            | {"has_next": answer.json()["next"] is not None}
            for prefix, size in product(("", "m", "merger/", "merger/2027", "z"), ("1", "2"))
            for answer in [
                http(user).get(
                    f"buckets/{bucket}/files/", params={"prefix": prefix, "page_size": size, "delimiter": "/"}
                )
            ]
        ]

    alone = guesses()
    for name in ("a", "merger/2027", "z"):
        assert http(other).put(f"buckets/{bucket}/files/{name}/", content=b"x").status_code == 201
    assert guesses() == alone


@pytest.mark.parametrize("page_size", [7, 1000])
def test_upload_list_pages_have_every_record_once(http, user, other, page_size):
    same = datetime(2026, 5, 1, tzinfo=UTC)
    FileUpload.objects.bulk_create(
        [record(user, n) for n in range(20)] + [record(user, 100 + n, file_name=f"same-{n}") for n in range(20)]
    )
    FileUpload.objects.filter(file_name__startswith="same").update(created_at=same)
    FileUpload.objects.bulk_create([record(other, 500)])
    client, seen, back = http(user), [], []
    page = client.get("uploads/", params={"page_size": page_size}).json()
    while True:
        seen.append([row["id"] for row in page["results"]])
        if not page["next"]:
            break
        page = client.get(page["next"]).json()
    while True:
        back.insert(0, [row["id"] for row in page["results"]])
        if not page["previous"]:
            break
        page = client.get(page["previous"]).json()
    expected = [str(key) for key in FileUpload.objects.filter(user=user).values_list("pk", flat=True)]
    assert list(chain(*seen)) == expected
    assert list(chain(*back)) == expected


def test_object_list_pages_have_every_key_once(http, user, staff, other, bucket):
    for owner, names in ((user, "ace"), (other, "bd")):
        for name in names:
            http(owner).put(f"buckets/{bucket}/files/folder/{name}/", content=b"x")
    get_client().put_object(Bucket=bucket, Key="stray", Body=b"of another program")

    def walk(person, **params):
        names, prefixes, address = [], [], f"buckets/{bucket}/files/"
        params = {"page_size": 2, **params}
        while address:
            page = http(person).get(address, params=params)
            assert page.status_code == 200, page.text
            body = page.json()
            assert body["previous"] is None
            names += [row["file_name"] for row in body["results"]]
            prefixes += body["prefixes"]
            address, params = body["next"], None
        return names, prefixes

    assert walk(staff) == (["folder/a", "folder/b", "folder/c", "folder/d", "folder/e", "stray"], [])
    assert walk(user) == (["folder/a", "folder/c", "folder/e"], [])
    assert walk(staff, prefix="st") == (["stray"], [])
    assert walk(staff, delimiter="/") == (["stray"], ["folder/"])
    assert walk(user, delimiter="/") == ([], ["folder/"])
    cursors = {
        person: parse_qs(urlsplit(http(person).get(f"buckets/{bucket}/files/?page_size=1").json()["next"]).query)
        for person in (user, staff)
    }
    foreign = {user: cursors[staff]["cursor"][0], staff: cursors[user]["cursor"][0]}
    for person, cursor in product((user, staff), ("zzz", "%%", "é", "own")):
        wrong = http(person).get(
            f"buckets/{bucket}/files/", params={"cursor": foreign[person] if cursor == "own" else cursor}
        )
        assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["cursor"]), wrong.text
    missing = http(user).get("buckets/no-such-bucket/files/")
    assert (missing.status_code, missing.json()["code"]) == (404, "bucket_not_found")
    next_page = http(staff).get(f"buckets/{bucket}/files/", params={"page_size": 2, "prefix": "folder/"}).json()["next"]
    assert parse_qs(urlsplit(next_page).query)["prefix"] == ["folder/"]
