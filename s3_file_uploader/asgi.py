"""Serve a project by ASGI, and stream uploads to S3 while they arrive.

    from s3_file_uploader.asgi import get_asgi_application                                # asgi.py
    application = get_asgi_application()

Django's own application collects a body before the view runs, in a temporary file if it is large.
"""

import io
from typing import Any, cast

import django
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import Resolver404, resolve

from .api.requests.asgi_body import ArrivingBody
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

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        if self._streams >= conf.asgi_streams or not _is_streamed(scope):
            await super().handle(scope, receive, send)
            return
        body = ArrivingBody(receive)
        self._streams += 1
        try:
            await super().handle(scope, body.receive_rest, send)
        finally:
            self._streams -= 1
            body.stop()

    async def read_body(self, receive: Any) -> Any:
        """Return the stream from which the request is read."""
        body = getattr(receive, "__self__", None)
        return io.BufferedReader(body) if isinstance(body, ArrivingBody) else await super().read_body(receive)


def _is_streamed(scope: Any) -> bool:
    """Return True if the action of this request reads the body itself."""
    path = cast(str, scope["path"]).removeprefix(get_script_prefix(scope))
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    action = getattr(view, "actions", {}).get(scope["method"].lower())
    return action in getattr(getattr(view, "cls", None), "streamed_actions", ())
