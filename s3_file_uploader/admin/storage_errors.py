"""Show the errors of S3 as messages of the admin, and give the audit trail the address of the client."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from ..api.requests.client_ip import get_client_address
from ..exceptions import S3FileUploaderError
from ..services.audit.trail import use_client_address
from .links import build_url


def respond(model_admin: Any, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the response of a view, or redirect to the list with the error as a message."""
    try:
        with use_client_address(get_client_address(request)):
            return view()
    except S3FileUploaderError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(build_url(model_admin.admin_site, model_admin.model, "changelist"))
