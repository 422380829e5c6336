"""A lost phone: what was on it is removed, and its owner gets a pass to set up the next one. One act, one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.authorization import OutOfReach, one_administrator_stays
from accounts.people import ChangedMeanwhile, end_sessions, measure_anew
from accounts.permissions import Permission
from accounts.sessions.listed import end_proved_by
from accounts.throttle import budgets, lanes
from audit.recording import record
from audit.vocabulary import Action
from companies import kept_apart
from companies.access_passes import give_pass, if_ended, open_pass_of
from companies.letting_in import APP, CODES
from companies.seen import holdings
from mfa.holding import hold_everything
from mfa.methods import access_pass, passkeys
from mfa.models import Passkey
from mfa.policy import Method
from mfa.services import BY_APP, Sessions

if TYPE_CHECKING:
    from collections.abc import Collection

    from accounts.models import User
    from companies.access_passes import Validity
    from mfa.models import AccessPass


@dataclass(frozen=True)
class Reset:
    """What a reset did: how many apps and codes went, which passkeys, the pass, and which earlier one it ended."""

    apps: int
    codes: int
    passkeys: list[Passkey]
    code: str = ""
    ended: AccessPass | None = None

    @property
    def removed_something(self) -> bool:
        return bool(self.apps or self.codes or self.passkeys)


@transaction.atomic
def reset(
    subject: User,
    *,
    lost: Collection[str],
    checked: str,
    reason: str,
    actor: User | None,
    valid: Validity | None = None,
    sessions: Sessions = Sessions.END,
    seen: str | None = None,
) -> Reset:
    """Remove what `subject` lost (`APP`, `CODES`, ids of passkeys), and give a pass that is `valid` so long, if at all.

    Recovery codes go with the app, for which they stand in. What is demanded of the person stays demanded, whoever
    demands it; the demand for a pass ends where something is removed. `seen` is the word for what they held when that
    was decided (companies.seen). Raises OutOfReach for oneself, ChangedMeanwhile for whoever is shut out or holds
    something else by now, LastAdministrator where nobody could administer any more, and what `give_pass` does.
    """
    subject = hold_everything(subject, actor=actor, needs=Permission.RESET)
    if subject == actor:
        raise OutOfReach
    if subject.is_shut_out or seen not in {None, holdings(subject)}:
        raise ChangedMeanwhile
    given = open_pass_of(subject)
    before = passkeys.number_in_use(subject)
    done = _remove(subject, set(lost))
    if done.removed_something:
        access_pass.remove(subject)
        record(
            Action.USER_RESET,
            actor=actor,
            subject=subject,
            removed={"authenticator_apps": done.apps, "recovery_codes": done.codes, "passkeys": len(done.passkeys)},
            passkeys=[passkey.name for passkey in done.passkeys],
            changes={
                **({"authenticator_apps": [done.apps, 0]} if done.apps else {}),  # one that stays is not in the line
                "passkeys": [before, passkeys.number_in_use(subject)],
            },
            checked=checked,
            reason=reason,
        )
    if sessions is Sessions.END:
        end_sessions(subject, actor=actor, checked=checked, reason=reason)
    code = give_pass(subject, valid=valid, checked=checked, reason=reason, actor=actor) if valid else ""
    return replace(done, code=code, ended=if_ended(given, subject))


def _remove(subject: User, lost: set[str]) -> Reset:
    """Put apart what is `lost`, and end what it opened."""
    now = timezone.now()
    apps = kept_apart.remove_app(subject, now) if APP in lost else 0
    codes = kept_apart.remove_codes(subject, now) if {APP, CODES} & lost else 0
    ids = [passkey.pk for passkey in Passkey.objects.filter(user=subject) if str(passkey.pk) in lost]
    with one_administrator_stays(subject):
        passkeys = kept_apart.remove_passkeys(subject, ids, now)
    if apps:
        measure_anew(subject)
    if apps or codes:
        budgets.forgive([lanes.factor_lane(subject, method) for method in BY_APP])
    gone = [f"{Method.PASSKEY}:{passkey.pk}" for passkey in passkeys]
    end_proved_by([subject], Method.ACCESS_PASS, *gone, *(BY_APP if apps else (Method.RECOVERY,) if codes else ()))
    return Reset(apps, codes, passkeys)
