"""Take part in each call of boto3: prepare the request, and report how the call ended.

https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
"""

from base64 import b64encode
from hashlib import md5
from time import perf_counter
from typing import Any

from ..request_id import get_request_id
from ..signals import s3_call_ended
from .errors import note_attempt

# botocore passes one context to all events of a call.
STARTED, ATTEMPTS = "s3_file_uploader_started", "s3_file_uploader_attempts"
# Many stores refuse these calls without Content-MD5; boto3 sends another checksum.
WITH_MD5 = ("PutBucketCors", "PutBucketLifecycleConfiguration")


def register_handlers(events: Any) -> None:
    """Register the handlers with the events of a new client."""
    events.register_first("needs-retry.s3", note_attempt)
    events.register("needs-retry.s3", _count_attempt)
    events.register_last("before-call.s3", _begin_call)
    events.register_last("request-created.s3", _name_request)  # botocore writes the user agent in this event, too.
    events.register("after-call.s3", _end_call)
    events.register("after-call-error.s3", _fail_call)
    for call in WITH_MD5:
        events.register(f"before-sign.s3.{call}", _add_content_md5)


def _begin_call(params: dict[str, Any], context: dict[str, Any], **_kwargs: Any) -> None:
    """Start the clock, and send the body at once.

    botocore would send `Expect: 100-continue` and wait for the response of the store.
    """
    context[STARTED] = perf_counter()
    params["headers"].pop("Expect", None)


def _name_request(request: Any, **_kwargs: Any) -> None:
    """Add the id of our request to the user agent, which the access logs of S3 have, as botocore adds metadata."""
    if request_id := get_request_id():
        agent = request.headers["User-Agent"]
        request.headers.replace_header("User-Agent", f"{agent} md/request-id#{request_id}")


def _count_attempt(attempts: int, request_dict: dict[str, Any], **_kwargs: Any) -> None:
    request_dict["context"][ATTEMPTS] = attempts


def _end_call(model: Any, http_response: Any, context: dict[str, Any], **_kwargs: Any) -> None:
    """Report a call that S3 answered; the body of the answer may still be on its way."""
    _report_call(model.name, str(http_response.status_code), context)


def _fail_call(event_name: str, exception: Exception, context: dict[str, Any], **_kwargs: Any) -> None:
    """Report a call without an answer."""
    _report_call(event_name.rpartition(".")[2], type(exception).__name__, context)


def _report_call(call: str, status: str, context: dict[str, Any]) -> None:
    if STARTED in context:  # A stub of a test answers before the call begins.
        seconds, retries = perf_counter() - context[STARTED], context.get(ATTEMPTS, 1) - 1
        s3_call_ended.send_robust(None, call=call, status=status, seconds=seconds, retries=retries)


def _add_content_md5(request: Any, **kwargs: Any) -> None:
    request.headers["Content-MD5"] = b64encode(md5(request.data, usedforsecurity=False).digest()).decode()
