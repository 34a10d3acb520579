"""Links between the pages of the admin. A host may unregister a page, so each function copes without it."""

from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def build_url(site: AdminSite, model: type[Model], page: str, *arguments: object, **query: object) -> str:
    """Return the URL of a page of the admin, or an empty text if the model is not registered.

    Args:
        site: the site that shows the link.
        model: the model of the page.
        page: `changelist`, `change`, `delete`, or the name of a page of this app.
        arguments: the arguments of the page, such as the primary key.
        query: the parameters of the page, such as filters.
    """
    if not site.is_registered(model):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    url = reverse(name, args=arguments, current_app=site.name)
    return f"{url}?{urlencode(query)}" if query else url


def format_link(url: str, text: object) -> str:
    """Return a link, or the text alone if there is no URL."""
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


def format_links(links: dict[str, str]) -> str:
    """Return the links whose URL is not empty, in a row; a dash if there is none."""
    shown = [(url, text) for text, url in links.items() if url]
    return format_html_join(SafeString(" · "), '<a href="{}">{}</a>', shown) or "-"


def build_user_url(site: AdminSite, user_id: object) -> str:
    """Return the URL of the user in the host's own admin, or an empty text if users have no page there."""
    return build_url(site, get_user_model(), "change", user_id)
