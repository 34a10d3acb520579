"""Report the usage of a bucket by a user, and the limits."""

from django.contrib.auth.base_user import AbstractBaseUser

from ...models import FileUpload
from ...policy.bucket_policy import Policy, get_policy
from ...policy.names import validate_bucket_name
from ...policy.users import validate_bucket_access
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
    validate_bucket_name(bucket)
    validate_bucket_access(user, bucket)
    return FileUpload.objects.usage(user_id=owner.pk, bucket=bucket), get_policy(owner, bucket)
