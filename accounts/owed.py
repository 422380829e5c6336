"""Mail that an act owes: written down in the act's transaction, and there if the act is. Nobody waits for a mail server.

A row keeps who is written to, the templates and their words, sealed, because links in mails open things. The mail is made
of them, and delivered, by the worker (accounts.delivery).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from email.utils import make_msgid
from hashlib import sha256
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.clock import APART
from accounts.domains import ascii_address
from accounts.mail_models import MailFate, OwedMail
from accounts.sealing import Purpose, Unreadable, seal, unseal
from accounts.text import fold_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

MOST_ROWS = 500  # rows of one statement
TOO_LONG = timedelta(minutes=10)  # that mail waits before somebody should look
KEPT = timedelta(days=3)  # what became of a mail, once it is over


@dataclass(frozen=True)
class Draft:
    """All that a mail says, as plain values: `templates` are a text and a page."""

    to: str
    subject: str
    templates: tuple[str, str]
    language: str
    words: dict[str, Any] = field(default_factory=dict)

    def message(self, message_id: str) -> EmailMultiAlternatives:
        """The mail, marked as automatic: no absence note answers it (RFC 3834)."""
        headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
        words = {**self.words, "language": self.language}
        with translation.override(self.language):
            text, page = (render_to_string(template, words) for template in self.templates)
        mail = EmailMultiAlternatives(subject=self.subject, body=text, to=[ascii_address(self.to)], headers=headers)
        mail.attach_alternative(page, "text/html")
        return mail


def owe(
    drafts: Iterable[Draft], *, cause: object, about: str = "", spaced: int = 0, expires_at: datetime | None = None
) -> None:
    """Have `drafts`, caused by `cause`, delivered soon, if the transaction of the caller comes to its end.

    If several of one cause wait `about` the same thing, the last one goes to each address. With `spaced`, what follows
    one within so many seconds waits until they are over. After `expires_at` none goes any more.
    """
    host, now = urlsplit(settings.BASE_URL).hostname or "localhost", timezone.now()
    for part in batched(drafts, MOST_ROWS):
        OwedMail.objects.bulk_create(
            _row(draft, make_msgid(domain=host), about, cause=str(cause), spaced=spaced, expires_at=expires_at,
                 created_at=now, due_at=now)
            for draft in part
        )  # fmt: skip


def _row(draft: Draft, message_id: str, about: str, **more: Any) -> OwedMail:
    secret = json.dumps(asdict(draft)).encode()
    same = sha256(f"{about}\n{draft.to}".encode()).hexdigest() if about else ""
    return OwedMail(message_id=message_id, about=same, sealed=seal(secret, message_id, Purpose.OWED_MAIL), **more)


def draft_of(mail: OwedMail) -> Draft:
    """What `mail`, which is not over, says. Raises Unreadable."""
    assert mail.sealed is not None
    return Draft(**json.loads(unseal(mail.sealed, mail.message_id, Purpose.OWED_MAIL)))


def forget_mail_to(addresses: Collection[str]) -> int:
    """Delete the mails that wait for one of these addresses, in their folded form; how many. However many wait, some are
    in memory.
    """
    waiting, keys = OwedMail.objects.filter(ended_at=None).order_by("pk"), list[int]()
    part = list(waiting[:MOST_ROWS])
    while part:
        keys += [mail.pk for mail in part if _folded_address(mail) in addresses]
        part = list(waiting.filter(pk__gt=part[-1].pk)[:MOST_ROWS])
    return OwedMail.objects.filter(pk__in=keys).delete()[0]


def _folded_address(mail: OwedMail) -> str:
    """Whom `mail` is for; "" where that cannot be read any more."""
    try:
        return fold_address(draft_of(mail).to)
    except Unreadable:
        return ""


class Waiting(NamedTuple):
    """How many mails wait to be delivered, how many of them because their own mailbox refuses them for now, and for how
    long the first of the others has.
    """

    number: int
    refused: int
    longest: timedelta

    @property
    def too_long(self) -> bool:
        return self.longest > TOO_LONG

    @property
    def minutes(self) -> int:
        return int(self.longest.total_seconds() // 60)


def waiting_mail() -> Waiting:
    """What waits now."""
    waiting = OwedMail.objects.filter(ended_at=None)
    return Waiting(waiting.count(), waiting.filter(mailbox_refuses=True).count(), longest_wait())


def longest_wait() -> timedelta:
    """For how long the first mail has waited that its own mailbox does not refuse; one step of an index."""
    waiting = OwedMail.objects.filter(ended_at=None, mailbox_refuses=False).order_by("created_at")
    first = waiting.values_list("created_at", flat=True).first()
    return timezone.now() - first if first else timedelta()


def failed_lately() -> int:
    """How many mails were given up within the days that this is kept."""
    return OwedMail.objects.filter(fate=MailFate.FAILED, ended_at__gt=timezone.now() - KEPT).count()


def forget_old_mail() -> int:
    """Delete what is left of mails that were over three days ago, or are by a clock that ran ahead; how many.

    Some at a time: others who write wait for no more than that.
    """
    now, number = timezone.now(), 0
    for old in ({"ended_at__lt": now - KEPT}, {"ended_at__gt": now + timedelta(seconds=APART)}):
        found = OwedMail.objects.filter(**old).order_by("ended_at").values_list("pk", flat=True)
        while keys := list(found[:MOST_ROWS]):
            number += OwedMail.objects.filter(pk__in=keys).delete()[0]
    return number
