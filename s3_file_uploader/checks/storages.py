"""System checks of `UploadStorage` in STORAGES and on file fields.

E040 no bucket                          E042 static files in UploadStorage
E041 option unknown or out of range     W020 no middleware tells who owns a file
"""

import inspect
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, cast

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.files.storage import default_storage
from django.db.models import FileField
from django.utils.module_loading import import_string

from ..conf import conf
from ..exceptions import InvalidBucketName
from ..policy.names import is_key_prefix, validate_bucket_name
from ..storage import UploadStorage
from ..values import DISPOSITIONS, MAX_EXPIRATION_SECONDS
from .messages import build_error, build_warning

STATIC_FILES = "staticfiles"
MIDDLEWARE = "StorageMiddleware"
OPTIONS = tuple(inspect.signature(UploadStorage.__init__).parameters)[1:]


@register(Tags.files)
def check_storages(app_configs: Iterable[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check each storage of this app (E040, E041), static files (E042), and warn without the middleware (W020)."""
    found = [*_find_in_settings(), *_find_on_fields(app_configs or apps.get_app_configs())]
    messages = [message for where, options in found for message in _check_options(where, options)]
    if any(where == _name_alias(STATIC_FILES) for where, _ in found):
        hint = (
            "Static files are public and have no owner: use StaticFilesStorage with WhiteNoise or a web server, or "
            "S3StaticStorage of django-storages."
        )
        messages.append(build_error("E042", "UploadStorage cannot serve static files.", hint))
    if found and not any(path.endswith(f".{MIDDLEWARE}") for path in settings.MIDDLEWARE):
        hint = (
            f"Add s3_file_uploader.middleware.{MIDDLEWARE} to MIDDLEWARE. Without it, files belong to no user, no "
            "quota counts, and a refused file is an error 500."
        )
        messages.append(build_warning("W020", "UploadStorage does not know who stores a file.", hint))
    return messages


def _find_in_settings() -> Iterator[tuple[str, dict[str, Any]]]:
    for alias, named in settings.STORAGES.items():
        try:
            backend = import_string(named["BACKEND"])
        except (ImportError, KeyError):
            continue  # Django reports it.
        if isinstance(backend, type) and issubclass(backend, UploadStorage):
            yield _name_alias(alias), dict(named.get("OPTIONS", {}))


def _find_on_fields(app_configs: Iterable[AppConfig]) -> Iterator[tuple[str, dict[str, Any]]]:
    models = chain.from_iterable(config.get_models() for config in app_configs)
    for field in chain.from_iterable(model._meta.local_fields for model in models):
        if isinstance(field, FileField) and field.storage is not default_storage:
            storage = field.storage
            if isinstance(storage, UploadStorage):
                yield str(field), cast(Any, storage).deconstruct()[2]


def _name_alias(alias: str) -> str:
    return f"STORAGES[{alias!r}]"


def _check_options(where: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    if unknown := sorted(set(options) - set(OPTIONS)):
        hint = f"Give only {', '.join(OPTIONS)}."
        yield build_error("E041", f"{where} has unknown options: {', '.join(unknown)}.", hint)
    if not _is_bucket(options.get("bucket")):
        hint = 'Set "bucket" in its OPTIONS to the name of an existing bucket.'
        yield build_error("E040", f"{where} has no bucket.", hint)
    prefix, adopted = options.get("prefix", "files/"), options.get("adopted_prefix")
    if not prefix or not is_key_prefix(prefix) or prefix in {adopted, conf.direct_prefix}:
        hint = "Give folders that end in a slash, such as files/, below which nothing else lies."
        yield build_error("E041", f"{where} has a wrong prefix.", hint)
    if adopted is not None and not is_key_prefix(adopted):
        hint = "Give folders that end in a slash, an empty text for the whole bucket, or None."
        yield build_error("E041", f"{where} has a wrong adopted_prefix.", hint)
    seconds = options.get("expires_in_seconds", 1)
    if type(seconds) is not int or not 1 <= seconds <= MAX_EXPIRATION_SECONDS:
        hint = f"Give a whole number from 1 to {MAX_EXPIRATION_SECONDS}."
        yield build_error("E041", f"{where} has wrong expires_in_seconds.", hint)
    if options.get("disposition", "inline") not in DISPOSITIONS:
        yield build_error("E041", f"{where} has a wrong disposition.", f"Give one of {', '.join(DISPOSITIONS)}.")


def _is_bucket(name: Any) -> bool:
    try:
        return bool(validate_bucket_name(name))
    except (InvalidBucketName, TypeError):
        return False
