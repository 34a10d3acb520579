"""moto as an HTTP server in this process: it keeps CORS rules and takes session tokens, but checks no signatures."""

from threading import Thread
from typing import Any, Self

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from s3_file_uploader.embedded import LOOPBACK


class MotoServer:
    """The server, and the settings with which the app uses it; it forgets everything at the end of the `with` block."""

    def __init__(self, *, access_key_id: str, secret_access_key: str) -> None:
        """Set the keys that clients send."""
        self._keys = {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key}
        self._is_open = False

    def environment(self) -> dict[str, str]:
        """Return the variables with which the app uses this store."""
        return {"AWS_STORAGE_REGION": "us-east-1", "AWS_S3_ENDPOINT_URL": self._url, **self._keys}

    def __enter__(self) -> Self:
        self._server = make_server(LOOPBACK, 0, DomainDispatcherApplication(create_backend_app), threaded=True)
        self._url = f"http://{LOOPBACK}:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()
        self._is_open = True
        return self

    def __exit__(self, *error: Any) -> None:
        if self._is_open:
            self._is_open = False
            httpx.post(f"{self._url}/moto-api/reset").raise_for_status()
            self._server.shutdown()
            self._server.server_close()
