"""Numbers that lead to those whom they count, and sentences around them: the one place where these become HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def linked(number: int | str, address: str) -> SafeString:
    """A number that leads to those whom it counts; none needs no link."""
    shown = number_format(number, force_grouping=True) if isinstance(number, int) else number
    if not address or shown == "0":
        return format_html("{}", shown)
    return format_html('<a href="{}">{}</a>', address, shown)


def with_links(text: str, **words: object) -> SafeString:
    """`text`, one of ours, with `words` put in: those that are not linked are people's own."""
    return format_html(text, **words)


def joined(*said: str) -> SafeString:
    """Those that say anything, one after the other."""
    return format_html_join(" ", "{}", ((each,) for each in said if each))
