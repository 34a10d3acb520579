from itertools import product

import pytest
from botocore.stub import Stubber
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from s3_file_uploader.exceptions import (
    BucketNotAllowed,
    BucketNotFound,
    InvalidBucketName,
    InvalidField,
    StorageUnsupported,
)
from s3_file_uploader.models import FileUpload, location_digest
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import object_list
from tests.unit.services.conftest import refusing, started, stored_file

pytestmark = pytest.mark.django_db
EVERYTHING = f"{__name__}.everything"
LAST = chr(0x10FFFF)


def everything(queryset, user):
    return queryset


def recorded(owner, bucket, *names, status="stored"):
    """Insert records of stored files, without objects."""
    now = timezone.now()
    FileUpload.objects.bulk_create(
        FileUpload(
            user=owner,
            bucket=bucket,
            file_name=name,
            location_digest=location_digest(bucket, name),
            status=status,
            size=len(name),
            etag=f"etag of {name}",
            completed_at=now,
        )
        for name in names
    )
    return now


def walked(person, bucket, **options):
    """Return the keys and the prefixes of all pages."""
    names, prefixes, cursor, pages = [], [], "", 0
    while True:
        page = object_list(user=person, bucket=bucket, cursor=cursor, **options)
        assert len(page.objects) + len(page.prefixes) <= options.get("page_size", 100)
        names += [entry.file_name for entry in page.objects]
        prefixes += page.prefixes
        pages += 1
        if page.next_cursor is None:
            return names, prefixes, pages
        cursor = page.next_cursor


def test_object_list_shows_staff_all_and_others_their_own(bucket, user, other, staff):
    stored_file(user, bucket, "mine")
    stored_file(other, bucket, "theirs")
    get_client().put_object(Bucket=bucket, Key="stray", Body=b"stray")
    seen = {person: walked(person, bucket)[0] for person in (user, other, staff)}
    assert seen == {user: ["mine"], other: ["theirs"], staff: ["mine", "stray", "theirs"]}


def test_object_list_bucket_not_open_or_missing_is_refused(bucket, user, settings):
    with pytest.raises(BucketNotFound):
        object_list(user=user, bucket="no-such-bucket")
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["another"]
    with pytest.raises(BucketNotAllowed):
        object_list(user=user, bucket=bucket)
    with pytest.raises(InvalidBucketName):
        object_list(user=user, bucket="No Bucket")


def test_object_list_files_of_others_change_nothing(bucket, user, other):
    """The answer is the same, to the byte, whatever others have: before, between and behind the keys of the caller."""
    recorded(user, bucket, "b", "d/1", "d/2", "f")

    def answers():
        return [
            object_list(user=user, bucket=bucket, prefix=prefix, delimiter=delimiter, page_size=size)
            for prefix in ("", "d/", "secret/", "z")
            for delimiter in ("", "/")
            for size in (1, 2, 3, 4, 100)
        ]

    def without_time(listings):
        return [(page.objects, page.prefixes, page.next_cursor is None) for page in listings]

    alone = without_time(answers())
    recorded(other, bucket, "a", "c", "d/1/x", "d/3", "e", "g", "secret/plan", "z")
    assert without_time(answers()) == alone


def test_object_list_not_staff_asks_s3_for_nothing(bucket, user):
    recorded(user, bucket, "a", "b/c")
    with refusing() as calls:
        walked(user, bucket, page_size=1, delimiter="/")
    assert calls == []


def test_object_list_entry_is_what_the_record_says(bucket, user):
    completed_at = recorded(user, bucket, "a")
    (entry,) = object_list(user=user, bucket=bucket).objects
    assert (entry.file_name, entry.size, entry.etag, entry.changed_at) == ("a", 1, "etag of a", completed_at)


def test_object_list_omits_unfinished_and_quarantined_files(bucket, user):
    recorded(user, bucket, "quarantined", status="quarantined")
    recorded(user, bucket, "deleting", status="deleting")
    started(user, bucket)
    assert walked(user, bucket) == ([], [], 1)


def test_object_list_visible_to_widens_the_list(bucket, user, other, settings):
    recorded(other, bucket, "theirs", "folder/theirs")
    settings.S3_FILE_UPLOADER_VISIBLE_TO = EVERYTHING
    assert walked(user, bucket, delimiter="/") == (["theirs"], ["folder/"], 1)


