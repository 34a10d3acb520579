"""Accept session cookies without a CSRF token if the browser vouches for the origin of the request."""

from copy import copy
from typing import Any, cast

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from .base import ServiceViewSet

SITE, DESTINATION = "Sec-Fetch-Site", "Sec-Fetch-Dest"
OTHER_SITES = ("cross-site", "same-site")


class SameOriginViewSet(ServiceViewSet):
    """Serve Uppy 6, which sends cookies to its own origin but cannot send a CSRF token.

    The token proves that a page of this origin made the request, not a page of another site. Browsers state the same
    in a header that no page can set, because its name begins with `Sec-`:
    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    `same-origin` covers scheme, host and port, over every redirect. `Sec-Fetch-Dest: empty` means that a script made
    the request, so an injected form does not count. A client without a browser can write both headers, but has no
    cookies of other users. Old browsers, and plain http, lack the headers; then the token is required.
    """

    writing_gets: tuple[str, ...] = ()

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Require no CSRF token if the headers prove the origin."""
        if request.headers.get(SITE) == "same-origin" and request.headers.get(DESTINATION) == "empty":
            request._dont_enforce_csrf_checks = True
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Require the same proof for a GET that writes as for a POST, if a session authenticates it.

        Raises:
            PermissionDenied: the request has neither the headers nor the CSRF token.
        """
        super().initial(request, *args, **kwargs)
        if self.action in self.writing_gets and _is_by_session(request):
            posed = copy(request._request)  # Django requires no token for GET.
            posed.method, cast(Any, posed).csrf_processing_done = "PUT", False
            SessionAuthentication().enforce_csrf(cast(Any, posed))


def refuse_other_sites(request: Request) -> None:
    """Refuse a GET with a session that a page of another site made the browser send, as by a link or an image.

    Raises:
        PermissionDenied: the request comes from another site.
    """
    if _is_by_session(request) and request.headers.get(SITE) in OTHER_SITES:
        raise PermissionDenied("Pages of another site cannot act with this session: send a token.")


def _is_by_session(request: Request) -> bool:
    return isinstance(request.successful_authenticator, SessionAuthentication)
