"""The store of the integration tests: the embedded S3, or the one that TEST_STORE names."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_django import Settings

from s3_file_uploader.embedded import EmbeddedS3

from .seaweedfs import SeaweedFS
from .supervised_store import SupervisedStore

Store = EmbeddedS3 | SupervisedStore
KINDS: dict[str, type[EmbeddedS3] | type[SeaweedFS]] = {"juicefs": EmbeddedS3, "seaweedfs": SeaweedFS}


@dataclass(frozen=True, slots=True)
class Traits:
    """Differences between stores that the app does not need to know, and that tests expect."""

    refuses_keys_below_files: bool  # Such as `a/b`, if there is a file `a`.
    longest_segment_bytes: int  # The bytes of a key between two slashes.


TRAITS: dict[type[Store], Traits] = {
    EmbeddedS3: Traits(refuses_keys_below_files=True, longest_segment_bytes=1024),
    SeaweedFS: Traits(refuses_keys_below_files=False, longest_segment_bytes=255),
}
MAIN = os.environ.get("TEST_STORE") or "juicefs"


def new_store(folder: Path) -> Store:
    """Return a store with its data in a folder. Nothing starts yet."""
    return KINDS[MAIN](folder)


def use_store(settings: Settings, store: Store, *, with_abilities: bool = True) -> None:
    """Write the environment of a store into the settings of a test, with its abilities or without."""
    if hasattr(settings, "S3_FILE_UPLOADER_STORE"):
        del settings.S3_FILE_UPLOADER_STORE
    for name, value in store.environment().items():
        is_list = name == "S3_FILE_UPLOADER_STORE"
        if is_list and not with_abilities:
            continue
        setattr(settings, name, [ability for ability in value.split(",") if ability] if is_list else value)


def traits_of(store: Store) -> Traits:
    """Return the traits of a store of the tests."""
    return TRAITS[type(store)]


def port_of(store: Store) -> int:
    """Return the port at which a store takes requests."""
    return urlsplit(store.endpoint_url).port or 0
