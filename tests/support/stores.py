"""The store of the integration tests: the embedded S3, or the one that TEST_STORE names."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from pytest_django import Settings

from s3_file_uploader.embedded import EmbeddedS3

from .seaweedfs import SeaweedFS
from .supervised_store import SupervisedStore

Store = EmbeddedS3 | SupervisedStore
KINDS: dict[str, type[EmbeddedS3] | type[SeaweedFS]] = {"juicefs": EmbeddedS3, "seaweedfs": SeaweedFS}
MAIN = os.environ.get("TEST_STORE") or "juicefs"


def new_store(folder: Path) -> Store:
    """Return a store with its data in a folder. Nothing starts yet."""
    return KINDS[MAIN](folder)


def use_store(settings: Settings, store: Store) -> None:
    """Write the environment of a store into the settings of a test."""
    for name, value in store.environment().items():
        is_list = name == "S3_FILE_UPLOADER_STORE"
        setattr(settings, name, [ability for ability in value.split(",") if ability] if is_list else value)


def port_of(store: Store) -> int:
    """Return the port at which a store takes requests."""
    return urlsplit(store.endpoint_url).port or 0