KEYS = [
    *("A", "B/1", "B/2", "a", "a/", "a/1", "a/b/1", "a/b/2", "a0", "b", "z/1", "Ä", "é/1", "é/2"),
    *("\ud7ff/1", "\ue000/1", "\uffff", "😀/1", "😀/2", f"{LAST}/1", f"{LAST}{LAST}"),
]


@pytest.mark.parametrize("prefix", ["", "a", "a/", "B", "é", "😀/", "nothing", LAST])
def test_object_list_every_page_is_what_s3_would_give(bucket, user, prefix):
    recorded(user, bucket, *KEYS)
    for delimiter, page_size in product(["", "/", "b/", "\ud7ff", LAST, "1"], [1, 2, 3, 1000]):
        options = {"prefix": prefix, "delimiter": delimiter, "page_size": page_size}
        assert walked(user, bucket, **options) == as_s3_gives(**options), options


def as_s3_gives(prefix, delimiter, page_size):
    """Return the keys, the prefixes, and the number of pages."""
    keys = sorted((key for key in KEYS if key.startswith(prefix)), key=str.encode)
    names, prefixes = [], []
    for key in keys:
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            names.append(key)
        elif (rolled := key[: end + len(delimiter)]) not in prefixes:
            prefixes.append(rolled)
    pages = max(1, -(-(len(names) + len(prefixes)) // page_size))
    return names, prefixes, pages


def test_object_list_many_keys_in_few_folders_costs_few_queries(bucket, user):
    recorded(user, bucket, *[f"{folder}/{number:05}" for folder in range(3) for number in range(500)], "file")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert walked(user, bucket, delimiter="/") == (["file"], ["0/", "1/", "2/"], 1)
    assert len(queries) == 4


def test_object_list_many_keys_without_folders_costs_few_queries(bucket, user):
    recorded(user, bucket, *[f"{number:05}" for number in range(1000)])
    with CaptureQueriesContext(connection) as queries:
        page = object_list(user=user, bucket=bucket, delimiter="/", page_size=1000)
    assert len(page.objects) == 1000
    assert page.next_cursor is None
    assert len(queries) <= 8


def test_object_list_cursor_before_prefix_begins_with_the_prefix(bucket, user):
    recorded(user, bucket, "a", "b", "c/1")
    cursor = object_list(user=user, bucket=bucket, page_size=1).next_cursor
    assert [entry.file_name for entry in object_list(user=user, bucket=bucket, prefix="c", cursor=cursor).objects] == [
        "c/1"
    ]


def test_object_list_foreign_cursor_is_refused(bucket, user, staff):
    stored_file(user, bucket, "a")
    stored_file(user, bucket, "b")
    other_staff = User.objects.create_user("other staff", is_staff=True)
    get_client().create_bucket(Bucket="bucket-two")
    of_user = object_list(user=user, bucket=bucket, page_size=1).next_cursor
    of_staff = object_list(user=staff, bucket=bucket, page_size=1).next_cursor
    of_s3 = get_client().list_objects_v2(Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    made_up = ("cursor", "%", "é", "a:b:c", of_s3, f"{of_staff}x", f"x{of_user}")
    refused = {
        user: (*made_up, of_staff),
        staff: (*made_up, of_user),
        other_staff: (of_staff, of_user),
    }
    for person, cursors in refused.items():
        for cursor in cursors:
            with refusing() as calls, pytest.raises(InvalidField) as error:
                object_list(user=person, bucket=bucket, cursor=cursor)
            assert (error.value.field, calls) == ("cursor", [])
    for person, cursor in ((user, of_user), (staff, of_staff)):
        assert [entry.file_name for entry in object_list(user=person, bucket=bucket, cursor=cursor).objects] == ["b"]
        with pytest.raises(InvalidField):
            object_list(user=person, bucket="bucket-two", cursor=cursor)


def test_object_list_argument_s3_refuses_is_the_cursor_if_given(bucket, staff):
    stored_file(staff, bucket, "a")
    stored_file(staff, bucket, "b")
    cursor = object_list(user=staff, bucket=bucket, page_size=1).next_cursor
    for given, error in ((cursor, InvalidField), ("", StorageUnsupported)):
        with Stubber(get_client()) as stub, pytest.raises(error):
            stub.add_client_error("list_objects_v2", "InvalidArgument", http_status_code=400)
            object_list(user=staff, bucket=bucket, cursor=given)
