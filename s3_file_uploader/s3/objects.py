"""The calls about objects: read what S3 keeps about one, store or delete one, upload it in parts, list."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, cast

from ..conf import conf
from ..exceptions import (
    BucketNotFound,
    FileNotFound,
    StorageAccessDenied,
    StorageError,
    StorageUnsupported,
)
from ..values import CHECKSUMS, CONDITIONAL_DELETES, ListedObject, StoredObject, StoredPart
from .checksums import PartChecksum
from .client import get_client, list_pages
from .errors import NO_FILE, storage_errors
from .part_buffer import PartBuffer

CHECK_THE_STORE = "check that AWS_S3_ENDPOINT_URL is that of a store that speaks S3."


def head_object(*, bucket: str, key: str, with_checksum: bool = False) -> StoredObject:
    """Return what S3 keeps about an object.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        with_checksum: ask for the SHA-256 too, if the store keeps it.

    Raises:
        FileNotFound: there is no such object, or no such bucket: a HEAD cannot tell which.
        StorageProblem: S3 could not answer.
    """
    options = _ask_for_checksum() if with_checksum else {}
    try:
        with storage_errors():
            response = get_client().head_object(Bucket=bucket, Key=key, **options)
    except BucketNotFound as error:
        raise FileNotFound(NO_FILE[1]) from error
    return _parse_stored(response)


def get_small_object(*, bucket: str, key: str, max_bytes: int) -> StoredObject:
    """Return what S3 keeps about an object, its SHA-256 if the store has it, and its bytes, with one call.

    Without `content` the object is larger, or the answer broke off.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        max_bytes: of a larger object no byte is read.

    Raises:
        BucketNotFound, FileNotFound: there is none.
        StorageProblem: S3 could not answer.
    """
    with storage_errors():
        response = get_client().get_object(Bucket=bucket, Key=key, **_ask_for_checksum())
    with closing(response["Body"]) as body, storage_errors():
        stored = _parse_stored(response)
        content = body.read(stored.size) if stored.size <= max_bytes else b""
    return replace(stored, content=content if len(content) == stored.size else None)


def _ask_for_checksum() -> dict[str, Any]:
    return {"ChecksumMode": "ENABLED"} if conf.store_can(CHECKSUMS) else {}


def _parse_stored(response: Mapping[str, Any]) -> StoredObject:
    if not {"ContentLength", "LastModified"} <= response.keys():
        raise StorageError(f"The store does not report the size and the time of a file: {CHECK_THE_STORE}")
    return StoredObject(
        size=response["ContentLength"],
        etag=_unquote(response.get("ETag")),
        content_type=response.get("ContentType", ""),
        metadata={name.lower(): value for name, value in response.get("Metadata", {}).items()},
        changed_at=response["LastModified"],
        checksum_sha256=_decode_checksum(response.get("ChecksumSHA256", ""), response.get("ChecksumType")),
    )


def put_object(
    *,
    bucket: str,
    key: str,
    body: PartBuffer,
    checksum_sha256: str,
    content_type: str,
    metadata: Mapping[str, str],
    only_if_absent: bool,
) -> str:
    """Store an object with one call; return its ETag without quotes, or "" if the store reports none.

    A store with checksums compares the SHA-256, and keeps it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        body: all bytes of the object.
        checksum_sha256: their SHA-256 in lower-case hex.
        content_type: MIME type of the object.
        metadata: ASCII.
        only_if_absent: refuse to replace an object; for stores with conditional writes.

    Raises:
        FileExists: there is an object of this key. It may be this one: boto3 retries a call whose answer was lost.
        BucketNotFound, StorageProblem: S3 did not store it.
    """
    options: Any = {"IfNoneMatch": "*"} if only_if_absent else {}
    if conf.store_can(CHECKSUMS):
        options["ChecksumSHA256"] = b64encode(bytes.fromhex(checksum_sha256)).decode()
    with storage_errors():
        response = get_client(signed_payload=conf.sign_parts).put_object(
            Bucket=bucket,
            Key=key,
            Body=cast(Any, body),
            ContentType=content_type,
            Metadata=dict(metadata),
            **options,
        )
    return _unquote(response.get("ETag"))


def delete_object(*, bucket: str, key: str, etag: str = "") -> None:
    """Delete an object; pass if it, or its bucket, is gone already.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        etag: delete only the object that has this ETag, if the store can compare it.

    Raises:
        FileExists: another object is there, and stays.
        StorageProblem: S3 could not.
    """
    delete_matching_object(bucket=bucket, key=key, etag=etag if conf.store_can(CONDITIONAL_DELETES) else "")


def delete_matching_object(*, bucket: str, key: str, etag: str) -> None:
    """Delete an object as `delete_object`, and send the condition even if the settings do not name the ability.

    RFC 9110 requires quotes: https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3

    Args:
        bucket: name of the bucket.
        key: key of the object.
        etag: without quotes; "" deletes any object.

    Raises:
        FileExists: another object is there, and stays.
        StorageProblem: S3 could not.
    """
    condition: Any = {"IfMatch": f'"{etag}"'} if etag else {}
    with suppress(FileNotFound, BucketNotFound), storage_errors():
        get_client().delete_object(Bucket=bucket, Key=key, **condition)


def create_multipart(
    *, bucket: str, key: str, content_type: str, metadata: Mapping[str, str], checksum: PartChecksum | None = None
) -> str:
    """Create a multipart upload and return its upload id. The caller registers the abort.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        content_type: MIME type of the object.
        metadata: ASCII.
        checksum: the kind of checksum that each part will have, if any.

    Raises:
        BucketNotFound, StorageProblem: S3 created nothing.
    """
    options = checksum.creation if checksum else {}
    with storage_errors(about="bucket"):
        response = get_client().create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=content_type, Metadata=dict(metadata), **options
        )
    if not (upload_id := response.get("UploadId")):
        raise StorageError(f"The store does not report the id of a multipart upload: {CHECK_THE_STORE}")
    return upload_id


def put_part(
    *,
    bucket: str,
    key: str,
    upload_id: str,
    part_number: int,
    body: PartBuffer,
    checksum: PartChecksum | None = None,
) -> StoredPart:
    """Store a part.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html

    Args:
        bucket: name of the bucket.
        key: key of the object.
        upload_id: id of the multipart upload.
        part_number: 1 to 10,000.
        body: the bytes of the part.
        checksum: the kind of checksum that S3 compares, if any.

    Raises:
        FileNotFound: S3 does not know the upload: it was completed or aborted.
        StorageProblem: S3 did not store the part.
    """
    options: Any = checksum.of(body) if checksum else {}
    with storage_errors():
        response = get_client(signed_payload=conf.sign_parts).upload_part(
            Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=part_number, Body=cast(Any, body), **options
        )
    if not (etag := _unquote(response.get("ETag"))):
        raise StorageError(f"The store does not report the ETag of a part: {CHECK_THE_STORE}")
    return StoredPart(part_number, len(body), etag, options)


def list_object_pages(*, bucket: str, prefix: str = "", after: str = "") -> Iterator[list[ListedObject]]:
    """Yield the objects of a bucket, up to `PAGE_KEYS` at a time; only the current page is in memory.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

    Args:
        bucket: name of the bucket.
        prefix: the beginning of the keys.
        after: only the keys behind this text, on stores that list in the order of keys.

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    narrowed = {name: text for name, text in (("Prefix", prefix), ("StartAfter", after)) if text}
    for page in list_pages("list_objects_v2", Bucket=bucket, **narrowed):
        yield [parse_listed_object(entry) for entry in page.get("Contents", ())]


