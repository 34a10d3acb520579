"""Signed part URLs over HTTP."""

import pytest

from tests.conftest import client_of
from tests.unit.services.conftest import started

JSON = "application/json"


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["*/*", JSON, "application/json; indent=4"])
def test_parts_sign_any_accepted_json_lists_each_part(bucket, user, accept):
    upload = started(user, bucket, size=20 * 2**20).upload
    address = f"/modules/s3-file-uploader/service/uploads/{upload.pk}/parts/"
    answer = client_of(user).post(address, {"first": 1, "last": 3}, format="json", headers={"Accept": accept})
    parts = answer.json()["parts"]
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, JSON)
    assert [(part["part_number"], part["offset"], part["size"]) for part in parts] == [
        (1, 0, 8 * 2**20),
        (2, 8 * 2**20, 8 * 2**20),
        (3, 16 * 2**20, 4 * 2**20),
    ]
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
