"""What a migration does to the rows that are there."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

APP = "s3_file_uploader"


@pytest.fixture
def at_first_migration(transactional_db):
    """Take the app back to its first tables, and leave it at its last."""
    executor = MigrationExecutor(connection)
    latest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == APP]
    executor.migrate([(APP, "0001_initial")])
    yield executor.loader.project_state([(APP, "0001_initial")]).apps, latest
    MigrationExecutor(connection).migrate(latest)


def test_a_claim_from_before_is_known_as_the_one_that_wrote(at_first_migration):
    apps, latest = at_first_migration
    before = apps.get_model(APP, "FileUpload").objects
    claims = [before.create(location_digest=str(n), status="pending", claim_id=uuid.uuid4()).claim_id for n in range(2)]
    executor = MigrationExecutor(connection)
    executor.migrate(latest)
    after = executor.loader.project_state(latest).apps.get_model(APP, "FileUpload").objects
    assert set(after.values_list("write_id", flat=True)) == set(claims)
