"""Exit 0 if gunicorn on this machine answers `health/live/`: the HEALTHCHECK of the image.

Django refuses other names than those of DJANGO_ALLOWED_HOSTS, and redirects http where DJANGO_HTTPS is set, so the
request has the name and the header with which nginx forwards one.
"""

import http.client
import os
import sys

PATH = "/modules/s3-file-uploader/service/health/live/"
TIMEOUT_SECONDS = 4


def main() -> bool:
    """Return True if the answer is 200."""
    name = (os.environ.get("DJANGO_ALLOWED_HOSTS") or "localhost").split(",")[0].strip().lstrip(".")
    headers = {"Host": "localhost" if name == "*" else name, "X-Forwarded-Proto": "https"}
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", PATH, headers=headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not main())
