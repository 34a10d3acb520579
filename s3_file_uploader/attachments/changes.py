"""Follow the rows of the host: attach the uploads that they get, and let go of those that they lose.

    save            locks the row, attaches what is new, writes the row; on commit, lets go of what it replaced
    bulk_create     attaches, by `UploadField.pre_save`
    add, set        attach, by `m2m_changed`
    remove, clear   let go on commit, by `m2m_changed`
    delete          lets go on commit, by `pre_delete`

All of it is in the host's own transaction, so a rollback changes nothing. `QuerySet.update()`, `bulk_update()`, SQL and
cascades of the database send no signals: housekeeping mends what they leave.
"""

import logging
from collections.abc import Iterable
from functools import partial, wraps
from typing import Any, Literal

from django.apps import apps
from django.db import Error, connections, router, transaction
from django.db.models import F, Model
from django.db.models.signals import m2m_changed, pre_delete

from ..exceptions import FileInUse, S3FileUploaderError
from ..models import FileUpload
from ..models.lease import IN_USE
from ..services.files.delete import upload_release
from ..services.references import attach
from .fields import UploadField, UploadsField
from .limits import validate_limits

logger = logging.getLogger(__name__)


def follow_models() -> None:
    """Follow every model of the project that has upload fields; called once all models are loaded."""
    for model in apps.get_models():
        keys, many = _list_keys(model), _list_many(model)
        if keys and not hasattr(model.save_base, "follows_uploads"):
            model.save_base = _follow_saves(model.save_base)  # type: ignore[method-assign]
        if keys or many:
            pre_delete.connect(_let_go_of_row, sender=model, dispatch_uid="s3_file_uploader.row_let_go")
        for field in many:
            through = field.remote_field.through
            receiver = partial(_change_many, field)
            m2m_changed.connect(receiver, sender=through, weak=False, dispatch_uid="s3_file_uploader.many_change")


def _list_keys(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, UploadField)]


def _list_many(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.many_to_many if isinstance(field, UploadsField)]


# --- one upload in a row ---------------------------------------------------------------------------------------------


def _follow_saves(original: Any) -> Any:
    """Wrap `Model.save_base`: signals cannot hold a transaction open around the statement that writes the row."""

    @wraps(original)
    def save_base(self: Model, raw: bool = False, **options: Any) -> None:
        using = options.get("using") or router.db_for_write(type(self), instance=self)
        fields = [field for field in _list_keys(type(self)) if _is_written(field, options.get("update_fields"))]
        if raw or not fields:
            original(self, raw=raw, **options)
            return
        with transaction.atomic(using=using):
            before = {} if options.get("force_insert") else _lock_row(self, fields, using)
            new = {field: _get_id(self, field) for field in fields}
            changed = [field for field in fields if field in before and before[field] != new[field]]
            for field in sorted(changed, key=lambda field: str(new[field])):  # One order, so that two cannot deadlock.
                attach_to(self, field)
            original(self, **options)
            for field in changed:
                _let_go(field, [before[field]], using)

    save_base.follows_uploads = True  # type: ignore[attr-defined]
    return save_base


def _is_written(field: Any, update_fields: Any) -> bool:
    return update_fields is None or field.name in update_fields or field.attname in update_fields


def _get_id(row: Model, field: Any) -> Any:
    return field.to_python(getattr(row, field.attname))


def _lock_row(row: Model, fields: list[Any], using: str) -> dict[Any, Any]:
    """Lock a row until the transaction ends, and return the ids that it has; an empty mapping if it is new.

    Without the lock, a save with an outdated instance could write back an upload that another request just let go.
    """
    ids: dict[Any, Any] = {}
    features = connections[using].features
    for model in dict.fromkeys(field.model for field in fields):  # A child has a table beside that of its parent.
        own = [field for field in fields if field.model is model]
        rows = model._base_manager.using(using).filter(pk=getattr(row, model._meta.pk.attname)).order_by()
        # SQLite ignores `for update`, so the row is written there.
        _ = features.has_select_for_update or rows.update(**{own[0].attname: F(own[0].attname)})
        locked = rows.select_for_update(no_key=features.has_select_for_no_key_update)
        found = list(locked.values_list(*(field.attname for field in own)))
        ids |= dict(zip(own, found[0], strict=True)) if found else {}
    return ids


def attach_to(row: Model, field: Any) -> None:
    """Attach the upload that a row is about to get in a field, if it gets one.

    Raises:
        FileTooLarge, ContentTypeNotAllowed, FileInUse, FileQuarantined, FileNotFound: it cannot be attached.
    """
    upload_id = _get_id(row, field)
    if upload_id is None:
        return
    for other in _list_keys(type(row)):
        if other is not field and not (other.shared and field.shared) and _get_id(row, other) == upload_id:
            raise FileInUse(IN_USE)
    _attach(field, upload_id, besides=row)


def _attach(field: Any, upload_id: Any, besides: Model | None = None) -> None:
    """Attach an upload, then check it again: its owner may have replaced the file since a form checked it.

    From here on, no request can replace it before the transaction ends.

    Raises:
        FileTooLarge, ContentTypeNotAllowed: the field does not take the file.
        FileInUse, FileQuarantined, FileNotFound: it cannot be attached.
    """
    attach(upload_id=upload_id, shared=field.shared, besides=besides)
    validate_limits(field, FileUpload.objects.get(pk=upload_id))


def _let_go_of_row(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    for field in _list_keys(sender):
        rows = field.model._base_manager.using(using).filter(pk=getattr(instance, field.model._meta.pk.attname))
        _let_go(field, list(rows.values_list(field.attname, flat=True)), using)
    for field in _list_many(sender):
        _let_go(field, _list_ids(field, using, **{field.m2m_field_name(): instance.pk}), using)


# --- many ------------------------------------------------------------------------------------------------------------

Action = Literal["pre_add", "post_add", "pre_remove", "post_remove", "pre_clear", "post_clear"]


def _change_many(
    field: Any, *, action: Action, instance: Any, reverse: bool, pk_set: set[Any] | None, using: str, **kwargs: Any
) -> None:
    side = field.m2m_reverse_field_name() if reverse else field.m2m_field_name()
    match action:
        case "pre_add":
            for upload_id in [instance.pk] if reverse and pk_set else sorted(pk_set or (), key=str):
                _attach(field, upload_id)
        case "pre_remove":
            _let_go(field, [instance.pk] if reverse else pk_set or (), using)
        case "pre_clear":
            _let_go(field, _list_ids(field, using, **{side: instance.pk}), using)


def _list_ids(field: Any, using: str, **where: Any) -> list[Any]:
    rows = field.remote_field.through._base_manager.using(using).filter(**where)
    return list(rows.values_list(field.m2m_reverse_field_name(), flat=True))


# --- let go ----------------------------------------------------------------------------------------------------------


def _let_go(field: Any, upload_ids: Iterable[Any], using: str) -> None:
    ids = [upload_id for upload_id in upload_ids if upload_id is not None]
    if ids:
        transaction.on_commit(partial(_release_all, ids, field.cleanup), using=using)


def _release_all(upload_ids: list[Any], cleanup: str) -> None:
    for upload_id in upload_ids:
        try:
            upload_release(upload_id=upload_id, cleanup=cleanup)
        except (S3FileUploaderError, Error) as error:
            logger.warning("Nothing refers to upload %s any more. Housekeeping removes it later: %s", upload_id, error)
