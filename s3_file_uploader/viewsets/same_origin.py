"""Session cookies without a CSRF token, where the browser itself vouches for the page."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from .base import ServiceViewSet

SITE, DESTINATION = "Sec-Fetch-Site", "Sec-Fetch-Dest"


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
        """Refuse a GET that would write, if another site had it sent with the cookies of this one.

        Raises:
            PermissionDenied: so it is.
        """
        super().initial(request, *args, **kwargs)
        by_session = isinstance(request.successful_authenticator, SessionAuthentication)
        if by_session and self.action in self.writing_gets and request.headers.get(SITE) == "cross-site":
            raise PermissionDenied("Pages of another site cannot act with this session: send a token.")
