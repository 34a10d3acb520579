"""Files to start from, clients of direct uploads, and what happens in the middle of a call to S3."""

import io
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError
from django.db import connection

from s3_file_uploader.models import FileUpload
from s3_file_uploader.models.lease import end_lease_in
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import find_object
from s3_file_uploader.services import StartedUpload, file_receive, file_upload, upload_start
from s3_file_uploader.signals import file_deleted, file_uploaded


def stored_file(owner, bucket, file_name="file", content=b"content", **options) -> FileUpload:
    """Upload through the service itself."""
    fields = {"user": owner, "content_type": "text/plain", "original_name": "my file.txt", **options}
    return file_upload(
        owner=owner, bucket=bucket, file_name=file_name, content=io.BytesIO(content), size=len(content), **fields
    )


def started(user, bucket, **options) -> StartedUpload:
    """Begin a direct upload."""
    fields = {"owner": user, "file_name": "my file.txt", "content_type": "text/plain", "size": 7, **options}
    return upload_start(user=user, bucket=bucket, **fields)


def sent(upload, content=b"content", *, content_type="text/plain", only=None) -> None:
    """Do what the client of a direct upload does, with S3 straight; `only` names the parts that it gets to."""
    where = {"Bucket": upload.bucket, "Key": upload.file_name}
    if upload.strategy != "multipart":
        get_client().put_object(**where, Body=content, ContentType=content_type)
        return
    for number in only or range(1, -(-len(content) // upload.part_size) + 1):
        part = content[(number - 1) * upload.part_size :][: upload.part_size]
        get_client().upload_part(**where, UploadId=upload.multipart_upload_id, PartNumber=number, Body=part)


def objects_in(bucket) -> list[str]:
    return [entry["Key"] for entry in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def parts_left_in(bucket) -> list[str]:
    return [entry["Key"] for entry in get_client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


@contextmanager
def meanwhile(operation, action, *, after=False):
    """Let `action` happen once, just before S3 is asked for `operation`, or just after it has answered."""
    name, events, happened = f"{'after' if after else 'before'}-call.s3.{operation}", get_client().meta.events, []

    def act(**kwargs):
        if not happened:
            happened.append(True)
            action()

    events.register(name, act)
    try:
        yield
    finally:
        events.unregister(name, act)
    assert happened, f"{operation} was not called"


@contextmanager
def refusing(*operations, code="ServiceUnavailable", status=503, times=None):
    """Let S3 answer some or all operations with an error, at most so many times; yields the names of those refused."""
    events, refused = get_client().meta.events, []

    def refuse(model, **kwargs):
        if (not operations or model.name in operations) and (times is None or len(refused) < times):
            refused.append(model.name)
            error = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(error, model.name)

    events.register("provide-client-params.s3", refuse)
    try:
        yield refused
    finally:
        events.unregister("provide-client-params.s3", refuse)


def expire(upload) -> FileUpload:
    """Let the time of its client be over, and that of its URLs; return the record as it is now."""
    now = FileUpload.objects.get(pk=upload.pk)
    end_lease_in(now, -1)
    return now


@contextmanager
def after_reading(table, action):
    """Let `action` happen once, just after the database was asked for something in a table."""
    happened = []

    def act(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if not happened and sql.startswith("SELECT") and f'FROM "{table}"' in sql:
            happened.append(True)
            action()
        return answer

    with connection.execute_wrapper(act):
        yield
    assert happened, f"{table} was not read"


@contextmanager
def on_event(name, handler):
    """Call a function for each event of botocore."""
    events = get_client().meta.events
    events.register(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)


def refused(code, call="*", **expected):
    """Let S3 answer an error to the calls of that name that have these parameters."""

    def refuse(params, model, **kwargs):
        if call in ("*", model.name) and expected.items() <= params.items():
            raise ClientError({"Error": {"Code": code}}, model.name)

    return on_event("provide-client-params.s3", refuse)


def comparing_etags():
    """Let deletions obey If-Match, which moto ignores."""

    def compare(params, **kwargs):
        stored = find_object(bucket=params["Bucket"], key=params["Key"])
        if stored and params.get("IfMatch", f'"{stored.etag}"') != f'"{stored.etag}"':
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "DeleteObject")

    return on_event("before-parameter-build.s3.DeleteObject", compare)


def out_of_order(bucket):
    """Let S3 answer 503 whatever is asked of one bucket."""
    return refused("ServiceUnavailable", Bucket=bucket)


@pytest.fixture
def policy(settings):
    """Set fields of the policy for every bucket."""

    def policy(**fields):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": fields}

    policy()
    return policy


def received(user, bucket, *pieces, file_name="file", **options):
    """Take in a file of unknown size, piece by piece."""
    options = {"content_type": "text/plain", "original_name": "my file.txt", **options}
    with file_receive(user=user, owner=user, bucket=bucket, file_name=file_name, **options) as incoming:
        for piece in pieces:
            incoming.write(piece)
    return incoming.upload


def usage(user, bucket):
    return FileUpload.objects.usage(user_id=user.pk, bucket=bucket)


def nothing_in(bucket):
    return not FileUpload.objects.exists() and not objects_in(bucket) and not parts_left_in(bucket)


def bytes_at(bucket, key="file"):
    return get_client().get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture
def heard():
    """Collect the signals."""
    events = []

    def hear(signal, upload, **kwargs):
        events.append((signal, upload.file_name))

    for signal in (file_uploaded, file_deleted):
        signal.connect(hear)
    yield events
    for signal in (file_uploaded, file_deleted):
        signal.disconnect(hear)
