"""Run curl, which streams: several at once. A response without success is an error of the run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ContenderFailed
from .processes import running

# With `Expect:`, a large body would begin after a round trip, or after a second of waiting.
COMMAND = ("curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--header", "Expect:")
STATUS = ("--write-out", "\nHTTP %{http_code}")
SHOWN_CHARACTERS = 1000


@dataclass(frozen=True)
class Command:
    """The arguments of a curl command, and the file on its standard input, if any."""

    arguments: tuple[str, ...]
    body: Path | None = None

    def limited(self, rate: str) -> "Command":
        """Return the same command with a limited rate in bytes a second, such as 1M."""
        return Command(("--limit-rate", rate, *self.arguments), self.body)


def curl(*commands: Command) -> None:
    """Run all commands at once, and wait for them.

    Raises:
        ContenderFailed: a command failed. The others are ended.
    """
    with ExitStack() as stack:
        for process in [stack.enter_context(_started(command)) for command in commands]:
            said, complaint = process.communicate()
            if process.returncode:
                raise ContenderFailed(f"{complaint.strip()} {said.strip()}"[:SHOWN_CHARACTERS])


def headers(values: dict[str, str]) -> tuple[str, ...]:
    """Return the arguments that set headers."""
    return tuple(part for name, value in values.items() for part in ("--header", f"{name}: {value}"))


@contextmanager
def _started(command: Command) -> "Iterator[subprocess.Popen[str]]":
    with Path(command.body or os.devnull).open("rb") as body:
        pipes = {"stdin": body, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with running([*COMMAND, *STATUS, *command.arguments], **pipes) as process:
            yield process
