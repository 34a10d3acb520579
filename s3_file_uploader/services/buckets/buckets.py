"""Create, list and remove buckets. Whether the caller may is decided by the permission class of the viewset."""

import logging
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from ...conf import conf
from ...exceptions import (
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    BucketOwnerMismatch,
    InvalidField,
    S3FileUploaderError,
    StorageAccessDenied,
)
from ...models import FileUpload
from ...policy.names import bucket_name_check
from ...policy.users import bucket_allowed_check, may_use
from ...s3.client import bucket_region, buckets_forget, get_client, region_is_known
from ...s3.errors import storage_errors
from ...s3.listing import bucket_is_empty
from ...values import EXPECTED_OWNER, Bucket, BucketListing, CreatedBucket
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from .setup import bucket_set_up

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef

logger = logging.getLogger(__name__)

AWS_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: there, LocationConstraint must be left out.
REGION_WITHOUT_CONSTRAINT = "us-east-1"
_OTHER_OWNER = "The bucket belongs to another owner: take owner_id from the list of buckets."


def bucket_list(*, user: AbstractBaseUser) -> BucketListing:
    """List the buckets that the user may see, in S3's order.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html

    Returns:
        All of them for staff, else those that the settings open to the user. A store that does not say in
        which region a bucket lies has one region: the configured one.

    Raises:
        StorageProblem: S3 could not answer.
    """
    with Operation("bucket_list", user=user), storage_errors(about="account"):
        owner_id, buckets = "", []
        for page in get_client().get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1000}):
            owner_id = page.get("Owner", {}).get("ID", owner_id)
            buckets += page.get("Buckets", ())
    return BucketListing(
        owner_id=owner_id,
        buckets=tuple(
            Bucket(name=found["Name"], created_at=found["CreationDate"], region=found.get("BucketRegion", conf.region))
            for found in buckets
            if may_use(user, found["Name"])
        ),
    )


def bucket_create(*, user: AbstractBaseUser, name: str, region: str | None = None) -> CreatedBucket:
    """Create a private bucket, with what the settings want for new ones.

    Public access is blocked; S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS ends multipart uploads that nobody finishes;
    S3_FILE_UPLOADER_CORS_ORIGINS lets pages use it. Where the store does not know one of these calls, or takes no file
    after it, the bucket does without, and the log says so.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

    Args:
        user: who asks.
        name: by the rules of S3, checked before S3 is asked.
        region: where, the configured one by default.

    Raises:
        InvalidBucketName, InvalidField, BucketNotAllowed: the name or the region cannot be used.
        BucketExists: the name is taken, by anybody.
        StorageProblem: S3 could not; no bucket is left behind, or the log names it.
    """
    set_event_object(bucket=name)
    bucket_name_check(name)
    bucket_allowed_check(user, name)
    if region and not region_is_known(region):
        raise InvalidField("region", "There is no such region: leave it out, or name one such as eu-west-1.")
    region = region or conf.region
    arguments: CreateBucketRequestTypeDef = {"Bucket": name}
    if region != REGION_WITHOUT_CONSTRAINT:
        arguments["CreateBucketConfiguration"] = {"LocationConstraint": cast(Any, region)}
    with Operation("bucket_create", user=user, bucket=name), ExitStack() as undo:
        if _bucket_exists(name):  # Some stores answer 200 to the creation of what is there already.
            raise BucketExists("The bucket name is taken: choose another.")
        with storage_errors(about="bucket"):
            answer = get_client(region=region).create_bucket(**arguments)
        undo.callback(_bucket_take_back, name, region)
        bucket_set_up(name=name, region=region)
        undo.pop_all()
    return CreatedBucket(name=name, region=region, location=answer.get("Location", f"/{name}"))


def bucket_remove(*, user: AbstractBaseUser, owner_id: str, name: str) -> None:
    """Remove an empty bucket from its owner.

    Some stores remove a bucket with all that it holds, so S3 is asked for one object, and the records for one file or
    one upload under way. Multipart uploads of other programs do not keep a bucket, as on AWS.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html

    Args:
        user: who asks.
        owner_id: on AWS an account id of 12 digits, which S3 itself compares; else the id that `bucket_list` shows.
        name: of the bucket.

    Raises:
        BucketNotAllowed, BucketOwnerMismatch, BucketNotFound, BucketNotEmpty: nothing was removed.
        StorageProblem: S3 could not.
    """
    set_event_object(bucket=name)
    bucket_name_check(name)
    bucket_allowed_check(user, name)
    started = timezone.now()
    with Operation("bucket_remove", user=user, bucket=name):
        _owner_check(name, owner_id)
        _records_check(name)
        _empty_bucket_delete(name, bucket_region(name))
        buckets_forget()
        FileUpload.objects.filter(status=FileUpload.Status.REJECTED, bucket=name, completed_at__lt=started).delete()


def _records_check(name: str) -> None:
    """Pass if no record says that the bucket holds a file, or is about to.

    Raises:
        BucketNotEmpty: one does.
    """
    counted = (*FileUpload.WHOLE, FileUpload.Status.PENDING)
    if FileUpload.objects.filter(bucket=name, status__in=counted).exists():
        raise BucketNotEmpty(
            "There are records of files, or of uploads under way, in this bucket: delete them first. "
            "`s3_housekeeping --compare --remove-records` removes those whose objects are gone."
        )


def _empty_bucket_delete(name: str, region: str) -> None:
    if not bucket_is_empty(bucket=name, region=region):
        raise BucketNotEmpty("The bucket still holds files, or old versions of them: delete them first.")
    with storage_errors(about="bucket"):
        get_client(region=region).delete_bucket(Bucket=name)


def _bucket_exists(name: str) -> bool:
    try:
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=name)
    except BucketNotFound:
        return False
    except StorageAccessDenied:
        return True  # Somebody else's: names are shared by all accounts.
    return True


def _bucket_take_back(name: str, region: str) -> None:
    try:
        _empty_bucket_delete(name, region)
    except S3FileUploaderError as error:
        logger.warning("Bucket %s was left behind, half set up: remove it. %s", name, error)


def _owner_check(name: str, owner_id: str) -> None:
    if AWS_ACCOUNT_ID.fullmatch(owner_id) and conf.store_can(EXPECTED_OWNER):
        _account_check(name, owner_id)
        return
    with storage_errors(about="bucket"):
        get_client().head_bucket(Bucket=name)
    with storage_errors(about="account"):
        reported = get_client().list_buckets().get("Owner", {}).get("ID", "")
    if owner_id != reported:
        raise BucketOwnerMismatch(_OTHER_OWNER)


def _account_check(name: str, account_id: str) -> None:
    try:
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
    except StorageAccessDenied as error:
        # S3 says the same to a wrong owner and to a missing right; without the condition it tells them apart.
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=name)
        raise BucketOwnerMismatch(_OTHER_OWNER) from error
