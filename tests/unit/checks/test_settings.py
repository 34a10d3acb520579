import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from s3_file_uploader.api.throttling import ServiceThrottle


def list_message_ids():
    return {message.id for message in run_checks() if message.id.startswith("s3_file_uploader")}


def test_checks_with_valid_settings_are_silent():
    assert list_message_ids() == set()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"AWS_STORAGE_REGION": ""}, "W006"),
        ({"AWS_ACCESS_KEY_ID": ""}, "W007"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "W007"),
        ({"AWS_S3_ENDPOINT_URL": "minio:9000"}, "E003"),
        ({"AWS_S3_ENDPOINT_URL": "ftp://minio"}, "E003"),
        ({"AWS_S3_ENDPOINT_URL": "http://minio/bucket"}, "E003"),
        ({"AWS_S3_ENDPOINT_URL": "http://minio:port"}, "E003"),
        ({"AWS_S3_ENDPOINT_URL": "https://user:word@minio"}, "E003"),
        ({"AWS_S3_ENDPOINT_URL": "https://minio?x=1"}, "E003"),
        ({"S3_FILE_UPLOADER_CLAIM_SECONDS": 69}, "E009"),
        ({"S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES": None}, "E006"),
        ({"S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES": "rest_framework.permissions.AllowAny"}, "E006"),
        ({"S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES": ["rest_framework.permissions"]}, "E006"),
        ({"S3_FILE_UPLOADER_DOWNLOAD_PERMISSION_CLASSES": "rest_framework.permissions.AllowAny"}, "E006"),
        ({"S3_FILE_UPLOADER_DOWNLOAD_PERMISSION_CLASSES": ["nothing"]}, "E006"),
        ({"S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES": -1}, "E005"),
        ({"S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES": "10 GB"}, "E005"),
        ({"S3_FILE_UPLOADER_DOWNLOAD_DAYS": -1}, "E005"),
        ({"S3_FILE_UPLOADER_VISIBLE_TO": len}, "E006"),
        ({"AWS_S3_ENDPOINT_URL": "http://minio", "AWS_S3_PUBLIC_ENDPOINT_URL": "//minio"}, "E003"),
        ({"AWS_S3_ADDRESSING_STYLE": "paht"}, "E004"),
        ({"S3_FILE_UPLOADER_PART_SIZE_BYTES": 5 * 2**20 - 1}, "E005"),
        ({"S3_FILE_UPLOADER_PART_SIZE_BYTES": "8 MB"}, "E005"),
        ({"S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS": None}, "E005"),
        ({"S3_FILE_UPLOADER_MAX_ATTEMPTS": 0}, "E005"),
        ({"S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES": ["no.such.Class"]}, "E006"),
        ({"S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES": ["nothing"]}, "E006"),
        ({"S3_FILE_UPLOADER_VISIBLE_TO": "tests.conftest.nothing"}, "E006"),
        ({"S3_FILE_UPLOADER_UNATTACHED_SECONDS": 59}, "E005"),
        ({"S3_FILE_UPLOADER_FORM_BUCKET": "Not A Bucket"}, "E039"),
        ({"S3_FILE_UPLOADER_UNATTACHED_SECONDS": "a day"}, "E005"),
        ({"S3_FILE_UPLOADER_WHEN_USER_DELETED": "cascade"}, "E007"),
        ({"S3_FILE_UPLOADER_ALLOWED_BUCKETS": "photos"}, "E008"),
        ({"S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES": 5 * 2**20 - 1}, "E005"),
        ({"S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES": 5 * 2**30 + 1}, "E005"),
        ({"S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS": 604_801}, "E005"),
        ({"S3_FILE_UPLOADER_DIRECT_EXPIRATION_SECONDS": "a day"}, "E005"),
        ({"S3_FILE_UPLOADER_DIRECT_STRATEGIES": []}, "E012"),
        ({"S3_FILE_UPLOADER_DIRECT_STRATEGIES": "put"}, "E012"),
        ({"S3_FILE_UPLOADER_DIRECT_STRATEGIES": None}, "E012"),
        ({"S3_FILE_UPLOADER_DIRECT_STRATEGIES": ["put", "tus"]}, "E012"),
        ({"S3_FILE_UPLOADER_DIRECT_STRATEGIES": [["put"]]}, "E012"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "uploads"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "/uploads/"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "/"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "uploads//"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "a/../"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "./"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "a\n/"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": "x" * 512 + "/"}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_PREFIX": None}, "E013"),
        ({"S3_FILE_UPLOADER_DIRECT_EXPIRATION_SECONDS": 3599}, "E014"),
        ({"S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS": 86_401}, "E014"),
        ({"S3_FILE_UPLOADER_DIRECT_MAX_SECONDS": 86_399}, "E014"),
        ({"S3_FILE_UPLOADER_DIRECT_MAX_SECONDS": "a week"}, "E005"),
        ({"S3_FILE_UPLOADER_STORE": ["checksums", "telepathy"]}, "E016"),
        ({"S3_FILE_UPLOADER_STORE": "checksums"}, "E016"),
        ({"S3_FILE_UPLOADER_URL": "files.example.com"}, "E043"),
        ({"S3_FILE_UPLOADER_URL": "https://user@files.example.com"}, "E043"),
        ({"S3_FILE_UPLOADER_URL": "https://[files"}, "E043"),
        ({"S3_FILE_UPLOADER_URL": 443}, "E043"),
        ({"S3_FILE_UPLOADER_STORE": None}, "E016"),
        ({"S3_FILE_UPLOADER_STORE": [["checksums"]]}, "E016"),
        ({"S3_FILE_UPLOADER_ALLOWED_BUCKETS": 1}, "E008"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": "https://app.example.com"}, "E010"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": None}, "E010"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": [b"https://app.example.com"]}, "E010"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": ["https://app.example.com", "app.example.com"]}, "E010"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": ["https://app.example.com/"]}, "E010"),
        ({"S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS": 0}, "E011"),
        ({"S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS": 3651}, "E011"),
        ({"S3_FILE_UPLOADER_SHARE_MAX_SECONDS": 0}, "E005"),
        ({"S3_FILE_UPLOADER_AUDIT_ROWS": "no"}, "E035"),
        ({"S3_FILE_UPLOADER_METRICS_WAITING": 1}, "E035"),
        ({"S3_FILE_UPLOADER_AUDIT_DAYS": 0}, "E035"),
        ({"S3_FILE_UPLOADER_AUDIT_DAYS": 36_501}, "E035"),
        ({"S3_FILE_UPLOADER_AUDIT_DAYS": True}, "E035"),
        ({"S3_FILE_UPLOADER_AUDIT_DAYS": "a year"}, "E035"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": [("sign", "1/s")]}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": "1/s"}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": "1 a second"}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": "0/s"}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": "-1/s"}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": "1/week"}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": 5}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": None}}, "E036"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"read": "1/s"}}, "E037"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {7: "1/s"}}, "E037"),
        ({"S3_FILE_UPLOADER_THROTTLE_RATES": {"sign": "600/min", "share": "1/d"}}, "W014"),
        ({"USE_X_FORWARDED_HOST": True, "REST_FRAMEWORK": {}}, "W015"),
        ({"SECURE_PROXY_SSL_HEADER": ("X", "https"), "REST_FRAMEWORK": {}}, "W015"),
        ({"S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS": 1.5}, "E011"),
        ({"S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS": True}, "E011"),
        ({"S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS": "7"}, "E011"),
        ({"S3_FILE_UPLOADER_CORS_ORIGINS": ["*"]}, "W004"),
        ({"S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS": 0}, "E005"),
        ({"S3_FILE_UPLOADER_UPPY_BUCKET": "No Bucket"}, "E015"),
        ({"S3_FILE_UPLOADER_UPPY_BUCKET": ["bucket"]}, "E015"),
        ({"S3_FILE_UPLOADER_UPPY_BUCKET": "closed", "S3_FILE_UPLOADER_ALLOWED_BUCKETS": ["open-*"]}, "W005"),
        ({"S3_FILE_UPLOADER_UPPY_BUCKET": "closed", "S3_FILE_UPLOADER_ALLOWED_BUCKETS": 1}, "E008"),
        ({"PATH_TO_SAVE_FILE": ""}, "W001"),
        ({"PATH_TO_SAVE_FILE": "/no/such/folder"}, "W002"),
        ({"DEBUG": True}, "W003"),
        ({"S3_FILE_UPLOADER_CORS_ORIGIN": ["https://app.example.com"]}, "W009"),
        ({"S3_FILE_UPLOADER_": 1}, "W009"),
    ],
)
def test_checks_with_a_wrong_setting_return_its_id(settings, changed, expected):
    for name, value in changed.items():
        setattr(settings, name, value)
    assert list_message_ids() == {f"s3_file_uploader.{expected}"}


