"""System checks of the settings of uploads, records and downloads. `store.py` and `api.py` check the other settings.

E005 number out of range        E012 strategy unknown               E035 audit or metrics malformed
E007 deletion rule unknown      E013 prefix cannot begin a key      W001 download folder not set
E008 allowed buckets no list    E014 upload expires before its URLs W002 download folder not writable
E009 claim shorter than a call                                      W009 setting unknown
"""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register

from ..conf import OWN_NAMES, PREFIX, conf
from ..exceptions import StorageNotConfigured
from ..policy.names import MAX_PREFIX_BYTES, is_key_prefix
from ..values import MAX_EXPIRATION_SECONDS, MAX_PART_BYTES, MAX_PUT_BYTES, MIN_PART_BYTES
from .messages import build_error, build_warning

STRATEGIES = ("put", "post", "multipart")
NUMBERS: dict[str, tuple[float, float]] = {
    "connect_timeout_seconds": (0.1, 60),
    "read_timeout_seconds": (0.1, 600),
    "max_attempts": (1, 10),
    "max_pool_connections": (1, 10_000),
    "retry_after_seconds": (1, 3600),
    "part_size_bytes": (MIN_PART_BYTES, MAX_PART_BYTES),
    "claim_seconds": (60, 86_400),
    "idempotency_seconds": (60, 31_536_000),
    "body_timeout_seconds": (0.1, 3600),
    "form_timeout_seconds": (0.1, 86_400),
    "client_timeout_seconds": (0.1, 86_400),
    "download_max_bytes": (0, 2**60),
    "download_days": (0, 36_500),
    "client_bytes_per_second": (1, 1_000_000),
    "asgi_streams": (0, 10_000),
    "redirect_expiration_seconds": (1, MAX_EXPIRATION_SECONDS),
    "direct_part_size_bytes": (MIN_PART_BYTES, MAX_PART_BYTES),
    "direct_multipart_from_bytes": (0, MAX_PUT_BYTES),
    "direct_url_expiration_seconds": (1, MAX_EXPIRATION_SECONDS),
    "direct_expiration_seconds": (60, 31_536_000),
    "direct_max_seconds": (60, 31_536_000),
    "uppy_token_max_seconds": (1, 31_536_000),
    "share_max_seconds": (1, 315_360_000),
    "unattached_seconds": (60, 315_360_000),
}
# These settings may be None.
OPTIONAL = frozenset({"direct_part_size_bytes", "download_max_bytes", "download_days", "unattached_seconds"})
MAX_AUDIT_DAYS = 36_500


@register(Tags.compatibility)
def check_numbers(**kwargs: Any) -> list[CheckMessage]:
    """Check that each number is in range (E005), and that a claim outlasts one call to S3 (E009).

    A claim that expires during a call would let two requests write to one key.
    """
    if messages := _check_ranges():
        return messages
    longest_call = conf.max_attempts * (conf.connect_timeout_seconds + conf.read_timeout_seconds)
    if conf.claim_seconds <= longest_call:
        hint = f"Give more than {longest_call:.0f} seconds: one call to S3 may take so long with all its attempts."
        return [build_error("E009", "S3_FILE_UPLOADER_CLAIM_SECONDS is too short.", hint)]
    return []


@register(Tags.compatibility)
def check_direct_uploads(**kwargs: Any) -> list[CheckMessage]:
    """Check the strategies (E012), the key prefix (E013) and the life times (E014) of direct uploads."""
    messages: list[CheckMessage] = []
    strategies = conf.direct_strategies
    is_list = isinstance(strategies, list | tuple) and len(strategies) > 0
    if not is_list or any(strategy not in STRATEGIES for strategy in strategies):
        hint = "Give a list of one or more of put, post and multipart."
        messages.append(build_error("E012", "S3_FILE_UPLOADER_DIRECT_STRATEGIES is not a list of strategies.", hint))
    if not is_key_prefix(conf.direct_prefix):
        hint = f"Give folders that end in a slash, such as uploads/, of at most {MAX_PREFIX_BYTES} bytes, or nothing."
        messages.append(build_error("E013", "S3_FILE_UPLOADER_DIRECT_PREFIX cannot begin an object key.", hint))
    for longer, shorter in (
        ("direct_expiration_seconds", "direct_url_expiration_seconds"),
        ("direct_max_seconds", "direct_expiration_seconds"),
    ):
        are_in_range = all(_is_in_range(name, *NUMBERS[name]) for name in (longer, shorter))
        if are_in_range and getattr(conf, longer) < getattr(conf, shorter):
            hint = f"Give at least S3_FILE_UPLOADER_{shorter.upper()}."
            messages.append(build_error("E014", f"S3_FILE_UPLOADER_{longer.upper()} is too short.", hint))
    return messages


