"""What Django checks before it migrates, and on demand (`manage.py check --database default`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from mfa.rotation import check_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig


def encryption_keys(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_more: Any
) -> list[CheckMessage]:
    """Can what the database holds be opened?"""
    try:
        if databases:
            check_keys()
    except ImproperlyConfigured as trouble:
        return [Error(str(trouble), id="mfa.E001")]
    return []
