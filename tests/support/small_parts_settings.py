"""The host project with the smallest parts that S3 takes, so that small files have several."""

from modules.settings import *  # noqa: F403 - the host's own
from s3_file_uploader.values import mib

S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = mib(5)
S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = mib(6)
