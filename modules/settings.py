"""Django settings of the host project; everything that differs between places comes from the environment.

`.env` beside `manage.py` is read first; `.env.example` lists every variable.
"""

import os
import secrets
from pathlib import Path

import dj_database_url
from dotenv import load_dotenv
from pythonjsonlogger.core import RESERVED_ATTRS

from s3_file_uploader import __version__

BASE_DIR = Path(__file__).resolve().parent.parent
load_dotenv(BASE_DIR / ".env")

DATA_DIR = BASE_DIR / (os.environ.get("DATA_DIR") or ".data")
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)


def flag(name: str, default: str = "false") -> bool:
    """Return True if the variable says yes."""
    return (os.environ.get(name) or default).lower() in ("1", "true", "yes", "on")


def words(name: str, default: str = "") -> list[str]:
    """Return the words of a comma-separated list."""
    return [word.strip() for word in (os.environ.get(name) or default).split(",") if word.strip()]


def secret_key() -> str:
    """Return DJANGO_SECRET_KEY, or a random one that is created once and stored."""
    if named := os.environ.get("DJANGO_SECRET_KEY"):
        return named
    path = DATA_DIR / "secret-key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


# --- the store: the embedded one, unless .env names another -----------------------------------------------------------

OWN_STORE = [
    name
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_S3_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
    )
    if os.environ.get(name)
]
if flag("EMBEDDED_S3", "true") and not OWN_STORE:
    S3_FILE_UPLOADER_EMBEDDED = DATA_DIR / "s3"  # It allows every origin: browsers need no setting.

if os.environ.get("S3_FILE_UPLOADER_STORE"):
    S3_FILE_UPLOADER_STORE = words("S3_FILE_UPLOADER_STORE")

PATH_TO_SAVE_FILE = os.environ.get("PATH_TO_SAVE_FILE")
if not PATH_TO_SAVE_FILE:
    PATH_TO_SAVE_FILE = str(DATA_DIR / "downloads")
    Path(PATH_TO_SAVE_FILE).mkdir(exist_ok=True)
S3_FILE_UPLOADER_FORM_TIMEOUT_SECONDS = 300  # No view but those of the app takes files.

# --- scanners: only if .env names the address of one ----------------------------------------------

if os.environ.get("CLAMAV_ADDRESS"):
    S3_FILE_UPLOADER_SCANNERS = ["s3_file_uploader.scanners.ClamAV"]
    S3_FILE_UPLOADER_CLAMAV_ADDRESS = os.environ["CLAMAV_ADDRESS"]

# --- several processes: a cache that they share, and workers that scan, only if .env names them -----------------------

if os.environ.get("REDIS_URL"):
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"]}
    }
    S3_FILE_UPLOADER_THROTTLE_RATES = {"sign": "600/min", "upload": "120/min", "list": "300/min", "share": "60/min"}
SCAN_IN_WORKER = flag("SCAN_IN_WORKER")
if SCAN_IN_WORKER:
    TASKS = {
        "default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
        "scans": {"BACKEND": "django_tasks_db.DatabaseBackend"},
    }
    S3_FILE_UPLOADER_SCAN_TASK_BACKEND = "scans"

# --- Django -----------------------------------------------------------------------------------------------------------

SECRET_KEY = secret_key()
DEBUG = flag("DJANGO_DEBUG")
ALLOWED_HOSTS = words("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = words("DJANGO_CSRF_TRUSTED_ORIGINS")
S3_FILE_UPLOADER_CORS_ORIGINS = CSRF_TRUSTED_ORIGINS  # Their pages upload to new buckets.

HTTPS = flag("DJANGO_HTTPS")
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = flag("DJANGO_BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "modules",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "s3_file_uploader",
    *(["django_tasks", "django_tasks_db"] if SCAN_IN_WORKER else []),
]
MIDDLEWARE = [
    "s3_file_uploader.middleware.GuardMiddleware",
    "s3_file_uploader.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",  # The console speaks the languages of the browser and of LANGUAGES.
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "modules.urls"
WSGI_APPLICATION = "modules.wsgi.application"
ASGI_APPLICATION = "modules.asgi.application"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# The accounts of `make run` have a published password: they are in no other database.
DEMO_DATABASE = DATA_DIR / "demo.sqlite3"
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'db.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers beside a writer, and writers that wait for each other: https://docs.djangoproject.com/en/5.2/ref/databases/
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REST_FRAMEWORK = {
    # Tokens first: their authenticator has a challenge, so a request without credentials gets 401 instead of 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "NUM_PROXIES": 1 if BEHIND_PROXY else 0,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "S3 file uploader",
    "DESCRIPTION": (
        "Upload files to S3, and record each file with the user who owns it.\n\n"
        "**Start here.** Get a token with `POST /auth/token/`, press **Authorize**, and enter `Token`, a space and the "
        "token. Then create the bucket of the examples, `my-first-bucket`, with `POST bucket/create/` as staff, or "
        "choose one from `GET bucket/list/`."
    ),
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration/
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,
        "tryItOutEnabled": True,
        "defaultModelsExpandDepth": 0,
    },
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # The values are their own labels.
    "SERVERS": [{"url": "/", "description": "The server that serves this description."}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "s3_file_uploader.api.openapi.hooks.describe_head",
    ],
    "TAGS": [
        {"name": "Authentication", "description": "Get a token for a name and a password."},
        {"name": "Buckets", "description": "List, create and remove buckets, and list their objects."},
        {"name": "Files", "description": "Upload, read, save, presign and delete one file."},
        {"name": "Uploads", "description": "Upload directly to S3; list, show and delete the records of uploads."},
        {"name": "Shares", "description": "Share one file with people who have no account."},
        {
            "name": "Uppy",
            "description": "The endpoints that Uppy calls, and upload tokens. The same endpoints below "
            "`uppy/token/{token}/` accept an upload token instead of other credentials.",
        },
        {"name": "Health", "description": "For load balancers and orchestrators."},
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "s3_file_uploader.request_id.RequestIdFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ("levelname", "name", "message", "request_id"),
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
            # Django passes the request to its loggers, and its text has the query, which may have a secret.
            "reserved_attrs": [*RESERVED_ATTRS, "request"],
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": os.environ.get("DJANGO_LOG_FORMAT") or "line",
            "filters": ["request_id"],
        },
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": os.environ.get("DJANGO_LOG_LEVEL") or "INFO"},
    # At DEBUG these loggers write signatures, session tokens of AWS, and SQL with the tokens of users.
    "loggers": {
        **{name: {"level": "INFO"} for name in ("botocore", "boto3", "urllib3", "django.db.backends")},
        # Any client can send a wrong Host: the log gets one line of Bad Request, not a traceback of twenty.
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
    },
}
