"""Django's view of the site."""

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_noop


class SiteConfig(AppConfig):
    name = "m2v"

    def ready(self) -> None:
        """What `manage.py doctor` looks at, `check --deploy` does too; and what has run out of the queue is deleted."""
        from accounts.tidying import TIDIERS  # noqa: PLC0415  # models are there now
        from accounts.waiting_tasks import forget_old_tasks  # noqa: PLC0415  # the same
        from m2v.findings import deployment_check  # noqa: PLC0415  # the same

        register(deployment_check, "m2v", deploy=True)
        TIDIERS.append((gettext_noop("finished tasks"), forget_old_tasks))
