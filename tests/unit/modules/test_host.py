"""The host project: its settings follow the environment, and `.env.example` lists every variable."""

import ast
import json
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.host import ROOT, python

pytestmark = pytest.mark.slow  # These tests start processes.

EXAMPLE = ROOT / ".env.example"
READERS = ("flag", "words", "_text", "_store_text", "os.environ.get")
# AWS's own names for the region, which its other tools read too; ours comes first.
NAMES_OF_AWS = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
OWN_KEYS = {"AWS_ACCESS_KEY_ID": "own-key", "AWS_SECRET_ACCESS_KEY": "own-secret"}
PRODUCTION = OWN_KEYS | {
    "AWS_STORAGE_REGION": "eu-west-1",
    "DJANGO_SECRET_KEY": "dJ9!kd02_Slq7-PqzmX4vB8wEr6tYu1iOa5sDfGh3jKlZxCvBn",
    "DJANGO_ALLOWED_HOSTS": "api.example.com",
    "DJANGO_HTTPS": "true",
}


def names_read_in(file: str) -> set[str]:
    """Return every variable that a file reads by name."""
    calls = [node for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.Call)]
    read = [call.args[0] for call in calls if call.args and ast.unparse(call.func) in READERS]
    return {str(name.value) for name in read if isinstance(name, ast.Constant)}


def names_in_example() -> list[str]:
    return re.findall(r"^(\w+)=", EXAMPLE.read_text(), re.MULTILINE)


def settings_with(data_dir: Path, *, cwd: Path = ROOT, **variables: str) -> dict[str, Any]:
    code = """
import json, os
from modules import settings
kept = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
print(json.dumps(kept | {"environ": dict(os.environ)}, default=str))
"""
    done = python(data_dir, "-c", code, cwd=cwd, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    settings: dict[str, Any] = json.loads(done.stdout)
    return settings


# --- .env.example -----------------------------------------------------------------------------------------------------


def test_env_example_names_each_variable_that_the_code_reads():
    read = names_read_in("modules/settings.py") | names_read_in("s3_file_uploader/conf.py")
    assert len(read) > 15
    assert set(names_in_example()) == read - NAMES_OF_AWS


def test_env_example_names_each_variable_once():
    names = names_in_example()
    assert sorted(names) == sorted(set(names))


def test_environment_is_read_in_known_files_only():
    files = [*(ROOT / "s3_file_uploader").rglob("*.py"), *(ROOT / "modules").rglob("*.py")]
    reading = {str(file.relative_to(ROOT)) for file in files if re.search(r"os\.(environ|getenv)", file.read_text())}
    assert reading == {
        "modules/asgi.py",  # DJANGO_SETTINGS_MODULE
        "modules/wsgi.py",  # DJANGO_SETTINGS_MODULE
        "modules/settings.py",
        "modules/management/commands/demo.py",  # writes the address at which clients reach the embedded S3
        "s3_file_uploader/conf.py",
        "s3_file_uploader/embedded/server.py",  # hands it on to the server
        "s3_file_uploader/embedded/shared.py",  # bypasses a proxy
    }


def test_env_example_explains_each_variable_and_sets_none():
    lines = EXAMPLE.read_text().splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        assert line == "" or line.startswith("#") or (line.endswith("=") and above.startswith("# ")), line


def test_settings_with_a_copy_of_env_example_are_the_defaults(tmp_path):
    plain = settings_with(tmp_path)
    copied = settings_with(tmp_path, **dict.fromkeys(set(names_in_example()) - {"DATA_DIR"}, ""))
    del plain["environ"], copied["environ"]
    assert copied == plain


def test_settings_with_dotenv_beside_manage_py_read_it(tmp_path):
    for package in ("modules", "s3_file_uploader"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".env").write_text("DJANGO_DEBUG=true\nDJANGO_LOG_LEVEL=ERROR\n")
    variables = {"DATA_DIR": "", "PYTHON_DOTENV_DISABLED": "false", "DJANGO_LOG_LEVEL": "WARNING"}
    settings = settings_with(tmp_path, cwd=tmp_path, **variables)
    assert settings["DEBUG"] is True
    assert settings["LOGGING"]["root"]["level"] == "WARNING"  # The environment takes precedence.
    assert settings["DATA_DIR"] == str(tmp_path / ".data")


# --- the settings -----------------------------------------------------------------------------------------------------


def test_settings_without_variables_are_the_defaults(tmp_path):
    settings = settings_with(tmp_path)
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["SECURE_SSL_REDIRECT"] is False
    assert settings["SECURE_HSTS_SECONDS"] == 0
    assert settings["SECURE_PROXY_SSL_HEADER"] is None
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "db.sqlite3")
    assert settings["PATH_TO_SAVE_FILE"] == str(tmp_path / "downloads")
    assert settings["LOGGING"]["root"]["level"] == "INFO"


