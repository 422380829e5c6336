"""Write what is kept of one person, for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.models import User
from audit.recording import in_the_shell
from reporting.person_file import take_out

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Write all that is kept of one person, without secrets, as JSON on standard output: profile, factors, sessions, "
            "lines of the audit. The audit says that it was done; all administrators are told by mail."
        )
        parser.add_argument("user", metavar="USER", help=_("user name or e-mail address"))

    def handle(self, *args: object, **options: str) -> None:
        person = User.objects.get_queryset().named(options["user"])
        if person is None:
            text = _("Nobody has the user name or e-mail address {name}.")
            raise CommandError(text.format(name=options["user"]))
        if person.erased_at:
            text = _("{name} is erased: there is nothing to export.")
            raise CommandError(text.format(name=options["user"]))
        with in_the_shell():
            parts = take_out(person, actor=None)
        for part in parts:
            self.stdout.write(part, ending="")
