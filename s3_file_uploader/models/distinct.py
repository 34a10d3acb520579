"""List the distinct values of an indexed column by skipping from one to the next, without reading every row."""

from typing import Any

from django.db import connections, models, router

# A `distinct()` of a million rows reads a million entries of the index. This reads one for each value.
# https://wiki.postgresql.org/wiki/Loose_indexscan
_SKIP = """
WITH RECURSIVE skipped (value, place) AS (
    SELECT MIN({column}), 1 FROM {table}
    UNION ALL
    SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > skipped.value), skipped.place + 1
    FROM skipped WHERE skipped.value IS NOT NULL AND skipped.place < %s
)
SELECT value FROM skipped WHERE value IS NOT NULL
"""


def list_values(model: type[models.Model], field: str, *, at_most: int) -> list[Any]:
    """Return the first values of a column in their order, each once.

    Args:
        model: the model.
        field: a field that is the first of an index.
        at_most: the number of values after which the list ends.
    """
    connection = connections[router.db_for_read(model)]
    column: Any = model._meta.get_field(field)
    names = {"column": column.column, "table": model._meta.db_table}
    quoted = {name: connection.ops.quote_name(value) for name, value in names.items()}
    with connection.cursor() as cursor:
        cursor.execute(_SKIP.format(**quoted), [at_most])
        return [value for (value,) in cursor.fetchall()]
