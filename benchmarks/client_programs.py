"""Node.js and Chromium with an upload client in them, and what their processes cost."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

from tests.support.programs import node

from .chromium import Page, opened
from .errors import ContenderFailed
from .processes import running
from .servers import ASKED_FIRST, CLIENTS, Server
from .stage import Stage
from .upload_clients import UploadClient

SHOWN_CHARACTERS = 2000
INPUT = '<input type="file" multiple>'


@dataclass
class Program:
    """A program with a client in it.

    Attributes:
        processes: its processes.
        page: the one that runs the client's JavaScript.
        choose: hands it files.
        send: uploads them, and returns when the client says that they are stored.
    """

    processes: tuple[int, ...]
    page: int
    choose: Callable[[Sequence[Path]], None]
    send: Callable[[], object]


Start = Callable[[UploadClient, Stage, Server], AbstractContextManager[Program]]


@contextmanager
def in_node(client: UploadClient, stage: Stage, server: Server) -> Iterator[Program]:
    """Run the client in Node.js until the block ends."""
    log = stage.folder / "client.log"
    environment = {**stage.environment, "CLIENT_CONFIG": json.dumps(client.config(stage, server))}
    command = [node().path, str(CLIENTS / "contenders" / f"{client.script}.node.js")]
    with (
        log.open("wb") as errors,
        running(command, env=environment, stdin=PIPE, stdout=PIPE, stderr=errors, bufsize=1) as process,
    ):
        lines = _Lines(process, log)
        lines.send()  # Nothing yet: the answer tells that the client is loaded.
        yield Program((process.pid,), process.pid, lines.choose, lines.send)


@dataclass
class _Lines:
    """The protocol of `run.node.js`."""

    process: "Popen[str]"
    log: Path
    files: list[str] = field(default_factory=list)

    def choose(self, files: Sequence[Path]) -> None:
        self.files = [str(file) for file in files]

    def send(self) -> None:
        print(json.dumps(self.files), file=self.process.stdin)
        if not (self.process.stdout and self.process.stdout.readline()):
            raise ContenderFailed(self.log.read_text()[-SHOWN_CHARACTERS:])


def in_chromium(pages: Path) -> Start:
    """Return what runs a client in a page of a fresh Chromium.

    Args:
        pages: the folder with the bundled scripts.
    """

    @contextmanager
    def start(client: UploadClient, stage: Stage, server: Server) -> Iterator[Program]:
        # Any page of the server: its origin is the page's.
        with opened(server.url + ASKED_FIRST, INPUT) as page:
            page.evaluate((pages / f"{client.script}.page.js").read_text())
            page.evaluate(f"connect({json.dumps(client.config(stage, server))})")
            yield _program(page)

    return start


def _program(page: Page) -> Program:
    processes = page.processes()
    renderers = [number for number, kind in processes.items() if kind == "renderer"]
    if len(renderers) != 1:
        raise ContenderFailed(f"Chromium has {len(renderers)} processes for one page")
    return Program(tuple(processes), renderers[0], page.choose, lambda: bool(page.evaluate("send()")))
