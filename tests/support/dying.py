"""The host project's WSGI application, which kills itself at a given step. For tests only.

The file `dies` in DYING_FOLDER names the step: "worker 3" kills the worker at the third of the following steps. The
application appends each step to the file `steps` in that folder, and each signal that receivers get to `heard`. A POST
to /housekeeping runs housekeeping.
"""

import gc
import json
import mimetypes
import os
import signal
import sys
from contextlib import closing
from dataclasses import asdict
from functools import wraps
from importlib import import_module
from pathlib import Path
from wsgiref.util import setup_testing_defaults

from django.db import connection
from django.urls import get_resolver

from modules.wsgi import application as host
from s3_file_uploader import services
from s3_file_uploader.models import direct_transitions, lease, transitions
from s3_file_uploader.s3 import multipart, objects, presign
from s3_file_uploader.services import recovery
from s3_file_uploader.services.direct_uploads import complete, parts, start, verify
from s3_file_uploader.signals import file_deleted, file_uploaded

FOLDER = Path(os.environ["DYING_FOLDER"])
STEPS = (
    (start, "_insert"),
    (multipart, "list_parts", "complete_multipart"),
    (multipart, "abort_multipart", "abort_unfinished_uploads"),
    (presign, "presign_url", "presign_part_urls", "presign_post"),
    (objects, "create_multipart", "head_object"),
    (verify, "hash_object"),
    (parts, "sign_parts"),
    (recovery, "remove_object"),
    (complete, "complete_record"),
    (direct_transitions, "mark_multipart_begun", "renew_client_lease", "begin_joining", "keep_completion_lease"),
    (direct_transitions, "claim_from_client", "expect_late_parts"),
    (lease, "claim_record", "claim_abandoned"),
    (transitions, "mark_stored", "remove_record"),
)
MOMENTS = ("before", "after")


def written(name, line):
    file = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def dies_if_told(step):
    written("steps", step)
    death_file = FOLDER / "dies"
    try:
        who, left = death_file.read_text().split()
    except FileNotFoundError:
        return
    if int(left) > 1:
        death_file.write_text(f"{who} {int(left) - 1}")
        return
    death_file.unlink()
    (os.killpg if who == "server" else os.kill)(0 if who == "server" else os.getpid(), signal.SIGKILL)


def dying(name, function):
    @wraps(function)
    def called(*arguments, **named):
        dies_if_told(f"before {name}")
        answer = function(*arguments, **named)
        dies_if_told(f"after {name}")
        return answer

    return called


def everywhere(function, instead):
    """Replace a function in every module that imported it by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("s3_file_uploader"):
            for own in [own for own, value in vars(module).items() if value is function]:
                setattr(module, own, instead)


def warm_up():
    """Do what only the first request of a process needs, so that short-lived workers need not do it each.

    No connection stays open, because workers must not share one.
    """
    import_module("modules.urls")  # Load the views, which import the services.
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/modules/s3-file-uploader/service/uploads/"}
    setup_testing_defaults(environ)
    with closing(connection), closing(host(environ, lambda status, headers: None)):
        pass  # The response is 401, for lack of a token.
    _ = get_resolver().reverse_dict  # The names of all URLs take longer than the rest of a request.
    mimetypes.init()
    signed = {"bucket": "any", "key": "any", "expires_in_seconds": 1}
    presign.presign_url(method="PUT", **signed)
    presign.presign_part_urls(upload_id="any", part_numbers=[1], **signed)


def arm():
    warm_up()
    for owner, *names in STEPS:
        for name in names:
            function = getattr(owner, name)
            everywhere(function, dying(name, function))


def listen(upload, signal, **others):
    written("heard", f"{'uploaded' if signal is file_uploaded else 'deleted'} {upload.pk}")


def application(environ, start_response):
    if environ["PATH_INFO"] != "/housekeeping":
        return host(environ, start_response)
    with closing(connection):
        report = json.dumps(asdict(services.housekeeping_run())).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(report)))])
    return [report]


arm()
file_uploaded.connect(listen)
file_deleted.connect(listen)
gc.freeze()  # A collection in a worker would copy the memory of everything loaded above.
