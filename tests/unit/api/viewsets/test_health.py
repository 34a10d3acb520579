from rest_framework.test import APIClient

from tests.unit.api.viewsets.conftest import url


class TestHealth:
    def test_health_is_200(self, aws, db):
        answer = APIClient().get(url("health"))
        assert (answer.status_code, answer.json()) == (200, {"database": True, "storage": True})

    def test_health_without_store_is_503(self, db, settings):
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
        answer = APIClient().get(url("health"))
        assert (answer.status_code, answer.json()) == (503, {"database": True, "storage": False})