@pytest.mark.parametrize("yes", ["true", "True", "1", "yes", "on"])
def test_settings_with_django_debug_turn_debug_on(tmp_path, yes):
    assert settings_with(tmp_path, DJANGO_DEBUG=yes)["DEBUG"] is True


def test_settings_with_https_turn_on_redirect_hsts_and_cookies(tmp_path):
    settings = settings_with(tmp_path, DJANGO_HTTPS="true")
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert settings[name] is True
    assert settings["SECURE_HSTS_SECONDS"] == 365 * 24 * 60 * 60
    assert settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True


def test_settings_behind_a_proxy_trust_its_header(tmp_path):
    settings = settings_with(tmp_path, DJANGO_BEHIND_PROXY="true")
    assert settings["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_settings_with_redis_share_the_cache_and_throttle(tmp_path):
    settings = settings_with(tmp_path, REDIS_URL="redis://redis:6379/0")
    assert settings["CACHES"]["default"]["LOCATION"] == "redis://redis:6379/0"
    assert settings["S3_FILE_UPLOADER_THROTTLE_RATES"]["upload"] == "120/min"


def test_settings_with_scans_in_a_worker_have_its_backend(tmp_path):
    settings = settings_with(tmp_path, SCAN_IN_WORKER="true")
    assert settings["S3_FILE_UPLOADER_SCAN_TASK_BACKEND"] in settings["TASKS"]
    assert settings["INSTALLED_APPS"][-2:] == ["django_tasks", "django_tasks_db"]


def test_settings_with_lists_split_them_at_commas(tmp_path):
    settings = settings_with(
        tmp_path,
        DJANGO_ALLOWED_HOSTS="api.example.com, files.example.com,",
        DJANGO_CSRF_TRUSTED_ORIGINS="https://app.example.com",
    )
    assert settings["ALLOWED_HOSTS"] == ["api.example.com", "files.example.com"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://app.example.com"]
    assert settings["S3_FILE_UPLOADER_CORS_ORIGINS"] == ["https://app.example.com"]


def test_settings_with_database_url_use_that_database(tmp_path):
    url = "postgres://someone:password@db.example.com:5433/uploads"
    database = settings_with(tmp_path, DATABASE_URL=url)["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example.com", 5433, "uploads")
    assert (database["USER"], database["PASSWORD"]) == ("someone", "password")
    assert "init_command" not in database.get("OPTIONS", {})


def test_secret_key_is_created_once_and_private(tmp_path):
    made = settings_with(tmp_path)["SECRET_KEY"]
    assert len(made) >= 50
    assert settings_with(tmp_path)["SECRET_KEY"] == made
    assert settings_with(tmp_path / "other")["SECRET_KEY"] != made
    assert (tmp_path / "secret-key").read_text() == made
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o700


def test_secret_key_from_the_environment_is_not_written(tmp_path):
    assert settings_with(tmp_path, DJANGO_SECRET_KEY="named")["SECRET_KEY"] == "named"
    assert not (tmp_path / "secret-key").exists()


# --- which store ------------------------------------------------------------------------------------------------------


def test_settings_without_a_store_use_the_embedded_s3(tmp_path):
    assert settings_with(tmp_path)["S3_FILE_UPLOADER_EMBEDDED"] == str(tmp_path / "s3")
    assert not (tmp_path / "s3").exists()


@pytest.mark.parametrize(
    "named",
    [
        {"AWS_ACCESS_KEY_ID": "own-key"},
        {"AWS_SECRET_ACCESS_KEY": "own-secret"},
        {"AWS_S3_ENDPOINT_URL": "https://minio.example.com"},
        {"EMBEDDED_S3": "false"},
    ],
    ids=lambda named: next(iter(named)),
)
def test_settings_with_another_store_leave_out_the_embedded_s3(tmp_path, named):
    assert "S3_FILE_UPLOADER_EMBEDDED" not in settings_with(tmp_path, **named)


# --- in production ----------------------------------------------------------------------------------------------------


def test_check_deploy_of_production_settings_is_silent(tmp_path):
    done = python(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.stderr == ""
    assert done.stdout == "System check identified no issues (0 silenced).\n"
    assert done.returncode == 0


def test_check_deploy_of_development_settings_fails(tmp_path):
    done = python(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", DJANGO_DEBUG="true")
    assert done.returncode == 1
    assert "(security.W018)" in done.stderr


def test_lock_names_no_index():
    lock = (ROOT / "Pipfile.lock").read_text()
    assert json.loads(lock)["_meta"]["sources"] == []
    assert "://" not in lock
    assert not any("index" in package for package in json.loads(lock)["default"].values())
    assert "[[source]]" not in re.sub("#.*", "", (ROOT / "Pipfile").read_text())
