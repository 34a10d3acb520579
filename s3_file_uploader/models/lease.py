"""The lease: one request at a time may change a record.

A `pending` or `deleting` record is claimed by one request, under a fresh `claim_id`, until `claimed_until`. Each later
step names the claim, so a request that lost its claim changes nothing. A crash leaves a record whose lease expires;
`services.recovery` then brings it into agreement with S3. `write_id` is the claim under which the object was last
written, or is being written; the object carries it as metadata.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save

from ..conf import conf
from ..exceptions import ClaimLost, FileExists, FileInUse
from .clock import shared_now
from .file_upload import FileUpload
from .queries import location_digest

BUSY = "The file is being written or removed by another request right now: try again in a moment."
IN_USE = "The file is attached to something: remove it there first."
PENDING = Q(status=FileUpload.Status.PENDING)

# Opens, for a record, a durable transaction in which something else holds, too, such as a quota.
Within = Callable[[FileUpload], AbstractContextManager[Any]]


def durable_transaction() -> transaction.Atomic:
    """Return a transaction for records that is committed when it ends, before S3 is asked for anything.

    Raises:
        RuntimeError: on entry, inside another `atomic()` block, which could still roll the claim back.
    """
    return transaction.atomic(using=router.db_for_write(FileUpload), durable=True)


def durable_statement() -> AbstractContextManager[Any]:
    """Return a context that commits one statement: with autocommit, none is needed and two round trips are saved.

    Raises:
        RuntimeError: on entry, inside an `atomic()` block, as `durable_transaction`.
    """
    return nullcontext() if transaction.get_autocommit(using=router.db_for_write(FileUpload)) else durable_transaction()


def lease_end() -> datetime:
    """Return when a lease ends that begins now."""
    return shared_now() + timedelta(seconds=conf.claim_seconds)


# --- take a claim ----------------------------------------------------------------------------------------------------


def build_pending(**fields: Any) -> FileUpload:
    """Build a pending record with a fresh claim; the caller inserts it.

    A key of its own has the id of the record as a folder, which users do not see.
    """
    claim_id = uuid.uuid4()
    folder = f"{conf.direct_prefix}{fields['id']}/" if "id" in fields else ""
    return FileUpload(
        path=fields["file_name"].replace(folder, "", 1),
        claim_id=claim_id,
        write_id=claim_id,
        location_digest=location_digest(fields["bucket"], fields["file_name"]),
        status=FileUpload.Status.PENDING,
        **fields,
    )


def insert_upload(upload: FileUpload, *, within: Within | None = None) -> None:
    """Insert a record and commit it, so that S3 may be asked for anything afterwards.

    An error of the host's own listener rolls the record back, so that it does not hold its key for nothing.

    Args:
        upload: from `build_pending`.
        within: opens a durable transaction for the record.

    Raises:
        IntegrityError: another record has the key.
    """
    durably = durable_transaction if post_save.has_listeners(FileUpload) else durable_statement
    with within(upload) if within else durably():
        upload.save(force_insert=True)


def create_claimed(*, within: Within | None = None, **fields: Any) -> FileUpload:
    """Insert a pending record, which claims its key.

    Args:
        within: as `insert_upload`.
        fields: of the record.

    Raises:
        FileExists: another record has the key; the unique constraint decides, on every database.
    """
    upload = build_pending(claimed_until=lease_end(), **fields)
    try:
        insert_upload(upload, within=within)
    except IntegrityError as error:
        raise FileExists(BUSY) from error
    return upload


def claim_record(
    upload: FileUpload,
    status: FileUpload.Status,
    *,
    incoming_size: int | None = None,
    within: Within | None = None,
    even_attached: bool = False,
) -> None:
    """Claim a whole or abandoned record for this request alone.

    The claim itself excludes attached files. A condition such as NOT EXISTS (reference) would not: PostgreSQL evaluates
    it with the old snapshot after it waited for an attachment to commit.
    https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED

    Args:
        upload: the record, which takes over the new values.
        status: `deleting`, or `pending` to write its object.
        incoming_size: announced bytes, if known.
        within: as `insert_upload`.
        even_attached: claim an attached file, too, because its object stays.

    Raises:
        FileInUse: the file is attached.
        ClaimLost: another request was faster.
    """
    values: dict[str, Any] = {"status": status, "claim_id": uuid.uuid4(), "status_reason": ""}
    if status == FileUpload.Status.PENDING:  # A write through this server ends a direct upload to the same key.
        values |= {"write_id": values["claim_id"], "strategy": "", "incoming_size": incoming_size}
    free = Q(status__in=FileUpload.WHOLE) | Q(claimed_until__lt=shared_now())
    if not even_attached:
        free &= Q(attached_at=None)
    with within(upload) if within else durable_statement():
        if not try_change(upload, only_if=free, claimed_until=lease_end(), **values):
            validate_unattached(upload)
            raise ClaimLost(BUSY)


def validate_unattached(upload: FileUpload) -> None:
    """Pass if no field of the host holds the file, as the database has it now.

    Raises:
        FileInUse: one does.
    """
    if FileUpload.objects.filter(pk=upload.pk, attached_at__isnull=False).exists():
        raise FileInUse(IN_USE)


def claim_abandoned(upload: FileUpload) -> None:
    """Claim a record whose lease has expired, and read the values that others wrote to it meanwhile.

    A pending direct upload becomes `deleting` in the same step, or its client could still complete it.

    Raises:
        ClaimLost: another request was faster.
    """
    only_if, values = Q(claimed_until__lt=shared_now()), {"claim_id": uuid.uuid4(), "claimed_until": lease_end()}
    if upload.is_direct and upload.status == FileUpload.Status.PENDING:
        only_if, values = only_if & PENDING, {**values, "status": FileUpload.Status.DELETING}
    with durable_statement():
        change_claimed(upload, only_if=only_if, **values)
    upload.refresh_from_db()


# --- keep it, use it, end it -----------------------------------------------------------------------------------------


def renew_lease(upload: FileUpload) -> None:
    """Start the time of the lease anew.

    Raises:
        ClaimLost: another request took the record.
    """
    change_claimed(upload, claimed_until=lease_end())


def keep_lease(upload: FileUpload) -> None:
    """Renew the lease once half of it is over; cheap enough to be called for every part of a file.

    Raises:
        ClaimLost: another request took the record.
    """
    if is_half_over(upload.claimed_until):
        renew_lease(upload)


def is_half_over(end: datetime | None) -> bool:
    """Return True if less than half of a lease is left."""
    return end is None or end - shared_now() < timedelta(seconds=conf.claim_seconds / 2)


def end_lease_in(upload: FileUpload, seconds: float) -> None:
    """Leave the record unfinished: after `seconds`, any request may recover it.

    Raises:
        ClaimLost: another request took the record.
    """
    change_claimed(upload, claimed_until=shared_now() + timedelta(seconds=seconds))


def change_claimed(upload: FileUpload, *, only_if: Q | None = None, **values: Any) -> None:
    """Write values to a record while this request holds its claim.

    Raises:
        ClaimLost: it does not, or the record no longer meets the condition.
    """
    if not try_change(upload, only_if=only_if, **values):
        raise ClaimLost(BUSY)


def try_change(upload: FileUpload, *, only_if: Q | None = None, **values: Any) -> bool:
    """Write values as `change_claimed`; return False if nothing was changed."""
    if not claimed_row(upload).filter(only_if or Q()).update(**values):
        return False
    for name, value in values.items():
        setattr(upload, name, value)
    return True


def claimed_row(upload: FileUpload) -> QuerySet[FileUpload]:
    """Return the query for a record while this request holds its claim."""
    return FileUpload.objects.filter(pk=upload.pk, claim_id=upload.claim_id)
