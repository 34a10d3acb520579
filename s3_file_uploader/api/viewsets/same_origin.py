"""Session cookies without a CSRF token, where the browser itself vouches for the page."""

from copy import copy
from typing import Any, cast

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from .base import ServiceViewSet

SITE, DESTINATION = "Sec-Fetch-Site", "Sec-Fetch-Dest"
OTHER_SITES = ("cross-site", "same-site")


class SameOriginViewSet(ServiceViewSet):
    """For Uppy 6, which sends cookies to its own origin but can send no CSRF token.

    The token proves that a request was made by a page of this origin, and not by another that the browser sends
    cookies for. Browsers say so themselves, in a header that no page can write or change, because its name begins with
    `Sec-`: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    `same-origin` means scheme, host and port, over every redirect. `Sec-Fetch-Dest: empty` adds that a script asked, so
    that no form counts that somebody managed to put into a page. Whoever writes both headers without a browser has
    no cookies but his own. Where they are missing, as in old browsers and over plain http, the token is wanted.
    """

    writing_gets: tuple[str, ...] = ()

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Ask for no CSRF token where the headers say the same."""
        if request.headers.get(SITE) == "same-origin" and request.headers.get(DESTINATION) == "empty":
            request._dont_enforce_csrf_checks = True
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask for the same proof with a GET that writes as with a POST, if a session authenticates it.

        Raises:
            PermissionDenied: neither the browser vouches for a script of this origin nor is the CSRF token there.
        """
        super().initial(request, *args, **kwargs)
        if self.action in self.writing_gets and _is_by_session(request):
            posed = copy(request._request)  # Django asks for no token where the method is GET.
            posed.method, cast(Any, posed).csrf_processing_done = "PUT", False
            SessionAuthentication().enforce_csrf(cast(Any, posed))


def other_sites_refuse(request: Request) -> None:
    """Refuse a GET that another site had the browser send with a session of this one, as by a link or an image.

    Raises:
        PermissionDenied: so it is.
    """
    if _is_by_session(request) and request.headers.get(SITE) in OTHER_SITES:
        raise PermissionDenied("Pages of another site cannot act with this session: send a token.")


def _is_by_session(request: Request) -> bool:
    return isinstance(request.successful_authenticator, SessionAuthentication)
