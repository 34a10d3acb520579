"""Upload tokens: made for a while, listed, revoked, and known again when Uppy comes with one."""

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
    """Make a token that authenticates the user where Uppy asks, and nowhere else; those that are over go.

    Args:
        user: who asks, and who the bearer will be.
        expires_in_seconds: 1 to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS.

    Raises:
        InvalidField: that is too long.
    """
    longest = conf.uppy_token_max_seconds
    if not 1 <= expires_in_seconds <= longest:
        raise InvalidField("expires_in", f"Give 1 to {longest} seconds.")
    tokens = UploadToken.objects.filter(user_id=user.pk)
    tokens.over().delete()
    token = tokens.create(user_id=user.pk, expires_at=timezone.now() + timedelta(seconds=expires_in_seconds))
    set_event_object(object_id=token.pk)
    return token


def upload_token_list(*, user: AbstractBaseUser) -> QuerySet[UploadToken]:
    """Return the user's own tokens, newest first; nothing is asked of the database yet."""
    return UploadToken.objects.filter(user_id=user.pk)


def upload_token_revoke(*, user: AbstractBaseUser, token_id: str | UUID) -> None:
    """Have a token refused from now on; what was signed with it until now works to its own end.

    Raises:
        UploadTokenNotFound: the user has none with that id.
    """
    with suppress(ValueError):  # What is no UUID is nobody's id.
        token = UploadToken.objects.filter(user_id=user.pk, pk=UUID(str(token_id))).first()
        if token is not None:
            token.revoke()
            return
    raise UploadTokenNotFound("You have no upload token with that id: look at the list of your tokens.")


def upload_token_remove(*, user: AbstractBaseUser, token: UploadToken) -> None:
    """Remove anybody's token, for the admin; it is refused from now on.

    Args:
        user: who removes it.
        token: of whichever user.
    """
    key = token.pk
    token.delete()
    record_event(action="token_revoke", user=user, outcome=OK, object_id=key)


def upload_token_find(*, text: str) -> UploadToken | None:
    """Return the token with its user, None if it is forged, over or revoked, or the user is not active."""
    token = UploadToken.objects.usable_as(text)
    return token if token and token.user.is_active else None
