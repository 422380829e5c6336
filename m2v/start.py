"""What is seen to before the site serves."""

from django.conf import settings
from django.db import connections


def see_keys() -> None:
    """Do not serve without the keys of what the database holds. Raises ImproperlyConfigured."""
    from mfa.rotation import check_keys  # noqa: PLC0415  # models are there once Django is set up

    if settings.CHECK_KEYS_AT_START:
        try:
            check_keys()
        finally:
            connections.close_all()