@pytest.mark.parametrize("origins", [[], (), ["https://app.example.com", "https://*.example.org"]])
@pytest.mark.parametrize("days", [None, 1, 3650])
def test_checks_with_valid_origins_and_days_are_silent(settings, origins, days):
    settings.S3_FILE_UPLOADER_CORS_ORIGINS = origins
    settings.S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS = days
    assert list_message_ids() == set()


@pytest.mark.parametrize(
    ("name", "warning", "error"),
    [
        ("AWS_STORAGE_REGION", "W006", "E001"),
        ("AWS_ACCESS_KEY_ID", "W007", "E002"),
        ("AWS_SECRET_ACCESS_KEY", "W007", "E002"),
    ],
)
def test_missing_setting_is_an_error_under_check_deploy_only(db, settings, capsys, name, warning, error):
    setattr(settings, name, "")
    call_command("check")
    assert warning in capsys.readouterr().err
    with pytest.raises(SystemCheckError, match=error):
        call_command("check", deploy=True)


def test_messages_have_hints_and_no_secrets(settings):
    settings.AWS_STORAGE_REGION = settings.AWS_ACCESS_KEY_ID = settings.PATH_TO_SAVE_FILE = ""
    messages = [message for message in run_checks() if message.id.startswith("s3_file_uploader")]
    assert len(messages) == 3
    assert all(message.hint for message in messages)
    assert "test-secret-key" not in repr(messages)


