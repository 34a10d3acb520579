"""From which address a request came, as far as the proxies can be believed that the settings count.

`NUM_PROXIES` of Django REST framework says how many stand before this server. Without it X-Forwarded-For is what the
client likes to write, so the address is that of the connection:
https://www.django-rest-framework.org/api-guide/throttling/#how-clients-are-identified
"""

from django.http import HttpRequest
from rest_framework.settings import api_settings


def client_address(request: HttpRequest) -> str:
    """Return the address, or nothing where the server tells none, as on a Unix socket."""
    connected = str(request.META.get("REMOTE_ADDR") or "")
    proxies, forwarded = api_settings.NUM_PROXIES, request.headers.get("X-Forwarded-For")
    if not proxies or not forwarded:
        return connected
    addresses = forwarded.split(",")
    return addresses[-min(proxies, len(addresses))].strip()
