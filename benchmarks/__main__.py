"""`python -m benchmarks`, which `make bench` runs: measure every part, or the named ones."""

import signal
import sys
import tempfile
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CalledProcessError
from typing import NoReturn

from s3_file_uploader.embedded import EmbeddedS3Error

from .contenders import KEYS
from .errors import ContenderFailed
from .options import Options
from .parts import PARTS

RESULTS = Path(__file__).parent / "results"
NO_FIGURES = (ContenderFailed, EmbeddedS3Error, CalledProcessError)


def main() -> None:
    """Measure each part in its own folder. Exit with 1 if a part could not be measured."""
    signal.signal(signal.SIGTERM, _unwind)
    options = _options()
    try:
        failed = [part for part in PARTS if part in (options.only or PARTS) and not _measured(part, options)]
    except KeyboardInterrupt:
        sys.exit("Interrupted: every process that was started has been ended.")
    if failed:
        sys.exit(f"No figures for: {', '.join(failed)}")


def _measured(part: str, options: Options) -> bool:
    with tempfile.TemporaryDirectory(prefix="benchmarks.") as base:
        folder = Path(base) / part
        folder.mkdir()
        try:
            PARTS[part](folder, options).write(options)
        except NO_FIGURES as error:
            print(f"{part}: {error}", file=sys.stderr)
            return False
    return True


def _options() -> Options:
    parser = ArgumentParser("benchmarks", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--size", dest="size_mib", type=_positive, default=1024, metavar="MIB", help="size of a large file")
    add("--rounds", type=_positive, default=5, help="how often each contender has its turn")
    add("--only", type=_names_from(PARTS), default=frozenset(), metavar="PARTS", help=f"of {', '.join(PARTS)}")
    add("--skip", type=_names_from(KEYS), default=frozenset(), metavar="KEYS", help=f"of {', '.join(sorted(KEYS))}")
    add("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where tables and drawings go")
    add("--requests", type=_positive, default=50, help="upload: requests of 1 MiB in a run")
    add("--seconds", type=float, default=5.0, help="small: length of a run")
    add("--slow-seconds", type=_positive, default=20, help="slow: how long an upload takes")
    add("--max-rows", type=_positive, default=1_000_000, help="listing, housekeeping: the longest list")
    add("--uploads", type=_positive, default=10_000, help="growth: how many")
    add("--files", type=_positive, default=1_000, help="client: number of small files")
    add("--load-clients", type=_positive, default=500, help="load: number of slow clients")
    add("--load-mib", type=_positive, default=20, help="load: size of the file of each")
    return Options(**vars(parser.parse_args()))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("give a number from 1")
    return number


def _names_from(known: Iterable[str]) -> Callable[[str], frozenset[str]]:
    def names(text: str) -> frozenset[str]:
        given = frozenset(filter(None, text.split(",")))
        if unknown := given - set(known):
            raise ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return given

    return names


def _unwind(*_signal: object) -> NoReturn:
    """End every started process, like Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
