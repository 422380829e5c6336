"""From a notice to a mail: what, when, from where, by whom, what if it wasn't you (NIST SP 800-63B-4 section 4.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.not_me import not_me_link
from accounts.owed import Draft
from accounts.text import spoken, unlinked
from audit.browsers import browser_name
from audit.methods import in_words
from audit.sentences import checked_how, form_and_words, shell_in_words
from notices.asked import asked_in_words, reminded_of
from notices.recipients import OF_ANOTHER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from audit.models import AuditEvent
    from notices.notice import Notice
    from notices.recipients import Recipient

NOTICE_MAIL = ("mail/notice.txt", "mail/notice.html")
# Words of a line that something else bounds, and those of which nobody types any part.
UNCUT = {"reason", "removed", "put_back"}
UNTYPED = {"until", "checked"}


@dataclass(frozen=True)
class Letter:
    """A notice of one event with everything that it says, so that writing it to somebody asks the database nothing."""

    notice: Notice
    event: AuditEvent
    reportable: bool
    words: dict[str, object]
    asked: list[str] = field(default_factory=list)  # of the person, by the next login

    def to(self, recipient: Recipient) -> Draft:
        """What the mail says, in the recipient's language."""
        with translation.override(recipient.language):
            words = {
                "name": recipient.name,
                "headline": str(self.notice.headline),
                "sentence": self._sentence(recipient.asked),
                "facts": self._facts(),
                "by": str(self.words["actor"] or (_("the people who run the server") if self._in_the_shell else "")),
                "reportable": self.reportable,
                "page": self.page,
                "link": not_me_link(self.event, recipient.address) if self.reportable and recipient.believed else "",
            }
            subject = f"m2v: {self.notice.headline}"
        return Draft(recipient.address, subject, NOTICE_MAIL, recipient.language, words)

    def about(self, recipients: list[Recipient]) -> str:
        """What makes two letters the same, so that one of them is enough: what they say, about whom, from where, and to whom."""
        event = self.event
        asked = {word for recipient in recipients for word in recipient.asked}
        of = (event.subject_id, event.company_id, self.notice.headline, self._sentence(sorted(asked)))
        whence = (event.browser, event.address)  # a thief's sign-in is not the owner's
        return repr([*map(str, of + whence), *sorted(recipient.address for recipient in recipients)])

    @property
    def _actor(self) -> str:
        """Who did it: an administrator, or somebody on the command line, of whom no more is known."""
        return str(self.words["actor"]) or shell_in_words(self.event)

    @property
    def _in_the_shell(self) -> bool:
        return "shell" in self.event.details

    @property
    def page(self) -> str:
        """The address of the page that the mail leads to, if there is one."""
        if self.notice.own_page:
            return settings.BASE_URL + reverse(self.notice.own_page)
        if not self.notice.page:
            return ""
        return settings.BASE_URL + reverse(self.notice.page, args=[self.event.subject_id])

    def _sentence(self, asked: Sequence[str]) -> str:
        """`asked`: of a recipient, where it is not the same of all."""
        said = {
            "actor": self._actor,
            "said": _line(self.event) if self._in_the_shell else "",
            "method": in_words(self.event.details.get("methods", [])),
            "checked": checked_how(self.event),
            "asked": asked_in_words(asked or self.asked) or reminded_of(self.event),
            "until": at_length(parse_datetime(until)) if (until := self.event.details.get("until")) else "",
        }
        return str(self.notice.sentence).format_map({**self.words, **said}).strip()

    def _facts(self) -> list[tuple[str, str]]:
        """When, and by whom; from where, unless that is an administrator's browser and address."""
        facts = [(_("When"), at_length(self.event.at))]
        if self._actor:
            return [*facts, (_("By"), self._actor)]
        if self.notice.to in OF_ANOTHER and not settings.SHOW_WHEREABOUTS:
            return facts
        if self.event.browser:
            facts.append((_("Browser"), browser_name(self.event.browser)))
        if self.event.address:
            facts.append((_("Address"), str(self.event.address)))
        if self.event.actor_id:
            facts.append((_("By"), _("you, or someone signed in as you")))
        return facts


def letter(notice: Notice, event: AuditEvent, asked: list[str] | None = None) -> Letter:
    """The letter that `notice` makes of `event`; everything that it needs is looked up here, but what is `asked`."""
    administrator = event.actor if event.actor_id != event.subject_id else None
    words = {
        **event.details,
        "actor": spoken(administrator.get_full_name()) if administrator else "",
        "subject": spoken(event.subject.get_full_name()) if event.subject else "",
        "username": event.subject.username if event.subject else "",
        "company": event.company.name if event.company else "",
    }
    for typed in {"name", "reason"} & words.keys():
        words[typed] = _fit(typed, str(words[typed]))
    said = notice.next_login(asked) if notice.next_login and asked is not None else []
    return Letter(notice, event, event.subject_id is not None and notice.reportable, words, said)


def _line(event: AuditEvent) -> str:
    """What the line says in the history, fit for a mail."""
    said, words = form_and_words(event)
    return said.format_map({name: _fit(name, word) for name, word in words.items()})


def _fit(name: str, word: str) -> str:
    """The word of this name as a mail says it; a name is cut short, what has a bound of its own is whole."""
    if name in UNTYPED:
        return word
    return unlinked(word) if name in UNCUT else spoken(word)


def at_length(at: datetime | None) -> str:
    """ "24 November 2026, 07:42 UTC"."""
    return "" if at is None else date_format(timezone.localtime(at), _("j F Y, H:i T"))
