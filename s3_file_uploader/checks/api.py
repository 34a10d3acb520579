"""System checks of the settings of the API and its clients.

E006 dotted path cannot be used    E036 throttle rate unreadable      W014 cache counts throttles for each process
E015 Uppy's bucket is no bucket    E037 throttle scope unknown        W015 clients behind a proxy share an address
W005 Uppy's bucket is for staff    E043 service URL is no URL
"""

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

from ..api.throttling import ACTIONS_OF
from ..conf import conf, is_http_url
from ..exceptions import InvalidBucketName
from ..policy.names import validate_bucket_name
from .messages import build_error, build_warning

# The rates that Django REST framework can read: https://www.django-rest-framework.org/api-guide/throttling/
RATE = re.compile(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)


@register(Tags.compatibility)
def check_dotted_paths(**kwargs: Any) -> list[CheckMessage]:
    """Check the permission classes and the visibility function (E006)."""
    permissions = (conf.bucket_permission_paths, conf.file_permission_paths, conf.download_permission_paths)
    if not all(isinstance(paths, list | tuple) for paths in permissions):
        return [build_error("E006", "Permission classes are not a list.", "Give a list of dotted paths.")]
    messages: list[CheckMessage] = []
    for path in [*chain(*permissions), *filter(None, [conf.visible_to_path])]:
        try:
            if not callable(import_string(path)):
                messages.append(build_error("E006", f"{path!r} cannot be called.", "Name a class or a function."))
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            messages.append(build_error("E006", f"{path!r} cannot be imported.", str(error)))
    return messages


@register(Tags.compatibility)
def check_uppy(**kwargs: Any) -> list[CheckMessage]:
    """Check the name of Uppy's bucket (E015), and warn if only staff may use it (W005)."""
    bucket, allowed = conf.uppy_bucket_name, conf.allowed_buckets
    if bucket and not _is_bucket_name(bucket):
        hint = "Give the name of the bucket for the files from Uppy."
        return [build_error("E015", "S3_FILE_UPLOADER_UPPY_BUCKET is not the name of a bucket.", hint)]
    if bucket and isinstance(allowed, list | tuple) and not conf.bucket_is_allowed(bucket):
        hint = "Add it to S3_FILE_UPLOADER_ALLOWED_BUCKETS, or name a bucket of that list."
        return [build_warning("W005", "Only staff may use S3_FILE_UPLOADER_UPPY_BUCKET.", hint)]
    return []


@register(Tags.compatibility)
def check_throttles(**kwargs: Any) -> list[CheckMessage]:
    """Check the rates (E036) and scopes (E037) of throttles, and warn if processes do not share a cache (W014)."""
    name, rates = "S3_FILE_UPLOADER_THROTTLE_RATES", conf.throttle_rates
    if not isinstance(rates, Mapping):
        return [build_error("E036", f"{name} is not a mapping.", 'Give rates by scope, such as {"sign": "600/min"}.')]
    messages: list[CheckMessage] = []
    if unknown := [str(scope) for scope in rates if scope not in ACTIONS_OF]:
        hint = f"Remove {', '.join(unknown)}. The scopes are {', '.join(ACTIONS_OF)}."
        messages.append(build_error("E037", f"{name} names an unknown scope.", hint))
    for scope, rate in rates.items():
        if not isinstance(rate, str) or not RATE.fullmatch(rate):
            hint = "Give a number of 1 or more for each second, minute, hour or day, such as 600/min."
            messages.append(build_error("E036", f"{name} has an unreadable rate for {scope}.", hint))
    if rates and not messages and not conf.cache_is_shared:
        hint = "Set CACHES to a cache that all processes share, such as Redis, Memcached or DatabaseCache."
        messages.append(build_warning("W014", "Each process counts the requests of throttles separately.", hint))
    return messages


@register(Tags.compatibility)
def check_service_url(**kwargs: Any) -> list[CheckMessage]:
    """Check the address that `s3_doctor` asks (E043)."""
    if conf.service_url is None or is_http_url(conf.service_url):
        return []
    hint = "Give the address of the site as clients reach it, such as https://files.example.com, or None."
    return [build_error("E043", "S3_FILE_UPLOADER_URL is not a URL.", hint)]


@register(Tags.security)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Warn (W015) if the server is behind a proxy and the number of proxies is unknown."""
    is_behind_proxy = settings.USE_X_FORWARDED_HOST or settings.SECURE_PROXY_SSL_HEADER
    if not is_behind_proxy or api_settings.NUM_PROXIES is not None:
        return []
    hint = "Set NUM_PROXIES in REST_FRAMEWORK to the number of proxies in front of this server, usually 1."
    return [build_warning("W015", "Behind a proxy, all clients seem to have its address.", hint)]


def _is_bucket_name(name: str) -> bool:
    try:
        return bool(validate_bucket_name(name))
    except (InvalidBucketName, TypeError):
        return False
