"""`manage.py changepassword NAME`: in place of Django's, which writes no line of the audit and tells nobody."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import people
from accounts.models import User
from audit.recording import in_the_shell

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Give somebody another password. All their sessions end, and they are told by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="user name or e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        person = User.objects.get_queryset().named(name)
        if person is None:
            raise CommandError(f"Nobody has the user name or e-mail address {name}.")
        password = getpass.getpass(f"New password for {person}: ")
        if password != getpass.getpass("The same again: "):
            raise CommandError("The two passwords are not the same.")
        try:
            validate_password(password, person)
            with in_the_shell():
                people.change_password(person, password, actor=None)
        except ValidationError as trouble:
            raise CommandError(" ".join(trouble.messages)) from trouble
        except people.ChangedMeanwhile as trouble:
            raise CommandError(f"{person} is deactivated, or was changed meanwhile.") from trouble
        self.stdout.write(f"The password of {person} is changed.")
