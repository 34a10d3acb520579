"""gunicorn behind nginx: `gunicorn --config deploy/gunicorn.conf.py modules.wsgi:application`.

WEB_CONCURRENCY sets the number of processes, GUNICORN_THREADS the threads of each, PORT the port. Options of the
command line and of GUNICORN_CMD_ARGS override all of these. https://docs.gunicorn.org/en/stable/settings.html
"""

import os
import signal

bind = f"0.0.0.0:{os.environ.get('PORT') or 8000}"
# An upload holds a thread while its bytes come in, and gthread answers others meanwhile.
worker_class = "gthread"
threads = int(os.environ.get("GUNICORN_THREADS") or 4)
# It proves that the worker is alive, not that a request is: a long upload does not end by this.
timeout = 120
# A request may take as long as an upload: gunicorn waits so long for running requests when it is told to stop.
# The process manager must wait longer than this before it kills.
graceful_timeout = 600
# The heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - gunicorn makes a private file
# The image has a read-only file system, and nothing asks this socket.
control_socket_disable = True


def post_worker_init(worker):
    """Close the listening socket as soon as the worker is told to stop, so that nginx takes another host.

    A worker of gunicorn keeps it open until its last request has ended. Connections that nginx opens meanwhile are
    accepted by the kernel only, and reset then. Needs gunicorn 27 or later, and its worker gthread.
    """
    if not hasattr(worker, "method_queue"):
        return
    stop = signal.getsignal(signal.SIGTERM)

    def close():
        for listener in worker.sockets:
            listener.close()

    def stop_at_once(number, frame):
        stop(number, frame)
        worker.method_queue.defer(close)

    signal.signal(signal.SIGTERM, stop_at_once)
