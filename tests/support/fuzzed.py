"""The stage of a fuzz: the schema, three users, two buckets and their files, with names that the generators know."""

import json
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import schemathesis
from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from schemathesis.config import SchemathesisConfig

from s3_file_uploader.models import UploadToken
from s3_file_uploader.s3.client import get_client
from tests.unit.services.conftest import sent, started, stored_file

BUCKET, EMPTY_BUCKET = "fuzzed-bucket", "fuzzed-empty-bucket"
PEOPLE = {"staff": 7001, "owner": 7002, "stranger": 7003}
UPLOADS = {name: UUID(int=7004 + index, version=4) for index, name in enumerate(("put", "sent", "parts"))}
TOKEN = UUID(int=7007, version=4)
FILES = ("a file.txt", "folder/été.txt")
KEYS = (*FILES, *(f"uploads/{pk}/a file.txt" for pk in UPLOADS.values()))

# Generators use a value that exists in half of the inputs, and an arbitrary one otherwise.
KNOWN: dict[str, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    "buckets": ((BUCKET, BUCKET, EMPTY_BUCKET), ("bucket", "bucket_name", "metadata[bucket]")),
    "names": (KEYS, ("file_name", "filename", "key")),
    "uploads": (tuple(map(str, UPLOADS.values())), ("upload_id", "uploadId")),
    "tokens": ((str(TOKEN),), ("token_id",)),
    "people": (tuple(map(str, PEOPLE.values())), ("user_id",)),
    "numbers": ((1, 2, 10_000), ("part_number", "partNumber", "first", "last")),
}
PLACES = ("path", "query", "body")


def schema_described() -> dict[str, Any]:
    """Return the OpenAPI document as the server sends it."""
    described = SchemaGenerator().get_schema(request=None, public=True)
    rendered: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(described, renderer_context={}))
    return rendered


def schema_fuzzed(*, random_inputs: int, only_random: bool) -> Any:
    """Return the schema from which schemathesis makes its tests.

    Args:
        random_inputs: the number of random inputs for each operation.
        only_random: use different random inputs in each run, without the boundary values, which never change.
    """
    parameters = {
        f"{place}.{name}": {"dictionary": kind, "probability": 0.5}
        for kind, (_, names) in KNOWN.items()
        for name in names
        for place in PLACES
        if not (place == "body" and "[" in name)
    }
    options = {
        "dictionaries": {kind: {"values": list(values)} for kind, (values, _) in KNOWN.items()},
        "parameters": parameters,
        "generation": {"max-examples": random_inputs, "deterministic": not only_random},
        "phases": {"coverage": {"enabled": not only_random}, "examples": {"enabled": not only_random}},
    }
    return schemathesis.openapi.from_dict(schema_described(), config=SchemathesisConfig.from_dict(options))


def stage_set() -> dict[str, User]:
    """Create the users, and restore everything that `KNOWN` names, regardless of earlier tests."""
    people = {name: User.objects.create_user(name, pk=pk, is_staff=name == "staff") for name, pk in PEOPLE.items()}
    for bucket in (BUCKET, EMPTY_BUCKET):
        with suppress(get_client().exceptions.BucketAlreadyOwnedByYou):
            get_client().create_bucket(Bucket=bucket)
        for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ()):
            get_client().delete_object(Bucket=bucket, Key=listed["Key"])
    owner = people["owner"]
    for name in FILES:
        stored_file(owner, BUCKET, name)
    for name, pk in UPLOADS.items():
        strategy = "multipart" if name == "parts" else "put"
        upload = started(owner, BUCKET, file_name="a file.txt", upload_id=pk, strategy=strategy).upload
        if name == "sent":
            sent(upload)
    UploadToken.objects.create(pk=TOKEN, user=owner, expires_at=timezone.now() + timedelta(hours=1))
    return people


def log_check(text: str) -> None:
    """Assert that the log has no traceback, because no request may cause an error in the server."""
    assert "Traceback" not in text, text
    assert "Internal Server Error" not in text, text


def inputs_counted(kind: str, count: int) -> None:
    """Report the number of tried inputs to `make fuzz`."""
    if path := os.environ.get("FUZZ_COUNTS"):
        with Path(path).open("a") as file:
            file.write(f"{kind} {count}\n")
