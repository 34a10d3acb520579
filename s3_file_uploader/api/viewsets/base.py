"""The base of all viewsets."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from ...conf import conf
from ...exceptions import InvalidFileName, RangeNotSatisfiable, RequestTooSlow
from ...models import FileUpload
from ...policy.bucket_policy import decide_policies_once
from ...request_id import add_request_id, use_request_id
from ...services.audit.trail import QUIET, Trail, follow_request
from ..errors import translate_error
from ..raw_address import path_is_utf8
from ..requests.body import keep_unread
from ..requests.body_guard import TOO_SLOW, body_guard, close_cleanly
from ..requests.client_ip import get_client_address
from ..serializers.responses import UploadSerializer
from ..throttling import build_throttles
from ..transactions import exempt_from_transactions

# The arguments of an address that the audit trail records; credentials are not among them.
IN_PATH = {"bucket_name": "bucket", "file_name": "file_name", "upload_id": "object_id", "token_id": "object_id"}
# A read-only request is an event only if its response has one of these statuses.
REFUSED = frozenset({401, 403, 404, 409, 413, 415, 429})

FORM, FORM_IN_URL = "multipart/form-data", "application/x-www-form-urlencoded"


def audited(**names: str) -> Mapping[str, str]:
    """Return the names that the audit trail gives to the actions of a viewset."""
    return MappingProxyType(names)


class ServiceViewSet(ViewSet):
    """Give errors one shape, open no transaction around a request, and read no body before the action does."""

    parser_classes: Any = (JSONParser, FormParser, MultiPartParser)
    streamed_actions: ClassVar[tuple[str, ...]] = ()
    # The names of actions in the audit trail, until an operation of the services begins.
    audit_actions: ClassVar[Mapping[str, str]] = audited()
    trail: Trail | None = None

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Opt out of ATOMIC_REQUESTS."""
        return exempt_from_transactions(super().as_view(actions, **initkwargs))

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Report the end of each request to the audit trail, unless the method has no action."""
        body_guard(request)  # Before any code reads; the middleware may have set the guard already.
        action = self.action_map.get(request.method.lower(), "")
        name, address = self.audit_actions.get(action, action), get_client_address(request)
        with (
            use_request_id(request),
            decide_policies_once(),
            follow_request(action=name, address=address) as trail,
        ):
            self.trail, trail.is_event, trail.may_be_row = trail, bool(action), False
            trail.set_object(**{field: kwargs[name] for name, field in IN_PATH.items() if name in kwargs})
            response = super().dispatch(request, *args, **kwargs)
            _end_trail(trail, response.status_code)
            add_request_id(request, response)
            close_cleanly(request, response)
            return response

    def perform_authentication(self, request: Request) -> None:
        """Record the user in the audit trail."""
        super().perform_authentication(request)
        if (
            self.trail is not None and getattr(request.user, "pk", None) is not None
        ):  # UNAUTHENTICATED_USER may be None.
            self.trail.user, self.trail.may_be_row = request.user, True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then refuse an address that is not UTF-8.

        Raises:
            InvalidFileName: Django has replaced bytes of the file name.
        """
        super().initial(request, *args, **kwargs)
        if "file_name" in kwargs and not path_is_utf8(request.META, getattr(request._request, "scope", {})):
            raise InvalidFileName("Send the file name in UTF-8, percent-encoded.")

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Recognise a form by its type, and keep the body unread if the action streams it."""
        _form_type_lower(request)
        wrapped = super().initialize_request(request, *args, **kwargs)
        if self.action in self.streamed_actions:
            keep_unread(request)
        return wrapped

    def get_authenticate_header(self, request: Request) -> str:
        """Always return a challenge, so that unauthenticated requests get 401.

        DRF answers 403 if the first authenticator has no `WWW-Authenticate` header.
        """
        challenges = (authenticator.authenticate_header(request) for authenticator in self.get_authenticators())
        return next(filter(None, challenges), "Session")

    def get_permissions(self) -> list[BasePermission]:
        """Read the classes from the settings at each request, and always require authentication."""
        return [IsAuthenticated(), *(import_string(path)() for path in self.get_permission_paths())]

    def get_throttles(self) -> list[Any]:
        """Add the throttles of the settings to those of the host."""
        action = self.action or ""
        return [*super().get_throttles(), *build_throttles(self.audit_actions.get(action, action))]

    def get_permission_paths(self) -> Sequence[str]:
        """Return the dotted paths of the permission classes for an authenticated user."""
        return conf.file_permission_paths

    def handle_exception(self, exc: Exception) -> Response:
        """Give every error one shape before the handler of the host sees it."""
        guard = body_guard(self.request._request)
        # Django and its parsers report a body that came too slowly in several ways.
        error = translate_error(RequestTooSlow(TOO_SLOW) if guard and guard.is_too_slow else exc)
        if self.trail is not None and isinstance(error, APIException):
            self.trail.outcome = str(cast(Any, error.detail)["code"])
        response = super().handle_exception(error)
        if isinstance(exc, RangeNotSatisfiable):
            response["Content-Range"] = f"bytes */{exc.size}"
        return response


def _form_type_lower(request: Any) -> None:
    """Write the type of a form in lower case: Django's parsers compare case, against RFC 9110, 8.3.1."""
    essence, semicolon, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    if essence.strip().lower() in {FORM, FORM_IN_URL}:
        request.META["CONTENT_TYPE"] = f"{essence.strip().lower()}{semicolon}{parameters}"


def _end_trail(trail: Trail, status_code: int) -> None:
    trail.is_event = trail.is_event and (trail.action not in QUIET or status_code in REFUSED)
    trail.may_be_row = trail.may_be_row or status_code < status.HTTP_400_BAD_REQUEST


def get_caller(request: Request) -> AbstractBaseUser:
    """Return the user; anonymous callers were refused before."""
    return cast(AbstractBaseUser, request.user)


@cache
def _shape(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """Return the one instance for all requests: creating its fields takes longer than validating."""
    return serializer()


def validated(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the validated parameters of a request.

    Raises:
        ValidationError: the serializer refuses them.
    """
    return cast(dict[str, Any], _shape(serializer).run_validation({} if data is None else data))


def answer_stored(request: Request, upload: FileUpload, *, repeated: bool = False) -> Response:
    """Answer with the record of a file, stored by this request or by the first with its Idempotency-Key."""
    return answer_created(UploadSerializer(upload, context={"request": request}), repeated=repeated)


def answer_created(shown: Serializer[Any], *, repeated: bool) -> Response:
    """Answer 201, and mark the response to a repeated Idempotency-Key."""
    headers = {"Idempotency-Replayed": "true"} if repeated else {}
    return Response(shown.data, status=status.HTTP_201_CREATED, headers=headers)
