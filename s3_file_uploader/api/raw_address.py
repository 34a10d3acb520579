"""Check the address of a request as the client sent it, before the server or Django decodes it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

# gunicorn sets the first; uWSGI, mod_wsgi and waitress set the second.
RAW_ADDRESSES = ("RAW_URI", "REQUEST_URI")


def path_is_utf8(meta: Mapping[str, Any], scope: Mapping[str, Any]) -> bool:
    """Return False if the path holds bytes that are not UTF-8; True if the server does not pass them on.

    Django percent-encodes such bytes anew, and ASGI servers replace them, so the decoded path shows no difference
    from a name that really holds the text.
    """
    raw = scope.get("raw_path") or next((meta[name] for name in RAW_ADDRESSES if meta.get(name)), "")
    sent = raw if isinstance(raw, bytes) else str(raw).encode("latin-1", "replace")
    try:
        unquote_to_bytes(sent.partition(b"?")[0]).decode()
    except UnicodeDecodeError:
        return False
    return True
