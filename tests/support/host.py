"""The host project as a process of its own, with nothing of this machine's environment and no `.env`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.reaper import MARK

ROOT = Path(__file__).resolve().parents[2]


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Return what `manage.py` needs to run with a folder of its own."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", MARK) if name in os.environ}
    own = {"DATA_DIR": str(data_dir), "PYTHON_DOTENV_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
    return clean | own | variables


def python(data_dir: Path, *arguments: str, cwd: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run this Python, by default in the project's folder, until it ends."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
