"""What can be asked about people's factors. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from mfa.policy import Standing

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

POSTPONED = "passkey_postponed"
UNSAVED_CODES = "unsaved_codes"  # they count already
NEXT_CODES = "next_codes"  # they count from when they are saved, and the earlier ones until then

CONFIRMED_APPS = AuthenticatorApp.objects.filter(confirmed=True, user=OuterRef("pk"))
USABLE_PASSKEYS = Passkey.objects.filter(suspended_at=None, user=OuterRef("pk"))
PASSKEY_IN_USE = Q(passkeys__isnull=False, passkeys__suspended_at=None)  # of a person
PASSKEY_REQUESTS = PasskeyRequest.objects.filter(user=OuterRef("pk"))


def with_app[Rows: QuerySet[Any]](rows: Rows, to: str = "") -> Rows:
    """`rows`, joined to the app (`app`) that their person, to whom `to` leads ("user__"), has set up.

    Quicker to count than one look-up for each.
    """
    apps = f"{to}authenticator_apps"
    return rows.annotate(app=FilteredRelation(apps, condition=Q((f"{apps}__confirmed", True))))


@dataclass(frozen=True)
class Holdings:
    """What a person holds and was asked for, read in one statement. `app` is one that takes codes."""

    app: AuthenticatorApp | None
    app_disabled: bool
    has_passkey: bool
    has_codes: bool
    passkey_requested: bool

    @property
    def beyond_password(self) -> bool:
        """Is there a factor beyond the password? A disabled app is one still, a suspended passkey is none."""
        return self.app is not None or self.app_disabled or self.has_passkey


def with_holdings[Rows: QuerySet[Any]](rows: Rows, to: str = "") -> Rows:
    """`rows`, each with what `holdings_of` asks for about its person, to whom `to` leads."""
    person = OuterRef(f"{to}pk")
    return with_app(rows, to).annotate(
        held_app=F("app__id"),
        held_key=F("app__key"),
        held_disabled=F("app__disabled_at"),
        held_passkey=Exists(Passkey.objects.filter(suspended_at=None, user=person)),
        held_codes=Exists(RecoveryCode.objects.filter(used_at=None, user=person)),
        held_request=Exists(PasskeyRequest.objects.filter(user=person)),
    )


@cache
def holdings() -> QuerySet[User, tuple[Any, ...]]:
    """What everybody holds, to be filtered: to put this query together takes longer than to have it answered."""
    return with_holdings(User.objects.get_queryset()).values_list(*HELD)


HELD = ("held_app", "held_key", "held_disabled", "held_passkey", "held_codes", "held_request")


def holdings_of(person: User) -> Holdings:
    """What `person` holds now, or held when they were read `with_holdings`."""
    if hasattr(person, "held_app"):
        app_id, key, disabled_at, *others = (getattr(person, name) for name in HELD)
    else:
        app_id, key, disabled_at, *others = holdings().get(pk=person.pk)
    usable = app_id is not None and disabled_at is None
    app = AuthenticatorApp(id=app_id, user=person, key=key) if usable else None
    return Holdings(app, disabled_at is not None, *map(bool, others))


def standing_of(person: User, holdings: Holdings, session: SessionBase) -> Standing:
    """The policy's view of `person` in the login that `session` holds."""
    return Standing(
        two_factor_required=person.two_factor_required,
        has_app=holdings.app is not None or holdings.app_disabled,
        app_disabled=holdings.app_disabled,
        has_passkey=holdings.has_passkey,
        passkey_requested=holdings.passkey_requested,
        passkey_postponed=POSTPONED in session,
        codes_unsaved=UNSAVED_CODES in session,
        password_is_short=bool(person.password_is_short),
    )


class State(StrEnum):
    """Where a person stands with two-factor authentication."""

    SET_UP = "set_up"
    ASKED = "asked"
    OFF = "off"


REQUIRED = Q(two_factor_enabled=True) | Q(company__two_factor_enabled=True)
IN_STATE = {
    State.SET_UP: Q(Exists(CONFIRMED_APPS)),
    State.ASKED: REQUIRED & ~Q(Exists(CONFIRMED_APPS)),
    State.OFF: ~REQUIRED & ~Q(Exists(CONFIRMED_APPS)),
}


def state_of(person: User, *, has_app: bool) -> State:
    """Set up, asked at the next login, or off."""
    if has_app:
        return State.SET_UP
    return State.ASKED if person.two_factor_required else State.OFF


def with_factors(people: QuerySet[User]) -> QuerySet[User]:
    """`people`, each with `has_app`, `passkey_count` and `passkey_requested`."""
    counted = USABLE_PASSKEYS.order_by().values("user").annotate(number=Count("pk")).values("number")
    return people.annotate(
        has_app=Exists(CONFIRMED_APPS),
        passkey_count=Coalesce(Subquery(counted), 0),
        passkey_requested=Exists(PASSKEY_REQUESTS),
    )


def asked_individually(people: QuerySet[User]) -> QuerySet[User]:
    """Those of `people` whose own switch is on and who have not set 2FA up."""
    return people.filter(~Exists(CONFIRMED_APPS), two_factor_enabled=True)


def count_states(people: QuerySet[User]) -> dict[str, int]:
    """How many of `people` are in which state, how many were asked for a passkey or are locked, and all: one statement."""
    set_up = Q(app__isnull=False)
    return (
        with_app(people)
        .order_by()
        .aggregate(
            all=Count("pk"),
            set_up=Count("pk", filter=set_up),
            asked=Count("pk", filter=REQUIRED & ~set_up),
            off=Count("pk", filter=~REQUIRED & ~set_up),
            individually=Count("pk", filter=Q(two_factor_enabled=True) & ~set_up),
            requested=Count("passkey_request"),
            locked=Count("pk", filter=Q(locked_at__isnull=False)),
        )
    )
