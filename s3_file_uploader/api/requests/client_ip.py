"""Find the IP address of the client, by as many proxies as the settings trust.

`NUM_PROXIES` of Django REST framework is the number of proxies before this server. Without it, a client can write any
X-Forwarded-For, so the address is that of the connection:
https://www.django-rest-framework.org/api-guide/throttling/#how-clients-are-identified
"""

from django.http import HttpRequest
from rest_framework.settings import api_settings


def get_client_address(request: HttpRequest) -> str:
    """Return the address, or an empty text if the server gives none, as on a Unix socket."""
    connected = str(request.META.get("REMOTE_ADDR") or "")
    proxies, forwarded = api_settings.NUM_PROXIES, request.headers.get("X-Forwarded-For")
    if not proxies or not forwarded:
        return connected
    addresses = forwarded.split(",")
    return addresses[-min(proxies, len(addresses))].strip()
