"""System check of the console.

W021 no session authenticates its requests
"""

from typing import Any, cast

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.urls import NoReverseMatch, reverse
from rest_framework.authentication import SessionAuthentication
from rest_framework.settings import api_settings

from .messages import build_warning


@register(Tags.urls)
def check_console(**kwargs: Any) -> list[CheckMessage]:
    """Warn (W021) if the project mounts the console, but no session authenticates its requests to the service."""
    if not _is_mounted() or any(issubclass(each, SessionAuthentication) for each in _list_authentication_classes()):
        return []
    hint = (
        "Add rest_framework.authentication.SessionAuthentication to DEFAULT_AUTHENTICATION_CLASSES in REST_FRAMEWORK. "
        "If a class of your own reads the session, silence this warning."
    )
    return [build_warning("W021", "No session authenticates the requests of the console.", hint)]


def _list_authentication_classes() -> list[type]:
    return cast("list[type]", api_settings.DEFAULT_AUTHENTICATION_CLASSES)  # The stubs describe the setting's paths.


def _is_mounted() -> bool:
    if not getattr(settings, "ROOT_URLCONF", None):  # A project without URLs, for workers and commands alone.
        return False
    try:
        return bool(reverse("s3_file_uploader_console:console"))
    except NoReverseMatch:
        return False
