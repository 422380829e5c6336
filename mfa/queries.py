"""What can be asked about people's factors. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, FilteredRelation, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest
from mfa.policy import Standing

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

POSTPONED = "passkey_postponed"
UNSAVED_CODES = "unsaved_codes"

CONFIRMED_APPS = AuthenticatorApp.objects.filter(confirmed=True, user=OuterRef("pk"))
USABLE_PASSKEYS = Passkey.objects.filter(suspended_at=None, user=OuterRef("pk"))
PASSKEY_REQUESTS = PasskeyRequest.objects.filter(user=OuterRef("pk"))


def with_app(people: QuerySet[User]) -> QuerySet[User]:
    """`people`, joined to the app that they have set up (`app`): quicker to count than one look-up for each."""
    return people.annotate(
        app=FilteredRelation("authenticator_apps", condition=Q(authenticator_apps__confirmed=True)),
    )


@cache
def _holdings_sql() -> tuple[str, tuple[Any, ...]]:
    """Who holds what, in SQL: its values, the last of which is whose. Of all joined rows, one tells what there is.

    Kept, because each request of a login asks it, and Django takes ten times as long to write it as to have it answered.
    """
    joined = with_app(User.objects.filter(pk=UUID(int=0))).annotate(
        passkey=FilteredRelation("passkeys", condition=Q(passkeys__suspended_at=None)),
        code=FilteredRelation("recovery_codes", condition=Q(recovery_codes__used_at=None)),
    )
    columns = joined.values_list("app__id", "app__key", "passkey__id", "code__id", "passkey_request__id")
    sql: str
    sql, values = columns[:1].query.get_compiler(connection=connection).as_sql()
    return sql, values


@dataclass(frozen=True)
class Holdings:
    """What a person holds and was asked for, read in one statement."""

    app: AuthenticatorApp | None
    has_passkey: bool
    has_codes: bool
    passkey_requested: bool


def holdings_of(person: User) -> Holdings:
    """What `person` holds now."""
    sql, (*values, _) = _holdings_sql()
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, User._meta.pk.get_db_prep_value(person.pk, connection)])
        row = cursor.fetchone()
    if row is None:
        raise User.DoesNotExist
    app_id, key, *others = row
    app = AuthenticatorApp(id=app_id, user=person, key=key) if app_id else None
    return Holdings(app, *(other is not None for other in others))


def standing_of(person: User, holdings: Holdings, session: SessionBase) -> Standing:
    """The policy's view of `person` in the login that `session` holds."""
    return Standing(
        two_factor_required=person.two_factor_required,
        has_app=holdings.app is not None,
        has_passkey=holdings.has_passkey,
        passkey_requested=holdings.passkey_requested,
        passkey_postponed=POSTPONED in session,
        codes_unsaved=UNSAVED_CODES in session,
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
    """How many of `people` are in which state, how many were asked for a passkey, and all: one statement."""
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
        )
    )
