"""Limit the requests of a user, or of an IP address without a login, by scope, with a throttle of DRF.

    sign     return a URL or the content of a file    bucket   create or delete buckets
    upload   start, store, complete, delete           share    create, follow and revoke share links
    list     list anything

S3_FILE_UPLOADER_THROTTLE_RATES has the rates. The host's own throttles apply, too. Requests are counted in the default
cache, so several processes need a shared cache.
https://www.django-rest-framework.org/api-guide/throttling/
"""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from ..conf import conf
from .requests.client_ip import get_client_address

# Scopes with the actions of the audit trail that they limit.
ACTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "sign": (
        *("file_presign", "file_get", "file_download", "upload_parts_sign", "uppy_sign"),
        *("token_create", "token_revoke", "uppy_missing"),
    ),
    "upload": ("file_upload", "upload_start", "upload_complete", "upload_abort", "file_delete"),
    "list": (
        *("bucket_list", "object_list", "folder_list", "upload_list", "upload_get", "upload_parts"),
        *("token_list", "share_list", "usage_get"),
    ),
    "bucket": ("bucket_create", "bucket_remove"),
    "share": ("share_create", "share_follow", "share_revoke", "share_missing"),
}
SCOPE_OF = {action: scope for scope, actions in ACTIONS_OF.items() for action in actions}


class ServiceThrottle(SimpleRateThrottle):
    """Count the requests of one scope. `health/` has no scope."""

    def __init__(self, scope: str, rate: str) -> None:
        """Set the scope, and its rate from the settings."""
        self.rate = rate
        self.scope = f"s3_file_uploader.{scope}"
        super().__init__()

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return the key under which the requests of one user, or of one IP address without a login, are counted.

        NUM_PROXIES decides which entry of X-Forwarded-For is the address. DRF's own `get_ident` uses the whole header
        if NUM_PROXIES is not set, so a client could send another header with each request to escape the limit.
        """
        user_id = getattr(request.user, "pk", None)
        who = f"address.{get_client_address(request)}" if user_id is None else f"user.{user_id}"
        return self.cache_format % {"scope": self.scope, "ident": quote(who)}

    def wait(self) -> float:
        """Return the seconds until the next request is allowed, or the whole period if DRF cannot tell.

        DRF cannot tell if the rate was lowered while requests were counted.
        """
        seconds = super().wait()
        return float(cast(Any, self).duration) if seconds is None else seconds


def build_throttles(action: str) -> list[ServiceThrottle]:
    """Return the throttle of an action of the audit trail, or nothing if the settings have no rate for its scope."""
    scope = SCOPE_OF.get(action, "")
    rate = conf.throttle_rates.get(scope)
    return [ServiceThrottle(scope, rate)] if rate else []
