"""Filter a list by user: a field that completes names, where the host's user admin can search, else a text field."""

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import FileUpload
from .searching import find_user_admin, has_nul

NO_USER = "-"


class UserFilter(admin.SimpleListFilter):
    """Filter by the primary key of a user, or by login name. A list of all users would be too long."""

    title = parameter_name = "user"
    template = "admin/s3_file_uploader/user_filter.html"
    no_user = ""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        """Remember the widget for the page."""
        super().__init__(request, params, model, model_admin)
        value = self.value()
        self.user_id = find_user_id(value) if value else None
        self.widget = build_widget(model_admin, request)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return no choices: the template shows a form."""
        return []

    def has_output(self) -> bool:
        """Return True."""
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the template needs: the form, the other parameters of the page, and two links."""
        query = changelist.get_query_string
        others = {name: value for name, value in changelist.get_filters_params().items() if name != "user"}
        parameters = [(name, value) for name, values in others.items() for value in values]
        if changelist.query:
            parameters.append(("q", changelist.query))
        yield {
            "widget": self._render(),
            "parameters": parameters,
            "all": query(remove=["user"]),
            "none": query({"user": NO_USER}) if self.no_user else "",
            "no_user": self.no_user,
            "value": self.value(),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen user."""
        value = self.value()
        if not value:
            return queryset
        if value == NO_USER:
            return queryset.filter(user_id=None)
        return queryset.none() if self.user_id is None else queryset.filter(user_id=self.user_id)

    def _render(self) -> str:
        """Return the widget with the chosen user. A widget that completes names knows users by primary key only."""
        completes = isinstance(self.widget, AutocompleteSelect)
        return self.widget.render("user", self.user_id if completes else self.value(), {"id": "s3-user-filter"})


def build_widget(model_admin: Any, request: HttpRequest) -> forms.Widget:
    """Return the field that chooses a user."""
    if find_user_admin(model_admin.admin_site, request) is None:
        return forms.TextInput({"placeholder": "Login name or primary key", "aria-label": "User"})
    widget = AutocompleteSelect(FileUpload._meta.get_field("user"), model_admin.admin_site, {"aria-label": "User"})
    field: Any = forms.ModelChoiceField(get_user_model()._default_manager.all(), required=False, widget=widget)
    return cast(forms.Widget, field.widget)  # A copy, which has the choices of the field.


def find_user_id(text: str) -> Any:
    """Return the primary key of the user with this primary key, else with this login name, or None."""
    model: Any = get_user_model()
    if has_nul(text):
        return None
    users = model._default_manager
    try:
        primary_key = users.filter(pk=text).values_list("pk", flat=True).first()
    except (ValidationError, TypeError, ValueError, OverflowError):
        primary_key = None  # The text cannot be a primary key, such as a name for an integer.
    return primary_key or users.filter(**{model.USERNAME_FIELD: text}).values_list("pk", flat=True).first()


class UploadUserFilter(UserFilter):
    """Filter uploads by user. The files of deleted users may have none."""

    no_user = "Without a user"


class EventUserFilter(UserFilter):
    """Filter audit events by user, even if the user was deleted. Commands and anonymous clients have none."""

    no_user = "Without a user"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the primary key as text."""
        value = self.value()
        if not value:
            return queryset
        if value == NO_USER:
            return queryset.filter(user_id="")
        return queryset.none() if has_nul(value) else queryset.filter(user_id__in={value, str(self.user_id or value)})


class UserFilterMedia:
    """Add the script of Django's own field that completes names to the pages with a `UserFilter`."""

    admin_site: admin.AdminSite

    @property
    def media(self) -> forms.Media:
        """Return the media of the page and of the field."""
        return super().media + AutocompleteSelect(FileUpload._meta.get_field("user"), self.admin_site).media  # type: ignore[misc, no-any-return]
