"""A notice: what a mail says of a line of the audit, to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from notices.conditions import always
from notices.recipients import the_person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.utils.functional import _StrPromise

    from audit.models import AuditEvent
    from notices.recipients import Recipient


@dataclass(frozen=True)
class Notice:
    """What one kind of audit line says in a mail. `sentence` may name {actor}, {subject}, {company} and details."""

    headline: _StrPromise
    sentence: _StrPromise
    to: Callable[[AuditEvent], list[Recipient]] = the_person
    when: Callable[[AuditEvent], bool] = always
    reportable: bool = True  # with "This wasn't me"
    page: str = ""  # the name of the page about the subject where it goes on
    own_page: str = ""  # the same, of a page about oneself
    next_login: Callable[[list[str]], list[str]] | None = None  # of what it asks of the person, what {asked} says
