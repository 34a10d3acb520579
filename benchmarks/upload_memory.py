"""Peak memory of the server while one large file comes in as form-data, beside a view that reads it whole.

Both run in gunicorn with one process and four threads, in front of the same embedded S3, one after the other.
Linux only: the peaks are VmHWM of /proc.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import django
import httpx

from s3_file_uploader.embedded import EmbeddedS3, free_port

SERVICE = "/modules/s3-file-uploader/service/"
ROOT = Path(__file__).parent.parent
MIB = 2**20


def main() -> None:
    """Print a table."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},")
    print(f"Django {django.__version__}, boto3 {boto3.__version__}; one form-data upload of {size} MiB\n")
    print("| server | idle MiB | peak MiB | over idle MiB | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, EmbeddedS3(Path(folder) / "s3") as store:
        environment = {**os.environ, **store.environment(), "DATA_DIR": folder, "DJANGO_LOG_LEVEL": "WARNING"}
        file = file_of(Path(folder) / "large.bin", size)
        token = prepared(environment)
        for name, wsgi in (("s3_file_uploader", "modules.wsgi"), ("read whole", "benchmarks.naive")):
            with served(wsgi, environment) as (url, worker):
                once(url, token, file.with_name("small.bin"))
                idle, started = memory(worker, "VmRSS"), time.perf_counter()
                once(url, token, file)
                seconds, peak = time.perf_counter() - started, memory(worker, "VmHWM")
            print(f"| {name} | {idle:.0f} | {peak:.0f} | {peak - idle:.0f} | {seconds:.1f} |")


def file_of(path: Path, size: int) -> Path:
    """Make a file of `size` MiB, and a small one beside it."""
    block = os.urandom(MIB)
    path.with_name("small.bin").write_bytes(block)
    with path.open("wb") as file:
        for _ in range(size):
            file.write(block)
    return path


def prepared(environment: dict[str, str]) -> str:
    """Make the database, a member of staff and a bucket; return the token."""
    script = (
        "from django.contrib.auth.models import User; from rest_framework.authtoken.models import Token;"
        "from s3_file_uploader import s3; s3.client().create_bucket(Bucket='benchmark');"
        "user = User.objects.create_user('benchmark', is_staff=True); print(Token.objects.create(user=user).key)"
    )
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    made = subprocess.run(
        [*manage, "shell", "-v0", "-c", script], env=environment, check=True, capture_output=True, text=True
    )
    return made.stdout.split()[-1]


@contextmanager
def served(wsgi: str, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve; yield the address and the pid of the worker."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", f"{wsgi}:application", "-b", f"127.0.0.1:{port}", "--threads", "4"]
    with subprocess.Popen(
        [*command, "--timeout", "600", "--log-level", "warning"], env=environment, cwd=ROOT
    ) as gunicorn:
        try:
            url = f"http://127.0.0.1:{port}{SERVICE}"
            until_it_answers(f"{url}health/")
            children = Path(f"/proc/{gunicorn.pid}/task/{gunicorn.pid}/children").read_text().split()
            yield url, int(children[0])
        finally:
            gunicorn.terminate()


def until_it_answers(url: str) -> None:
    """Wait half a minute at most."""
    for _ in range(300):
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def once(url: str, token: str, file: Path) -> None:
    """Upload with curl, which streams."""
    curl = ["curl", "-sS", "-f", "-o", os.devnull, "-H", f"Authorization: Token {token}", "-F", "bucket=benchmark"]
    subprocess.run(
        [*curl, "-F", "overwrite=true", "-F", f"file_name={file.name}", "-F", f"file=@{file}", f"{url}file/upload/"],
        check=True,
    )


def memory(pid: int, name: str) -> float:
    """Return VmRSS or VmHWM of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
