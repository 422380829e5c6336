"""What a number leads to beyond the filters: conditions that the address names, all of which hold of those who are listed.

`only=required.stuck,never`: whom the next login keeps outside once 2FA is required, and who has never signed in.
`only=for.remind`: whom the act "remind" would reach; `only=not.remind.today`: whom it leaves out for that reason.

What holds is decided by what kind somebody is, and so added up from the tally; of those few who were given a pass each is
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from companies.administrators import PASSKEY_ALONE, PASSWORD_ALONE, has_neither, has_passkey_alone
from companies.bulk.acts import MASS_ACTS, WHY, Act, Why
from companies.forecast import Change, given_passes, is_forecast, outcome_for, outcome_of
from companies.listing.kinds import LABELS, Cell, Chip, Kind
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise as StrPromise

    from companies.models import Listing

    Holds = Callable[[Cell], bool]

NO_APP = "no_app"
NO_PEOPLE: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Condition:
    """Something that holds of people: of which kinds, and beside these of whom, and of whom not.

    `also` and `but` say the same of rows for what no kind tells, however many they are.
    """

    holds: Holds
    also_of: frozenset[UUID] = NO_PEOPLE
    but_not_of: frozenset[UUID] = NO_PEOPLE
    also: Q | None = None
    but: Q | None = None

    def holds_of(self, person: UUID, cell: Cell) -> bool:
        """Does it hold of somebody of this kind, as far as no row has to be asked?"""
        return (self.holds(cell) or person in self.also_of) and person not in self.but_not_of


@dataclass(frozen=True)
class Ground:
    """What conditions stand on: who asks, and the rows of whom they ask."""

    actor: User
    rows: QuerySet[Listing]
    demanded: bool  # a factor, of everybody who opens the Settings app

    @cached_property
    def given(self) -> dict[User, Cell]:
        """Those who were given a pass, of which their kind does not tell."""
        return given_passes(self.rows, User.objects.managed_by(self.actor))


# --- By what somebody is ---

PLAIN: dict[str, tuple[StrPromise, Holds]] = {
    "app": (LABELS[Chip.SET_UP], lambda cell: Kind.APP in cell.kind),
    "passkey": (LABELS[Chip.PASSKEY], lambda cell: Kind.PASSKEY in cell.kind),
    "never": (LABELS[Chip.NEVER], lambda cell: Kind.NEVER_SIGNED_IN in cell.kind),
    "signed_in": (_("Has signed in"), lambda cell: Kind.NEVER_SIGNED_IN not in cell.kind),
    "locked": (LABELS[Chip.LOCKED], lambda cell: Kind.LOCKED in cell.kind),
    "administering": (
        _("Company administrator"),
        lambda cell: Kind.COMPANY_ADMINISTRATOR in cell.kind and Kind.LOCKED not in cell.kind,
    ),
    NO_APP: (_("Without 2FA"), lambda cell: Kind.APP not in cell.kind),
    "own_switch": (
        _("Switched on individually"),
        lambda cell: Kind.OWN_SWITCH in cell.kind and Kind.APP not in cell.kind,
    ),
    PASSWORD_ALONE: (_("Settings app with a password alone"), has_neither),
    PASSKEY_ALONE: (_("Settings app with a passkey and no app"), has_passkey_alone),
}
NOT_ME = "not_me"  # said "This wasn't me"
# What is forecast, in words: of the login as it is, and once something is changed.
OUTCOMES: dict[Outcome, StrPromise] = {
    Outcome.FREE: _("nothing to set up at the next login"),
    Outcome.ASKED: _("asked at the next login"),
    Outcome.STUCK: _("cannot get in at the next login without an access pass"),
}
ONCE: dict[Change, StrPromise] = {
    Change.REQUIRED: _("Once 2FA is required: {what}"),
    Change.OFF: _("Once 2FA is switched off: {what}"),
    Change.RELEASED: _("Once the company no longer requires 2FA: {what}"),
    Change.DEMANDED: _("Once the Settings app demands 2FA or a passkey: {what}"),
    Change.PASS_DEMANDED: _("Once the company demands an access pass: {what}"),
}
FOR, NOT = "for", "not"
GETS_IN = "now.in"


def label_of(name: str) -> str:
    """The condition in words, as the list says it; "" for one that there is not."""
    if name in PLAIN:
        return str(PLAIN[name][0])
    if name == GETS_IN:
        return _now("Can get in at the next login")
    if name == NOT_ME:
        return _now("Said “This wasn’t me”")
    match name.split("."):
        case [change, word] if change in list(Change) and word in OUTCOMES:
            what = str(OUTCOMES[Outcome(word)])
            return str(ONCE[Change(change)]).format(what=what) if change in ONCE else capfirst(what)
        case ["for", act] if act in MASS_ACTS:
            return _now("{act}: affected").format(act=MASS_ACTS[act].label)
        case ["not", act] if act in MASS_ACTS:
            return _now("{act}: skipped").format(act=MASS_ACTS[act].label)
        case ["not", act, why] if act in MASS_ACTS and why in WHY:
            return _now("{act}: skipped. {why}").format(act=MASS_ACTS[act].label, why=WHY[Why(why)])
    return ""


def condition(name: str, ground: Ground) -> Condition:
    """The condition of this name, one that there is."""
    if name in PLAIN:
        return Condition(PLAIN[name][1])
    if name == NOT_ME:
        locked_by_others = User.objects.get_queryset().filter(pk=OuterRef("person"), locked_by__isnull=False)
        return Condition(lambda cell: Kind.LOCKED in cell.kind, but=Q(Exists(locked_by_others)))
    if name == GETS_IN:
        return _gets_in(ground)
    head, *rest = name.split(".")
    if head == FOR:
        return _reached(MASS_ACTS[rest[0]], ground)
    if head == NOT:
        return _skipped_by(MASS_ACTS[rest[0]], Why(rest[1]) if rest[1:] else None, ground)
    return _forecast(Change(head), Outcome(rest[0]), ground)


# --- By what the next login will be ---


def _forecast(change: Change, word: Outcome, ground: Ground) -> Condition:
    def holds(cell: Cell) -> bool:
        return is_forecast(cell, change) and outcome_of(cell, change, demanded=ground.demanded) is word

    given = {person.pk for person, cell in ground.given.items() if is_forecast(cell, change)}
    theirs = {person.pk for person in ground.given if person.pk in given and outcome_for(person, change) is word}
    return Condition(holds, also_of=frozenset(theirs), but_not_of=frozenset(given - theirs))


def _gets_in(ground: Ground) -> Condition:
    """Everybody but those whom the next login keeps outside."""
    stuck = _forecast(Change.NONE, Outcome.STUCK, ground)
    return Condition(lambda cell: not stuck.holds(cell), also_of=stuck.but_not_of, but_not_of=stuck.also_of)


# --- By what an act on many does to them ---


def _reached(act: Act, ground: Ground) -> Condition:
    """Whom it would change: nobody whom it leaves out, and not whoever asks."""
    apart = Q()
    for holds in act.sets_apart().values():
        apart |= holds
    return Condition(
        lambda cell: act.leaves_out(cell, ground.demanded) is None,
        but_not_of=frozenset({ground.actor.pk}),
        but=apart or None,
    )


def _skipped_by(act: Act, why: Why | None, ground: Ground) -> Condition:
    """Whom it would leave out for this reason; for any, if none is said."""
    me = frozenset({ground.actor.pk})
    if why is Why.ONESELF:
        return Condition(lambda _cell: False, also_of=me)
    earlier = Q()
    for reason, holds in act.sets_apart().items():
        if reason is why:
            others = ~holds | earlier if earlier else ~holds
            return Condition(lambda cell: act.leaves_out(cell, ground.demanded) is None, but_not_of=me, but=others)
        earlier |= holds
    if why is None:
        return Condition(
            lambda cell: act.leaves_out(cell, ground.demanded) is not None, also_of=me, also=earlier or None
        )
    return Condition(lambda cell: act.leaves_out(cell, ground.demanded) is why, but_not_of=me)
