"""Pages of records by a cursor: a page costs the same wherever it lies, for the index is entered at its first row."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

from ..exceptions import InvalidField


class UploadPages(CursorPagination):
    """Newest first, in the order of the indexes of `FileUpload`; no count, no offset but for equal times."""

    ordering = ("-created_at", "-id")

    def __init__(self, page_size: int) -> None:
        """Take the number of records a page."""
        super().__init__()
        self.page_size = page_size

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Return the records of the page that the cursor names.

        Raises:
            InvalidField: the cursor is none of ours.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError) as error:
            raise InvalidField("cursor", "Take the cursor from `next` or `previous` of a page, unchanged.") from error
