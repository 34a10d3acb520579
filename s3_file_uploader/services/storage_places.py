"""The places of files that belong to file fields of the host's models: a bucket and a prefix for each `UploadStorage`.

Every key below the prefix has an id that begins with its time, so that housekeeping lists the recent keys alone:

    files/d5r2k0ulk5m9q3tuvs1g8h0c/avatars/photo.png
    prefix  id                     name as the field builds it
"""

import re
import secrets
from base64 import b32hexdecode, b32hexencode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from django.apps import apps
from django.apps.registry import Apps
from django.core.files.storage import Storage, default_storage, storages
from django.db.models import FileField
from django.utils.module_loading import import_string

# 48 bits of milliseconds and 72 random bits. The order of "base32hex" is that of the bytes (RFC 4648, section 7).
TIME_BYTES, RANDOM_BYTES = 6, 9
ID_LENGTH = (TIME_BYTES + RANDOM_BYTES) * 8 // 5
_ID = re.compile(f"[0-9a-v]{{{ID_LENGTH}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """A bucket, and the prefix below which nothing lies but files of file fields.

    `adopted_prefix` is the beginning of the keys of older files that another storage stored, None if there are none.
    """

    bucket: str
    prefix: str
    adopted_prefix: str | None = None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return the prefix of the place, then that of older files."""
        return (self.prefix,) if self.adopted_prefix is None else (self.prefix, self.adopted_prefix)

    def find_file_id(self, key: str) -> str | None:
        """Return the id in a key of this place, None for other keys."""
        file_id, slash, _name = key.removeprefix(self.prefix).partition("/")
        return file_id if key.startswith(self.prefix) and slash and _ID.fullmatch(file_id) else None

    def blocks(self, key: str) -> bool:
        """Return True if a file of that key would lie in this place, or would be a folder above it."""
        return key.startswith(self.prefix) or self.prefix.startswith(f"{key}/")


class PlacedStorage(Storage):
    """The base of `UploadStorage`, by which housekeeping knows it."""

    place: StoragePlace


def build_file_id(moment: datetime | None = None) -> str:
    """Return a new id of the present time; with a moment, the first id of that time."""
    milliseconds = int((moment or datetime.now(UTC)).timestamp() * 1000)
    rest = bytes(RANDOM_BYTES) if moment else secrets.token_bytes(RANDOM_BYTES)
    return b32hexencode(milliseconds.to_bytes(TIME_BYTES, "big") + rest).decode().lower()


def strip_file_id(key: str) -> str:
    """Return a key without its id, as people see it."""
    return "/".join(segment for segment in key.split("/") if not _ID.fullmatch(segment))


def has_file_id(key: str) -> bool:
    """Return True if a folder of the key is an id, so that an `UploadStorage` may have built the key."""
    return any(_ID.fullmatch(segment) for segment in key.split("/")[:-1])


def get_id_time(file_id: str) -> datetime:
    """Return the time of an id."""
    milliseconds = int.from_bytes(b32hexdecode(file_id.upper())[:TIME_BYTES], "big")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@lru_cache(maxsize=1)
def find_places() -> frozenset[StoragePlace]:
    """Return the places of this project, which are read once."""
    return list_places(apps)


def list_places(registry: Apps) -> frozenset[StoragePlace]:
    """Return the places of STORAGES, and of file fields with a storage of their own."""
    named = cast("dict[str, dict[str, Any]]", storages.backends)
    # Only storages of this app are built: those of other packages may call their services.
    of_settings = (storages[alias] for alias, options in named.items() if _is_placed(options["BACKEND"]))
    of_fields = (field.storage for field in _list_file_fields(registry) if field.storage is not default_storage)
    return frozenset(_find_named(chain(of_settings, of_fields)))


def is_named(bucket: str, key: str) -> bool:
    """Return True if a file field of the project has the name of this object; it reads the table of each such field."""
    for field in _list_file_fields(apps):
        storage: Any = field.storage
        if isinstance(storage, PlacedStorage) and storage.place.bucket == bucket:
            names = [key.removeprefix(prefix) for prefix in storage.place.prefixes if key.startswith(prefix)]
            if names and field.model._base_manager.filter(**{f"{field.name}__in": names}).exists():
                return True
    return False


def _list_file_fields(registry: Apps) -> Iterator[FileField]:
    fields = chain.from_iterable(model._meta.local_fields for model in registry.get_models())
    return (field for field in fields if isinstance(field, FileField))


def is_in_storage(bucket: str, key: str) -> bool:
    """Return True if a key is one that an `UploadStorage` builds."""
    return any(place.bucket == bucket and place.find_file_id(key) for place in find_places())


def forget_places() -> None:
    """Look for the places again, after a change of the settings."""
    find_places.cache_clear()


def _find_named(found: Iterator[Storage]) -> Iterator[StoragePlace]:
    return (storage.place for storage in found if isinstance(storage, PlacedStorage) and storage.place.bucket)


def _is_placed(path: str) -> bool:
    backend = import_string(path)
    return isinstance(backend, type) and issubclass(backend, PlacedStorage)
