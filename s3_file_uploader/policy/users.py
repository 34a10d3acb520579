"""Decide what a user may do, for any user model."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from ..exceptions import BucketNotAllowed, InvalidField, NotYourFile
from .bucket_policy import get_policy


def is_staff(user: Any) -> bool:
    """Return True if the user may act for others; a user model without `is_staff` has no staff."""
    return bool(getattr(user, "is_staff", False))


def resolve_owner(*, caller: AbstractBaseUser, user_id: object) -> AbstractBaseUser:
    """Return the user that the caller acts for.

    Args:
        caller: the authenticated user.
        user_id: a primary key in any form that the user model understands, or empty for the caller.

    Raises:
        NotYourFile: the caller is not staff and names another user, existing or not.
        InvalidField: staff named a user that does not exist.
    """
    if caller.pk is None:
        raise NotYourFile("Files belong to users: log in as one.")
    if user_id in (None, ""):
        return caller
    model = get_user_model()
    try:
        primary_key = _primary_key(model, user_id)
        if primary_key == caller.pk:
            return caller
        if is_staff(caller):
            return model._default_manager.get(pk=primary_key)
    except (ValidationError, TypeError, ValueError, OverflowError, model.DoesNotExist) as error:
        if is_staff(caller):
            raise InvalidField("user_id", "There is no such user: give the primary key of an existing one.") from error
    raise NotYourFile("Leave out user_id, or give your own: only staff may act for other users.")


def _primary_key(model: Any, user_id: object) -> Any:
    primary_key = model._meta.pk.to_python(user_id)
    text = str(user_id)
    if isinstance(primary_key, int) and not (text.isascii() and text.isdigit()):
        raise ValueError(user_id)  # Django accepts 1_0 and digits of other scripts.
    return primary_key


def may_use_bucket(user: Any, bucket: str) -> bool:
    """Return True if the bucket is open to the user; all buckets are open to staff."""
    return is_staff(user) or get_policy(user, bucket).is_open


def validate_bucket_access(user: Any, bucket: str) -> None:
    """Check that the bucket is open to the user.

    Raises:
        BucketNotAllowed: it is not.
    """
    if not may_use_bucket(user, bucket):
        raise BucketNotAllowed("This bucket is not open to you: take one from the list of buckets.")


def find_user(text: str) -> AbstractBaseUser:
    """Return the user with that login name or primary key.

    Raises:
        InvalidField: no user matches, or two users match.
    """
    model = get_user_model()
    users = {user.pk: user for user in (_one(**{model.USERNAME_FIELD: text}), _one(pk=text)) if user is not None}
    if len(users) != 1:
        raise InvalidField("user", f"There is not exactly one user {text!r}: give the login name, or the primary key.")
    return users.popitem()[1]


def _one(**lookup: object) -> AbstractBaseUser | None:
    try:
        return get_user_model()._default_manager.filter(**lookup).first()
    except (ValidationError, TypeError, ValueError, OverflowError):
        return None  # The text cannot be a value of that field, such as a name for an integer key.
