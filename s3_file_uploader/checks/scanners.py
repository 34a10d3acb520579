"""System checks of the settings of scanners.

E030 scanner cannot be used     E032 task backend unknown    W012 task backend scans in requests, or never
E031 ClamAV address invalid     E033 rule unknown            E034 number out of range
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..conf import conf
from ..values import MAX_OBJECT_BYTES
from .messages import build_error, build_warning

# ClamAV scans no more bytes of a file: https://docs.clamav.net/manual/Usage/Configuration.html
MAX_CLAMAV_BYTES = 2**31 - 1
MAX_PORT = 65_535
TASKS = ("django.tasks", "django_tasks")
NUMBERS: dict[str, tuple[float, float]] = {
    "scan_in_request_bytes": (0, MAX_OBJECT_BYTES),
    "clamav_timeout_seconds": (0.1, 3600),
    "clamav_max_bytes": (1, MAX_CLAMAV_BYTES),
}
WORKERS_HINT = "Name a backend whose tasks run in workers, such as a database backend or Celery."


@register(Tags.security)
def check_scanners(**kwargs: Any) -> list[CheckMessage]:
    """Check the scanners (E030), ClamAV (E031), tasks (E032, W012), the size rule (E033) and numbers (E034)."""
    return [*_check_classes(), *_check_clamav_address(), *check_task_backend(), *_check_rule(), *_check_numbers()]


def _check_classes() -> Iterator[CheckMessage]:
    paths = conf.scanner_paths
    if not isinstance(paths, list | tuple):
        yield build_error("E030", "S3_FILE_UPLOADER_SCANNERS is not a list.", "Give a list of dotted paths of classes.")
        return
    for path in paths:
        try:
            if not callable(getattr(import_string(path)(), "scan", None)):
                yield build_error("E030", f"{path!r} has no method `scan`.", "See s3_file_uploader.scanners.Scanner.")
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            yield build_error("E030", f"{path!r} cannot be instantiated as a scanner.", str(error))


def _check_clamav_address() -> Iterator[CheckMessage]:
    address = conf.clamav_address
    host, _, port = address.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT
    if not (address.startswith("/") or (host and is_port)):
        hint = "Give the path of the daemon's socket, such as /run/clamav/clamd.ctl, or host:port."
        yield build_error("E031", "S3_FILE_UPLOADER_CLAMAV_ADDRESS is not an address.", hint)


def check_task_backend(interfaces: Sequence[str] = TASKS) -> Iterator[CheckMessage]:
    """Check the task backend.

    Args:
        interfaces: modules that may provide tasks. The first one that is installed is used.
    """
    alias = conf.scan_task_backend
    if alias is None:
        return
    name = next((name for name in interfaces if find_spec(name)), None)
    if name is None:
        yield build_error("E032", "Background tasks are not installed.", "Install django-tasks, or use Django 6.0.")
        return
    tasks = import_module(name)
    try:
        backend = type(tasks.task_backends[alias]).__name__
        import_module("..scan_tasks", __package__)
    except (ImproperlyConfigured, TypeError) as error:
        yield build_error("E032", "S3_FILE_UPLOADER_SCAN_TASK_BACKEND names no backend of TASKS.", str(error))
        return
    if backend in ("ImmediateBackend", "DummyBackend"):
        yield build_warning("W012", f"The task backend {backend} scans in the request, or never.", WORKERS_HINT)


def _check_rule() -> Iterator[CheckMessage]:
    if conf.scan_too_large not in ("wait", "pass"):
        yield build_error("E033", "S3_FILE_UPLOADER_SCAN_TOO_LARGE is unknown.", "Set it to wait or pass.")


def _check_numbers() -> Iterator[CheckMessage]:
    for name, (low, high) in NUMBERS.items():
        try:
            is_in_range = low <= getattr(conf, name) <= high
        except (TypeError, ValueError):
            is_in_range = False
        if not is_in_range:
            setting = f"S3_FILE_UPLOADER_{name.upper()}"
            yield build_error("E034", f"{setting} is out of range.", f"Give a number from {low} to {high}.")
