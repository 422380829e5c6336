"""Django's view of this package."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class MfaConfig(AppConfig):
    name = "mfa"

    def ready(self) -> None:
        """Refuse to start with encryption keys that cannot be read."""
        from mfa.checks import encryption_keys  # noqa: PLC0415  # models are there now
        from mfa.sealing import keys  # noqa: PLC0415  # settings are read here, when apps are ready

        keys()
        register(encryption_keys, Tags.database)
