"""Clients of an embedded S3, and processes that use it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import boto3
from botocore.config import Config

from s3_file_uploader.embedded import EmbeddedS3


def s3_of(store: EmbeddedS3, *, access_key_id: str = "", secret_access_key: str = ""):
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=access_key_id or store.identity.access_key_id,
        aws_secret_access_key=secret_access_key or store.identity.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def pid_of(store: EmbeddedS3) -> int:
    assert store.pid
    return store.pid


@contextmanager
def another_process(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the store in another process, which says its pid and serves until its standard input ends.

    The options are Python's.
    """
    code = f"""
import signal, sys
from pathlib import Path
from s3_file_uploader.embedded import EmbeddedS3
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup make test` has its children ignore it.
with EmbeddedS3(Path({str(folder)!r})) as store:
    print(store.pid or 0, flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, *options, "-c", code]
    process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def pid_said(process: "subprocess.Popen[str]") -> int:
    assert process.stdout
    return int(process.stdout.readline())
