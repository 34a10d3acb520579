"""List the objects of a bucket: for staff from S3, for other users from the records that they may see.

A folder is always listed from the records, by their paths.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signing import BadSignature, dumps, loads

from ...exceptions import InvalidField, StorageUnsupported
from ...models import FileUpload, FileUploadQuerySet
from ...policy.names import validate_bucket_name
from ...policy.users import is_staff, validate_bucket_access
from ...s3.client import get_client, require_bucket
from ...s3.errors import storage_errors
from ...s3.objects import parse_listed_object
from ...values import ListedObject, ObjectListing
from .recorded_files import Position, RecordPage, recorded_files

SALT = "s3_file_uploader.object_list"
FOLDER_SALT = "s3_file_uploader.folder_list"
FOREIGN_CURSOR = "Take the cursor from `next` of a page, unchanged."


@dataclass(frozen=True, slots=True)
class FolderListing:
    """One page of a folder: its files, its folders, and the cursor of the next page, None on the last."""

    uploads: tuple[FileUpload, ...]
    prefixes: tuple[str, ...]
    next_cursor: str | None


def folder_list(
    *,
    user: AbstractBaseUser,
    bucket: str,
    owner: AbstractBaseUser | None = None,
    prefix: str = "",
    delimiter: str = "/",
    cursor: str = "",
    page_size: int = 100,
) -> FolderListing:
    """List one page of the records in a folder, in the order of the bytes of their paths.

    The path is the object key without the id of a direct upload, so two records may have the same path. Unfinished
    uploads and deletions are left out.

    Args:
        user: the caller, who sees the records that they may see.
        bucket: its name.
        owner: only this user's records.
        prefix: the folder: the beginning of the paths.
        delimiter: paths with it behind the prefix are rolled up into one folder each; empty for none.
        cursor: `next_cursor` of the previous page; it works for the same user and bucket only.
        page_size: 1 to 1,000 records and folders.

    Raises:
        InvalidBucketName, BucketNotAllowed, BucketNotFound: no such bucket for this user.
        InvalidField: the cursor is not one of this list.
        StorageProblem: S3 could not say if an empty bucket exists.
    """
    validate_bucket_name(bucket)
    validate_bucket_access(user, bucket)
    salt = f"{FOLDER_SALT}:{user.pk}:{bucket}"
    records = FileUpload.objects.visible_to(user)
    if owner is not None:
        records = records.filter(user_id=owner.pk)
    params: dict[str, Any] = {"prefix": prefix, "delimiter": delimiter, "page_size": page_size}
    page = _read_page(records.by_path(bucket), bucket, _open_cursor(cursor, salt), params)
    return FolderListing(page.uploads, page.prefixes, _sign_cursor(page.end, salt))


def object_list(
    *,
    user: AbstractBaseUser,
    bucket: str,
    prefix: str = "",
    delimiter: str = "",
    cursor: str = "",
    page_size: int = 100,
) -> ObjectListing:
    """List one page of a bucket, in the order of keys.

    Staff see every object, with or without a record. Other users see the stored files whose records they may see, and
    learn nothing about other files.

    Args:
        user: the caller.
        bucket: its name.
        prefix: the beginning of the keys.
        delimiter: keys with it behind the prefix are rolled up into one prefix each.
        cursor: `next_cursor` of the previous page; it works for the same user and bucket only.
        page_size: 1 to 1,000 objects and prefixes.

    Raises:
        InvalidBucketName, BucketNotAllowed, BucketNotFound: no such bucket for this user.
        InvalidField: the cursor is not one of this list.
        StorageProblem: S3 could not.
    """
    validate_bucket_name(bucket)
    validate_bucket_access(user, bucket)
    list_from = _list_from_s3 if is_staff(user) else _list_recorded
    salt = f"{SALT}:{list_from.__name__}:{user.pk}:{bucket}"
    params: dict[str, Any] = {"bucket": bucket, "prefix": prefix, "delimiter": delimiter, "page_size": page_size}
    listing, end = list_from(user=user, begin=_open_cursor(cursor, salt), **params)
    return replace(listing, next_cursor=_sign_cursor(end, salt))


def _sign_cursor(end: Any, salt: str) -> str | None:
    return None if end is None else dumps(end, salt=salt, compress=True)


def _open_cursor(cursor: str, salt: str) -> Any:
    """Return the content of a cursor, None without a cursor.

    Raises:
        InvalidField: it was not signed for this user, bucket and kind of list.
    """
    if not cursor:
        return None
    try:
        return loads(cursor, salt=salt)
    except BadSignature as error:
        raise InvalidField("cursor", FOREIGN_CURSOR) from error


def _list_recorded(
    *, user: AbstractBaseUser, bucket: str, begin: Any, **params: Any
) -> tuple[ObjectListing, Position | None]:
    page = _read_page(FileUpload.objects.visible_to(user).by_key(bucket), bucket, begin, params)
    objects = tuple(map(_build_listed, page.uploads))
    return ObjectListing(objects, page.prefixes, next_cursor=None), page.end


def _read_page(records: FileUploadQuerySet, bucket: str, begin: Any, params: dict[str, Any]) -> RecordPage:
    position = None if begin is None else Position(*begin)
    page = recorded_files(records=records, position=position, **params)
    if not (page.uploads or page.prefixes):
        require_bucket(bucket)
    return page


def _build_listed(upload: FileUpload) -> ListedObject:
    return ListedObject(
        file_name=upload.file_name,
        size=cast(int, upload.size),
        etag=upload.etag,
        changed_at=cast(datetime, upload.completed_at),
    )


def _list_from_s3(
    *, user: AbstractBaseUser, bucket: str, prefix: str, delimiter: str, begin: str | None, page_size: int
) -> tuple[ObjectListing, str | None]:
    """Ask S3: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
    params: dict[str, Any] = {"Prefix": prefix, "Delimiter": delimiter, "ContinuationToken": begin}
    given = {name: value for name, value in params.items() if value}
    try:
        with storage_errors(about="bucket"):
            answer = get_client().list_objects_v2(Bucket=bucket, MaxKeys=page_size, **given)
    except StorageUnsupported as error:
        if begin is None:
            raise
        raise InvalidField("cursor", FOREIGN_CURSOR) from error  # S3 no longer accepts its own token.
    listing = ObjectListing(
        objects=tuple(parse_listed_object(each) for each in answer.get("Contents", ())),
        prefixes=tuple(each["Prefix"] for each in answer.get("CommonPrefixes", ())),
        next_cursor=None,
    )
    return listing, answer.get("NextContinuationToken")