@register(Tags.compatibility)
def check_choices(**kwargs: Any) -> list[CheckMessage]:
    """Check the rule for deleted users (E007) and the allowed buckets (E008)."""
    messages: list[CheckMessage] = []
    if conf.when_user_deleted not in ("keep", "protect", "delete"):
        hint = "Set it to keep, protect or delete."
        messages.append(build_error("E007", "S3_FILE_UPLOADER_WHEN_USER_DELETED is unknown.", hint))
    allowed = conf.allowed_buckets
    if allowed is not None and (isinstance(allowed, str) or not isinstance(allowed, Sequence)):
        hint = "Give a list of names or patterns, or None for every bucket."
        messages.append(build_error("E008", "S3_FILE_UPLOADER_ALLOWED_BUCKETS is not a list.", hint))
    return messages


@register(Tags.compatibility)
def check_audit(**kwargs: Any) -> list[CheckMessage]:
    """Check the settings of the audit rows and of the metrics (E035)."""
    messages: list[CheckMessage] = [
        build_error("E035", f"{PREFIX}{name} is not a boolean.", "Set it to True or False.")
        for name in ("AUDIT_ROWS", "METRICS_WAITING")
        if not isinstance(getattr(settings, f"{PREFIX}{name}", False), bool)
    ]
    days = conf.audit_days
    if days is not None and (type(days) is not int or not 1 <= days <= MAX_AUDIT_DAYS):
        hint = f"Give a whole number of days from 1 to {MAX_AUDIT_DAYS}, or None to keep the rows forever."
        messages.append(build_error("E035", "S3_FILE_UPLOADER_AUDIT_DAYS is out of range.", hint))
    return messages


@register(Tags.files)
def check_download_folder(**kwargs: Any) -> list[CheckMessage]:
    """Warn if the download folder is not set (W001) or not writable (W002)."""
    try:
        folder = conf.download_folder
    except StorageNotConfigured as error:
        return [build_warning("W001", "The download endpoint has no folder to save to.", str(error))]
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Create the folder, and give the user of the server process permission to write to it."
    return [build_warning("W002", "PATH_TO_SAVE_FILE is not a folder that the server may write to.", hint)]


@register(Tags.compatibility)
def check_names(**kwargs: Any) -> list[CheckMessage]:
    """Warn of settings that begin as those of this app and that it does not know (W009): they have no effect."""
    names = [name.removeprefix(PREFIX) for name in dir(settings) if name.startswith(PREFIX)]
    return [
        build_warning("W009", f"{PREFIX}{name} is not a setting of this app.", _suggest_name(name))
        for name in names
        if name not in OWN_NAMES
    ]


def _suggest_name(name: str) -> str:
    close = get_close_matches(name, OWN_NAMES, n=1)
    return f"Did you mean {PREFIX}{close[0]}?" if close else "Remove it: it has no effect."


def _check_ranges() -> list[CheckMessage]:
    return [
        build_error("E005", f"S3_FILE_UPLOADER_{name.upper()} is out of range.", f"Give a number from {low} to {high}.")
        for name, (low, high) in NUMBERS.items()
        if not _is_in_range(name, low, high)
    ]


def _is_in_range(name: str, low: float, high: float) -> bool:
    try:
        number = getattr(conf, name)
        return name in OPTIONAL if number is None else bool(low <= number <= high)
    except (TypeError, ValueError):
        return False
