"""Django's view of this package."""

from django.apps import AppConfig


class MfaConfig(AppConfig):
    name = "mfa"

    def ready(self) -> None:
        """Refuse to start with encryption keys that cannot be read."""
        from mfa import checks  # noqa: F401, PLC0415  # registers them
        from mfa.sealing import keys  # noqa: PLC0415  # settings are read here, when apps are ready

        keys()
