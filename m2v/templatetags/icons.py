"""The icons of the suite (Heroicons, outline)."""

from __future__ import annotations

from functools import cache

from django import template
from heroicons.templatetags.heroicons import heroicon_outline

register = template.Library()

# An icon is the same on every page, and the library builds its XML anew each time.
register.simple_tag(cache(heroicon_outline))