@pytest.mark.parametrize("changed", [{"AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9000"}, {"DEBUG": False}])
def test_check_debug_with_an_own_store_is_silent(settings, changed):
    settings.DEBUG = True
    for name, value in changed.items():
        setattr(settings, name, value)
    assert list_message_ids() == set()


@pytest.mark.parametrize("prefix", ["", "uploads/", "in/été/", "x" * 511 + "/"])
def test_check_direct_uploads_with_a_valid_prefix_is_silent(settings, prefix):
    settings.S3_FILE_UPLOADER_DIRECT_PREFIX = prefix
    assert list_message_ids() == set()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CORS_ORIGIN", "Did you mean S3_FILE_UPLOADER_CORS_ORIGINS?"),
        ("ALOWED_BUCKET", "Did you mean S3_FILE_UPLOADER_ALLOWED_BUCKETS?"),
        ("ZEBRA", "Remove it: it has no effect."),
    ],
)
def test_check_names_with_an_unknown_name_suggests_the_closest(settings, name, hint):
    setattr(settings, f"S3_FILE_UPLOADER_{name}", 1)
    (message,) = [message for message in run_checks() if message.id == "s3_file_uploader.W009"]
    assert (message.msg, message.hint) == (f"S3_FILE_UPLOADER_{name} is not a setting of this app.", hint)


@pytest.mark.parametrize("days", [None, 1, 36_500])
@pytest.mark.parametrize("rows", [True, False])
def test_check_audit_with_valid_days_is_silent(settings, rows, days):
    settings.S3_FILE_UPLOADER_AUDIT_ROWS, settings.S3_FILE_UPLOADER_AUDIT_DAYS = rows, days
    assert list_message_ids() == set()


@pytest.mark.parametrize("proxies", [0, 1])
def test_check_proxies_with_a_number_is_silent(settings, proxies):
    settings.USE_X_FORWARDED_HOST = True
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    assert list_message_ids() == set()


@pytest.mark.parametrize("rate", ["1/s", "20/sec", "20/second", "5/m", "5/minute", "100/h", "100/hour", "1000/day"])
def test_check_throttles_with_readable_rates_is_silent(settings, rate):
    settings.S3_FILE_UPLOADER_THROTTLE_RATES = {"upload": rate}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"}}
    assert list_message_ids() == set()
    number, seconds = ServiceThrottle("upload", rate).parse_rate(rate)
    assert (number, seconds in (1, 60, 3600, 86_400)) == (int(rate.partition("/")[0]), True)
