"""Look whether the installation is sound, and say what to do where it is not (m2v.findings)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.checks import ERROR
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _

from accounts.delivery import MailServer
from accounts.owed import failed_lately, waiting_mail
from accounts.waiting_tasks import waiting_tasks
from m2v.findings import findings
from m2v.mail_settings import FILES

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.checks import CheckMessage


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Look whether keys, tables, lists, queue, mail, clock and address fit, and say what to do where not. "
            "Changes nothing; ends with 1 where something is broken."
        )
        parser.add_argument("--send-mail", metavar="ADDRESS", help=_("send a mail to this address, now"))

    def handle(self, *args: object, send_mail: str | None, **options: object) -> None:
        broken: list[str] = []
        for look, found in findings():
            if not found:
                self.stdout.write(str(look.fine))
            for each in found:
                if each.level >= ERROR:
                    broken.append(said(each))
                else:
                    self.stdout.write(_("Look at this: {finding}").format(finding=said(each)))
        self._say_how_much_waits()
        if send_mail:
            broken += self._send_mail(send_mail)
        if broken:
            raise CommandError("\n".join(broken))

    def _say_how_much_waits(self) -> None:
        try:
            waiting, tasks, failed = waiting_mail(), waiting_tasks(), failed_lately()
        except (DatabaseError, InterfaceError):  # said already
            return
        text = _(
            "Mail: {number} waiting, the first for {minutes} min, of which {refused} are refused by their mailboxes for now; "
            "{failed} given up in the last three days."
        )
        said = text.format(number=waiting.number, minutes=waiting.minutes, refused=waiting.refused, failed=failed)
        self.stdout.write(said)
        text = _("Acts on many and imports: {number} waiting, the first for {minutes} min.")
        self.stdout.write(text.format(number=tasks.number, minutes=tasks.minutes))

    def _send_mail(self, address: str) -> list[str]:
        try:
            validate_email(address)
        except ValidationError:
            return [_("{address} is not an e-mail address.").format(address=address)]
        mail = EmailMessage(
            _("m2v: a mail to see that mail arrives"), _("`manage.py doctor --send-mail` sent this."), to=[address]
        )
        server = MailServer()
        try:
            server.send(mail)
        except Exception as trouble:  # whatever mail backends raise
            text = _("No mail could be sent: {why}. Look at EMAIL_URL and EMAIL_FROM.")
            return [text.format(why=f"{type(trouble).__name__}: {trouble}")]
        finally:
            server.close()
        text = _("A mail to {address} was taken by the mail server. See that it arrives.")
        if settings.MAILERS["default"]["BACKEND"] == FILES:
            text = _("A mail to {address} was written to a file, as all are while EMAIL_URL names no mail server.")
        self.stdout.write(text.format(address=address))
        return []


def said(finding: CheckMessage) -> str:
    """What is wrong, and what to do."""
    return f"{finding.msg} {finding.hint or ''}".strip()
