"""Examine the settings: the system checks of this app, the region, and the credentials."""

from collections.abc import Iterator

from django.core.checks import ERROR, WARNING, CheckMessage
from django.core.checks.registry import registry
from django.utils import timezone

from ...conf import conf
from ...s3.client import region_is_known
from ...s3.trials.identity import Identity, find_identity
from .case import Case
from .findings import Diagnosis, failure, ok, spell_duration, warning

OWN_CHECKS = "s3_file_uploader."
OWN_MODULES = f"{__name__.partition('.services.')[0]}.checks."
TEMPORARY = "Use a role of the host, or permanent keys: boto3 renews those of a role."


def examine_settings(case: Case) -> Iterator[Diagnosis]:
    """Run the system checks of this app, those of `check --deploy` too unless DEBUG is on."""
    own = [message for message in _run_own_checks() if message.level >= WARNING and not message.is_silenced()]
    if not own:
        yield ok("settings", "the system checks of this app pass")
    worst = {message.msg: message for message in sorted(own, key=_get_level)}
    for message in sorted(worst.values(), key=_get_level, reverse=True):
        seen = f"{message.msg} ({(message.id or '').removeprefix(OWN_CHECKS)})"
        diagnose = failure if message.level >= ERROR else warning
        yield diagnose("settings", seen, message.hint or "See `manage.py check`.")


def _get_level(message: CheckMessage) -> int:
    return message.level


def _run_own_checks() -> Iterator[CheckMessage]:
    """Run the checks of this app alone: those of others may ask the database, and may raise."""
    for check in registry.get_checks(include_deployment_checks=not conf.is_debugging):
        if check.__module__.startswith(OWN_MODULES):
            yield from check(app_configs=None, databases=None)


def examine_region(case: Case) -> Iterator[Diagnosis]:
    """Read the region."""
    region = conf.region
    if region_is_known(region):
        yield ok("region", region)
    else:
        yield failure("region", f"AWS has no region {region!r}", "Set AWS_STORAGE_REGION to that of your buckets.")


def examine_credentials(case: Case) -> Iterator[Diagnosis]:
    """Find out where the keys come from, and until when they work."""
    identity = find_identity()
    seen = f"{_describe_key(identity)}, from {_describe_source(identity)}"
    if identity.expires_at is not None:
        left = spell_duration(identity.expires_at - timezone.now())  # boto3 has renewed expired ones.
        yield ok("credentials", f"{seen}: for {left}; boto3 renews them")
    elif identity.is_temporary and identity.source == "settings":
        yield warning("credentials", f"{seen}: temporary, and nothing renews them", TEMPORARY)
    else:
        yield ok("credentials", seen)


def _describe_key(identity: Identity) -> str:
    return f"key ending in {identity.ending}" if identity.ending else "a key"


def _describe_source(identity: Identity) -> str:
    if conf.embedded_folder:
        return "the embedded S3"
    return "the settings" if identity.source == "settings" else f"boto3 ({identity.source})"
