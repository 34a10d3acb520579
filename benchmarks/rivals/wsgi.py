"""The WSGI application of the rivals."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.rivals.settings"
application = get_wsgi_application()
