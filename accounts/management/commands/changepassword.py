"""`manage.py changepassword NAME`: in place of Django's, which writes no line of the audit and tells nobody."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts import people
from accounts.models import User
from audit.recording import in_the_shell

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _("Give somebody another password. All their sessions end, and they are told by mail.")
        parser.add_argument("username", help=_("user name or e-mail address"))

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        person = User.objects.get_queryset().named(name)
        if person is None:
            raise CommandError(_("Nobody has the user name or e-mail address {name}.").format(name=name))
        password = getpass.getpass(_("New password for {person}: ").format(person=person))
        if password != getpass.getpass(_("The same again: ")):
            raise CommandError(_("The two passwords are not the same."))
        try:
            validate_password(password, person)
            with in_the_shell():
                people.change_password(person, password, actor=None)
        except ValidationError as trouble:
            raise CommandError(" ".join(trouble.messages)) from trouble
        except people.ChangedMeanwhile as trouble:
            text = _("{person} is deactivated, or was changed meanwhile.")
            raise CommandError(text.format(person=person)) from trouble
        self.stdout.write(_("The password of {person} is changed.").format(person=person))
