"""Node.js and Chromium with an upload client in them, and what their processes cost."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.support.programs import chromium, node

from .errors import ContenderFailed
from .processes import running
from .servers import ASKED_FIRST, CLIENTS, Server
from .stage import Stage
from .upload_clients import UploadClient

SHOWN_CHARACTERS = 2000
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    # A process that Chromium keeps for the next page would come and go during the measurement.
    "--disable-features=SpareRendererForSitePerProcess",
]
PAGE = '<input type="file" multiple>'


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
    send: Callable[[], None]


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
        lines.send()
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
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(self.files) + "\n")
        if not self.process.stdout.readline():
            raise ContenderFailed(self.log.read_text()[-SHOWN_CHARACTERS:])


def in_chromium(pages: Path) -> Start:
    """Return what runs a client in a page of a fresh Chromium.

    Args:
        pages: the folder with the bundled scripts.
    """

    @contextmanager
    def start(client: UploadClient, stage: Stage, server: Server) -> Iterator[Program]:
        with _launched() as browser:
            page = browser.new_context(bypass_csp=True).new_page()
            page.goto(server.url + ASKED_FIRST)  # Any page of the server: its origin is the page's.
            page.set_content(PAGE)
            page.add_script_tag(path=pages / f"{client.script}.page.js")
            page.evaluate("config => connect(config)", client.config(stage, server))
            yield _program(browser, page)

    return start


@contextmanager
def _launched() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        raise ContenderFailed("there is no Chromium: `make bench` brings one")
    with sync_playwright() as playwright:
        environment: Any = dict(program.environment)
        browser = playwright.chromium.launch(
            executable_path=program.path, env=environment, args=CHROMIUM_ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


def _program(browser: Browser, page: Page) -> Program:
    described = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [process["id"] for process in described if process["type"] == "renderer"]
    if len(renderers) != 1:
        raise ContenderFailed(f"Chromium has {len(renderers)} processes for one page")

    def choose(files: Sequence[Path]) -> None:
        page.set_input_files("input", list(files))

    def send() -> None:
        try:
            page.evaluate("send()")
        except PlaywrightError as error:
            raise ContenderFailed(error.message[:SHOWN_CHARACTERS]) from error

    return Program(tuple(process["id"] for process in described), renderers[0], choose, send)
