import pytest

from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import url


class TestBuckets:
    def test_bucket_is_created_listed_and_removed(self, aws, staff):
        client = client_of(staff)
        created = client.post(url("create-bucket"), {"bucket": "bucket-one"})
        assert (created.status_code, created.json()) == (
            201,
            {"name": "bucket-one", "region": "us-east-1", "location": "/bucket-one"},
        )
        listed = client.get(url("bucket-list"))
        assert listed.status_code == 200
        (bucket,) = listed.json()["buckets"]
        assert (bucket["name"], bucket["region"], bucket["created_at"][-1]) == ("bucket-one", "us-east-1", "Z")
        removed = client.delete(url("delete-bucket", owner_id=listed.json()["owner_id"], bucket_name="bucket-one"))
        assert (removed.status_code, removed.content) == (204, b"")
        assert client.get(url("bucket-list")).json()["buckets"] == []

    @pytest.mark.parametrize("form", ["json", "multipart"])
    @pytest.mark.parametrize("field", ["bucket", "bucket_name"])
    def test_bucket_create_takes_either_name_in_any_body(self, aws, staff, form, field):
        body = {field: "bucket-one", "region": "eu-west-1"}
        answer = client_of(staff).post(url("create-bucket"), body, format=form)
        assert (answer.status_code, answer.json()["region"]) == (201, "eu-west-1")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "bucket"),
            ({"bucket": ""}, "bucket"),
            ({"bucket": "ok-name", "region": "No Region"}, "region"),
            ({"bucket": "ok-name", "region": "123"}, "region"),
            ({"bucket": "ok-name", "region": "-"}, "region"),
            ({"bucket": "ok-name", "region": "eu-nowhere-9"}, "region"),
        ],
    )
    def test_request_without_field_names_it(self, staff, body, field):
        answer = client_of(staff).post(url("create-bucket"), body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert set(answer.json()["errors"]) == {field}

    def test_bucket_change_by_user_is_refused(self, aws, user):
        client = client_of(user)
        assert client.get(url("bucket-list")).status_code == 200
        for answer in (
            client.post(url("create-bucket"), {"bucket": "bucket-one"}),
            client.delete(url("delete-bucket", owner_id="x", bucket_name="bucket-one")),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")

    def test_bucket_change_follows_permission_setting(self, aws, user, settings):
        settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = ["rest_framework.permissions.IsAuthenticated"]
        assert client_of(user).post(url("create-bucket"), {"bucket": "bucket-one"}).status_code == 201
