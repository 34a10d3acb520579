"""What all viewsets have in common."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from ...conf import conf
from ...exceptions import InvalidFileName, RangeNotSatisfiable, RequestTooSlow
from ...models import FileUpload
from ...services.audit.trail import QUIET, Trail, follow_request
from ..errors import translate_error
from ..raw_address import path_is_utf8
from ..requests.body import leave_unread
from ..requests.body_guard import TOO_SLOW, body_guard, close_cleanly
from ..requests.client_ip import client_address
from ..serializers import UploadSerializer
from ..throttling import build_throttles
from ..transactions import exempt_from_transactions

# What the audit trail takes from an address: never what authenticates.
IN_PATH = {"bucket_name": "bucket", "file_name": "file_name", "upload_id": "object_id", "token_id": "object_id"}
# Requests that only show something are events too, if they end like this.
REFUSED = frozenset({401, 403, 404, 409, 413, 415, 429})

FORM, FORM_IN_URL = "multipart/form-data", "application/x-www-form-urlencoded"


def audited(**names: str) -> Mapping[str, str]:
    """Return what the audit trail calls the actions of a viewset."""
    return MappingProxyType(names)


class ServiceViewSet(ViewSet):
    """Errors in one shape, no transaction around a request, and no body read before its action does."""

    streamed_actions: ClassVar[tuple[str, ...]] = ()
    # What the audit trail calls each action, as long as no operation of the services has begun.
    audit_actions: ClassVar[Mapping[str, str]] = audited()
    trail: Trail | None = None

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Keep ATOMIC_REQUESTS away."""
        return exempt_from_transactions(super().as_view(actions, **initkwargs))

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Tell the audit trail how each request ends; what there is no action for is none of its business."""
        body_guard(request)  # Before anything reads; a host that has the middleware has done it already.
        action = self.action_map.get(request.method.lower(), "")
        with follow_request(action=self.audit_actions.get(action, action), address=client_address(request)) as trail:
            self.trail, trail.is_event, trail.may_be_row = trail, bool(action), False
            trail.set_object(**{told: kwargs[name] for name, told in IN_PATH.items() if name in kwargs})
            answer = super().dispatch(request, *args, **kwargs)
            _trail_end(trail, answer.status_code)
            close_cleanly(request, answer)
            return answer

    def perform_authentication(self, request: Request) -> None:
        """Have the audit trail know who asks."""
        super().perform_authentication(request)
        if self.trail is not None and getattr(request.user, "pk", None) is not None:  # The host may have no Nobody.
            self.trail.user, self.trail.may_be_row = request.user, True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse an address that is not UTF-8, once it is known who asks.

        Raises:
            InvalidFileName: Django has put something else in place of its bytes.
        """
        super().initial(request, *args, **kwargs)
        if "file_name" in kwargs and not path_is_utf8(request.META, getattr(request._request, "scope", {})):
            raise InvalidFileName("Send the file name in UTF-8, percent-encoded.")

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Know a form by its type, and leave the body alone where the action reads it while it arrives."""
        _form_type_lower(request)
        wrapped = super().initialize_request(request, *args, **kwargs)
        if self.action in self.streamed_actions:
            leave_unread(request)
        return wrapped

    def get_authenticate_header(self, request: Request) -> str:
        """Have nobody be 401, whichever of its authenticators the host names first: sessions have no challenge."""
        challenges = (authenticator.authenticate_header(request) for authenticator in self.get_authenticators())
        return next(filter(None, challenges), "Session")

    def get_permissions(self) -> list[BasePermission]:
        """Read the classes from the settings at each request; whatever they say, an anonymous caller may nothing."""
        return [IsAuthenticated(), *(permission() for permission in self.permission_classes_from_settings())]

    def get_throttles(self) -> list[Any]:
        """Add our own, by the settings, to those of the host."""
        action = self.action or ""
        return [*super().get_throttles(), *build_throttles(self.audit_actions.get(action, action))]

    def permission_classes_from_settings(self) -> list[type[BasePermission]]:
        """Return who may, besides being somebody."""
        return conf.file_permission_classes

    def handle_exception(self, exc: Exception) -> Response:
        """Give every error its one shape before the host's handler sees it."""
        guard = body_guard(self.request._request)
        # Django and its parsers tell of a body that came too slowly in several ways.
        error = translate_error(RequestTooSlow(TOO_SLOW) if guard and guard.is_too_slow else exc)
        if self.trail is not None and isinstance(error, APIException):
            self.trail.outcome = str(cast(Any, error.detail)["code"])
        answer = super().handle_exception(error)
        if isinstance(exc, RangeNotSatisfiable):
            answer["Content-Range"] = f"bytes */{exc.size}"
        return answer


def _form_type_lower(request: Any) -> None:
    """Name a form as the parsers of Django do, who tell upper from lower case (RFC 9110, 8.3.1, does not)."""
    essence, semicolon, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    if essence.strip().lower() in {FORM, FORM_IN_URL}:
        request.META["CONTENT_TYPE"] = f"{essence.strip().lower()}{semicolon}{parameters}"


def _trail_end(trail: Trail, status_code: int) -> None:
    trail.is_event = trail.is_event and (trail.action not in QUIET or status_code in REFUSED)
    trail.may_be_row = trail.may_be_row or status_code < status.HTTP_400_BAD_REQUEST


def caller_of(request: Request) -> AbstractBaseUser:
    """Return the user; anonymous callers have been refused by now."""
    return cast(AbstractBaseUser, request.user)


@cache
def _shape(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """Return the one instance that looks at all requests: to make its fields takes longer than to ask them."""
    return serializer()


def validated(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the parameters of a request in their shapes.

    Raises:
        ValidationError: they are not what the serializer wants.
    """
    return cast(dict[str, Any], _shape(serializer).run_validation({} if data is None else data))


def stored_answer(request: Request, upload: FileUpload, *, repeated: bool = False) -> Response:
    """Answer with the record of what was stored, by this request or by the first with its Idempotency-Key."""
    return created_answer(UploadSerializer(upload, context={"request": request}), repeated=repeated)


def created_answer(shown: Serializer[Any], *, repeated: bool) -> Response:
    """Answer with what was made, and whether an earlier request with the same Idempotency-Key made it."""
    headers = {"Idempotency-Replayed": "true"} if repeated else {}
    return Response(shown.data, status=status.HTTP_201_CREATED, headers=headers)
