"""Middleware: one guards the whole project, one gives its requests ids, one serves `UploadStorage`."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from .api.authentication import Secret, redact
from .api.errors import answer_error
from .api.requests.body_guard import TOO_SLOW, body_guard, close_cleanly
from .exceptions import S3FileUploaderError
from .policy.request_user import use_request_user
from .request_id import add_request_id, use_request_id

DOUBLED_SLASHES = re.compile("//+")


class _Middleware:
    """Runs under WSGI and ASGI without a thread in between."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(cast(Any, self))


class GuardMiddleware(_Middleware):
    """Guard every request of the project, including those for other views than this app's.

    A request to a login page or an unknown URL gets the same deadline for its body as a request to this app. A secret
    in a URL with a doubled slash, which no view matches, stays out of the logs. Under ASGI, bodies need no guard.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response, after closing a connection with an unread body cleanly."""
        _redact_doubled_slashes(request)
        if self._is_async:
            return self._get_response(request)
        body_guard(request)
        response = self._get_response(request)
        close_cleanly(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return 408 if a view failed because the body arrived too slowly."""
        guard = body_guard(request)
        return HttpResponse(TOO_SLOW, "text/plain", 408) if guard and guard.is_too_slow else None


class RequestIdMiddleware(_Middleware):
    """Give every request of the project an id, including those for other views than this app's.

    Requests for this app have one without it.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response of the view, with the id in its header."""
        if self._is_async:
            return self._call_async(request)
        with use_request_id(request):
            response = self._get_response(request)
        add_request_id(request, response)
        return response

    async def _call_async(self, request: HttpRequest) -> Any:
        with use_request_id(request):
            response = await self._get_response(request)
        add_request_id(request, response)
        return response


class StorageMiddleware(_Middleware):
    """Give the files of `UploadStorage` the user of the request as owner, and answer its errors.

    Put it anywhere in MIDDLEWARE: the user is read when a file is stored, so the authentication of Django REST
    framework counts, too. If a view lets an error of this app pass, the client gets its status instead of 500.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response of the view."""
        if self._is_async:
            return self._call_async(request)
        with _use_user_of(request):
            return self._get_response(request)

    async def _call_async(self, request: HttpRequest) -> Any:
        with _use_user_of(request):
            return await self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the status and the message of an error of this app, as JSON or as text."""
        return answer_error(request, exception) if isinstance(exception, S3FileUploaderError) else None


def _use_user_of(request: HttpRequest) -> AbstractContextManager[None]:
    return use_request_user(lambda: getattr(request, "user", None))


def _redact_doubled_slashes(request: HttpRequest) -> None:
    """Redact the secrets in a URL that would match a view if its doubled slashes were single ones."""
    path = request.path_info
    if "//" in path and not _resolve_arguments(path):
        for value in _resolve_arguments(DOUBLED_SLASHES.sub("/", path)).values():
            if isinstance(value, Secret):
                redact(request, value if value in path else path)


def _resolve_arguments(path: str) -> dict[str, Any]:
    with suppress(Resolver404):
        return resolve(path).kwargs
    return {}
