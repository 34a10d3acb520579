"""Security headers of the console. Its Content-Security-Policy names the addresses of the store."""

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.views.generic import View

from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..s3.client import find_bucket_place

# A header of more addresses could exceed the 8 KB that proxies allow, for it names each of them four times.
MAX_BUCKETS = 12


class SecuredView(View):
    """Add the headers to every response."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the response with the headers; a policy that the view set stays."""
        response = self.refuse(request) or cast(HttpResponse, super().dispatch(request, *args, **kwargs))
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", build_policy(()))
        return response

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to users who may not see this, None if they may."""
        return None


HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def find_origins(buckets: Iterable[str]) -> dict[str, str]:
    """Return the origin of the objects of each bucket, as clients reach it.

    All buckets of a store in path style share one origin, and each has its own in virtual-host style. A bucket whose
    address cannot be found is left out.

    Args:
        buckets: names, the most important ones first. The buckets with the first `MAX_BUCKETS` addresses are returned.
    """
    origins: dict[str, str] = {}
    for bucket in buckets:
        try:
            origin = find_bucket_place(bucket, endpoint_url=conf.public_endpoint_url).origin
        except S3FileUploaderError:
            continue
        if origin not in origins.values() and len(set(origins.values())) == MAX_BUCKETS:
            break
        origins[bucket] = origin
    return origins


def build_policy(origins: Iterable[str]) -> str:
    """Return a Content-Security-Policy without `unsafe-inline` and `unsafe-eval`.

    https://www.w3.org/TR/CSP3/

    Args:
        origins: origins of the store.
    """
    store = " ".join(sorted(set(origins)))
    own = f"'self' {_static_origin()}".rstrip()
    directives = {
        "default-src": "'none'",
        "script-src": own,
        "style-src": own,
        "img-src": f"{own} blob: {store}",
        "media-src": f"'self' blob: {store}",
        "frame-src": store or "'none'",
        "connect-src": f"'self' {store}",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value.rstrip()}" for name, value in directives.items())


def _static_origin() -> str:
    """Return the origin of the static files if it is another one, such as that of a CDN."""
    address = urlsplit(static("s3_file_uploader/console/console.js"))
    return f"{address.scheme or 'https'}://{address.netloc}" if address.netloc else ""
