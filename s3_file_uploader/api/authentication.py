"""Who asks, by what stands in the address: an upload token, or a ticket for one request of one upload.

Both are for Uppy 6, which sends no header of its own. What authenticated is kept out of logs and errors: `redact` takes
it out of the request once it was read.
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
    """`uppy/token/<token>/...`: as the user of the token."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, UploadToken]:
        """Return the user and the token.

        Raises:
            AuthenticationFailed: it is forged, over or revoked, or its user is not active.
        """
        token = services.upload_token_find(text=_of_address(request, "token"))
        if token is None:
            raise AuthenticationFailed("The upload token is wrong, expired or revoked: ask for a new one.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Say 401; browsers know no such scheme, and so ask nobody for a password."""
        return "Upload-Token"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request of one upload, for one user: to begin it under a name, or to go on with it."""

    user: str
    method: str
    upload_id: str
    file_name: str = ""

    def text(self) -> str:
        """Return it signed, as it stands in an address."""
        return signing.dumps(asdict(self), salt=SALT, serializer=_UTF8)

    @classmethod
    def read(cls, text: str) -> "Ticket":
        """Return what was signed.

        Raises:
            BadSignature: not by us, or too long ago.
        """
        seconds = conf.direct_url_expiration_seconds
        return cls(**signing.loads(text, salt=SALT, serializer=_UTF8, max_age=seconds))

    @property
    def id(self) -> UUID:
        """That of the record."""
        return UUID(self.upload_id)


class _UTF8:
    """JSON in which a name takes as many bytes as it has: the address must stay below what servers read."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class TicketAuthentication(BaseAuthentication):
    """`uppy/signed/<ticket>`: as the user for whom it was signed."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Ticket]:
        """Return the user and the ticket.

        Raises:
            AuthenticationFailed: it is forged, over or for another method, or its user is not active.
        """
        try:
            ticket = Ticket.read(_of_address(request, "ticket"))
        except signing.BadSignature as error:
            raise _refused() from error
        user = get_user_model()._default_manager.filter(pk=ticket.user).first()
        if user is None or not user.is_active or ticket.method != request.method:
            raise _refused()
        return user, ticket

    def authenticate_header(self, request: Request) -> str:
        """Say 401."""
        return "Ticket"


class Secret(str):
    """What stands in an address and authenticates: pages and mails about an error show it as dots."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Hide it."""
        return "'...'"


def redact(request: HttpRequest, secret: str) -> None:
    """Take a secret out of the address, as Django, its error reports and the server's access log write it."""
    request.path = request.path.replace(secret, "...")
    request.path_info = request.META["PATH_INFO"] = request.path_info.replace(secret, "...")
    for name in RAW_ADDRESSES:
        if name in request.META:
            request.META[name] = request.get_full_path()
    if scope := getattr(request, "scope", None):
        scope["path"], scope["raw_path"] = request.path, request.path.encode()


def _of_address(request: Request, name: str) -> str:
    return str(request.parser_context["kwargs"][name])


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed("The address is wrong or too old: have the request signed again.")
