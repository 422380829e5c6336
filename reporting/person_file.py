"""What is kept of one person, as a file for them. Taking it out is itself on record.

Secrets are not in it: no password, key, code or link. Of acts by others it says what was done, not who did it or from
where, which is those others' own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from accounts.authorization import hold
from accounts.models import PROFILE, PendingAddress, Session, User
from accounts.permissions import Permission
from accounts.whereabouts import COMING_AND_GOING, hidden
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet

# What is said of each thing of theirs.
OF_THE_PROFILE = (
    "id", *PROFILE, "is_active", "locked_at", "created_at", "last_sign_in_at", "two_factor_enabled", "two_factor_changed_at",
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
    return _file(kept, whereabouts=actor is None or not hidden(kept.pk, actor))


def _file(person: User, *, whereabouts: bool) -> Iterator[str]:
    theirs: Any = {"user": person}
    parts: dict[str, Any] = {
        "person": User.objects.filter(pk=person.pk).values(*OF_THE_PROFILE, "company__name").get(),
        "address_to_confirm": PendingAddress.objects.filter(**theirs).values("email", "entered_at").first(),
        "authenticator_apps": list(AuthenticatorApp.everything.filter(**theirs).values(*OF_AN_APP)),
        "recovery_codes": list(RecoveryCode.everything.filter(**theirs).values(*OF_A_CODE)),
        "passkeys": list(Passkey.everything.filter(**theirs).values(*OF_A_PASSKEY)),
        "passkey_requested_at": PasskeyRequest.objects.filter(**theirs).values_list("requested_at", flat=True).first(),
        "access_passes": list(AccessPass.objects.filter(**theirs).values("created_at", "until")),
        "sessions": list(Session.objects.filter(**theirs).order_by("started_at").values(*OF_A_SESSION)),
    }
    if not whereabouts:
        parts["sessions"] = []
        for said in (parts["person"], *parts["authenticator_apps"], *parts["passkeys"], *parts["recovery_codes"]):
            for name in WHEN_USED & said.keys():
                said[name] = None
    yield "{\n"
    for name, part in parts.items():
        yield f"{_json(name)}: {_json(part)},\n"
    yield '"audit": ['
    between = "\n"
    lines = _lines(person.pk) if whereabouts else _lines(person.pk).exclude(action__in=COMING_AND_GOING)
    for line in lines.iterator():
        said = _said(line, person.pk)
        yield between + _json(said if whereabouts else {**said, "address": None, "browser": ""})
        between = ",\n"
    yield "\n]\n}\n"


def _lines(person: UUID) -> QuerySet[AuditEvent]:
    """What was done to them, and what they did that was about nobody."""
    return AuditEvent.objects.filter(Q(subject=person) | Q(actor=person, subject=None)).order_by("pk")


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
