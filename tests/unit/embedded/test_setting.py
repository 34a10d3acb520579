"""S3_FILE_UPLOADER_EMBEDDED: all that a project sets to use the embedded S3."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from s3_file_uploader import apps
from s3_file_uploader.conf import conf
from s3_file_uploader.embedded import NOT_INSTALLED, EmbeddedS3, is_entered
from s3_file_uploader.exceptions import StorageNotConfigured
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.values import PAYLOAD_HASH_IN_URLS

pytestmark = pytest.mark.slow  # It starts servers.


@pytest.fixture
def folder(settings, monkeypatch, tmp_path):
    """Set the folder, and name no other store."""
    for name in ("AWS_STORAGE_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        setattr(settings, name, "")
    settings.S3_FILE_UPLOADER_EMBEDDED = tmp_path / ".s3"
    return tmp_path / ".s3"


@pytest.fixture
def outside_of_tests(monkeypatch):
    """Let the app believe that no test runs; stop at the end what the process keeps running until its own end."""
    leave = []
    monkeypatch.delattr("django.core.mail.outbox")
    monkeypatch.setattr("atexit.register", leave.append)
    yield
    for left in leave:
        left()


def message_ids(**options):
    return {message.id for message in run_checks(**options) if message.id.startswith("s3_file_uploader")}


# --- the settings of the store ----------------------------------------------------------------------------------------


def test_conf_with_embedded_folder_takes_its_keys_and_address(folder):
    identity = EmbeddedS3(folder).identity
    assert conf.region == "us-east-1"
    assert (conf.access_key_id, conf.secret_access_key) == (identity.access_key_id, identity.secret_access_key)
    assert conf.session_token is None
    assert conf.endpoint_url == conf.public_endpoint_url == f"http://127.0.0.1:{identity.port}"
    assert conf.store_can(PAYLOAD_HASH_IN_URLS)


def test_client_with_fixture_as_embedded_folder_uses_that_store(settings, folder, embedded_s3):
    settings.S3_FILE_UPLOADER_EMBEDDED = embedded_s3.folder
    get_client().list_buckets()
    assert not folder.exists()


def test_client_in_a_test_run_starts_no_store(folder):
    with pytest.raises(StorageNotConfigured, match="embedded_s3"):
        get_client()
    assert not (folder / "server.log").exists()


def test_client_beside_another_store_is_refused(settings, folder, outside_of_tests):
    settings.AWS_S3_ENDPOINT_URL = "https://minio.example.com"
    with pytest.raises(StorageNotConfigured) as caught:
        get_client()
    assert str(caught.value) == (
        "S3_FILE_UPLOADER_EMBEDDED is set beside AWS_S3_ENDPOINT_URL: leave out one or the other."
    )
    assert not is_entered(folder)


def test_client_starts_the_store_once(folder, outside_of_tests):
    assert get_client().list_buckets()["Buckets"] == []
    assert is_entered(folder)
    assert get_client().list_buckets()["Buckets"] == []


def test_client_with_store_that_does_not_start_is_refused(folder, outside_of_tests):
    folder.mkdir()
    (folder / "formatted").touch()  # There is no database, though.
    with pytest.raises(StorageNotConfigured, match="The embedded S3 does not start: read "):
        get_client()


def test_clients_of_a_store_that_fails_to_start_share_one_failure(folder, outside_of_tests):
    folder.mkdir()
    (folder / "formatted").touch()
    with ThreadPoolExecutor(4) as threads:
        errors = {str(attempt.exception()) for attempt in [threads.submit(get_client) for _ in range(4)]}
    (error,) = errors
    assert error.startswith("The embedded S3 does not start: read ")
    assert (folder / "server.log").read_text().count("<FATAL>") == 1


# --- the checks -------------------------------------------------------------------------------------------------------


def test_check_of_embedded_folder_is_silent_and_starts_no_store(folder):
    assert message_ids() == set()
    assert not (folder / "server.log").exists()


def test_check_of_embedded_folder_beside_keys_is_an_error(settings, folder):
    settings.AWS_ACCESS_KEY_ID = "own-key"
    assert message_ids() == {"s3_file_uploader.E017"}


def test_check_of_embedded_folder_beside_a_variable_of_aws_is_an_error(monkeypatch, folder):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example.com")
    assert message_ids() == {"s3_file_uploader.E017"}
    assert conf.named_beside_embedded == ["AWS_ENDPOINT_URL"]


@pytest.mark.parametrize("value", [True, 5, ["folder"]])
def test_check_of_embedded_folder_that_is_no_path_is_an_error(settings, value, outside_of_tests):
    settings.S3_FILE_UPLOADER_EMBEDDED = value
    assert message_ids() == {"s3_file_uploader.E019"}
    assert conf.start_embedded_s3() is None


def test_check_of_embedded_folder_that_is_a_file_is_an_error(folder, outside_of_tests):
    folder.write_text("a file")
    assert "s3_file_uploader.E019" in message_ids()
    assert conf.start_embedded_s3() is None
    assert folder.read_text() == "a file"


def test_client_with_embedded_folder_below_a_file_is_refused(settings, folder, outside_of_tests):
    folder.write_text("a file")
    settings.S3_FILE_UPLOADER_EMBEDDED = folder / "below"
    with pytest.raises(StorageNotConfigured, match=r"below \(Not a directory\): name a folder"):
        get_client()
    with pytest.raises(StorageNotConfigured, match="name a folder"):
        conf.endpoint_url  # noqa: B018 - reading it is the test


def test_check_of_embedded_folder_without_juicefs_is_a_warning(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    (message,) = [message for message in run_checks() if message.id == "s3_file_uploader.W008"]
    assert message.hint == NOT_INSTALLED


@pytest.mark.django_db
def test_check_deploy_of_embedded_folder_is_an_error(folder):
    assert "s3_file_uploader.E018" in message_ids(include_deployment_checks=True)


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def runserver(monkeypatch):
    """Start the app as the process of `manage.py runserver` does."""
    monkeypatch.setattr("sys.argv", ["manage.py", "runserver"])
    return lambda: apps.apps.get_app_config("s3_file_uploader").ready()


def test_runserver_starts_the_store_and_prints_its_address(folder, outside_of_tests, runserver, capsys):
    runserver()
    assert capsys.readouterr().out == f"Embedded S3 (JuiceFS gateway) at {conf.endpoint_url}\n"
    runserver()
    assert capsys.readouterr().out == ""


def test_runserver_beside_another_store_ends_with_one_line(settings, folder, outside_of_tests, runserver):
    settings.AWS_ACCESS_KEY_ID = "own-key"
    with pytest.raises(SystemExit) as caught:
        runserver()
    assert caught.value.code == (
        "CommandError: S3_FILE_UPLOADER_EMBEDDED is set beside AWS_ACCESS_KEY_ID: leave out one or the other."
    )


def press_ctrl_c_once_entered(folder):
    while not is_entered(folder):
        time.sleep(0.02)
    time.sleep(0.5)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def test_s3_embedded_until_ctrl_c_prints_the_environment(folder, capsys):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell in the background has turned it off.
    threading.Thread(target=press_ctrl_c_once_entered, args=[folder], daemon=True).start()
    call_command("s3_embedded")
    lines = [f"export {name}={value}" for name, value in EmbeddedS3(folder).environment().items()]
    assert capsys.readouterr().out.splitlines() == lines


def test_s3_embedded_without_the_setting_says_what_to_set(folder, settings):
    settings.S3_FILE_UPLOADER_EMBEDDED = None
    with pytest.raises(CommandError, match="Set S3_FILE_UPLOADER_EMBEDDED to a folder"):
        call_command("s3_embedded")


def test_s3_embedded_on_a_foreign_address_ends_with_one_line(folder):
    with pytest.raises(CommandError, match=r"The embedded S3 cannot listen on 203\.0\.113\.1"):
        call_command("s3_embedded", address="203.0.113.1")
