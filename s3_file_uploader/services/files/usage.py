"""Tell somebody what they have in a bucket, and what they may have."""

from django.contrib.auth.base_user import AbstractBaseUser

from ...models import FileUpload
from ...policy.bucket_policy import Policy, policy_for
from ...policy.names import bucket_name_check
from ...policy.users import bucket_allowed_check
from ...values import Usage


def usage_find(*, user: AbstractBaseUser, owner: AbstractBaseUser, bucket: str) -> tuple[Usage, Policy]:
    """Return what a user has in a bucket, counted as the quota counts it, and the policy for their files there.

    Args:
        user: who asks.
        owner: whose files; the same, or anybody where `user` is staff.
        bucket: that it is there is not asked of S3.

    Raises:
        InvalidBucketName, BucketNotAllowed: the user may not use it.
    """
    bucket_name_check(bucket)
    bucket_allowed_check(user, bucket)
    return FileUpload.objects.usage(user_id=owner.pk, bucket=bucket), policy_for(owner, bucket)
