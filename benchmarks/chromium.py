"""A page in Chromium, by the DevTools protocol over a pipe, and the processes of the browser.

No driver is in between: those listen to the network of a page, and Chromium then copies to them every request body that
lies in memory, which makes clients that send such bodies many times slower.
https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.programs import Program, chromium

from .errors import ContenderFailed
from .processes import running

# Chromium reads commands from descriptor 3 and writes to 4.
SHELL = 'exec "$@" 3</proc/self/fd/{commands} 4>/proc/self/fd/{answers}'
ARGUMENTS = (
    *("--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    # A process that Chromium keeps for the next page would come and go during the measurement.
    "--disable-features=SpareRendererForSitePerProcess",
)
END = b"\0"
READ_BYTES = 2**16
LOADED_WITHIN_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.05
SHOWN_CHARACTERS = 2000
INPUT = "document.querySelector('input')"


def find_chromium() -> Program:
    """Return the Chromium of this machine, or the one from npm.

    Raises:
        ContenderFailed: there is none.
    """
    program = chromium()
    if program is None:
        raise ContenderFailed("there is no Chromium: `make bench` brings one")
    return program


class DevTools:
    """A browser, as one of its clients sees it."""

    def __init__(self, commands: int, answers: int) -> None:
        """Take the descriptors of the two pipes."""
        self._commands, self._answers = commands, answers
        self._number, self._unread = 0, b""

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            ContenderFailed: the browser refuses it, or has died.
        """
        self._number += 1
        message = {
            "id": self._number,
            "method": method,
            "params": params,
            **({"sessionId": session} if session else {}),
        }
        _write(self._commands, json.dumps(message).encode() + END)
        while (answer := self._read()).get("id") != self._number:
            continue  # An event.
        if "error" in answer:
            raise ContenderFailed(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        pieces = [self._unread]
        while END not in pieces[-1]:
            piece = os.read(self._answers, READ_BYTES)
            if not piece:
                raise ContenderFailed("Chromium died")
            pieces.append(piece)
        message, _, self._unread = b"".join(pieces).partition(END)
        answer: dict[str, Any] = json.loads(message)
        return answer


@dataclass(frozen=True)
class Page:
    """A page of a browser."""

    tools: DevTools
    session: str

    def evaluate(self, script: str) -> dict[str, Any]:
        """Run JavaScript, and wait for its promise. Return the result as the protocol describes it.

        Raises:
            ContenderFailed: it throws.
        """
        answer = self.tools.call("Runtime.evaluate", self.session, expression=script, awaitPromise=True)
        if thrown := answer.get("exceptionDetails"):
            raise ContenderFailed(str(thrown["exception"].get("description", thrown))[:SHOWN_CHARACTERS])
        result: dict[str, Any] = answer["result"]
        return result

    def choose(self, files: Sequence[Path]) -> None:
        """Choose files for the only input, like a user."""
        chosen = self.evaluate(INPUT)["objectId"]
        self.tools.call("DOM.setFileInputFiles", self.session, files=[str(file) for file in files], objectId=chosen)

    def processes(self) -> dict[int, str]:
        """Return the kind of each process of the browser, by its id: `browser`, `renderer` and others."""
        described = self.tools.call("SystemInfo.getProcessInfo")["processInfo"]
        return {process["id"]: process["type"] for process in described}


@contextmanager
def opened(url: str, body: str) -> Iterator[Page]:
    """Open a page of the origin of a URL in a fresh browser, and close both with the block.

    Args:
        url: any address; what it answers does not matter.
        body: the HTML of the page.
    """
    with _started() as tools:
        target = tools.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(tools, tools.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        tools.call("Page.enable", page.session)
        tools.call("Page.setBypassCSP", page.session, enabled=True)
        tools.call("Page.navigate", page.session, url=url)
        _wait_for(page, f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
        page.evaluate(f"document.body.innerHTML = {json.dumps(body)}")
        yield page


def _wait_for(page: Page, condition: str) -> None:
    end = time.monotonic() + LOADED_WITHIN_SECONDS
    while not page.evaluate(condition)["value"]:
        if time.monotonic() > end:
            raise ContenderFailed("Chromium does not load the page")
        time.sleep(LOOK_AGAIN_SECONDS)


@contextmanager
def _started() -> Iterator[DevTools]:
    program = find_chromium()
    with ExitStack() as stack:
        profile = stack.enter_context(TemporaryDirectory(prefix="chromium.", ignore_cleanup_errors=True))
        (commands, to_browser), (from_browser, answers) = os.pipe(), os.pipe()
        stack.callback(os.close, to_browser)
        stack.callback(os.close, from_browser)
        shell = SHELL.format(commands=commands, answers=answers)
        command = ("sh", "-c", shell, "sh", program.path, *ARGUMENTS, f"--user-data-dir={profile}")
        ours = {"pass_fds": (commands, answers), "stdout": DEVNULL, "stderr": DEVNULL}
        stack.enter_context(running(command, env=program.environment, **ours))
        os.close(commands)
        os.close(answers)
        yield DevTools(to_browser, from_browser)


def _write(descriptor: int, message: bytes) -> None:
    while message:
        message = message[os.write(descriptor, message) :]
