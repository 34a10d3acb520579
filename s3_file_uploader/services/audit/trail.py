"""Who did what: one event for each request, and for each operation outside of requests.

    HTTP ──trail──> services ──"this is about ..."──> trail ──outcome──> log line, then, by a setting, a row

A request that only shows something is no event, unless it was refused. Operations outside of requests, as commands,
tasks and the admin call them, tell their own. The line goes to the logger `s3_file_uploader.audit`, in the form of
`operation.py`, with the mapping on the log record as `audit`. It never holds a URL, a key or a token.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import Error, router, transaction

from ...conf import conf
from ...models import AuditEvent

OK = "ok"
BUCKETS = ("bucket_create", "bucket_remove", "cors_change")
UPLOADS = ("file_upload", "upload_start", "upload_parts_sign", "uppy_sign", "upload_complete", "upload_abort")
FILES = ("file_presign", "file_redirect", "file_get", "file_read", "file_download", "file_delete")
TOKENS = ("token_create", "token_revoke")
SHARES = ("share_create", "share_follow", "share_revoke")
BY_ITSELF = (
    "housekeeping",
    "file_reject",
    "file_scan_again",
    "record_remove",
    "record_update",
    "object_adopt",
    "object_delete",
)
# They show something, or look at it; an event only if a request is refused.
QUIET = (
    *(
        "bucket_list",
        "object_list",
        "upload_list",
        "upload_get",
        "upload_parts",
        "token_list",
        "share_list",
        "usage_get",
    ),
    *("file_scan", "uppy_missing", "share_missing", "health"),
)
ACTIONS = (*BUCKETS, *UPLOADS, *FILES, *TOKENS, *SHARES, *BY_ITSELF, *QUIET)

logger = logging.getLogger("s3_file_uploader.audit")
# Of the audit logger every record is an event.
trouble = logging.getLogger("s3_file_uploader")


@dataclass(slots=True)
class Trail:
    """What is known of an event by now; `tell` ends it.

    `is_kept` tells whether it may become a row: what strangers are refused does not, or they could fill the database.
    `is_taken` tells whether an operation has given it its name.
    """

    action: str
    user: Any = None
    address: str = ""
    bucket: str = ""
    file_name: str = ""
    object_id: str = ""
    outcome: str = OK
    is_told: bool = True
    is_kept: bool = True
    is_taken: bool = False

    def about(self, *, bucket: object = "", file_name: object = "", object_id: object = "") -> None:
        """Take over what is known of the object now; what is empty is not."""
        self.bucket = str(bucket or self.bucket)
        self.file_name = str(file_name or self.file_name)
        self.object_id = str(object_id or self.object_id)

    def tell(self) -> None:
        """Write the line, then the row: whatever becomes of that one, the line is there."""
        if not self.is_told or (self.outcome == OK and self.action in QUIET):
            return
        if logger.isEnabledFor(logging.INFO):
            told = self._told()
            logger.info(log_line(told), extra={"audit": told})
        if self.is_kept and conf.audit_rows:
            self._keep()

    def _told(self) -> dict[str, str | None]:
        return {
            "action": self.action,
            "user": None if self.user is None else str(self.user.pk),
            "address": self.address,
            "bucket": self.bucket,
            "file_name": self.file_name,
            "object_id": self.object_id,
            "outcome": self.outcome,
        }

    def _keep(self) -> None:
        what = {name: getattr(self, name) for name in ("address", "bucket", "file_name", "object_id")}
        event = AuditEvent.build(user=self.user, action=self.action, outcome=self.outcome, **what)
        try:
            with _alone():
                event.save(force_insert=True)
        except Error as error:
            trouble.error("The event above is in the log alone: the database did not take it. %s", error)


_trail: ContextVar[Trail | None] = ContextVar("s3_file_uploader.trail", default=None)
_address: ContextVar[str] = ContextVar("s3_file_uploader.address", default="")


def log_line(told: Mapping[str, object]) -> str:
    """Return `key=value` pairs with JSON values: one line of ASCII, whatever is in them."""
    return " ".join(f"{name}={json.dumps(value)}" for name, value in told.items())


@contextmanager
def request_trail(*, action: str, address: str) -> Iterator[Trail]:
    """Follow a request: one event, when it is answered, of all that happens in the block.

    Args:
        action: what it is called as long as no operation has begun.
        address: of the client.
    """
    trail = Trail(action, address=address)
    token = _trail.set(trail)
    try:
        yield trail
    except Exception as error:
        trail.outcome = type(error).__name__
        raise
    finally:
        _trail.reset(token)
        trail.tell()


@contextmanager
def asked_from(address: str) -> Iterator[None]:
    """Have the operations in the block tell their own events, and from where they were asked for."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def present_trail() -> Trail | None:
    """Return the trail of the request that is being answered, if one is."""
    return _trail.get()


def event_tell(*, action: str, user: Any, outcome: str, **about: object) -> None:
    """Tell an event outside of requests, or of what the app does by itself in one; what only shows is none."""
    if action in QUIET:
        return
    trail = Trail(action, user, _address.get(), outcome=outcome)
    trail.about(**about)
    trail.tell()


def about(*, bucket: object = "", file_name: object = "", object_id: object = "") -> None:
    """Say what the present request is about; a refusal tells it too."""
    trail = _trail.get()
    if trail is not None:
        trail.about(bucket=bucket, file_name=file_name, object_id=object_id)


def _alone() -> AbstractContextManager[Any]:
    """Keep the failure of one statement from spoiling a transaction around it; without one, nothing is needed."""
    database = router.db_for_write(AuditEvent)
    return nullcontext() if transaction.get_autocommit(using=database) else transaction.atomic(using=database)
