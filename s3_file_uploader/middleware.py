"""Middleware that guards the whole project. Put it first in MIDDLEWARE."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from .api.authentication import Secret, redact
from .api.requests.body_guard import TOO_SLOW, body_guard, close_cleanly

DOUBLED_SLASHES = re.compile("//+")


class GuardMiddleware:
    """Guard every request of the project, including those for other views than this app's.

    A request to a login page or an unknown URL gets the same deadline for its body as a request to this app. A secret
    in a URL with a doubled slash, which no view matches, stays out of the logs. Under ASGI, bodies need no guard.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

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
