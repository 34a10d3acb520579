"""Compare text as S3 compares keys: by its bytes in UTF-8, whatever the collation of the database."""

from typing import Any

from django.db.models import CharField, Func


class ByteOrder(Func):
    """Order a text column by its bytes.

    SQLite compares bytes by itself (https://sqlite.org/datatype3.html#collation). PostgreSQL does so with the collation
    `C` alone (https://www.postgresql.org/docs/current/collation.html#COLLATION-MANAGING-STANDARD).
    """

    template = "%(expressions)s"
    arity = 1
    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Name the collation."""
        return self.as_sql(compiler, connection, template='%(expressions)s COLLATE "C"', **extra_context)
