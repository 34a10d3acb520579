"""What the client of a pending direct upload is to send, and where: in one request, as a form, or in parts."""

from base64 import b64encode
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from ...conf import conf
from ...exceptions import (
    BucketNotFound,
    FileExists,
    S3FileUploaderError,
    StorageProblem,
    StorageTimeout,
    StorageUnavailable,
    UploadNotPending,
)
from ...models import FileUpload
from ...s3 import presign
from ...s3.client import buckets_forget
from ...s3.multipart import multipart_abort
from ...s3.objects import multipart_create
from ...s3.sigv4 import CONTENT_SHA256
from ...values import (
    CHECKSUMS,
    CONDITIONAL_WRITES,
    PAYLOAD_HASH_IN_URLS,
    MultipartTransfer,
    PostTransfer,
    PutTransfer,
    Transfer,
)
from ..limits import get_unannounced_max_bytes
from ..plan import part_count_of
from ..recovery import WRITTEN_BY
from .parts import NO_LONGER_PENDING, parts_sign

# Signed with the plan itself; the client asks for more as it goes on.
FIRST_PARTS = 20


def transfer_of(upload: FileUpload) -> Transfer:
    """Sign what the client needs; each time anew, so that a plan that has expired can be asked for again.

    Raises:
        UploadNotPending: it was completed or removed meanwhile.
        BucketNotFound, StorageProblem: S3 could not begin it; there is no record of it then, or for a while only.
    """
    match upload.strategy:
        case FileUpload.Strategy.PUT:
            return _put(upload)
        case FileUpload.Strategy.POST:
            return _post(upload)
    return _multipart(upload)


def _put(upload: FileUpload) -> PutTransfer:
    """Sign exactly this file: its type, its size and, where they are known, its bytes."""
    headers = {"Content-Type": upload.served_content_type, **_guards(upload)}
    length = {} if upload.size is None else {"Content-Length": str(upload.size)}
    signed = presign.presigned_url(
        method="PUT",
        bucket=upload.bucket,
        key=upload.file_name,
        expires_in_seconds=_renewed(upload),
        headers={**headers, **length},
    )
    return PutTransfer(method="PUT", url=signed.url, headers=headers, expires_at=signed.expires_at)


def _guards(upload: FileUpload) -> dict[str, str]:
    """Return headers by which the store refuses other bytes and to write twice, as far as it can do so.

    A store that can do neither takes any bytes; they are read and compared when the upload is completed.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    guards = {"If-None-Match": "*"} if conf.store_can(CONDITIONAL_WRITES) else {}
    if upload.checksum_sha256 and conf.store_can(CHECKSUMS):
        return guards | _checksum_field(upload)
    if upload.checksum_sha256 and conf.store_can(PAYLOAD_HASH_IN_URLS):
        return guards | {CONTENT_SHA256: upload.checksum_sha256}
    return guards


def form_fields(upload: FileUpload) -> dict[str, str]:
    """Return what a form says besides the key and the signature; the SHA-256 needs a store that compares it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    fields = {"Content-Type": upload.served_content_type, "success_action_status": "201"}
    return fields | _checksum_field(upload) if upload.checksum_sha256 else fields


def _checksum_field(upload: FileUpload) -> dict[str, str]:
    return {"x-amz-checksum-sha256": b64encode(bytes.fromhex(upload.checksum_sha256)).decode()}


def _post(upload: FileUpload) -> PostTransfer:
    signed = presign.presigned_post(
        bucket=upload.bucket,
        key=upload.file_name,
        fields=form_fields(upload),
        min_bytes=upload.size or 0,
        max_bytes=get_unannounced_max_bytes(upload) if upload.size is None else upload.size,
        expires_in_seconds=_renewed(upload),
    )
    return PostTransfer(url=signed.url, fields=signed.fields, expires_at=signed.expires_at)


def _renewed(upload: FileUpload) -> int:
    """Return for how many seconds to sign, having written down until when the URL may bring an object.

    A record that was just inserted knows; one whose plan is asked for again does not.
    """
    seconds = conf.direct_url_expiration_seconds
    writable_until = timezone.now() + timedelta(seconds=seconds)
    if upload.writable_until is None or writable_until - upload.writable_until > timedelta(seconds=1):
        try:
            upload.wait_for_client(conf.direct_expiration_seconds, writable_until=writable_until)
        except FileExists as error:
            raise UploadNotPending(NO_LONGER_PENDING) from error
    return seconds


# --- in parts --------------------------------------------------------------------------------------------------------


def _multipart(upload: FileUpload) -> MultipartTransfer:
    if not upload.multipart_upload_id:
        _multipart_begin(upload)
    size, part_size = upload.size, upload.part_size or 0
    count = None if size is None else part_count_of(size=size, part_size=part_size)
    first = parts_sign(upload=upload, part_numbers=range(1, min(count or 1, FIRST_PARTS) + 1))
    return MultipartTransfer(part_size=part_size, part_count=count, parts=first.parts, expires_at=first.expires_at)


def _multipart_begin(upload: FileUpload) -> None:
    """Begin it in S3 and write down its id; of two requests at once, the slower ends its own and takes the other's."""
    begun = _begun_in_s3(upload)
    try:
        upload.multipart_began(begun, expires_in_seconds=conf.direct_expiration_seconds)
    except FileExists:
        _abort_if_possible(upload, begun)
        _taken_from_other(upload)


def _begun_in_s3(upload: FileUpload) -> str:
    try:
        return multipart_create(
            bucket=upload.bucket,
            key=upload.file_name,
            content_type=upload.served_content_type,
            metadata={WRITTEN_BY: str(upload.write_id)},
        )
    except (StorageUnavailable, StorageTimeout):
        raise  # The same Idempotency-Key begins it again; without one the record's short claim ends.
    except S3FileUploaderError as error:
        if isinstance(error, BucketNotFound):
            buckets_forget()
        upload.multipart_refused()
        raise


def _abort_if_possible(upload: FileUpload, multipart_upload_id: str) -> None:
    with suppress(StorageProblem):  # It goes with the record: all that was begun under its key does, sooner or later.
        multipart_abort(bucket=upload.bucket, key=upload.file_name, upload_id=multipart_upload_id)


def _taken_from_other(upload: FileUpload) -> None:
    try:
        upload.refresh_from_db()
    except FileUpload.DoesNotExist as error:
        raise UploadNotPending(NO_LONGER_PENDING) from error
    if upload.status != FileUpload.Status.PENDING or not upload.multipart_upload_id:
        raise UploadNotPending(NO_LONGER_PENDING)
