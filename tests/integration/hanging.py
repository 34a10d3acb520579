"""Start each kind of server, then hang, so that test_killed_run.py can kill this run. Other runs do not collect it."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.integration.uppy.browser import Chromium
from tests.settings import DATABASES, TESTS_DIR
from tests.support import programs
from tests.support.clamd import clamd
from tests.support.served import ASGI, WSGI


def test_hang(transactional_db, servers, store):
    with ExitStack() as stack:
        stack.enter_context(Chromium())
        if programs.clamd():
            stack.enter_context(clamd())
        for kind in (WSGI, ASGI):
            servers(kind, store)
        # PostgreSQL has left this process tree.
        has_postgresql = "postgresql" in DATABASES["default"]["ENGINE"]
        pid = (TESTS_DIR / "postgresql" / "postmaster.pid").read_text().split()[0] if has_postgresql else ""
        ready = Path(os.environ["READY"])
        ready.with_suffix(".new").write_text(pid)
        ready.with_suffix(".new").rename(ready)
        signal.pause()
