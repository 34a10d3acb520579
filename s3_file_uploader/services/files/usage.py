"""Report the usage of a bucket by a user, and the limits."""

from django.contrib.auth.base_user import AbstractBaseUser

from ...models import FileUpload
from ...policy.bucket_policy import Policy, policy_for
from ...policy.names import bucket_name_check
from ...policy.users import bucket_allowed_check
from ...values import Usage


def usage_find(*, user: AbstractBaseUser, owner: AbstractBaseUser, bucket: str) -> tuple[Usage, Policy]:
    """Return the usage of a bucket by a user, counted as for the quota, and the policy for their files there.

    Args:
        user: the caller.
        owner: the owner of the files; another user only if `user` is staff.
        bucket: its name; S3 is not asked whether it exists.

    Raises:
        InvalidBucketName, BucketNotAllowed: the user may not use it.
    """
    bucket_name_check(bucket)
    bucket_allowed_check(user, bucket)
    return FileUpload.objects.usage(user_id=owner.pk, bucket=bucket), policy_for(owner, bucket)
