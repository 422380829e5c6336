"""The icons of the suite (Heroicons, outline), and the addresses of static files."""

from __future__ import annotations

from functools import cache

from django import template
from django.templatetags.static import static
from heroicons.templatetags.heroicons import heroicon_outline

register = template.Library()

# An icon is the same on every page, and the library builds its XML anew each time.
register.simple_tag(cache(heroicon_outline))
# So is a file's address, which the storage puts together anew; "{% load static %}" would take this one's place.
register.simple_tag(cache(static))
