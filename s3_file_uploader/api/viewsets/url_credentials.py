"""Addresses that hold what opens something: an upload token, a ticket, or the secret of a share link."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ..authentication import redact
from .base import ServiceViewSet

IN_ADDRESS = ("token", "ticket", "share")


class SecretAddressViewSet(ServiceViewSet):
    """Reads what authenticates from the address, leaves none of it there, and has nobody keep an answer."""

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Keep the secret out of all that is logged from now on."""
        for name in IN_ADDRESS:
            if secret := self.kwargs.get(name):
                redact(request, secret)
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Forbid caches: a shared one would see no credentials in the headers."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer
