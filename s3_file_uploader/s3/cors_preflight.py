"""Send the requests of a browser before an upload to a store, and judge the responses as a browser does.

https://fetch.spec.whatwg.org/#cors-preflight-fetch . The requests have no credentials, so `*` is a wildcard in the
responses.
"""

from collections.abc import Iterable, Mapping, Sequence

from .plain_request import send_plainly

# https://fetch.spec.whatwg.org/#cors-safelisted-method : allowed whatever the response lists.
SAFELISTED_METHODS = ("GET", "HEAD", "POST")


def find_send_refusal(*, url: str, origin: str, method: str, headers: Sequence[str]) -> str:
    """Return the reason why a browser would not let a page send such a request, or "".

    Args:
        url: target of the request; only OPTIONS is sent to it.
        origin: origin of the page.
        method: method of the request that would follow.
        headers: its headers in lower case, without those that every page may send.

    Raises:
        StorageUnavailable: the store cannot be reached from here.
    """
    preflight = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        preflight["Access-Control-Request-Headers"] = ",".join(sorted(headers))
    status, answer, _ = send_plainly("OPTIONS", url, headers=preflight)
    if status not in range(200, 300):
        return f"the preflight is answered with {status}"
    if why := _find_origin_refusal(origin, answer):
        return why
    if method not in SAFELISTED_METHODS and _list_missing(answer, "Allow-Methods", [method]):
        return "the answer does not allow the method"
    missing = _list_missing(answer, "Allow-Headers", headers)
    return f"the answer does not allow {', '.join(missing)}" if missing else ""


def find_read_refusal(*, url: str, origin: str, names: Sequence[str]) -> str:
    """Return the reason why a page could not read these headers of the response to a GET, or "".

    Args:
        url: the signed URL that the page would use; the object need not exist.
        origin: origin of the page.
        names: names of the headers.

    Raises:
        StorageUnavailable: the store cannot be reached from here.
    """
    _, answer, _ = send_plainly("GET", url, headers={"Origin": origin})
    if why := _find_origin_refusal(origin, answer):
        return why
    hidden = _list_missing(answer, "Expose-Headers", names)
    return f"the answer does not expose {', '.join(hidden)}" if hidden else ""


def _find_origin_refusal(origin: str, answer: Mapping[str, str]) -> str:
    allowed = answer.get("Access-Control-Allow-Origin")
    if allowed in ("*", origin):
        return ""
    return f"the answer allows {allowed} alone" if allowed else "the answer allows no origin"


def _list_missing(answer: Mapping[str, str], header: str, names: Iterable[str]) -> list[str]:
    listed = {name.strip().lower() for name in answer.get(f"Access-Control-{header}", "").split(",")}
    return [] if "*" in listed else [name for name in names if name.lower() not in listed]
