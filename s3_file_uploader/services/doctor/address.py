"""Examine the address of the service as its clients reach it: TLS, proxies, and whether they pass bodies on at once."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from django.urls import reverse

from ...conf import conf, is_http_url, is_unguarded
from ...policy.bucket_policy import get_policy
from ...values import MAX_PUT_BYTES
from .case import Case
from .findings import Diagnosis, Status, failure, ok, warning

PATIENCE_SECONDS = 5.0
ALIVE = 200
TOO_LARGE = 413
REDIRECTS = range(300, 400)
REFUSED = (400, 401, 403, 404)
BUFFERING = (
    "Let the proxy pass bodies on while they arrive (nginx: proxy_request_buffering off), and serve by WSGI, or by "
    "s3_file_uploader.asgi."
)
COLLECTING = (
    "Slow clients then hold no thread, but the proxy needs room for all bodies. If you did not choose this: nginx, "
    "proxy_request_buffering off; serve by WSGI, or by s3_file_uploader.asgi."
)
NO_ADDRESS = "needs: --url, or S3_FILE_UPLOADER_URL"


def examine_address(case: Case) -> Iterator[Diagnosis]:
    """Ask `health/live/`, then begin an upload without credentials, and wait if the refusal comes before the body."""
    if not case.address:
        yield Diagnosis("address", Status.NOT_TRIED, NO_ADDRESS)
        return
    if not is_http_url(case.address):
        yield failure("address", f"{case.address[:80]!r} is no URL", "Give one such as https://files.example.com.")
        return
    base = _find_base(case.address)
    url = f"{base.scheme}://{base.netloc}{base.path}"
    try:
        status, location = _ask_live(base)
    except (OSError, HTTPException) as error:
        yield failure("address", f"{url}: {_describe(error)}", "Check the name, the port, and that the service runs.")
        return
    if status in REDIRECTS:
        yield failure("address", f"{url}health/live/ redirects to {location[:80]}", "Give the address it redirects to.")
    elif status != ALIVE:
        advice = "Check the path, ALLOWED_HOSTS (400), and the proxy (502, 504)."
        yield failure("address", f"{url}health/live/ answers {status}", advice)
    else:
        yield _judge_scheme(url)
        yield _examine_buffering(case, base)


def _find_base(address: str) -> SplitResult:
    """Return the address of the service; without a path it is where this project has it."""
    url = urlsplit(address)
    path = url.path if url.path.strip("/") else reverse("s3_service-health").removesuffix("health/")
    return url._replace(path=f"{path.rstrip('/')}/", query="", fragment="")


def _ask_live(base: SplitResult) -> tuple[int, str]:
    with closing(_connect(base)) as connection:
        connection.request("GET", f"{base.path}health/live/")
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", "")


def _judge_scheme(url: str) -> Diagnosis:
    if is_unguarded(url):
        return warning(
            "address", f"{url} answers, in plain http", "Serve by https: tokens and files cross the network."
        )
    return ok("address", f"{url} answers")


def _examine_buffering(case: Case, base: SplitResult) -> Diagnosis:
    """Announce the largest file, send one byte of it, and wait for the refusal."""
    size = _find_largest(case)
    with closing(_connect(base)) as connection:
        connection.putrequest("PUT", f"{base.path}buckets/s3-doctor/files/s3_doctor.txt/")
        connection.putheader("Content-Length", str(size))
        connection.putheader("Content-Type", "application/octet-stream")
        try:
            connection.endheaders(b"x")
            answer: HTTPResponse = connection.getresponse()
        except TimeoutError:
            return warning("proxy", "bodies are collected before the service sees them", COLLECTING)
        except (OSError, HTTPException) as error:
            return warning("proxy", f"an upload ends without an answer: {_describe(error)}", BUFFERING)
    if answer.status == TOO_LARGE:
        advice = "Raise the limit of the proxy (nginx: client_max_body_size), or set max_file_bytes in a policy."
        return warning("proxy", f"a file of {size // 2**20} MiB is refused with 413", advice)
    if answer.status in REFUSED:
        return ok("proxy", "passes bodies on while they arrive")
    return warning("proxy", f"an upload without credentials is answered with {answer.status}", BUFFERING)


def _find_largest(case: Case) -> int:
    """Return the size of the largest file that the policy of the bucket allows, at most 5 GiB."""
    largest = get_policy(None, case.bucket).max_file_bytes
    return MAX_PUT_BYTES if largest is None else min(largest, MAX_PUT_BYTES)


def _connect(base: SplitResult) -> HTTPConnection:
    host = base.hostname or ""
    if base.scheme == "https":
        context = ssl.create_default_context(cafile=conf.ca_bundle)
        return HTTPSConnection(host, base.port, timeout=PATIENCE_SECONDS, context=context)
    return HTTPConnection(host, base.port, timeout=PATIENCE_SECONDS)


def _describe(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is refused: {error.verify_message}"
        case socket.gaierror():
            return "the name of the host has no address"
        case TimeoutError():
            return "no answer in time"
        case OSError() if error.strerror:
            return error.strerror.lower()
    return type(error).__name__
