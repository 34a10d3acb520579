"""The host project's settings with the URLs of the rivals."""

from modules.settings import *  # noqa: F403
from modules.settings import INSTALLED_APPS

INSTALLED_APPS.extend(("s3_file_field", "benchmarks.rivals"))
ROOT_URLCONF = "benchmarks.rivals.urls"
