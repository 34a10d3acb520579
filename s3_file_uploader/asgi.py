"""Serve a project by ASGI, and stream uploads to S3 while they arrive.

    from s3_file_uploader.asgi import get_asgi_application                                # asgi.py
    application = get_asgi_application()

Django's own application collects a body before the view runs, in a temporary file if it is large.
"""

from typing import Any, cast

import django
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import Resolver404, resolve

from .api.requests.asgi_body import ArrivingBody, BodyReader
from .conf import conf

__all__ = ["UploadASGIHandler", "get_asgi_application"]


def get_asgi_application() -> "UploadASGIHandler":
    """Return the application; as `django.core.asgi.get_asgi_application`."""
    django.setup(set_prefix=False)
    return UploadASGIHandler()


class UploadASGIHandler(ASGIHandler):
    """Django's handler, except that uploads through this server are read while they arrive.

    An upload holds a thread until it ends. While S3_FILE_UPLOADER_ASGI_STREAMS uploads do, further ones are collected
    as Django does it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._streams = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, with its body as a stream if the action reads it itself."""
        if self._streams >= conf.asgi_streams or not _is_streamed(scope):
            await super().__call__(scope, receive, send)
            return
        self._streams += 1
        try:
            await super().__call__(scope, ArrivingBody(receive).receive_rest, send)
        finally:
            self._streams -= 1  # The thread of the request has ended.

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request, and end a read that still waits for its client."""
        try:
            await super().handle(scope, receive, send)
        finally:
            if body := _find_body(receive):
                body.stop()

    async def read_body(self, receive: Any) -> Any:
        """Return the stream from which the request is read."""
        body = _find_body(receive)
        return BodyReader(body) if body else await super().read_body(receive)


def _find_body(receive: Any) -> ArrivingBody | None:
    owner = getattr(receive, "__self__", None)
    return owner if isinstance(owner, ArrivingBody) else None


def _is_streamed(scope: Any) -> bool:
    """Return True if the action of this request reads the body itself."""
    if scope["type"] != "http":
        return False
    path = cast(str, scope["path"]).removeprefix(get_script_prefix(scope))
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    action = getattr(view, "actions", {}).get(scope["method"].lower())
    return action in getattr(getattr(view, "cls", None), "streamed_actions", ())
