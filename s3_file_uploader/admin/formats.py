"""Sizes and times for people, each beside its exact value."""

from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil

from ..policy.names import strip_deceptive_characters

NOTHING = "-"
KIB = 1024


def format_size(size: int | None) -> str:
    """Return a size in the format of Django's `filesizeformat`, such as 3.5 MB."""
    return NOTHING if size is None else filesizeformat(size)


def format_exact_size(size: int | None) -> str:
    """Return a size with its exact number of bytes, such as `3.5 MB (3,670,016 bytes)`."""
    if size is None or size < KIB:
        return format_size(size)
    return f"{filesizeformat(size)} ({size:,} bytes)"


def format_moment(moment: datetime | None) -> str:
    """Return a time in the format of the site, its distance from now, and its exact value.

    For example: `Nov. 29, 2026, 9:30 p.m. (2 hours ago) 2026-11-29 21:30:24+00:00`.
    """
    if moment is None:
        return NOTHING
    is_over = moment <= timezone.now()
    distance = f"{timesince(moment)} ago" if is_over else f"in {timeuntil(moment)}"
    local = timezone.localtime(moment)
    return format_html(
        '{} ({}) <span class="s3-exact">{}</span>',
        date_format(local, "DATETIME_FORMAT"),
        distance,
        local.isoformat(sep=" ", timespec="seconds"),
    )


def format_duration(start: datetime, end: datetime | None) -> str:
    """Return a duration with its exact number of seconds, such as `3 minutes (185.2 seconds)`."""
    if end is None:
        return NOTHING
    seconds = (end - start).total_seconds()
    exact = f"{seconds:,.2f} seconds"
    return exact if seconds < 60 else f"{timesince(start, end)} ({exact})"  # noqa: PLR2004 - a minute


def format_two_lines(first: object, second: object) -> str:
    """Return a cell with a second, small line. Both lines are isolated, because names may be right to left."""
    text = strip_deceptive_characters(str(first)) or NOTHING
    small = strip_deceptive_characters(str(second))
    if not small or small == text:
        return format_html("<bdi>{}</bdi>", text)
    return format_html('<bdi>{}</bdi> <small class="s3-second"><bdi>{}</bdi></small>', text, small)
