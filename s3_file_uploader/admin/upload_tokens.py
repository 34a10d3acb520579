"""The pages of the upload tokens."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from .. import services
from ..api.requests.client_ip import get_client_address
from ..models import UploadToken
from ..services.audit.trail import use_client_address
from .paginator import LargeListAdmin
from .read_only import ReadOnly, get_staff
from .searching import find_user_ids, parse_id
from .selection import LimitedDeletion
from .user_filter import UserFilter, UserFilterMedia


@admin.register(UploadToken)
class UploadTokenAdmin(ReadOnly, LimitedDeletion, UserFilterMedia, LargeListAdmin):
    """Show which users have tokens, and delete tokens, which revokes them. The token texts are not stored."""

    list_display = ("id", "user", "created_at", "expires_at", "revoked_at")
    list_filter = (UserFilter, "expires_at")
    list_select_related = ("user",)
    search_fields = ("id",)
    actions = ("delete_selected",)
    search_help_text = "Search for a user or a whole id."
    fields = readonly_fields = list_display

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find tokens by user or id."""
        text = search_term.strip()
        if not text:
            return queryset, False
        of_users = Q(user_id__in=find_user_ids(self.admin_site, request, text))
        return queryset.filter(of_users | Q(pk=parse_id(text))), False

    def delete_model(self, request: HttpRequest, obj: UploadToken) -> None:
        """Delete a token, and record it in the audit trail."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[UploadToken]) -> None:
        """Delete many, and tell the audit trail of each."""
        with use_client_address(get_client_address(request)):
            for token in queryset:
                services.upload_token_remove(user=get_staff(request), token=token)
