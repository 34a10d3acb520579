"""The ASGI entry point of the host project."""

import os

from s3_file_uploader.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "modules.settings")

application = get_asgi_application()
