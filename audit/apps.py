"""Django's view of this package."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        """Refuse to start with a signing key that cannot be read; seal what is recorded."""
        from audit.recording import listeners  # noqa: PLC0415  # models are there now
        from audit.sealing import keys  # noqa: PLC0415  # settings are read here, when apps are ready
        from audit.sealing.timing import seal_soon  # noqa: PLC0415  # models are there now

        keys.read()
        listeners.append(seal_soon)
