"""A SELECT that is written once: Django needs longer to write it than the database to answer it."""

from functools import lru_cache
from typing import Any, TypeVar

from django.db import connections, models, router

Record = TypeVar("Record", bound=models.Model)


def record_of(model: type[Record], **values: Any) -> Record | None:
    """Return the one record with these values, or None.

    Args:
        model: of which table.
        values: by the names of fields that are unique together; what Django would take for them, but None.
    """
    using = router.db_for_read(model)
    fields = _fields(model)
    prepared = [fields[name].get_db_prep_value(value, connections[using]) for name, value in values.items()]
    found = model._default_manager.using(using).raw(_select(model, using, tuple(values)), prepared)
    return next(iter(found), None)


@lru_cache(maxsize=64)
def _select(model: type[models.Model], using: str, names: tuple[str, ...]) -> str:
    columns = {name: connections[using].ops.quote_name(field.column) for name, field in _fields(model).items()}
    table = connections[using].ops.quote_name(model._meta.db_table)
    wanted = " AND ".join(f"{columns[name]} = %s" for name in names)
    return f"SELECT {', '.join(columns.values())} FROM {table} WHERE {wanted}"  # noqa: S608 - our own names alone


def _fields(model: type[models.Model]) -> dict[str, Any]:
    return {field.name: field for field in model._meta.concrete_fields}
