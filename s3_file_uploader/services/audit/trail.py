"""Audit trail: one event for each request, and for each operation outside of a request.

    viewset ──opens trail──> services ──name action and object──> viewset ──sets outcome──> log line, optionally a row

A request that only reads is an event only if it is refused. Commands, tasks and the admin run operations outside of
requests, and each of these operations is an event. The line goes to the logger `s3_file_uploader.audit`, in the format
of `operation.py`, and the log record has the mapping as `audit`. It never contains a URL, a key or a token.
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
from ...request_id import get_request_id

OK = "ok"
# Actions that only read. They are events only if the request is refused.
QUIET = (
    *("bucket_list", "object_list", "folder_list"),
    *("upload_list", "upload_get", "upload_parts", "token_list", "share_list"),
    *("usage_get", "file_scan", "uppy_missing", "share_missing", "health"),
)
ACTIONS = (
    *("bucket_create", "bucket_remove", "cors_change", "lifecycle_change"),
    *("file_upload", "upload_start", "upload_parts_sign", "uppy_sign", "upload_complete", "upload_abort"),
    *("file_presign", "file_redirect", "file_get", "file_read", "file_download", "file_delete"),
    *("token_create", "token_revoke", "share_create", "share_follow", "share_revoke"),
    *("housekeeping", "file_reject", "file_scan_again", "record_remove", "record_update"),
    *("object_adopt", "object_delete", "upload_export", *QUIET),
)

logger = logging.getLogger("s3_file_uploader.audit")
# Every record of the audit logger is an event, so problems go to another logger.
trouble = logging.getLogger("s3_file_uploader")


@dataclass(slots=True)
class Trail:
    """An event in the making. `record` ends it.

    Attributes:
        is_event: True if the event is recorded at all.
        may_be_row: True if the event may become a row. Refused anonymous requests could fill the database otherwise.
        is_named: True if an operation has named the action.
    """

    action: str
    user: Any = None
    address: str = ""
    bucket: str = ""
    file_name: str = ""
    object_id: str = ""
    outcome: str = OK
    is_event: bool = True
    may_be_row: bool = True
    is_named: bool = False

    def set_object(self, *, bucket: object = "", file_name: object = "", object_id: object = "") -> None:
        """Set what is known of the object. Empty arguments change nothing."""
        self.bucket = str(bucket or self.bucket)
        self.file_name = str(file_name or self.file_name)
        self.object_id = str(object_id or self.object_id)

    def record(self) -> None:
        """Write the log line, then the row. A database error does not affect the line."""
        if not self.is_event or (self.outcome == OK and self.action in QUIET):
            return
        if logger.isEnabledFor(logging.INFO):
            event = self._as_dict()
            logger.info(format_log_line(event), extra={"audit": event})
        if self.may_be_row and conf.audit_rows:
            self._save_row()

    def _as_dict(self) -> dict[str, str | None]:
        return {
            "action": self.action,
            "user": None if self.user is None else str(self.user.pk),
            "address": self.address,
            "bucket": self.bucket,
            "file_name": self.file_name,
            "object_id": self.object_id,
            "outcome": self.outcome,
            "request_id": get_request_id(),
        }

    def _save_row(self) -> None:
        what = {name: getattr(self, name) for name in ("address", "bucket", "file_name", "object_id")}
        event = AuditEvent.build(user=self.user, action=self.action, outcome=self.outcome, **what)
        try:
            with _isolate_statement():
                event.save(force_insert=True)
        except Error as error:
            trouble.error("The event above is in the log only, because the database failed: %s", error)


_trail: ContextVar[Trail | None] = ContextVar("s3_file_uploader.trail", default=None)
_address: ContextVar[str] = ContextVar("s3_file_uploader.address", default="")


def format_log_line(values: Mapping[str, object]) -> str:
    """Return `key=value` pairs with JSON values, always one line of ASCII."""
    return " ".join(f"{name}={json.dumps(value)}" for name, value in values.items())


@contextmanager
def follow_request(*, action: str, address: str) -> Iterator[Trail]:
    """Record all that happens in the block as one event, at the end of the request.

    Args:
        action: the name of the event until an operation names it.
        address: the IP address of the client.
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
        trail.record()


@contextmanager
def use_client_address(address: str) -> Iterator[None]:
    """Record the operations in the block as events of their own, with the IP address of the client."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def get_trail() -> Trail | None:
    """Return the trail of the current request, or None outside of a request."""
    return _trail.get()


def record_event(*, action: str, user: Any, outcome: str, **event_object: object) -> None:
    """Record an event outside of a request, or beside the request's own event, unless the action only reads."""
    if action in QUIET:
        return
    trail = Trail(action, user, _address.get(), outcome=outcome)
    trail.set_object(**event_object)
    trail.record()


def set_event_object(*, bucket: object = "", file_name: object = "", object_id: object = "") -> None:
    """Set the object of the current request's event, so that the event of a refusal has it, too."""
    trail = _trail.get()
    if trail is not None:
        trail.set_object(bucket=bucket, file_name=file_name, object_id=object_id)


def _isolate_statement() -> AbstractContextManager[Any]:
    """Return a savepoint inside a transaction, so that a failed statement does not abort the transaction."""
    database = router.db_for_write(AuditEvent)
    return nullcontext() if transaction.get_autocommit(using=database) else transaction.atomic(using=database)
