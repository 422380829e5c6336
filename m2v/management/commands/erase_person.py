"""Erase what is kept of one person, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.authorization import LastAdministrator
from accounts.management.reasons import reason_given
from accounts.models import User
from audit.recording import in_the_shell
from companies.erasing import erase

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Erase what is kept of one person: name, user name, e-mail address, factors, sessions, links. A pseudonym stands "
            "in their place. It cannot be undone, so it is done only with --for-good. The audit says why, and that it was "
            "done here; all administrators are told by mail."
        )
        parser.add_argument("user", metavar="USER", help=_("user name or e-mail address"))
        parser.add_argument("--reason", default="", help=_("why; kept in the audit for good, so name nobody in it"))
        parser.add_argument("--for-good", action="store_true", help=_("yes, this cannot be undone"))

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        person = User.objects.get_queryset().named(name)
        if person is None:
            raise CommandError(_("Nobody has the user name or e-mail address {name}.").format(name=name))
        if person.erased_at:
            raise CommandError(_("{name} is erased already.").format(name=name))
        reason = reason_given(options["reason"])
        if not options["for_good"]:
            text = _("{person} would be erased, which cannot be undone. Add --for-good to do it.")
            raise CommandError(text.format(person=person))
        try:
            with in_the_shell(reason):
                pseudonym = erase(person, actor=None)
        except LastAdministrator as trouble:
            text = _("{person} is the last who can sign in as an administrator.")
            raise CommandError(text.format(person=person)) from trouble
        text = _("Erased. {pseudonym} stands in the place of {name} from now on.")
        self.stdout.write(text.format(pseudonym=pseudonym, name=name))
