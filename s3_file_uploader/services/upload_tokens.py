"""Create, list, revoke and look up upload tokens, with which Uppy authenticates."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from ..conf import conf
from ..exceptions import InvalidField, UploadTokenNotFound
from ..models import UploadToken
from .audit.trail import OK, record_event, set_event_object


def upload_token_create(*, user: AbstractBaseUser, expires_in_seconds: int) -> UploadToken:
    """Create a token for the endpoints of Uppy, and delete the user's expired tokens.

    Args:
        user: who asks; the token authenticates this user.
        expires_in_seconds: 1 to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS.

    Raises:
        InvalidField: the time is out of range.
    """
    longest = conf.uppy_token_max_seconds
    if not 1 <= expires_in_seconds <= longest:
        raise InvalidField("expires_in", f"Give 1 to {longest} seconds.")
    tokens = UploadToken.objects.filter(user_id=user.pk)
    tokens.expired().delete()
    token = tokens.create(user_id=user.pk, expires_at=timezone.now() + timedelta(seconds=expires_in_seconds))
    set_event_object(object_id=token.pk)
    return token


def upload_token_list(*, user: AbstractBaseUser) -> QuerySet[UploadToken]:
    """Return the user's own tokens, newest first, as a query that has not run yet."""
    return UploadToken.objects.filter(user_id=user.pk)


def upload_token_revoke(*, user: AbstractBaseUser, token_id: str | UUID) -> None:
    """Refuse a token from now on; URLs that were signed with it work until they expire.

    Raises:
        UploadTokenNotFound: the user has no such token.
    """
    with suppress(ValueError):  # Treat a malformed UUID as "not found".
        token = UploadToken.objects.filter(user_id=user.pk, pk=UUID(str(token_id))).first()
        if token is not None:
            token.revoke()
            return
    raise UploadTokenNotFound("You have no upload token with that id: look at the list of your tokens.")


def upload_token_remove(*, user: AbstractBaseUser, token: UploadToken) -> None:
    """Remove any user's token, for the admin.

    Args:
        user: the admin's user.
        token: of any user.
    """
    key = token.pk
    token.delete()
    record_event(action="token_revoke", user=user, outcome=OK, object_id=key)


def upload_token_find(*, text: str) -> UploadToken | None:
    """Return the token with its user; None if it is forged, expired or revoked, or the user is not active."""
    token = UploadToken.objects.usable_as(text)
    return token if token and token.user.is_active else None
