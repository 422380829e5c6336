"""Django's view of the site."""

from django.apps import AppConfig
from django.core.checks import register


class SiteConfig(AppConfig):
    name = "m2v"

    def ready(self) -> None:
        """What `manage.py doctor` looks at, `check --deploy` does too."""
        from m2v.findings import deployment_check  # noqa: PLC0415  # models are there now

        register(deployment_check, "m2v", deploy=True)
