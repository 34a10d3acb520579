"""System checks of the settings of scanners.

E030 scanners that are none     E032 no such task backend    W012 the task backend scans in requests, or never
E031 no address of ClamAV       E033 unknown rule            E034 number out of range
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..conf import conf
from ..values import MAX_OBJECT_BYTES

# https://docs.clamav.net/manual/Usage/Configuration.html : ClamAV looks at no more of a file.
MAX_CLAMAV_BYTES = 2**31 - 1
MAX_PORT = 65_535
TASKS = ("django.tasks", "django_tasks")
NUMBERS: dict[str, tuple[float, float]] = {
    "scan_in_request_bytes": (0, MAX_OBJECT_BYTES),
    "clamav_timeout_seconds": (0.1, 3600),
    "clamav_max_bytes": (1, MAX_CLAMAV_BYTES),
}
ELSEWHERE = "Name one whose tasks are done by workers, such as a database or Celery."


@register(Tags.security)
def scanners_check(**kwargs: Any) -> list[CheckMessage]:
    """E030 to E034, W012."""
    return [*_scanners(), *_address(), *task_backend_messages(), *_rule(), *_numbers()]


def _scanners() -> Iterator[CheckMessage]:
    paths = conf.scanner_paths
    if not isinstance(paths, list | tuple):
        yield _error("E030", "S3_FILE_UPLOADER_SCANNERS is not a list.", "Give a list of dotted paths of classes.")
        return
    for path in paths:
        try:
            if not callable(getattr(import_string(path)(), "scan", None)):
                yield _error("E030", f"{path!r} has no method `scan`.", "See s3_file_uploader.scanners.Scanner.")
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            yield _error("E030", f"{path!r} is no scanner that can be made.", str(error))


def _address() -> Iterator[CheckMessage]:
    address = conf.clamav_address
    host, _, port = address.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT
    if not (address.startswith("/") or (host and is_port)):
        hint = "Give the path of its socket, such as /run/clamav/clamd.ctl, or host:port."
        yield _error("E031", "S3_FILE_UPLOADER_CLAMAV_ADDRESS is no address.", hint)


def task_backend_messages(interfaces: Sequence[str] = TASKS) -> Iterator[CheckMessage]:
    """Yield what is wrong with the task backend.

    Args:
        interfaces: the modules of which the first that is installed has the tasks.
    """
    alias = conf.scan_task_backend
    if alias is None:
        return
    name = next((name for name in interfaces if find_spec(name)), None)
    if name is None:
        yield _error("E032", "There are no tasks to scan files with.", "Install django-tasks, or use Django 6.0.")
        return
    tasks = import_module(name)
    try:
        backend = type(tasks.task_backends[alias]).__name__
        import_module("..scan_tasks", __package__)
    except (ImproperlyConfigured, TypeError) as error:
        yield _error("E032", "S3_FILE_UPLOADER_SCAN_TASK_BACKEND names no backend of TASKS.", str(error))
        return
    if backend in ("ImmediateBackend", "DummyBackend"):
        yield CheckWarning(
            f"The {backend} of tasks scans in the request, or never.", hint=ELSEWHERE, id="s3_file_uploader.W012"
        )


def _rule() -> Iterator[CheckMessage]:
    if conf.scan_too_large not in ("wait", "pass"):
        yield _error("E033", "S3_FILE_UPLOADER_SCAN_TOO_LARGE is unknown.", "Set it to wait or pass.")


def _numbers() -> Iterator[CheckMessage]:
    for name, (low, high) in NUMBERS.items():
        try:
            fits = low <= getattr(conf, name) <= high
        except (TypeError, ValueError):
            fits = False
        if not fits:
            setting = f"S3_FILE_UPLOADER_{name.upper()}"
            yield _error("E034", f"{setting} cannot be used.", f"Give a number from {low} to {high}.")


def _error(number: str, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"s3_file_uploader.{number}")