def parse_listed_object(entry: Mapping[str, Any]) -> ListedObject:
    """Return one entry of a listing by S3 as a `ListedObject`."""
    return ListedObject(
        file_name=entry["Key"],
        size=entry["Size"],
        etag=_unquote(entry.get("ETag")),
        changed_at=entry["LastModified"],
    )


def bucket_is_empty(*, bucket: str, region: str) -> bool:
    """Return True if a bucket holds no object, no old version of an object, and no delete marker.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

    Raises:
        BucketNotFound: there is no such bucket.
        StorageProblem: S3 could not answer.
    """
    client = get_client(region=region)
    with storage_errors(about="bucket"):
        if client.list_objects_v2(Bucket=bucket, MaxKeys=1).get("Contents"):
            return False
    # If the store has no versions, or the credentials may not list them, the store itself refuses to remove the bucket.
    with suppress(StorageUnsupported, StorageAccessDenied), storage_errors(about="bucket"):
        response = client.list_object_versions(Bucket=bucket, MaxKeys=1)
        return not (response.get("Versions") or response.get("DeleteMarkers"))
    return True


def _unquote(etag: str | None) -> str:
    """Return an ETag without quotes. A store that keeps keys as paths has no ETag for a folder."""
    return (etag or "").strip('"')


def _decode_checksum(checksum: str, kind: str | None) -> str | None:
    """Return the SHA-256 of the whole object, or None. A multipart upload has a checksum of its parts' checksums."""
    if not checksum or "-" in checksum or kind not in (None, "FULL_OBJECT"):
        return None
    return b64decode(checksum).hex()


def find_object(*, bucket: str, key: str, with_checksum: bool = False) -> StoredObject | None:
    """Return what S3 keeps about an object as `head_object`, or None if there is no such object.

    Raises:
        StorageProblem: S3 could not answer.
    """
    try:
        return head_object(bucket=bucket, key=key, with_checksum=with_checksum)
    except FileNotFound:
        return None
