"""The host project in a process of its own, without this machine's environment and without `.env`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.reaper import MARK

ROOT = Path(__file__).resolve().parents[2]


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Return the environment for `manage.py` with its own data folder."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", MARK) if name in os.environ}
    own = {"DATA_DIR": str(data_dir), "PYTHON_DOTENV_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
    return clean | own | variables


def python(data_dir: Path, *arguments: str, cwd: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python until it ends, by default in the folder of the project."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
