"""Middleware for the whole project of a host: put it first in MIDDLEWARE."""

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
    """Guard every request of the project, also those that no view of the app answers.

    The body of a login or of an unknown address gets the deadline that bodies of the app have. A secret in an address
    with a doubled slash, which leads to no view, stays out of the logs. Under ASGI, bodies need no guard.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer, then clear away what is left of the body."""
        _redact_doubled_slashes(request)
        if self._is_async:
            return self._get_response(request)
        body_guard(request)
        response = self._get_response(request)
        close_cleanly(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 408 where a view fails because the body came too slowly."""
        guard = body_guard(request)
        return HttpResponse(TOO_SLOW, "text/plain", 408) if guard and guard.is_too_slow else None


def _redact_doubled_slashes(request: HttpRequest) -> None:
    """Redact the secrets of an address that leads to a view only with single slashes."""
    path = request.path_info
    if "//" in path and not _arguments_of(path):
        for value in _arguments_of(DOUBLED_SLASHES.sub("/", path)).values():
            if isinstance(value, Secret):
                redact(request, value if value in path else path)


def _arguments_of(path: str) -> dict[str, Any]:
    with suppress(Resolver404):
        return resolve(path).kwargs
    return {}
