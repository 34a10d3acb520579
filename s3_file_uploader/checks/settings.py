"""System checks of the settings: what is missing, impossible or dangerous, before the first request finds out.

E001 W006 region missing     E005 number out of range        W001 download folder not set
E002 W007 half a pair of keys  E006 dotted path unreadable   W002 download folder not writable
E003 endpoint is no URL      E007 unknown deletion rule      W003 DEBUG beside AWS
E004 unknown address style   E008 allowed buckets no list    E009 claim shorter than a call
E010 origins no list of them E011 no number of days          W004 every site may upload
E012 unknown strategy        E013 prefix no part of a key    E014 upload expires before its URLs
E015 Uppy's bucket is none                                   W005 Uppy's bucket is for staff
E016 unknown ability of the store
E035 audit rows, not yes or no, or for no number of days       W014 throttles count for each process
E036 rate of a throttle unreadable                             W015 clients behind a proxy look alike
E037 no such scope of throttles

A setting that is impossible is an error. One that is only missing is a warning, since an error would stop `migrate` and
`test` of the whole project; `check --deploy` makes an error of it.

The checks of the policies, E020 to E024, W010 and W011, are in `policies.py`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

from ..api.throttling import ACTIONS_OF
from ..conf import conf
from ..exceptions import InvalidBucketName, InvalidField, StorageNotConfigured
from ..policy.names import MAX_PREFIX_BYTES, is_key_prefix, validate_bucket_name
from ..s3.cors_rules import EVERY_ORIGIN, origin_check
from ..values import ABILITIES, MAX_EXPIRATION_SECONDS, MAX_PART_BYTES, MAX_PUT_BYTES, MIN_PART_BYTES

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
    "redirect_expiration_seconds": (1, MAX_EXPIRATION_SECONDS),
    "direct_part_size_bytes": (MIN_PART_BYTES, MAX_PART_BYTES),
    "direct_multipart_from_bytes": (0, MAX_PUT_BYTES),
    "direct_url_expiration_seconds": (1, MAX_EXPIRATION_SECONDS),
    "direct_expiration_seconds": (60, 31_536_000),
    "direct_max_seconds": (60, 31_536_000),
    "uppy_token_max_seconds": (1, 31_536_000),
    "share_max_seconds": (1, 315_360_000),
}
# Those that need not be set, and have no value then.
OPTIONAL = frozenset({"direct_part_size_bytes", "download_max_bytes", "download_days"})

# As Django REST framework reads them, no more than it reads: https://www.django-rest-framework.org/api-guide/throttling/
RATE = re.compile(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)
CACHES_OF_ONE = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",  # Nobody counts at all.
)
MAX_ABORT_DAYS = 3650
MAX_AUDIT_DAYS = 36_500


@register(Tags.compatibility)
def region_check(**kwargs: Any) -> list[CheckMessage]:
    """W006."""
    return [_warning("W006", *missing) for missing in _missing_region()]


@register(Tags.compatibility, deploy=True)
def region_deploy_check(**kwargs: Any) -> list[CheckMessage]:
    """E001."""
    return [_error("E001", *missing) for missing in _missing_region()]


@register(Tags.security)
def credentials_check(**kwargs: Any) -> list[CheckMessage]:
    """W007."""
    return [_warning("W007", *missing) for missing in _missing_key()]


@register(Tags.security, deploy=True)
def credentials_deploy_check(**kwargs: Any) -> list[CheckMessage]:
    """E002."""
    return [_error("E002", *missing) for missing in _missing_key()]


@register(Tags.compatibility)
def endpoint_check(**kwargs: Any) -> list[CheckMessage]:
    """E003, E004."""
    found: list[CheckMessage] = []
    for name, url in (("endpoint_url", conf.endpoint_url), ("public_endpoint_url", conf.public_endpoint_url)):
        if url and not _is_endpoint(url):
            hint = "Give scheme, host and port alone, for example https://minio.example.com:9000."
            found.append(_error("E003", f"AWS_S3_{name.upper()} is not the address of a store.", hint))
    if conf.addressing_style not in ("auto", "path", "virtual"):
        hint = "Set it to path, virtual or auto, or leave it out."
        found.append(_error("E004", "AWS_S3_ADDRESSING_STYLE is unknown.", hint))
    return found


@register(Tags.compatibility)
def store_abilities_check(**kwargs: Any) -> list[CheckMessage]:
    """E016."""
    abilities = conf.store_abilities
    is_list = isinstance(abilities, list | tuple | set | frozenset)
    if is_list and all(isinstance(ability, str) and ability in ABILITIES for ability in abilities):
        return []
    hint = f"Give a list of some of {', '.join(sorted(ABILITIES))}; an empty one for a store that can do none of it."
    return [_error("E016", "S3_FILE_UPLOADER_STORE cannot be used.", hint)]


@register(Tags.compatibility)
def numbers_check(**kwargs: Any) -> list[CheckMessage]:
    """E005, E009: a claim that ends before a call does would let two requests write to one key."""
    if found := _impossible_numbers():
        return found
    longest_call = conf.max_attempts * (conf.connect_timeout_seconds + conf.read_timeout_seconds)
    if conf.claim_seconds <= longest_call:
        hint = f"Give more than the {longest_call:.0f} seconds that one call to S3 may take with all its attempts."
        return [_error("E009", "S3_FILE_UPLOADER_CLAIM_SECONDS is too short.", hint)]
    return []


@register(Tags.compatibility)
def direct_uploads_check(**kwargs: Any) -> list[CheckMessage]:
    """E012, E013, E014."""
    found: list[CheckMessage] = []
    strategies = conf.direct_strategies
    is_list = isinstance(strategies, list | tuple) and len(strategies) > 0
    if not is_list or any(strategy not in STRATEGIES for strategy in strategies):
        hint = "Give a list of one or more of put, post and multipart."
        found.append(_error("E012", "S3_FILE_UPLOADER_DIRECT_STRATEGIES cannot be used.", hint))
    if not is_key_prefix(conf.direct_prefix):
        hint = f"Give folders that end in a slash, such as uploads/, up to {MAX_PREFIX_BYTES} bytes; or nothing."
        found.append(_error("E013", "S3_FILE_UPLOADER_DIRECT_PREFIX cannot begin an object key.", hint))
    for longer, shorter in (
        ("direct_expiration_seconds", "direct_url_expiration_seconds"),
        ("direct_max_seconds", "direct_expiration_seconds"),
    ):
        if _both_possible(longer, shorter) and getattr(conf, longer) < getattr(conf, shorter):
            hint = f"Give at least S3_FILE_UPLOADER_{shorter.upper()}."
            found.append(_error("E014", f"S3_FILE_UPLOADER_{longer.upper()} is too short.", hint))
    return found


def _both_possible(*names: str) -> bool:
    return all(_is_between(name, *NUMBERS[name]) for name in names)


def _impossible_numbers() -> list[CheckMessage]:
    return [
        _error("E005", f"S3_FILE_UPLOADER_{name.upper()} cannot be used.", f"Give a number from {low} to {high}.")
        for name, (low, high) in NUMBERS.items()
        if not _is_between(name, low, high)
    ]


@register(Tags.compatibility)
def dotted_paths_check(**kwargs: Any) -> list[CheckMessage]:
    """E006."""
    named = (conf.bucket_permission_paths, conf.file_permission_paths, conf.download_permission_paths)
    if not all(isinstance(paths, list | tuple) for paths in named):
        return [_error("E006", "Permission classes are not a list.", "Give a list of dotted paths.")]
    paths = [*chain(*named), *filter(None, [conf.visible_to_path])]
    found: list[CheckMessage] = []
    for path in paths:
        try:
            if not callable(import_string(path)):
                found.append(_error("E006", f"{path!r} is neither a class nor a function.", "Name one of them."))
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            found.append(_error("E006", f"{path!r} cannot be imported.", str(error)))
    return found


@register(Tags.compatibility)
def choices_check(**kwargs: Any) -> list[CheckMessage]:
    """E007, E008."""
    found: list[CheckMessage] = []
    if conf.when_user_deleted not in ("keep", "protect", "delete"):
        hint = "Set it to keep, protect or delete."
        found.append(_error("E007", "S3_FILE_UPLOADER_WHEN_USER_DELETED is unknown.", hint))
    allowed = conf.allowed_buckets
    if allowed is not None and (isinstance(allowed, str) or not isinstance(allowed, Sequence)):
        hint = "Give a list of names or patterns, or None for every bucket."
        found.append(_error("E008", "S3_FILE_UPLOADER_ALLOWED_BUCKETS is not a list.", hint))
    return found


@register(Tags.security)
def cors_origins_check(**kwargs: Any) -> list[CheckMessage]:
    """E010, W004."""
    name, origins = "S3_FILE_UPLOADER_CORS_ORIGINS", conf.cors_origins
    if not isinstance(origins, list | tuple) or not all(isinstance(origin, str) for origin in origins):
        return [_error("E010", f"{name} is not a list of origins.", "Give a list such as ['https://app.example.com'].")]
    try:
        for origin in origins:
            origin_check(origin)
    except InvalidField as error:
        return [_error("E010", f"{name} names what is no origin.", str(error))]
    if EVERY_ORIGIN in origins:
        hint = "Name your own sites, unless pages of every site shall use what they get a signed URL for."
        return [_warning("W004", f"{name} opens new buckets to the pages of every site.", hint)]
    return []


@register(Tags.compatibility)
def abort_multipart_days_check(**kwargs: Any) -> list[CheckMessage]:
    """E011."""
    days = conf.abort_multipart_days
    if days is None or (type(days) is int and 1 <= days <= MAX_ABORT_DAYS):
        return []
    hint = f"Give a whole number of days from 1 to {MAX_ABORT_DAYS}, or None for no rule."
    return [_error("E011", "S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS cannot be used.", hint)]


@register(Tags.compatibility)
def uppy_check(**kwargs: Any) -> list[CheckMessage]:
    """E015, W005."""
    bucket, allowed = conf.uppy_bucket_name, conf.allowed_buckets
    if bucket and not _is_bucket_name(bucket):
        hint = "Give the name of the one bucket in which the files from Uppy shall lie."
        return [_error("E015", "S3_FILE_UPLOADER_UPPY_BUCKET cannot be a bucket.", hint)]
    if bucket and isinstance(allowed, list | tuple) and not conf.bucket_is_allowed(bucket):
        hint = "Add it to S3_FILE_UPLOADER_ALLOWED_BUCKETS, or name a bucket that is in there."
        return [_warning("W005", "Only staff may use S3_FILE_UPLOADER_UPPY_BUCKET.", hint)]
    return []


@register(Tags.compatibility)
def audit_check(**kwargs: Any) -> list[CheckMessage]:
    """E035."""
    found: list[CheckMessage] = []
    if not isinstance(getattr(settings, "S3_FILE_UPLOADER_AUDIT_ROWS", False), bool):
        found.append(_error("E035", "S3_FILE_UPLOADER_AUDIT_ROWS cannot be used.", "Set it to True or False."))
    days = conf.audit_days
    if days is not None and (type(days) is not int or not 1 <= days <= MAX_AUDIT_DAYS):
        hint = f"Give a whole number of days from 1 to {MAX_AUDIT_DAYS}, or None to keep the rows for ever."
        found.append(_error("E035", "S3_FILE_UPLOADER_AUDIT_DAYS cannot be used.", hint))
    return found


@register(Tags.compatibility)
def throttles_check(**kwargs: Any) -> list[CheckMessage]:
    """E036, E037, W014."""
    name, rates = "S3_FILE_UPLOADER_THROTTLE_RATES", conf.throttle_rates
    if not isinstance(rates, Mapping):
        return [_error("E036", f"{name} is not a mapping.", 'Give rates by scope, such as {"sign": "600/min"}.')]
    found: list[CheckMessage] = []
    if unknown := [str(scope) for scope in rates if scope not in ACTIONS_OF]:
        hint = f"Leave out {', '.join(unknown)}: the scopes are {', '.join(ACTIONS_OF)}."
        found.append(_error("E037", f"{name} names a scope that there is not.", hint))
    for scope, rate in rates.items():
        if not isinstance(rate, str) or not RATE.fullmatch(rate):
            hint = "Give a number of 1 or more for a second, minute, hour or day, such as 600/min."
            found.append(_error("E036", f"{name} has no rate that can be read for {scope}.", hint))
    if rates and not found and settings.CACHES[DEFAULT_CACHE_ALIAS]["BACKEND"] in CACHES_OF_ONE:
        hint = "Set CACHES to a cache that all processes share, such as Redis, Memcached or DatabaseCache."
        found.append(_warning("W014", "Each process counts the requests of throttles for itself.", hint))
    return found


@register(Tags.security)
def proxies_check(**kwargs: Any) -> list[CheckMessage]:
    """W015."""
    is_behind_proxy = settings.USE_X_FORWARDED_HOST or settings.SECURE_PROXY_SSL_HEADER
    if not is_behind_proxy or api_settings.NUM_PROXIES is not None:
        return []
    hint = "Set NUM_PROXIES in REST_FRAMEWORK to the number of proxies before this server, most often 1."
    return [_warning("W015", "Behind a proxy, all clients seem to have its address.", hint)]


@register(Tags.files)
def download_folder_check(**kwargs: Any) -> list[CheckMessage]:
    """W001, W002."""
    try:
        folder = conf.download_folder
    except StorageNotConfigured as error:
        return [_warning("W001", "The download endpoint has no folder to save in.", str(error))]
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Create the folder, and let the user that runs this server write to it."
    return [_warning("W002", "PATH_TO_SAVE_FILE is not a folder that this server may write to.", hint)]


@register(Tags.security)
def debug_check(**kwargs: Any) -> list[CheckMessage]:
    """W003."""
    if not settings.DEBUG or conf.endpoint_url or not conf.access_key_id:
        return []
    hint = "Set DEBUG = False, or use a store of your own while you develop (AWS_S3_ENDPOINT_URL)."
    return [_warning("W003", "DEBUG is on while the buckets are real ones on AWS.", hint)]


def _missing_region() -> list[tuple[str, str]]:
    """Return message and hint if there is no region; requests are answered with 503 until there is one."""
    try:
        conf.region  # noqa: B018 - reading it is the check
    except StorageNotConfigured as error:
        return [("There is no region for S3.", str(error))]
    return []


def _missing_key() -> list[tuple[str, str]]:
    if bool(conf.access_key_id) == bool(conf.secret_access_key):
        return []
    hint = "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither where the host has a role."
    return [("Only one half of the pair of keys is set.", hint)]


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and bare
    except ValueError:
        return False


def _is_bucket_name(name: str) -> bool:
    try:
        return bool(validate_bucket_name(name))
    except (InvalidBucketName, TypeError):
        return False


def _is_between(name: str, low: float, high: float) -> bool:
    try:
        number = getattr(conf, name)
        return name in OPTIONAL if number is None else bool(low <= number <= high)
    except (TypeError, ValueError):
        return False


def _error(number: str, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"s3_file_uploader.{number}")


def _warning(number: str, message: str, hint: str) -> CheckWarning:
    return CheckWarning(message, hint=hint, id=f"s3_file_uploader.{number}")
