"""What Django checks before it migrates, and on demand (`manage.py check --database default`)."""

from __future__ import annotations

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from mfa.rotation import check_keys


@register(Tags.database)
def encryption_keys(databases: list[str] | None, **_more: object) -> list[CheckMessage]:
    """Can what the database holds be opened?"""
    try:
        if databases:
            check_keys()
    except ImproperlyConfigured as trouble:
        return [Error(str(trouble), id="mfa.E001")]
    return []
