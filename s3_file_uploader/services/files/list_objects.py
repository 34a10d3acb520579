"""List the objects of a bucket: for staff from S3, for other users from the records that they may see."""

from dataclasses import replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signing import BadSignature, dumps, loads

from ...exceptions import InvalidField, StorageUnsupported
from ...models import FileUpload
from ...policy.names import validate_bucket_name
from ...policy.users import is_staff, validate_bucket_access
from ...s3.client import get_client, require_bucket
from ...s3.errors import storage_errors
from ...s3.objects import parse_listed_object
from ...values import ObjectListing
from .recorded_objects import Position, recorded_objects

SALT = "s3_file_uploader.object_list"
FOREIGN_CURSOR = "Take the cursor from `next` of a page, unchanged."


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
    list_from = _list_from_s3 if is_staff(user) else _list_from_records
    salt = f"{SALT}:{list_from.__name__}:{user.pk}:{bucket}"
    params: dict[str, Any] = {"bucket": bucket, "prefix": prefix, "delimiter": delimiter, "page_size": page_size}
    listing, end = list_from(user=user, begin=_open_cursor(cursor, salt), **params)
    return replace(listing, next_cursor=None if end is None else dumps(end, salt=salt, compress=True))


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


def _list_from_records(
    *, user: AbstractBaseUser, bucket: str, begin: Any, **params: Any
) -> tuple[ObjectListing, tuple[str, bool] | None]:
    position = None if begin is None else Position(*begin)
    records = FileUpload.objects.visible_to(user)
    listing, end = recorded_objects(records=records, bucket=bucket, position=position, **params)
    if not (listing.objects or listing.prefixes):
        require_bucket(bucket)
    return listing, None if end is None else (end.after, end.is_prefix)


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
