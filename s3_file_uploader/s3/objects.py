"""The calls about one object that every upload makes: what lies there, store it, begin its parts, store a part."""

import re
from base64 import b64decode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any, cast

from ..conf import conf
from ..exceptions import BucketNotFound, FileNotFound, StorageError
from ..values import CHECKSUMS, StoredObject
from .errors import NO_FILE, storage_errors
from .fast_path import NOT_FOUND, first_attempt
from .part_buffer import PartBuffer
from .sigv4 import NOTHING

METADATA = "x-amz-meta-"
CHECKSUMS_OF = "x-amz-checksum-"
CHECKSUM = f"{CHECKSUMS_OF}sha256"
CHECKSUM_WANTED = {f"{CHECKSUMS_OF}mode": "ENABLED"}
CHECK_THE_STORE = "check that AWS_S3_ENDPOINT_URL is that of a store that speaks S3."
UPLOAD_ID = re.compile(rb"<UploadId>([!-;=-~]+)</UploadId>")


def object_head(*, bucket: str, key: str, with_checksum: bool = False) -> StoredObject:
    """Ask S3 what lies under a key.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html

    Args:
        bucket: its name.
        key: the object's.
        with_checksum: ask for the SHA-256 too, where the store keeps it.

    Raises:
        FileNotFound: nothing, or the bucket is missing: a HEAD cannot tell which.
        StorageProblem: S3 could not answer.
    """
    try:
        with storage_errors():
            with_checksum = with_checksum and conf.store_can(CHECKSUMS)
            attempt = first_attempt("HEAD", bucket, key, headers=CHECKSUM_WANTED if with_checksum else NOTHING)
            if attempt.succeeded and (described := _described(attempt.headers)):
                return described
            if attempt.status == NOT_FOUND:
                raise FileNotFound(NO_FILE[1])
            options: Any = {"ChecksumMode": "ENABLED"} if with_checksum else {}
            answer = attempt.boto3().head_object(Bucket=bucket, Key=key, **options)
    except BucketNotFound as error:
        raise FileNotFound(NO_FILE[1]) from error
    if not {"ContentLength", "LastModified"} <= answer.keys():
        raise StorageError(f"The store does not tell the size and the time of a file: {CHECK_THE_STORE}")
    return StoredObject(
        size=answer["ContentLength"],
        etag=_bare(answer.get("ETag")),
        content_type=answer.get("ContentType", ""),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        changed_at=answer["LastModified"],
        checksum_sha256=_whole_checksum(answer.get("ChecksumSHA256", ""), answer.get("ChecksumType")),
    )


def object_put(
    *, bucket: str, key: str, body: PartBuffer, content_type: str, metadata: Mapping[str, str], only_if_absent: bool
) -> str:
    """Store an object by one call; return its ETag without quotes, or nothing if the store tells none.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

    Args:
        bucket: its name.
        key: the object's.
        body: all of its bytes.
        content_type: its MIME type.
        metadata: ASCII.
        only_if_absent: for stores that look whether there is one already.

    Raises:
        FileExists: there is one already; it may be this: the call is repeated where its answer was lost.
        BucketNotFound, StorageProblem: S3 did not take it.
    """
    condition: Any = {"IfNoneMatch": "*"} if only_if_absent else {}
    headers = _kept(content_type, metadata) | ({"if-none-match": "*"} if only_if_absent else {})
    with storage_errors():
        attempt = first_attempt("PUT", bucket, key, headers=headers, body=body)
        if attempt.succeeded:
            return _bare(attempt.headers.get("etag"))
        answer = attempt.boto3(signed_payload=conf.sign_parts).put_object(
            Bucket=bucket,
            Key=key,
            Body=cast(Any, body),
            ContentType=content_type,
            Metadata=dict(metadata),
            **condition,
        )
    return _bare(answer.get("ETag"))


def multipart_create(*, bucket: str, key: str, content_type: str, metadata: Mapping[str, str]) -> str:
    """Begin an object in parts; return the upload id. Whoever begins it registers its abort.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html

    Args:
        bucket: its name.
        key: the object's.
        content_type: its MIME type.
        metadata: ASCII.

    Raises:
        BucketNotFound, StorageProblem: nothing was begun.
    """
    with storage_errors(about="bucket"):
        attempt = first_attempt("POST", bucket, key, query={"uploads": ""}, headers=_kept(content_type, metadata))
        if attempt.succeeded and (found := UPLOAD_ID.search(attempt.body)):
            return unescape(found[1].decode())
        answer = attempt.boto3().create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=content_type, Metadata=dict(metadata)
        )
    return answer["UploadId"]


def part_put(*, bucket: str, key: str, upload_id: str, part_number: int, body: PartBuffer) -> str:
    """Store a part; return its ETag without quotes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        bucket: its name.
        key: the object's.
        upload_id: of the multipart upload.
        part_number: 1 to 10,000.
        body: the bytes of the part.

    Raises:
        FileNotFound: S3 does not know the upload: it was completed or aborted.
        StorageProblem: S3 did not take it.
    """
    query = {"partNumber": str(part_number), "uploadId": upload_id}
    with storage_errors():
        attempt = first_attempt("PUT", bucket, key, query=query, body=body)
        if attempt.succeeded and (etag := _bare(attempt.headers.get("etag"))):
            return etag
        answer = attempt.boto3(signed_payload=conf.sign_parts).upload_part(
            Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=part_number, Body=cast(Any, body)
        )
    if not (etag := _bare(answer.get("ETag"))):
        raise StorageError(f"The store does not tell the ETag of a part: {CHECK_THE_STORE}")
    return etag


def _kept(content_type: str, metadata: Mapping[str, str]) -> dict[str, str]:
    return {"content-type": content_type, **{f"{METADATA}{name}": value for name, value in metadata.items()}}


def _bare(etag: str | None) -> str:
    """Return an ETag without quotes; a store that keeps keys as paths has none for a folder."""
    return (etag or "").strip('"')


def _described(headers: Mapping[str, str]) -> StoredObject | None:
    """Return what the headers say, None where they say it in another way than AWS's."""
    try:
        size, changed_at = int(headers["content-length"]), parsedate_to_datetime(headers["last-modified"])
    except (KeyError, ValueError):
        return None
    return StoredObject(
        size=size,
        etag=_bare(headers.get("etag")),
        content_type=headers.get("content-type", ""),
        metadata={name.removeprefix(METADATA): value for name, value in headers.items() if name.startswith(METADATA)},
        changed_at=changed_at,
        checksum_sha256=_whole_checksum(headers.get(CHECKSUM, ""), headers.get(f"{CHECKSUMS_OF}type")),
    )


def _whole_checksum(checksum: str, kind: str | None) -> str | None:
    """Return the SHA-256 of the object, if there is one: that of a multipart upload is one of its parts' checksums."""
    if not checksum or "-" in checksum or kind not in (None, "FULL_OBJECT"):
        return None
    return b64decode(checksum).hex()


def find_object(*, bucket: str, key: str, with_checksum: bool = False) -> StoredObject | None:
    """Return what S3 keeps about an object as `object_head`, or None if there is no such object.

    Raises:
        StorageProblem: S3 could not answer.
    """
    try:
        return object_head(bucket=bucket, key=key, with_checksum=with_checksum)
    except FileNotFound:
        return None
