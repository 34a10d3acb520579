"""Cursor pagination of records. Every page costs the same, because the index is read from the cursor on."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

from ..exceptions import InvalidField


class UploadPages(CursorPagination):
    """Newest records first, in the order of the indexes of `FileUpload`, without a count."""

    ordering = ("-created_at", "-id")

    def __init__(self, page_size: int) -> None:
        """Set the number of records on a page."""
        super().__init__()
        self.page_size = page_size

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Return the records of the page at the cursor.

        Raises:
            InvalidField: this service did not make the cursor.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError) as error:
            raise InvalidField("cursor", "Take the cursor from `next` or `previous` of a page, unchanged.") from error
