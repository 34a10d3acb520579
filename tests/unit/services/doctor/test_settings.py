from datetime import UTC, datetime, timedelta

import pytest

from s3_file_uploader.s3 import client
from s3_file_uploader.services.doctor.settings import examine_credentials, examine_region, examine_settings
from tests.unit.services.doctor.conftest import only, seen


@pytest.fixture
def keys_of_a_process(settings, monkeypatch, tmp_path):
    """Return a function that gives the host temporary keys until a time."""
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""

    def give(until):
        answer = {"Version": 1, "AccessKeyId": "test-of-a-process", "SecretAccessKey": "test-secret"}
        text = str({**answer, "SessionToken": "test-token", "Expiration": until.isoformat()})
        (tmp_path / "answer").write_text(text.replace("'", '"'))
        (tmp_path / "config").write_text(f"[default]\ncredential_process=cat {tmp_path}/answer\n")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        client._get_session.cache_clear()

    yield give
    client._get_session.cache_clear()


class TestSettings:
    def test_good_settings_are_ok(self, case):
        assert seen(examine_settings(case)) == [("ok", "settings", "the system checks of this app pass")]

    def test_messages_are_told_once_with_id_and_hint(self, case, settings):
        settings.AWS_STORAGE_REGION = ""  # W006, and under --deploy E001 with the same words.
        settings.PATH_TO_SAVE_FILE = ""
        diagnosis = list(examine_settings(case))
        assert seen(diagnosis)[0] == ("failure", "settings", "There is no region for S3. (E001)")
        assert diagnosis[1].status == "warning"
        assert diagnosis[0].advice.startswith("Set AWS_STORAGE_REGION")

    def test_silenced_messages_are_not_told(self, case, settings):
        settings.PATH_TO_SAVE_FILE = ""
        settings.SILENCED_SYSTEM_CHECKS = ["s3_file_uploader.W001"]
        assert only(examine_settings(case)).status == "ok"


def test_region_that_aws_does_not_have_fails(case, settings):
    assert seen(examine_region(case)) == [("ok", "region", "us-east-1")]
    settings.AWS_STORAGE_REGION = "us-nowhere-1"
    assert seen(examine_region(case)) == [("failure", "region", "AWS has no region 'us-nowhere-1'")]


class TestCredentials:
    def test_keys_of_the_settings_are_ok(self, case, settings):
        assert only(examine_credentials(case)).seen == "key ending in -key, from the settings"
        settings.AWS_ACCESS_KEY_ID = "short"
        assert only(examine_credentials(case)).seen == "a key, from the settings"

    def test_temporary_keys_of_the_settings_are_a_warning(self, case, settings):
        settings.AWS_SESSION_TOKEN = "test-token"
        diagnosis = only(examine_credentials(case))
        assert diagnosis.status == "warning"
        assert "test-token" not in diagnosis.seen

    def test_keys_of_the_embedded_store_name_it(self, case, settings, embedded_s3):
        settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
        settings.S3_FILE_UPLOADER_EMBEDDED = embedded_s3.folder
        assert only(examine_credentials(case)).seen.endswith(", from the embedded S3")

    def test_keys_that_boto3_renews_are_ok(self, case, keys_of_a_process):
        keys_of_a_process(datetime.now(UTC) + timedelta(hours=2, seconds=30))
        diagnosis = only(examine_credentials(case))
        assert diagnosis.status == "ok"
        assert diagnosis.seen == "key ending in cess, from boto3 (custom-process): for 2 hours; boto3 renews them"

    def test_permanent_keys_of_a_file_are_ok(self, case, keys_of_a_process, tmp_path):
        keys_of_a_process(datetime.now(UTC))
        (tmp_path / "none").write_text(
            "[default]\naws_access_key_id=test-of-a-file\naws_secret_access_key=test-secret\n"
        )
        assert only(examine_credentials(case)).seen == "key ending in file, from boto3 (shared-credentials-file)"
