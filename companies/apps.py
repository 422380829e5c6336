"""Django's view of this package."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_noop


class CompaniesConfig(AppConfig):
    name = "companies"

    def ready(self) -> None:
        """Have the listing of people kept by the database, whose tables may change meanwhile."""
        from accounts.tidying import TIDIERS  # noqa: PLC0415  # the same
        from companies.bulk.choosing import forget_old_runs  # noqa: PLC0415  # the same
        from companies.bulk.running import end_what_was_given_up  # noqa: PLC0415  # the same
        from companies.importing.running import forget_old_imports  # noqa: PLC0415  # the same
        from companies.kept_apart import forget_old  # noqa: PLC0415  # the same
        from companies.listing import upkeep  # noqa: PLC0415  # models are there now
        from companies.snapshots.keeping import forget_old_snapshots  # noqa: PLC0415  # the same

        TIDIERS.append((gettext_noop("removed factors"), forget_old))
        TIDIERS.append((gettext_noop("files of people"), forget_old_imports))
        TIDIERS.append((gettext_noop("acts on many people that were given up"), end_what_was_given_up))
        TIDIERS.append((gettext_noop("acts on many people"), forget_old_runs))
        TIDIERS.append((gettext_noop("numbers of days"), forget_old_snapshots))
        pre_migrate.connect(upkeep.before_migrations, sender=self)
        post_migrate.connect(upkeep.after_migrations, sender=self)
