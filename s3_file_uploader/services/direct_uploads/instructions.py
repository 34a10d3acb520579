"""Sign the instructions for the client of a direct upload: one request, a form, or parts."""

from base64 import b64encode
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from ...conf import conf
from ...exceptions import (
    BucketNotFound,
    ClaimLost,
    S3FileUploaderError,
    StorageProblem,
    StorageTimeout,
    StorageUnavailable,
    UploadNotPending,
)
from ...models import FileUpload
from ...models.direct_transitions import mark_multipart_begun, remove_unbegun, renew_client_lease
from ...s3 import presign
from ...s3.client import forget_buckets
from ...s3.multipart import abort_multipart
from ...s3.objects import create_multipart
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
from ..plan import count_parts
from ..quota import get_unannounced_max_bytes
from ..recovery import WRITTEN_BY
from .parts import NO_LONGER_PENDING, sign_parts

# Signed with the first answer; the client asks for more as it goes on.
FIRST_PARTS = 20


def sign_transfer(upload: FileUpload) -> Transfer:
    """Sign the instructions anew, so that a client can ask again after they have expired.

    Raises:
        UploadNotPending: another request completed or removed the upload.
        BucketNotFound, StorageProblem: S3 could not begin it; its record is removed, or soon expires.
    """
    match upload.strategy:
        case FileUpload.Strategy.PUT:
            return _build_put(upload)
        case FileUpload.Strategy.POST:
            return _build_post(upload)
    return _build_multipart(upload)


def _build_put(upload: FileUpload) -> PutTransfer:
    """Sign exactly this file: its type, its size if known, and its bytes if their SHA-256 is known."""
    headers = {"Content-Type": upload.served_content_type, **_build_guards(upload)}
    length = {} if upload.size is None else {"Content-Length": str(upload.size)}
    signed = presign.presign_url(
        method="PUT",
        **upload.s3_address,
        expires_in_seconds=_renew_times(upload),
        headers={**headers, **length},
    )
    return PutTransfer(method="PUT", url=signed.url, headers=headers, expires_at=signed.expires_at)


def _build_guards(upload: FileUpload) -> dict[str, str]:
    """Return headers that make the store refuse other bytes or a second write, as far as it can.

    A store that can do neither takes any bytes; the completion reads and compares them.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    guards = {"If-None-Match": "*"} if conf.store_can(CONDITIONAL_WRITES) else {}
    if upload.checksum_sha256 and conf.store_can(CHECKSUMS):
        return guards | _build_checksum_field(upload)
    if upload.checksum_sha256 and conf.store_can(PAYLOAD_HASH_IN_URLS):
        return guards | {CONTENT_SHA256: upload.checksum_sha256}
    return guards


def build_form_fields(upload: FileUpload) -> dict[str, str]:
    """Return the fields of a form besides key and signature; the SHA-256 needs a store that compares it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    fields = {"Content-Type": upload.served_content_type, "success_action_status": "201"}
    return fields | _build_checksum_field(upload) if upload.checksum_sha256 else fields


def _build_checksum_field(upload: FileUpload) -> dict[str, str]:
    return {"x-amz-checksum-sha256": b64encode(bytes.fromhex(upload.checksum_sha256)).decode()}


def _build_post(upload: FileUpload) -> PostTransfer:
    signed = presign.presign_post(
        **upload.s3_address,
        fields=build_form_fields(upload),
        min_bytes=upload.size or 0,
        max_bytes=get_unannounced_max_bytes(upload) if upload.size is None else upload.size,
        expires_in_seconds=_renew_times(upload),
    )
    return PostTransfer(url=signed.url, fields=signed.fields, expires_at=signed.expires_at)


def _renew_times(upload: FileUpload) -> int:
    """Return the seconds to sign for, after the record knows until when the URL may bring an object.

    A record that was just inserted knows already.
    """
    seconds = conf.direct_url_expiration_seconds
    writable_until = timezone.now() + timedelta(seconds=seconds)
    if upload.writable_until is None or writable_until - upload.writable_until > timedelta(seconds=1):
        try:
            renew_client_lease(upload, writable_until=writable_until)
        except ClaimLost as error:
            raise UploadNotPending(NO_LONGER_PENDING) from error
    return seconds


# --- in parts --------------------------------------------------------------------------------------------------------


def _build_multipart(upload: FileUpload) -> MultipartTransfer:
    if not upload.multipart_upload_id:
        _begin_multipart(upload)
    size, part_size = upload.size, upload.part_size or 0
    count = None if size is None else count_parts(size=size, part_size=part_size)
    first = sign_parts(upload=upload, part_numbers=range(1, min(count or 1, FIRST_PARTS) + 1))
    return MultipartTransfer(part_size=part_size, part_count=count, parts=first.parts, expires_at=first.expires_at)


def _begin_multipart(upload: FileUpload) -> None:
    """Begin it in S3 and write its id; of two requests at once, the slower aborts its own and takes the other's."""
    multipart_upload_id = _begin_in_s3(upload)
    try:
        mark_multipart_begun(upload, multipart_upload_id)
    except ClaimLost:
        with suppress(StorageProblem):  # Removing the record aborts everything that was begun under its key.
            abort_multipart(**upload.s3_address, upload_id=multipart_upload_id)
        _take_from_other(upload)


def _begin_in_s3(upload: FileUpload) -> str:
    try:
        return create_multipart(
            **upload.s3_address,
            content_type=upload.served_content_type,
            metadata={WRITTEN_BY: str(upload.write_id)},
        )
    except (StorageUnavailable, StorageTimeout):
        raise  # The same Idempotency-Key begins it again; otherwise the record's short lease expires.
    except S3FileUploaderError as error:
        if isinstance(error, BucketNotFound):
            forget_buckets()
        remove_unbegun(upload)
        raise


def _take_from_other(upload: FileUpload) -> None:
    try:
        upload.refresh_from_db()
    except FileUpload.DoesNotExist as error:
        raise UploadNotPending(NO_LONGER_PENDING) from error
    if upload.status != FileUpload.Status.PENDING or not upload.multipart_upload_id:
        raise UploadNotPending(NO_LONGER_PENDING)
