"""Django's view of this package."""

from django.apps import AppConfig


class MfaConfig(AppConfig):
    name = "mfa"

    def ready(self) -> None:
        """Refuse to start with encryption keys that cannot be read."""
        import mfa.checks  # noqa: PLC0415  # which registers itself
        from mfa.sealing import keys  # noqa: PLC0415  # settings are read here, when apps are ready

        keys()
