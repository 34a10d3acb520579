"""Settings of the clinic: those of `django-admin startproject`, and what uploads add, from STORAGES on."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("CLINIC_DATA") or BASE_DIR / ".data")
DATA_DIR.mkdir(exist_ok=True)

SECRET_KEY = "demo-key-of-the-example"  # Invented: this project is for this machine alone.
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "s3_file_uploader",
    "clinic",
    "people",
    "reports",
    "letters",
]
MIDDLEWARE = [
    "s3_file_uploader.middleware.GuardMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "s3_file_uploader.attachments.middleware.FormUploadMiddleware",
    "s3_file_uploader.middleware.StorageMiddleware",
]
ROOT_URLCONF = "clinic.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "clinic.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}

# --- uploads ---

S3_FILE_UPLOADER_EMBEDDED = DATA_DIR / "s3"  # In production: AWS_STORAGE_REGION and the credentials.
S3_FILE_UPLOADER_FORM_BUCKET = "clinic-uploads"
S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["clinic-uploads"]
S3_FILE_UPLOADER_UNATTACHED_SECONDS = 86_400
S3_FILE_UPLOADER_POLICIES = {"clinic-letters": {"max_file_bytes": 20_000_000}}
PATH_TO_SAVE_FILE = str(DATA_DIR)
STORAGES = {
    "default": {
        "BACKEND": "s3_file_uploader.storage.UploadStorage",
        "OPTIONS": {"bucket": "clinic-letters"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
