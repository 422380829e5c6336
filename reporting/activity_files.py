"""Activity as a file: lines as they are filtered, or the whole audit, signed. Taking one is itself on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.authorization import NotPermitted, OutOfReach, hold_actor
from accounts.permissions import Permission
from accounts.whereabouts import hidden
from audit.recording import record
from audit.sealing.export import exported
from audit.sentences import sentence
from audit.vocabulary import Action
from companies.exports import BOM, as_csv, headings_in_words, readers_separator
from companies.models import Company

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from accounts.models import User
    from audit.models import AuditEvent


class Form(models.TextChoices):
    """What kind of file."""

    CSV = "csv", _("CSV, for a spreadsheet")
    JSON_LINES = "jsonl", _("JSON lines, for a program")
    SIGNED = "signed", _("The whole audit, signed")


CONTENT = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.JSON_LINES: "application/jsonl; charset=utf-8",
    Form.SIGNED: "application/jsonl; charset=utf-8",
}
HEAD = (
    gettext_noop("id"), gettext_noop("at"), gettext_noop("act"), gettext_noop("sentence"), gettext_noop("actor"),
    gettext_noop("actor_id"), gettext_noop("subject"), gettext_noop("subject_id"), gettext_noop("company"),
    gettext_noop("company_id"), gettext_noop("address"), gettext_noop("browser"), gettext_noop("details"),
)  # fmt: skip


def forms_for(viewer: User) -> list[Form]:
    """What `viewer` may take: the signed export has every line there is, so it is for those who see everybody, and
    no times and places are hidden from."""
    if Permission.EXPORT not in viewer.permissions:
        return []
    whole = viewer.sees_everybody and not hidden(None, viewer)
    return [form for form in Form if form is not Form.SIGNED or whole]


@transaction.atomic
def record_export(form: Form, *, company: Company | None, filters: Mapping[str, str], actor: User) -> None:
    """Put on record that `actor` takes a file of this form: of `company`, or of all that the site has.

    Raises OutOfReach for what is not theirs any more, and NotPermitted for a form that is not for them.
    """
    acting = hold_reader(company, actor=actor, needs=Permission.EXPORT)
    if form not in forms_for(acting):
        raise NotPermitted
    if form is Form.SIGNED:
        record(Action.AUDIT_EXPORTED, actor=actor)
    else:
        record(Action.ACTIVITY_EXPORTED, actor=actor, company=company, form=str(form), filters=dict(filters))


def hold_reader(company: Company | None, *, actor: User, needs: Permission) -> User:
    """`actor` as they are now, locked, who may look at `company`, or at the whole site where it is None.

    Raises ShutOut, NotPermitted and OutOfReach.
    """
    acting = hold_actor(actor, needs=needs)
    if company is None and not acting.serves_site:
        raise OutOfReach
    if company and not Company.objects.managed_by(acting).filter(pk=company.pk).exists():
        raise OutOfReach
    return acting


def as_file(form: Form, lines: Iterable[AuditEvent]) -> Iterator[bytes]:
    """The file, a line at a time: none of it waits in memory for the rest."""
    if form is Form.SIGNED:
        return (line + b"\n" for line in exported())
    if form is Form.CSV:
        rows = ([_cell(value) for value in _row(line).values()] for line in lines)
        parts = as_csv(headings_in_words(HEAD), rows, begin=BOM, separator=readers_separator())
        return (part.encode() for part in parts)
    return (json.dumps(_row(line), ensure_ascii=False).encode() + b"\n" for line in lines)


def _cell(value: Any) -> str | int:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value


def _row(line: AuditEvent) -> dict[str, Any]:
    """What is said of a line, by the names of `HEAD`."""
    return {
        "id": line.pk,
        "at": line.at.isoformat(timespec="microseconds"),
        "act": line.action,
        "sentence": sentence(line),
        "actor": line.actor and line.actor.username,
        "actor_id": line.actor_id and str(line.actor_id),
        "subject": line.subject and line.subject.username,
        "subject_id": line.subject_id and str(line.subject_id),
        "company": line.company and line.company.name,
        "company_id": line.company_id and str(line.company_id),
        "address": line.address,
        "browser": line.browser,
        "details": line.details,
    }
