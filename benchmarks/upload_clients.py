"""Upload clients in JavaScript, each with the server that it needs: ours, and those of npm in `client/`."""

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.support.programs import node

from .contenders import OURS as BY_US
from .contenders import Figures
from .processes import ROOT
from .servers import CLIENTS, OURS, SERVICE, Server, npm_version, served, tus_served
from .stage import Stage
from .store import BUCKET

SERVER_PROCESSES, SERVER_THREADS = 2, 4
PACKAGE = ROOT / "clients" / "typescript" / "package.json"
BYTES_PER_KB = 1000


@dataclass(frozen=True)
class UploadClient:
    """One client. `script` is its name in `client/contenders/`, `serve` starts its server."""

    key: str
    name: str
    script: str
    serve: Callable[[Stage], AbstractContextManager[Server]]
    is_in_node: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    def config(self, stage: Stage, server: Server) -> dict[str, Any]:
        """Return what the script is told: the addresses of all servers, and credentials."""
        return {
            "bucket": BUCKET,
            "service": server.url + SERVICE,
            "token": stage.token,
            "tus": f"{server.url}/files",
            "store": _store(stage.environment),
            **({"uppy": _uppy_endpoint(stage, server)} if self.key == "uppy" else {}),
            **self.options,
        }


def _store(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "endpoint": environment["AWS_S3_ENDPOINT_URL"],
        "region": environment["AWS_STORAGE_REGION"],
        "credentials": {
            "accessKeyId": environment["AWS_ACCESS_KEY_ID"],
            "secretAccessKey": environment["AWS_SECRET_ACCESS_KEY"],
        },
    }


def _uppy_endpoint(stage: Stage, server: Server) -> str:
    """Return the address for Uppy that contains an upload token, because a page of the benchmark has no session."""
    url = f"{server.url}{SERVICE}uppy/tokens/"
    response = httpx.post(url, headers=stage.authorization, json={}, trust_env=False).raise_for_status()
    return str(response.json()["endpoint"])


def _service(stage: Stage) -> AbstractContextManager[Server]:
    shape = {"processes": SERVER_PROCESSES, "threads": SERVER_THREADS}
    return served(OURS, stage.environment, folder=stage.folder, **shape)


def _tus(stage: Stage) -> AbstractContextManager[Server]:
    return tus_served(stage.environment, folder=stage.folder)


def _named(package: str) -> str:
    return f"{package} {npm_version(CLIENTS, package)}"


VERSION = json.loads(PACKAGE.read_text())["version"]
DEFAULT = UploadClient("ours", f"{BY_US}client {VERSION}", "ours", _service)
PUT = UploadClient("put", f"{BY_US}straight to S3", "ours", _service, options={"via": "put"})
UPPY = UploadClient("uppy", _named("@uppy/aws-s3"), "uppy", _service, is_in_node=False)
TUS = UploadClient("tus", _named("tus-js-client"), "tus", _tus)
# Its page needs an origin, so it has the service, which gets no request.
LIB_STORAGE = UploadClient("lib-storage", _named("@aws-sdk/lib-storage"), "lib-storage", _service)
RIVALS = (UPPY, TUS, LIB_STORAGE)


def bundled(folder: Path) -> dict[str, list[Figures]]:
    """Bundle the page of each client into a folder. Return the kB of each, and of storage-js."""
    command = [node().path, str(CLIENTS / "bundle.js"), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    sizes: dict[str, dict[str, int]] = json.loads(done.stdout)
    names = {client.script: client.name for client in (DEFAULT, *RIVALS)} | {
        "storage-js": _named("@supabase/storage-js")
    }
    as_kb = partial(map, lambda item: (f"{item[0]}_kb", item[1] / BYTES_PER_KB))
    return {names[script]: [dict(as_kb(sizes[script].items()))] for script in names}
