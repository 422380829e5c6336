"""Refusals, and their lines in the audit (ASVS 16.3.2, 16.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404

from accounts.models import User
from accounts.throttle.bucket import Bucket
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model, QuerySet
    from django.forms import ModelForm

    from accounts.requests import SiteRequest

LONGEST_PATH = 300

# Anybody could send these without end. Somebody who sends many does not crowd out the others.
accesses = Bucket(30)
forms = Bucket(30)
skips = Bucket(60)
waits = Bucket(60)
new_passkeys = Bucket(30)


def managed_or_404[T: Model](request: SiteRequest, managed: QuerySet[T], asked: UUID) -> T:
    """The row that was `asked` for, if it may be managed; else a 404, recorded if the row exists out of scope."""
    found = managed.filter(pk=asked).first()
    if found is None:
        if managed.model._meta.base_manager.filter(pk=asked).exists():
            access_refused(request, kind=managed.model._meta.model_name, asked=str(asked))
        raise Http404
    return found


def access_refused(request: SiteRequest, **details: Any) -> None:
    """Somebody asked for something that is not theirs. Bounded, like everything here, so that nobody fills the audit."""
    actor = request.user if isinstance(request.user, User) else None
    if not accesses.take(actor and actor.pk):
        return
    company = actor.company if actor else None
    record(Action.ACCESS_REFUSED, actor=actor, company=company, **_asked(request), **details)


def form_refused(request: SiteRequest, reason: str) -> None:
    """A form came from another site or another session (CSRF)."""
    actor = request.user if isinstance(request.user, User) else None
    subject = request.claimant if isinstance(request.claimant, User) else None
    named = actor or subject
    if not forms.take(named and named.pk):
        return
    page = request.resolver_match.view_name if request.resolver_match else ""
    record(Action.FORM_REFUSED, actor=actor, subject=subject or actor, page=page, reason=reason[:200])


def fields_ignored(request: SiteRequest, form: ModelForm[Any]) -> None:
    """Somebody sent fields of the row that are not in its form (ASVS 16.3.3). Bounded together with refused forms."""
    columns = {name for column in form._meta.model._meta.concrete_fields for name in (column.name, column.attname)}
    foreign = sorted((columns & request.POST.keys()) - form.fields.keys())
    if foreign and isinstance(request.user, User) and forms.take(request.user.pk):
        company = request.user.company
        record(Action.FIELDS_IGNORED, actor=request.user, company=company, **_asked(request), fields=foreign)


def step_skipped(request: SiteRequest) -> None:
    """Somebody half-way through their login asked for what comes after it."""
    if isinstance(request.claimant, User) and skips.take(request.claimant.pk):
        record(Action.STEP_SKIPPED, actor=None, subject=request.claimant, **_asked(request))


def passkey_refused(person: User, reason: str) -> None:
    """A browser's answer could not be made into a passkey."""
    if new_passkeys.take(person.pk):
        record(Action.PASSKEY_REFUSED, actor=person, subject=person, reason=reason)


def _asked(request: SiteRequest) -> dict[str, Any]:
    """Which page, without what follows "?"."""
    return {"verb": request.method, "path": request.path.replace("\x00", "")[:LONGEST_PATH]}
