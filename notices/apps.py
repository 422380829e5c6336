"""Django's view of this package."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self) -> None:
        """Hear of every line of the audit."""
        from audit.recording import listeners  # noqa: PLC0415  # models are there now
        from notices.sending import tell  # noqa: PLC0415  # the same

        listeners.append(tell)
