"""Migrations keep the existing rows correct."""

import uuid
from functools import partial

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from s3_file_uploader.content_types.sniff import normalize_content_type

APP = "s3_file_uploader"


@pytest.fixture
def migrated_back(transactional_db, request):
    """Migrate the app back to the migration of the parameter, with its dependents, and forward after the test."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    latest = [node for node in leaves if node[0] == APP]
    executor.migrate([(APP, request.param)])
    yield executor.loader.project_state([(APP, request.param)]).apps, latest
    MigrationExecutor(connection).migrate(leaves)


at_migration = partial(pytest.mark.parametrize, "migrated_back", indirect=True)


@at_migration(argvalues=["0001_initial"])
def test_migration_copies_claim_ids_to_write_ids(migrated_back):
    apps, latest = migrated_back
    before = apps.get_model(APP, "FileUpload").objects
    claims = [before.create(location_digest=str(n), status="pending", claim_id=uuid.uuid4()).claim_id for n in range(2)]
    executor = MigrationExecutor(connection)
    executor.migrate(latest)
    after = executor.loader.project_state(latest).apps.get_model(APP, "FileUpload").objects
    assert set(after.values_list("write_id", flat=True)) == set(claims)


@at_migration(argvalues=["0009_keys_in_byte_order"])
def test_migration_reduces_content_types(migrated_back):
    apps, latest = migrated_back
    before = apps.get_model(APP, "FileUpload").objects
    types = {
        "image/png; a=b,text/html": "image/png",
        'TEXT/Plain;title=a; charset="utf-8"': "text/plain; charset=utf-8",
        f"{'a' * 120}/{'b' * 120};charset={'c' * 4}": f"{'a' * 120}/{'b' * 120}; charset={'c' * 4}",
        f"{'a' * 122}/{'b' * 117};charset={'c' * 6}": f"{'a' * 122}/{'b' * 117}",
        "image/png,text/html": "application/octet-stream",
        "": "application/octet-stream",
        "video/mp4": "video/mp4",
    }
    rows = {
        before.create(
            location_digest=str(n), status="pending", claim_id=uuid.uuid4(), content_type=content_type
        ).pk: expected
        for n, (content_type, expected) in enumerate(types.items())
    }
    assert [normalize_content_type(content_type) for content_type in types] == [*types.values()]
    executor = MigrationExecutor(connection)
    executor.migrate(latest)
    after = executor.loader.project_state(latest).apps.get_model(APP, "FileUpload").objects
    assert dict(after.values_list("pk", "content_type")) == rows


@at_migration(argvalues=["0010_content_types_kept"])
def test_migration_fills_paths_without_ids_of_direct_uploads(migrated_back):
    apps, latest = migrated_back
    before = apps.get_model(APP, "FileUpload").objects
    pk = uuid.uuid4()
    keys = {
        uuid.uuid4(): ("", f"photos/{pk}/a.txt", f"photos/{pk}/a.txt"),
        pk: ("put", f"users/7/uploads/{pk}/photos/b.txt", "users/7/photos/b.txt"),
        uuid.uuid4(): ("multipart", "uploads/of another id/c.txt", "uploads/of another id/c.txt"),
    }
    for key, (strategy, file_name, _) in keys.items():
        before.create(pk=key, location_digest=str(key), status="pending", strategy=strategy, file_name=file_name)
    executor = MigrationExecutor(connection)
    executor.migrate(latest)
    after = executor.loader.project_state(latest).apps.get_model(APP, "FileUpload").objects
    assert dict(after.values_list("pk", "path")) == {key: path for key, (_, _, path) in keys.items()}
