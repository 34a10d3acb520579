"""What this app asks of a user model, whatever its fields and primary key."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from ..exceptions import BucketNotAllowed, InvalidField, NotYourFile
from .bucket_policy import policy_for


def is_staff(user: Any) -> bool:
    """Tell whether the user may act for others; a user model without `is_staff` has no staff."""
    return bool(getattr(user, "is_staff", False))


def user_acted_for(*, caller: AbstractBaseUser, user_id: object) -> AbstractBaseUser:
    """Return the user that the caller acts for.

    Args:
        caller: who asks.
        user_id: a primary key in any form that the user model understands, or empty for the caller.

    Raises:
        NotYourFile: the caller is not staff and names somebody else, real or not.
        InvalidField: staff named a user who does not exist.
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
    raise NotYourFile("Leave out user_id, or give your own: only staff may act for somebody else.")


def _primary_key(model: Any, user_id: object) -> Any:
    primary_key = model._meta.pk.to_python(user_id)
    text = str(user_id)
    if isinstance(primary_key, int) and not (text.isascii() and text.isdigit()):
        raise ValueError(user_id)  # Django reads 1_0 and digits of other scripts, too.
    return primary_key


def may_use(user: Any, bucket: str) -> bool:
    """Tell whether the bucket is open to the user; all are to staff."""
    return is_staff(user) or policy_for(user, bucket).is_open


def bucket_allowed_check(user: Any, bucket: str) -> None:
    """Pass if the settings open the bucket to the user; staff use them all.

    Raises:
        BucketNotAllowed: they do not.
    """
    if not may_use(user, bucket):
        raise BucketNotAllowed("This bucket is not open to you: take one from the list of buckets.")


def user_named(text: str) -> AbstractBaseUser:
    """Return the user who logs in with that name, or has that primary key.

    Raises:
        InvalidField: there is none, or two of them.
    """
    model = get_user_model()
    found = {user.pk: user for user in (_one(**{model.USERNAME_FIELD: text}), _one(pk=text)) if user is not None}
    if len(found) != 1:
        raise InvalidField("user", f"There is not one user {text!r}: give the name for the login, or the primary key.")
    return found.popitem()[1]


def _one(**wanted: object) -> AbstractBaseUser | None:
    try:
        return get_user_model()._default_manager.filter(**wanted).first()
    except (ValidationError, TypeError, ValueError, OverflowError):
        return None  # It can be no such thing, as a name can be no number.
