"""How often one user, or one address without a login, may ask: by scope, with the machinery of Django REST framework.

    sign     give out a URL, or the bytes          bucket   create or remove buckets
    upload   start, store, complete, remove        share    make, follow and revoke share links
    list     show anything

Rates are those of S3_FILE_UPLOADER_THROTTLE_RATES; the host's own throttles stay as they are. Requests are counted in
the default cache, so several processes need one that they share.
https://www.django-rest-framework.org/api-guide/throttling/
"""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from ..conf import conf
from .requests.client_ip import get_client_address

# By what the audit trail calls an action.
ACTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "sign": (
        *("file_presign", "file_get", "file_download", "upload_parts_sign", "uppy_sign"),
        *("token_create", "token_revoke", "uppy_missing"),
    ),
    "upload": ("file_upload", "upload_start", "upload_complete", "upload_abort", "file_delete"),
    "list": (
        *("bucket_list", "object_list", "upload_list", "upload_get", "upload_parts"),
        *("token_list", "share_list", "usage_get"),
    ),
    "bucket": ("bucket_create", "bucket_remove"),
    "share": ("share_create", "share_follow", "share_revoke", "share_missing"),
}
SCOPE_OF = {action: scope for scope, actions in ACTIONS_OF.items() for action in actions}


class ServiceThrottle(SimpleRateThrottle):
    """Counts the requests of one scope; `health/` has none."""

    def __init__(self, scope: str, rate: str) -> None:
        """Take what the settings say of the scope."""
        self.rate = rate
        self.scope = f"s3_file_uploader.{scope}"
        super().__init__()

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return whose requests are counted together: a user's, wherever they come from, else an address's.

        The address is as far behind X-Forwarded-For as NUM_PROXIES says, and no further: DRF's own `get_ident` takes
        the whole header where that is not set, and so lets everybody write a new name for each request.
        """
        user_id = getattr(request.user, "pk", None)
        who = f"address.{get_client_address(request)}" if user_id is None else f"user.{user_id}"
        return self.cache_format % {"scope": self.scope, "ident": quote(who)}

    def wait(self) -> float:
        """Return for how many seconds to wait; where the rate was lowered, and DRF cannot tell, all of them."""
        seconds = super().wait()
        return float(cast(Any, self).duration) if seconds is None else seconds


def throttles_of(action: str) -> list[ServiceThrottle]:
    """Return the throttle of an action, named as in the audit trail; none where the settings have no rate for it."""
    scope = SCOPE_OF.get(action, "")
    rate = conf.throttle_rates.get(scope)
    return [ServiceThrottle(scope, rate)] if rate else []
