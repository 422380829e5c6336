"""What can be asked about people's factors. Nothing here writes."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import site_rule
from accounts.models import SiteRule, User
from audit.prepared import Prepared
from mfa.forecast import Circumstances
from mfa.methods import FACTORS, access_pass
from mfa.methods.held import Holdings
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest
from mfa.policy import Method, Standing

OURS = frozenset(Method)  # what `Holdings` has a name for

CONFIRMED_APPS = AuthenticatorApp.objects.filter(confirmed=True, user=OuterRef("pk"))
USABLE_PASSKEYS = Passkey.objects.filter(suspended_at=None, user=OuterRef("pk"))
PASSKEY_IN_USE = Q(passkeys__isnull=False, passkeys__suspended_at=None)  # of a person
FACTOR_DEMANDED = Exists(SiteRule.objects.filter(factor_demanded=True))  # of everybody who opens the Settings app
PASSKEY_REQUESTS = PasskeyRequest.objects.filter(user=OuterRef("pk"))


def with_holdings[Rows: QuerySet[Any]](rows: Rows, to: str = "") -> Rows:
    """`rows`, each with what `holdings_of` asks for about its person, to whom `to` leads ("user__")."""
    for method in FACTORS.values():
        rows = method.with_held(rows, to)
    return rows.annotate(held_demand=FACTOR_DEMANDED)


def held() -> list[str]:
    """The names of what `with_holdings` annotates."""
    return [*(held for method in FACTORS.values() for held in method.HELD), "held_demand"]


def hand_over(row: Any, person: User) -> None:
    """Let `person` have what `row` was read `with_holdings` about them."""
    for name in held():
        setattr(person, name, getattr(row, name))


@cache
def holdings() -> Prepared[User]:
    """Somebody by their key, with what they hold."""
    return Prepared(lambda key: with_holdings(User.objects.filter(pk=key)), more=held())


def holdings_of(person: User) -> Holdings:
    """What `person` holds now, or held when they were read `with_holdings`."""
    read = person if hasattr(person, "held_app") else next(iter(holdings().ask(person.pk)), None)
    if read is None:
        raise User.DoesNotExist
    held = vars(read)
    usable = held["held_app"] is not None and held["held_disabled"] is None
    return Holdings(
        app=AuthenticatorApp(id=held["held_app"], user=person, key=held["held_key"]) if usable else None,
        app_disabled=held["held_disabled"] is not None,
        has_passkey=bool(held["held_passkey"]),
        has_codes=bool(held["held_codes"]),
        passkey_requested=bool(held["held_request"]),
        others=frozenset(name for name in FACTORS if name not in OURS and held[f"held_{name}"]),
        has_pass=access_pass.is_open(held["held_pass_until"], held["held_pass_epoch"], person),
        asked_for_pass=held["held_pass_epoch"] is not None,
        factor_demanded=bool(held["held_demand"]),
    )


def standing_of(person: User, holdings: Holdings) -> Standing:
    """What is demanded of `person` and what they hold, as at the beginning of a login."""
    return Standing(
        two_factor_required=person.two_factor_required,
        has_app=holdings.app is not None or holdings.app_disabled,
        app_disabled=holdings.app_disabled,
        has_passkey=holdings.has_passkey,
        passkey_requested=holdings.passkey_requested,
        password_is_short=bool(person.password_is_short),
        others=holdings.others,
        pass_demanded=holdings.asked_for_pass or person.pass_demanded_by_company,
        must_have_factor=holdings.factor_demanded and person.opens_settings,
    )


def circumstances_of(person: User) -> Circumstances:
    """What decides how the next login of `person` goes."""
    holdings = holdings_of(person)
    return Circumstances(
        standing_of(person, holdings),
        is_open=not person.is_shut_out,
        has_password=person.has_usable_password(),
        has_codes=holdings.has_codes,
        has_pass=holdings.has_pass,
    )


def must_have_factor(person: User) -> bool:
    """Does the site demand 2FA or a passkey of `person`, who opens the Settings app?"""
    return person.opens_settings and site_rule.is_on()


class State(StrEnum):
    """Where a person stands with two-factor authentication."""

    SET_UP = "set_up"
    ASKED = "asked"
    OFF = "off"


def state_of(person: User, *, has_app: bool, must_have_factor: bool = False) -> State:
    """Set up, asked at the next login, or off. `must_have_factor`: the site demands one, and there is no passkey."""
    if has_app:
        return State.SET_UP
    return State.ASKED if person.two_factor_required or must_have_factor else State.OFF


def listed_state(person: Any) -> State:
    """The same of somebody `with_factors`, as lists and files say it: who is deactivated is asked for nothing."""
    must = person.factor_demanded and person.opens_settings and not person.passkey_count
    state = state_of(person, has_app=person.has_app, must_have_factor=must)
    return state if person.is_active or state is State.SET_UP else State.OFF


def with_factors(people: QuerySet[User]) -> QuerySet[User]:
    """`people`, each with `has_app`, `passkey_count`, `passkey_requested`, and whether the site demands a factor."""
    counted = USABLE_PASSKEYS.order_by().values("user").annotate(number=Count("pk")).values("number")
    return people.annotate(
        has_app=Exists(CONFIRMED_APPS),
        passkey_count=Coalesce(Subquery(counted), 0),
        passkey_requested=Exists(PASSKEY_REQUESTS),
        factor_demanded=FACTOR_DEMANDED,
    )


def not_set_up[People: QuerySet[Any]](people: People) -> People:
    """Those of `people` who have not set 2FA up."""
    return people.filter(~Exists(CONFIRMED_APPS))


def asked_individually[People: QuerySet[Any]](people: People) -> People:
    """Those of `people` whose own switch is on and who have not set 2FA up."""
    return not_set_up(people).filter(two_factor_enabled=True)
