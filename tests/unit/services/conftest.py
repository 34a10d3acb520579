"""Files to start from, and a store that does as a test says."""

import io
from contextlib import contextmanager

from botocore.exceptions import ClientError

from s3_file_uploader import s3
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import file_upload


def stored_file(owner, bucket, file_name="file", content=b"content", **options) -> FileUpload:
    """Upload through the service itself."""
    wanted = {"user": owner, "content_type": "text/plain", "original_name": "my file.txt", **options}
    return file_upload(
        owner=owner, bucket=bucket, file_name=file_name, content=io.BytesIO(content), size=len(content), **wanted
    )


def objects_in(bucket):
    """Return their keys."""
    return [found["Key"] for found in s3.client().list_objects_v2(Bucket=bucket).get("Contents", ())]


@contextmanager
def on_event(name, handler):
    """Let botocore itself tell, or ask, somebody of ours about each call."""
    events = s3.client().meta.events
    events.register(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)


def refused(code, call="*", **wanted):
    """Let S3 answer an error to the calls of that name that have these parameters."""

    def refuse(params, model, **kwargs):
        if call in ("*", model.name) and wanted.items() <= params.items():
            raise ClientError({"Error": {"Code": code}}, model.name)

    return on_event("provide-client-params.s3", refuse)


def out_of_order(bucket):
    """Let S3 answer 503 whatever is asked of one bucket."""
    return refused("ServiceUnavailable", Bucket=bucket)
