"""Fields of models that refer to uploads: a foreign key, and a many-to-many relation, with limits of their own.

Nothing here asks the app registry or the database at import. `changes.py` attaches and lets go.
"""

from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from django.apps import apps
from django.db import models, router, transaction
from django.db.models.fields.related_descriptors import ManyToManyDescriptor
from django.utils.text import capfirst

TO = "s3_file_uploader.FileUpload"
ROOM = __name__.rpartition(".")[0]
Cleanup = Literal["delete", "keep"]
if TYPE_CHECKING:
    ForeignKey = models.ForeignKey[Any, Any]
    ManyToManyField = models.ManyToManyField[Any, Any]
    Descriptor = ManyToManyDescriptor[Any, Any]
else:
    ForeignKey, ManyToManyField, Descriptor = models.ForeignKey, models.ManyToManyField, ManyToManyDescriptor


class _Uploads:
    """The options that both fields have.

    Attributes:
        content_types: MIME types that the field takes, `image/png` or `image/*`; None for all.
        extensions: endings of names that it takes, without the first dot; None for all.
        max_bytes: of one file; None for no limit.
        cleanup: `delete` removes a file to which nothing refers any more, `keep` leaves it to its owner.
        shared: several references to one file are fine.
        bucket: of the files that forms upload; None for S3_FILE_UPLOADER_FORM_BUCKET. Migrations leave it out, because
            it may differ between environments.
    """

    content_types: list[str] | None
    extensions: list[str] | None
    max_bytes: int | None
    cleanup: Cleanup
    shared: bool
    bucket: str | None

    def _take_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Set the options of uploads, and return the others."""
        self.content_types = _lower(options.pop("content_types", None))
        self.extensions = _lower(options.pop("extensions", None))
        self.max_bytes = options.pop("max_bytes", None)
        self.cleanup = options.pop("cleanup", "delete")
        self.shared = options.pop("shared", False)
        self.bucket = options.pop("bucket", None)
        return {"related_name": "+", **options}

    def _describe(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a migration: none that has its default."""
        own = {
            "content_types": self.content_types,
            "extensions": self.extensions,
            "max_bytes": self.max_bytes,
            "cleanup": None if self.cleanup == "delete" else self.cleanup,
            "shared": self.shared or None,
        }
        others = {
            name: value for name, value in kwargs.items() if name != "to" and (name, value) != ("related_name", "+")
        }
        return {**others, **{name: value for name, value in own.items() if value is not None}}

    def _build_form_field(self, kind: str, options: dict[str, Any]) -> Any:
        field: Any = self
        known = ("label", "help_text", "initial", "required", "disabled", "error_messages", "label_suffix")
        defaults = {"required": not field.blank, "label": capfirst(field.verbose_name), "help_text": field.help_text}
        path = f"{field.model._meta.label_lower}.{field.name}"
        given = {name: options[name] for name in known if name in options}
        return getattr(import_module(f"{ROOM}.forms"), kind)(limits=self, path=path, **{**defaults, **given})


def _lower(words: Iterable[str] | None) -> list[str] | None:
    """Return a list in lower case: the same for a tuple and a list, so that migrations are stable."""
    return None if words is None else [str(word).lower() for word in ([words] if isinstance(words, str) else words)]


class UploadField(_Uploads, ForeignKey):
    """One upload: a foreign key to the record, with limits.

    Args:
        on_delete: as of a foreign key. An attached file cannot be removed, so the choice matters to SQL alone.
        options: `content_types`, `extensions`, `max_bytes`, `cleanup`, `shared`, `bucket`, and the options of a foreign
            key; `null` is True by default, and there is no reverse relation without a `related_name`.
    """

    @property
    def non_db_attrs(self) -> Any:  # type: ignore[override]  # Before Django 6.1, an attribute of the class.
        """Return the options whose change needs no change of the table."""
        return *cast(Any, super()).non_db_attrs, "content_types", "extensions", "max_bytes", "cleanup", "shared"

    def __init__(self, *, on_delete: Any = models.PROTECT, **options: Any) -> None:
        options = self._take_options(options)
        super().__init__(TO, on_delete, **{"null": True, **options})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return what a migration writes."""
        name, _, args, kwargs = super().deconstruct()
        kwargs = self._describe(kwargs)
        if kwargs.pop("null", False) is False:
            kwargs["null"] = False
        if kwargs["on_delete"] is models.PROTECT:
            del kwargs["on_delete"]
        return name, f"{ROOM}.UploadField", [*args], kwargs

    def formfield(self, **options: Any) -> Any:
        """Return the form field of uploads; with a `widget`, such as that of `raw_id_fields`, that of a foreign key."""
        if "widget" in options:
            return super().formfield(**options)
        return self._build_form_field("UploadFormField", options)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Check that the upload exists, may be attached, and is within the limits; `full_clean()` calls this."""
        from .limits import validate_new  # noqa: PLC0415 - needs the models

        super().validate(value, model_instance)
        validate_new(self, value, model_instance)

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """Attach the upload of a new row, in the transaction that inserts it."""
        value = super().pre_save(model_instance, add)
        # Historical models in migrations attach nothing.
        if add and value is not None and model_instance._meta.apps is apps:
            from .changes import attach_to  # noqa: PLC0415 - needs the models

            attach_to(model_instance, self)
        return value


class UploadsField(_Uploads, ManyToManyField):
    """Several uploads, in the order in which they were added.

    Args:
        options: `content_types`, `extensions`, `max_bytes`, `cleanup`, `shared`, `bucket`, and the options of a
            `ManyToManyField`; there is no reverse relation without a `related_name`.
    """

    def __init__(self, **options: Any) -> None:
        options = self._take_options(options)
        super().__init__(TO, **options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return what a migration writes."""
        name, _, args, kwargs = super().deconstruct()
        return name, f"{ROOM}.UploadsField", [*args], self._describe(kwargs)

    def formfield(self, **options: Any) -> Any:
        """Return the form field of uploads; with a `widget`, that of a many-to-many relation."""
        if "widget" in options:
            return super().formfield(**options)
        return self._build_form_field("UploadsFormField", options)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False, **kwargs: Any) -> None:
        """Keep the order of the files."""
        super().contribute_to_class(cls, name, private_only=private_only, **kwargs)
        setattr(cls, self.name, _InOrder(self.remote_field))


class _InOrder(Descriptor):
    """Give the related uploads in the order of the primary keys of the through table."""

    @cached_property
    def related_manager_cls(self) -> Any:
        field: Any = self.field
        base: Any = super().related_manager_cls

        class Manager(base):  # type: ignore[misc]
            """Django's manager, with an order."""

            def add(self, *objs: Any, through_defaults: Any = None) -> None:
                """Add one after the other: Django's own `add` inserts the rows in the order of a set."""
                with transaction.atomic(using=router.db_for_write(self.through, instance=self.instance)):
                    for each in objs:
                        super().add(each, through_defaults=through_defaults)

            def _apply_rel_filters(self, queryset: Any) -> Any:
                return super()._apply_rel_filters(queryset).order_by(_row_order(field))

            def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> Any:
                queryset, *others = super().get_prefetch_querysets(instances, querysets)
                return queryset.order_by(_row_order(field)), *others

        return Manager


def _row_order(field: Any) -> str:
    through = field.remote_field.through
    to_file = through._meta.get_field(field.m2m_reverse_field_name())
    return f"{to_file.related_query_name()}__{through._meta.pk.name}"
