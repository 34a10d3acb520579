"""Try each right that the app needs on a scratch object.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...exceptions import StorageAccessDenied, StorageUnsupported
from ..errors import storage_errors
from ..multipart import list_multipart_uploads
from .scratch import CONTENT, Scratch

PUT, DELETE = "s3:PutObject", "s3:DeleteObject"


def find_denied_rights(scratch: Scratch) -> list[str]:
    """Return the names of the rights that the credentials lack; a call that the store does not know needs none.

    Without the right to write or to delete, nothing else is tried.

    Raises:
        S3FileUploaderError: the store answered with another error than a denial, or not at all.
    """
    for right, trial in ((PUT, scratch.put), (DELETE, _delete)):
        argument: Any = "first" if right == PUT else scratch
        if not _is_granted(trial, argument):
            return [right]
    return [right for right, trial in _TRIALS.items() if not _is_granted(trial, scratch)]


def _is_granted(trial: Callable[[Any], object], argument: Any) -> bool:
    try:
        with suppress(StorageUnsupported):
            trial(argument)
    except StorageAccessDenied:
        return False
    return True


def _delete(scratch: Scratch) -> None:
    with storage_errors():
        scratch.client.delete_object(**scratch.at("first"))


def _get(scratch: Scratch) -> None:
    scratch.put("read")
    with storage_errors():
        scratch.client.head_object(**scratch.at("read"))
    scratch.read("read")


def _list(scratch: Scratch) -> None:
    with storage_errors(about="bucket"):
        scratch.client.list_objects_v2(Bucket=scratch.bucket, Prefix=scratch.prefix, MaxKeys=1)


def _list_parts(scratch: Scratch) -> None:
    with scratch.unfinished("parts") as upload_id, storage_errors():
        scratch.put_part("parts", upload_id, CONTENT)
        scratch.client.list_parts(**scratch.at("parts"), UploadId=upload_id)


def _list_uploads(scratch: Scratch) -> None:
    list(list_multipart_uploads(bucket=scratch.bucket, prefix=scratch.prefix))


def _abort(scratch: Scratch) -> None:
    upload_id = scratch.begin("aborted")
    with storage_errors():
        scratch.client.abort_multipart_upload(**scratch.at("aborted"), UploadId=upload_id)


_TRIALS: dict[str, Callable[[Scratch], None]] = {
    "s3:GetObject": _get,
    "s3:ListBucket": _list,
    "s3:AbortMultipartUpload": _abort,
    "s3:ListMultipartUploadParts": _list_parts,
    "s3:ListBucketMultipartUploads": _list_uploads,
}
