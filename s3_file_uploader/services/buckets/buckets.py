"""Create, list and remove buckets. The permission class of the viewset decides if the caller has the right."""

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
from ...policy.names import validate_bucket_name
from ...policy.users import may_use_bucket, validate_bucket_access
from ...s3.client import find_bucket_region, forget_buckets, get_client, region_is_known, require_bucket
from ...s3.errors import storage_errors
from ...s3.objects import bucket_is_empty
from ...values import EXPECTED_OWNER, Bucket, BucketListing, CreatedBucket
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from .setup import set_up_bucket

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
        All buckets for staff, else those that the settings open to the user. A store that does not report the region of
        a bucket has one region: the configured one.

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
            Bucket(name=entry["Name"], created_at=entry["CreationDate"], region=entry.get("BucketRegion", conf.region))
            for entry in buckets
            if may_use_bucket(user, entry["Name"])
        ),
    )


def bucket_create(*, user: AbstractBaseUser, name: str, region: str | None = None) -> CreatedBucket:
    """Create a private bucket, with the rules that the settings define for new buckets.

    Public access is blocked, S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS expires abandoned multipart uploads, and
    S3_FILE_UPLOADER_CORS_ORIGINS lets web pages use the bucket. If the store does not know one of these calls, or takes
    no file after it, the bucket goes without that rule, and the log says so.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

    Args:
        user: who asks.
        name: by the rules of S3, validated before S3 is asked.
        region: region of the bucket, by default the configured one.

    Raises:
        InvalidBucketName, InvalidField, BucketNotAllowed: the name or the region cannot be used.
        BucketExists: the name is taken, perhaps by another account.
        StorageProblem: S3 could not; no bucket is left behind, or the log names it.
    """
    set_event_object(bucket=name)
    validate_bucket_name(name)
    validate_bucket_access(user, name)
    if region and not region_is_known(region):
        raise InvalidField("region", "There is no such region: leave it out, or name one such as eu-west-1.")
    region = region or conf.region
    arguments: CreateBucketRequestTypeDef = {"Bucket": name}
    if region != REGION_WITHOUT_CONSTRAINT:
        arguments["CreateBucketConfiguration"] = {"LocationConstraint": cast(Any, region)}
    with Operation("bucket_create", user=user, bucket=name), ExitStack() as undo:
        if _bucket_exists(name):  # Some stores answer 200 to the creation of an existing bucket.
            raise BucketExists("The bucket name is taken: choose another.")
        with storage_errors(about="bucket"):
            response = get_client(region=region).create_bucket(**arguments)
        undo.callback(_remove_created, name, region)
        set_up_bucket(name=name, region=region)
        undo.pop_all()
    return CreatedBucket(name=name, region=region, location=response.get("Location", f"/{name}"))


def bucket_remove(*, user: AbstractBaseUser, owner_id: str, name: str) -> None:
    """Remove an empty bucket.

    Some stores remove a bucket with all its objects, so S3 is asked for one object first, and the database for one file
    or unfinished upload. Multipart uploads of other programs do not protect a bucket, as on AWS.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html

    Args:
        user: who asks.
        owner_id: on AWS an account id of 12 digits, which S3 itself compares; else the id that `bucket_list` shows.
        name: name of the bucket.

    Raises:
        BucketNotAllowed, BucketOwnerMismatch, BucketNotFound, BucketNotEmpty: nothing was removed.
        StorageProblem: S3 could not.
    """
    set_event_object(bucket=name)
    validate_bucket_name(name)
    validate_bucket_access(user, name)
    started = timezone.now()
    with Operation("bucket_remove", user=user, bucket=name):
        _validate_owner(name, owner_id)
        _validate_no_records(name)
        _delete_empty_bucket(name, find_bucket_region(name))
        forget_buckets()
        FileUpload.objects.filter(status=FileUpload.Status.REJECTED, bucket=name, completed_at__lt=started).delete()


def _validate_no_records(name: str) -> None:
    """Pass if the bucket has no record of a file or an unfinished upload.

    Raises:
        BucketNotEmpty: it has one.
    """
    counted = (*FileUpload.WHOLE, FileUpload.Status.PENDING)
    if FileUpload.objects.filter(bucket=name, status__in=counted).exists():
        raise BucketNotEmpty(
            "There are records of files, or of uploads under way, in this bucket: delete them first. "
            "`s3_housekeeping --compare --remove-records` removes those whose objects are gone."
        )


def _delete_empty_bucket(name: str, region: str) -> None:
    if not bucket_is_empty(bucket=name, region=region):
        raise BucketNotEmpty("The bucket still holds files, or old versions of them: delete them first.")
    with storage_errors(about="bucket"):
        get_client(region=region).delete_bucket(Bucket=name)


def _bucket_exists(name: str) -> bool:
    try:
        require_bucket(name, remembered_seconds=0)
    except BucketNotFound:
        return False
    except StorageAccessDenied:
        return True  # Another account owns it: bucket names are global.
    return True


def _remove_created(name: str, region: str) -> None:
    try:
        _delete_empty_bucket(name, region)
    except S3FileUploaderError as error:
        logger.warning("Bucket %s was left behind, half set up: remove it. %s", name, error)


def _validate_owner(name: str, owner_id: str) -> None:
    if AWS_ACCOUNT_ID.fullmatch(owner_id) and conf.store_can(EXPECTED_OWNER):
        _validate_account(name, owner_id)
        return
    require_bucket(name, remembered_seconds=0)
    with storage_errors(about="account"):
        reported = get_client().list_buckets().get("Owner", {}).get("ID", "")
    if owner_id != reported:
        raise BucketOwnerMismatch(_OTHER_OWNER)


def _validate_account(name: str, account_id: str) -> None:
    try:
        with storage_errors(about="bucket"):
            get_client().head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
    except StorageAccessDenied as error:
        # S3 gives the same answer for a wrong owner and a missing right; a call without the condition tells them apart.
        require_bucket(name, remembered_seconds=0)
        raise BucketOwnerMismatch(_OTHER_OWNER) from error
