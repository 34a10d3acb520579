"""Serve addresses that hold a credential: an upload token, a ticket, or the secret of a share link."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ..authentication import redact
from .base import ServiceViewSet

IN_ADDRESS = ("token", "ticket", "share")


class SecretAddressViewSet(ServiceViewSet):
    """Read the credential from the address, redact it there, and forbid caches."""

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Keep the secret out of the logs from now on."""
        for name in IN_ADDRESS:
            if secret := self.kwargs.get(name):
                redact(request, secret)
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Forbid caches: a shared cache sees no credentials in the headers."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Cache-Control"] = "no-store"
        return final
