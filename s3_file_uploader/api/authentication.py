"""Authenticate a request by a secret in its URL: an upload token, or a ticket for one request of one upload.

Both are for Uppy 6, which cannot send headers. `redact` removes the secret from the request after it was read, so that
logs and error reports do not contain it.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .. import services
from ..conf import conf
from ..models import UploadToken
from .raw_address import RAW_ADDRESSES

SALT = "s3_file_uploader.ticket"


class UploadTokenAuthentication(BaseAuthentication):
    """Authenticate `uppy/token/<token>/...` as the user of the token."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, UploadToken]:
        """Return the user and the token.

        Raises:
            AuthenticationFailed: the token is unknown, expired or revoked, or its user is not active.
        """
        token = services.upload_token_find(text=_get_url_argument(request, "token"))
        if token is None:
            raise AuthenticationFailed("The upload token is wrong, expired or revoked. Request a new one.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Return a challenge, so that DRF answers 401. Browsers do not know the scheme and show no password dialog."""
        return "Upload-Token"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission for one request of one upload by one user: to start the upload under a name, or to continue it."""

    user: str
    method: str
    upload_id: str
    file_name: str = ""

    def text(self) -> str:
        """Return the signed ticket for a URL."""
        return signing.dumps(asdict(self), salt=SALT, serializer=_UTF8)

    @classmethod
    def read(cls, text: str) -> "Ticket":
        """Return the ticket in a signed text.

        Raises:
            BadSignature: this service did not sign it, or it has expired.
        """
        seconds = conf.direct_url_expiration_seconds
        return cls(**signing.loads(text, salt=SALT, serializer=_UTF8, max_age=seconds))

    @property
    def id(self) -> UUID:
        """Return the id of the record."""
        return UUID(self.upload_id)


class _UTF8:
    """Write JSON without escapes and spaces, because servers limit the length of a URL."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class TicketAuthentication(BaseAuthentication):
    """Authenticate `uppy/signed/<ticket>` as the user of the ticket."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Ticket]:
        """Return the user and the ticket.

        Raises:
            AuthenticationFailed: the ticket is forged, expired or for another method, or its user is not active.
        """
        try:
            ticket = Ticket.read(_get_url_argument(request, "ticket"))
        except signing.BadSignature as error:
            raise _build_refusal() from error
        user = get_user_model()._default_manager.filter(pk=ticket.user).first()
        if user is None or not user.is_active or ticket.method != request.method:
            raise _build_refusal()
        return user, ticket

    def authenticate_header(self, request: Request) -> str:
        """Return a challenge, so that DRF answers 401."""
        return "Ticket"


class Secret(str):
    """A URL argument that authenticates. Django's error pages and mails show its `repr`, which is dots."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return dots instead of the secret."""
        return "'...'"


def redact(request: HttpRequest, secret: str) -> None:
    """Replace a secret in every attribute from which Django, its error reports and the access log take the URL."""
    request.path = request.path.replace(secret, "...")
    request.path_info = request.META["PATH_INFO"] = request.path_info.replace(secret, "...")
    for name in RAW_ADDRESSES:
        if name in request.META:
            request.META[name] = request.get_full_path()
    if scope := getattr(request, "scope", None):
        scope["path"], scope["raw_path"] = request.path, request.path.encode()


def _get_url_argument(request: Request, name: str) -> str:
    return str(request.parser_context["kwargs"][name])


def _build_refusal() -> AuthenticationFailed:
    return AuthenticationFailed("The signed URL is wrong or expired. Sign the request again.")
