"""What is kept of one person, as a file for them. Taking it out is itself on record.

Secrets are not in it: no password, key, code or link. Of acts by others it says what was done, not who did it or from
where, which is those others' own. For a company's administrators, what was in an earlier company is not in it either.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from accounts.activity import START, Activity
from accounts.authorization import hold
from accounts.models import PROFILE, PendingAddress, Session, User
from accounts.permissions import Permission
from accounts.whereabouts import hidden
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies.models import Reminder
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

# What is said of each thing of theirs.
OF_THE_PROFILE = (
    "id", *PROFILE, "browser_language", "is_active", "locked_at", "created_at", "last_sign_in_at", "two_factor_enabled", "two_factor_changed_at",
)  # fmt: skip
OF_AN_APP = ("created_at", "last_used_at", "removed_at")
OF_A_CODE = ("created_at", "used_at", "removed_at")
OF_A_PASSKEY = (
    "name", "created_at", "last_used_at", "suspended_at", "removed_at", "aaguid", "transports", "backed_up",
)  # fmt: skip
WHEN_USED = {"last_sign_in_at", "last_used_at", "used_at"}
OF_A_SESSION = ("started_at", "seen_at", "expire_date", "address", "browser", "proved_by", "is_complete")


@transaction.atomic
def take_out(person: User, *, actor: User | None) -> Iterator[str]:
    """All that is kept of `person`, as JSON, part by part; by themselves, an administrator, or whoever is on the server.

    Where times and places are hidden from administrators (accounts.whereabouts), they are not in a file that one takes
    out. Raises OutOfReach for somebody erased: of them nothing is kept.
    """
    kept = hold(person, actor=actor, needs=Permission.PERSON_FILE)
    record(Action.PERSON_EXPORTED, actor=actor, subject=kept)
    return _file(kept, viewer=actor)


def _file(person: User, *, viewer: User | None) -> Iterator[str]:
    whereabouts = viewer is None or not hidden(person.pk, viewer)
    since = _since(person, viewer)
    parts = _parts(person, since)
    if not whereabouts:
        parts["sessions"] = []
    for said in (parts["person"], *parts["authenticator_apps"], *parts["passkeys"], *parts["recovery_codes"]):
        for name in WHEN_USED & said.keys():
            said[name] = said[name] if whereabouts and said[name] and said[name] >= since else None
    yield "{\n"
    for name, part in parts.items():
        yield f"{_json(name)}: {_json(part)},\n"
    yield '"audit": ['
    between = "\n"
    for line in _lines(person.pk, viewer).iterator():
        said = _said(line, person.pk)
        yield between + _json(said if whereabouts else {**said, "address": None, "browser": ""})
        between = ",\n"
    yield "\n]\n}\n"


def _since(person: User, viewer: User | None) -> datetime:
    """From when on `viewer` gets what was: administrators of a company, since the person came there."""
    if viewer is None or viewer == person or viewer.serves_site:
        return START
    moves = AuditEvent.objects.filter(
        subject=person, action=Action.USER_CHANGED, details__changes__has_key="company"
    ).order_by("-at")
    return moves.values_list("at", flat=True).first() or START


def _parts(person: User, since: datetime) -> dict[str, Any]:
    """What is kept of them beside the audit: what is in force, and of what is over, what is not older than `since`."""
    theirs: Any = {"user": person}
    app, code, passkey = (
        model.everything.filter(**theirs).exclude(removed_at__lt=since)
        for model in (AuthenticatorApp, RecoveryCode, Passkey)
    )
    sessions = Session.objects.filter(**theirs, started_at__gte=since).order_by("started_at")
    return {
        "person": User.objects.filter(pk=person.pk).values(*OF_THE_PROFILE, "company__name").get(),
        "address_to_confirm": PendingAddress.objects.filter(**theirs).values("email", "entered_at").first(),
        "authenticator_apps": list(app.values(*OF_AN_APP)),
        "recovery_codes": list(code.values(*OF_A_CODE)),
        "passkeys": list(passkey.values(*OF_A_PASSKEY)),
        "passkey_requested_at": PasskeyRequest.objects.filter(**theirs).values_list("requested_at", flat=True).first(),
        "reminded_at": Reminder.objects.filter(person=person.pk, at__gte=since).values_list("at", flat=True).first(),
        "access_passes": list(AccessPass.objects.filter(**theirs, created_at__gte=since).values("created_at", "until")),
        "sessions": list(sessions.values(*OF_A_SESSION)),
    }


def _lines(person: UUID, viewer: User | None) -> QuerySet[AuditEvent]:
    """What was done to them, and what they did that was about nobody; of both what `viewer` sees elsewhere too."""
    lines = AuditEvent.objects.filter(Q(subject=person) | Q(actor=person, subject=None)).order_by("pk")
    return Activity(viewer, person=frozenset({person})).among(lines) if viewer else lines


def _said(line: AuditEvent, person: UUID) -> dict[str, Any]:
    own = line.actor_id in {None, person}
    return {
        "at": line.at,
        "act": line.action,
        "by_themselves": line.actor_id == person,
        "address": line.address if own else None,
        "browser": line.browser if own else "",
        "details": line.details,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
