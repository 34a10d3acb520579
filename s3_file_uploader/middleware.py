"""Middleware for the whole project of a host: put it first in MIDDLEWARE."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from .body_guard import TOO_SLOW, body_guard, close_cleanly


class RequestBodyMiddleware:
    """Guards the body of every request: of logins and of the admin, and where a middleware or no view answers.

    The viewsets of the app guard their own requests without it. Under ASGI there is nothing to do.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response, self._is_async = get_response, iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer, then clear away what is left of the body."""
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
