"""boto3 in its own process, which obeys commands on its standard input: `upload KEY PATH`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, cast

from .errors import ContenderFailed
from .meters import Meter, memory_mib, rest
from .processes import ROOT, running
from .store import BUCKET, client_of

DONE = "done"


class Sdk:
    """The other end of such a process."""

    def __init__(self, process: "Popen[str]") -> None:
        """Take the process, which must have both pipes."""
        self.pid = process.pid
        self._orders = cast("IO[str]", process.stdin)
        self._answers = cast("IO[str]", process.stdout)

    def do(self, verb: str, key: str, path: Path) -> None:
        """Upload the file to the key, or download the key to the file, and wait.

        Raises:
            ContenderFailed: boto3 failed. Standard error has the traceback.
        """
        print(verb, key, path, file=self._orders, flush=True)
        if self._answers.readline().strip() != DONE:
            raise ContenderFailed(f"boto3 could not {verb} {key}")


@contextmanager
def warm_sdk(
    verb: str, environment: Mapping[str, str], *, files: Sequence[tuple[str, Path]]
) -> Iterator[tuple[Sdk, Meter]]:
    """Start boto3, warm it up, and yield it with a meter that has just started.

    Args:
        verb: `upload` or `download`.
        environment: the environment of a stage.
        files: keys and paths for the warm-up. The memory after the first, small one counts as idle.
    """
    with _sdk(environment) as boto3:
        first, *others = files
        boto3.do(verb, *first)
        idle_mib = memory_mib(boto3.pid)
        for file in others:
            boto3.do(verb, *file)
        rest()
        yield boto3, Meter([boto3.pid], idle_mib=idle_mib)


@contextmanager
def _sdk(environment: Mapping[str, str]) -> Iterator[Sdk]:
    """Start boto3 with its client, and end it with the block."""
    command = [sys.executable, "-m", "benchmarks.sdk"]
    with running(command, cwd=ROOT, env=environment, stdin=PIPE, stdout=PIPE) as process:
        yield Sdk(process)


def main() -> None:
    """Obey one line after the other."""
    client = client_of()
    for line in sys.stdin:
        verb, key, path = line.rstrip("\n").split(" ", 2)
        if verb == "upload":
            client.upload_file(path, BUCKET, key)
        else:
            client.download_file(BUCKET, key, path)
        print(DONE, flush=True)


if __name__ == "__main__":
    main()
