"""gunicorn for the image, compose.yaml and the Procfile. docs/how-to/deploy.md explains the figures.

WEB_CONCURRENCY sets the number of processes, GUNICORN_THREADS the threads of each, PORT the port.
https://docs.gunicorn.org/en/stable/settings.html
"""

import os

bind = f"0.0.0.0:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# An upload holds a thread while its bytes come in, and gthread answers others meanwhile.
worker_class = "gthread"
threads = int(os.environ.get("GUNICORN_THREADS") or 8)
# gthread proves that the worker is alive, not that the request is: a long upload does not end by this.
timeout = 120
# On SIGTERM, requests may end within this time. Whatever stops the process must wait longer: 150 s in compose.yaml.
graceful_timeout = 120
# The heartbeat must not wait for a disk: https://docs.gunicorn.org/en/stable/faq.html#how-do-i-avoid-gunicorn-excessively-blocking-in-os-fchmod
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a folder of the kernel, in which gunicorn creates a private file
control_socket_disable = True
# No access log: the log of the app and that of nginx have no secrets in their addresses.
accesslog = None
