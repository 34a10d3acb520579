"""The host project's settings for a store with the abilities of AWS."""

from modules.settings import *  # noqa: F403
from s3_file_uploader.values import ABILITIES

S3_FILE_UPLOADER_STORE = ABILITIES
