from datetime import UTC, datetime, timedelta

import pytest

from s3_file_uploader.exceptions import StorageNotConfigured
from s3_file_uploader.s3 import client
from s3_file_uploader.s3.trials.identity import find_caller, find_identity


@pytest.fixture
def role(settings, monkeypatch, tmp_path):
    """Remove the keys of the settings; the role has a file of its own."""
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    client._get_session.cache_clear()
    yield tmp_path
    client._get_session.cache_clear()


def test_find_identity_of_the_settings_shows_the_ending():
    identity = find_identity()
    assert (identity.ending, identity.source) == ("-key", "settings")
    assert not identity.is_temporary
    assert identity.expires_at is None


@pytest.mark.parametrize("values", [{"AWS_SESSION_TOKEN": "test-token"}, {"AWS_ACCESS_KEY_ID": "ASIATESTTESTTEST"}])
def test_find_identity_of_temporary_keys(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)
    assert find_identity().is_temporary


def test_find_identity_of_a_short_key_shows_nothing(settings):
    settings.AWS_ACCESS_KEY_ID = "short"
    assert find_identity().ending == ""


def test_find_identity_of_a_file_names_it(role):
    (role / "credentials").write_text(
        "[default]\naws_access_key_id=test-of-a-file\naws_secret_access_key=test-secret\n"
    )
    identity = find_identity()
    assert (identity.ending, identity.source) == ("file", "shared-credentials-file")


def test_find_identity_of_a_process_has_an_end(role):
    until = datetime.now(UTC) + timedelta(hours=2)
    (role / "answer").write_text(
        '{"Version": 1, "AccessKeyId": "test-of-a-process", "SecretAccessKey": "test-secret", '
        f'"SessionToken": "test-token", "Expiration": "{until.isoformat()}"}}'
    )
    (role / "config").write_text(f"[default]\ncredential_process=cat {role}/answer\n")
    identity = find_identity()
    assert identity.is_temporary
    assert identity.expires_at == until


def test_find_identity_without_keys_fails(role):
    with pytest.raises(StorageNotConfigured):
        find_identity()


def test_find_caller_returns_the_arn(aws):
    assert find_caller().startswith("arn:aws:sts::")
