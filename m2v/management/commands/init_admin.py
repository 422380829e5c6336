"""`m2v init-admin`: the first administrator, and the link by which they choose their password."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _lazy

from accounts.first_administrator import SomebodyAdministers, make_first_administrator
from accounts.forms import FIELD_CLASSES, ONE_LINE
from accounts.models import Role, User
from m2v.start import is_of_this_version, see_keys_are_set
from m2v.tables import where_it_is

if TYPE_CHECKING:
    from argparse import ArgumentParser

LONGEST = {"first_name": 150, "last_name": 150, "email": 254, "username": 150}  # as the columns are
SOMEBODY_ADMINISTERS = _lazy(
    "There is an administrator who can sign in already: they create others, under Administration → User. Where none of "
    "them gets in any more, `m2v mfa reset USER` removes what was lost, `m2v changepassword USER` gives another "
    "password, and `m2v createsuperuser` makes another administrator."
)
LINK_LOST = _lazy("If you made them before and lost the link, `m2v changepassword USER` gives them a password.")
DONE = _lazy("""\
{person} is an administrator once they have chosen a password, until {until}, at:

{link}

The link is not shown again, and works once. The first login asks for an authenticator app: have a phone ready.""")


class Command(BaseCommand):
    stealth_options = ("stdin",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _now(
            "Make the first administrator, and print the link by which they choose their password. It asks for what is left "
            "out; the audit says that it was done here."
        )
        parser.add_argument("--name", default="", help=_now("as people write it, such as Petra Vogt"))
        parser.add_argument("--email", default="", help=_now("where mail reaches them"))
        parser.add_argument(
            "--username", default="", help=_now("what they sign in with; if left out, what stands before the @")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        see_keys_are_set()
        if not is_of_this_version():
            text = _now("The database is not of this version. Run `m2v upgrade` first.")
            raise CommandError(f"{text} {where_it_is()}")
        stdin: TextIO = options.get("stdin") or sys.stdin
        name = options["name"] or self._asked(_now("Name"), stdin)
        email = options["email"] or self._asked(_now("E-mail"), stdin)
        first, _, last = name.strip().partition(" ")
        said = {"first_name": first, "last_name": last, "email": email}
        said["username"] = options["username"] or email.strip().rpartition("@")[0]
        try:
            link = make_first_administrator(**{field: _clean(field, text) for field, text in said.items()})
        except SomebodyAdministers as trouble:
            raise CommandError(str(SOMEBODY_ADMINISTERS)) from trouble
        except ValidationError as trouble:
            hint = [LINK_LOST] if User.objects.filter(role=Role.ADMINISTRATOR).exists() else []
            raise CommandError(" ".join([*trouble.messages, *map(str, hint)])) from trouble
        until = date_format(timezone.localdate() + timedelta(days=settings.INVITATION_DAYS), _now("j F Y"))
        self.stdout.write(DONE.format(person=name.strip(), link=link, until=until))

    def _asked(self, what: str, stdin: TextIO) -> str:
        """What somebody at the terminal answers."""
        if not stdin.isatty():
            raise CommandError(_now("Say who it is: --name and --email."))
        self.stdout.write(f"{what}: ", ending="")
        self.stdout.flush()
        return stdin.readline().strip()


def _clean(field: str, text: str) -> str:
    """`text` as the forms take it. Raises ValidationError."""
    required = field in {"email", "username"}
    kind = FIELD_CLASSES[field](required=required, max_length=LONGEST[field], validators=[ONE_LINE])
    cleaned: str = kind.clean(text)
    return cleaned
