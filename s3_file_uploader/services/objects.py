"""What a bucket holds, as S3 itself tells it: for the person on call, and for owners who look into their folders."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from .. import s3
from ..exceptions import InvalidField, StorageUnsupported
from ..listing import object_listed
from ..models import FileUpload, location_digest
from ..names import bucket_name_check
from ..s3_errors import storage_errors
from ..users import bucket_allowed_check, is_staff
from ..values import ListedObject, ObjectListing


def object_list(
    *,
    user: AbstractBaseUser,
    bucket: str,
    prefix: str = "",
    delimiter: str = "",
    cursor: str = "",
    page_size: int = 100,
) -> ObjectListing:
    """List one page of the objects in a bucket, in the order of S3.

    Staff see every object, whether it has a record or not; others those of which they may see the record, so their
    pages may hold fewer than `page_size`, and none at all before the last.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

    Args:
        user: who asks.
        bucket: its name.
        prefix: what the keys begin with.
        delimiter: keys with it behind the prefix are rolled up into one prefix each; for staff.
        cursor: where the page begins, as the one before said.
        page_size: 1 to 1,000 objects and prefixes.

    Raises:
        InvalidBucketName, BucketNotAllowed, BucketNotFound: no such bucket for this user.
        InvalidField: a cursor that S3 does not know, or a delimiter from somebody who is not staff.
        StorageProblem: S3 could not.
    """
    bucket_name_check(bucket)
    bucket_allowed_check(user, bucket)
    if delimiter and not is_staff(user):
        # A prefix would tell the folders of others.
        raise InvalidField("delimiter", "Leave it out: only staff may roll up keys into prefixes.")
    wanted: dict[str, Any] = {"Prefix": prefix, "Delimiter": delimiter, "ContinuationToken": cursor}
    with _cursor_errors(cursor), storage_errors(about="bucket"):
        answer = s3.client().list_objects_v2(
            Bucket=bucket, MaxKeys=page_size, **{name: value for name, value in wanted.items() if value}
        )
    return ObjectListing(
        objects=_visible(user, bucket, [object_listed(found) for found in answer.get("Contents", ())]),
        prefixes=tuple(found["Prefix"] for found in answer.get("CommonPrefixes", ())),
        next_cursor=answer.get("NextContinuationToken"),
    )


@contextmanager
def _cursor_errors(cursor: str) -> Iterator[None]:
    try:
        yield
    except StorageUnsupported as error:
        if not cursor:
            raise
        raise InvalidField("cursor", "Take the cursor from `next` of a page, unchanged.") from error


def _visible(user: AbstractBaseUser, bucket: str, found: list[ListedObject]) -> tuple[ListedObject, ...]:
    if is_staff(user):
        return tuple(found)
    by_digest = {location_digest(bucket, listed.file_name): listed for listed in found}
    visible = FileUpload.objects.visible_to(user).stored().filter(location_digest__in=by_digest)
    digests = set(visible.values_list("location_digest", flat=True))
    return tuple(listed for digest, listed in by_digest.items() if digest in digests)
