"""Who acts on whom, looked up again under the lock: what was read before may have changed while an act waited.

Every service that has an actor begins with one of these. Rows are locked in
the order of their keys, so that two acts never wait for each other.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404

from accounts.models import Role, User

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from accounts.models import UserQuerySet
    from accounts.permissions import Permission

NOBODY = Q(pk__in=())
ADMINISTRATORS = Q(role=Role.ADMINISTRATOR)
WAYS_IN = [~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)]  # who has which first factor; mfa.apps adds the others


class ShutOut(PermissionDenied):
    """The actor was deactivated, locked or signed out everywhere after their request began."""


class NotPermitted(PermissionDenied):
    """The actor's role does not include this act."""


class OutOfReach(Http404):
    """The actor does not manage this person or company any more, so for them it does not exist."""


class LastAdministrator(Exception):
    """No administrator who can sign in would be left."""


@dataclass(frozen=True)
class Held:
    """People who were locked together, and those of them whom the actor sees."""

    people: dict[object, User]
    reached: frozenset[object]
    also: Q


_together: ContextVar[Held | None] = ContextVar("held_together", default=None)


@contextmanager
def hold_together(people: Iterable[UUID], *, actor: User, needs: Permission, also: Q = NOBODY) -> Iterator[Held]:
    """Lock `people`, `actor` and whoever `also` finds at once. Acts within find them held, and ask no more for them.

    For acts on many, in one transaction; each of them on another person, and none on the actor. Raises ShutOut and
    NotPermitted.
    """
    keys = set(people) - {actor.pk}
    rows = _locked(Q(pk__in=[*keys, actor.pk]) | also)
    acting = _still_in(actor, rows)
    _permitted(acting, needs)
    reached = User.objects.managed_by(acting).filter(pk__in=keys, erased_at=None).values_list("pk", flat=True)
    held = Held(rows, frozenset(reached), also)
    token = _together.set(held)
    try:
        yield held
    finally:
        _together.reset(token)


def hold(person: User, *, actor: User | None, needs: Permission, also: Q = NOBODY) -> User:
    """`person` as they are now, locked together with `actor` and whoever `also` finds.

    `needs` is the permission for it where `actor` is somebody else. Raises ShutOut, NotPermitted and OutOfReach, which
    somebody erased is for everybody. Without an actor, the product or the command line acts.
    """
    return hold_each([person], actor=actor, needs=needs, also=also)[0]


def hold_each(people: Sequence[User], *, actor: User | None, needs: Permission, also: Q = NOBODY) -> list[User]:
    """The same of each of `people` once, in their order: one that is out of reach and nothing is done to any."""
    keys = list(dict.fromkeys(person.pk for person in people))
    if actor and (together := _together.get()) and also in (NOBODY, together.also):
        _permitted(_still_in(actor, together.people), needs)
        if not together.reached.issuperset(keys):
            raise OutOfReach
        return [together.people[key] for key in keys]
    held = _locked(Q(pk__in=[*keys, actor.pk] if actor else keys) | also)
    if not held.keys() >= set(keys) or any(held[key].erased_at for key in keys):
        raise OutOfReach
    if actor:
        acting = _still_in(actor, held)
        if others := [key for key in keys if key != acting.pk]:
            _permitted(acting, needs)
            _in_reach(others, actor=acting)
    return [held[key] for key in keys]


def hold_actor(actor: User, *, needs: Permission, also: Q = NOBODY) -> User:
    """`actor` as they are now, locked together with whoever `also` finds, however many. Raises ShutOut and NotPermitted."""
    if also != NOBODY:
        for _key in _locked_in_turn(Q(pk=actor.pk) | also).values_list("pk").iterator():
            pass  # nothing of a hundred thousand people is kept but their locks
    acting = _still_in(actor, _locked(Q(pk=actor.pk)))
    _permitted(acting, needs)
    return acting


def in_reach(person: User, *, actor: User) -> None:
    """Make sure that `actor` sees `person` as they are now. Raises OutOfReach."""
    _in_reach([person.pk], actor=actor)


def _in_reach(keys: Sequence[UUID], *, actor: User) -> None:
    if User.objects.managed_by(actor).filter(pk__in=keys).count() != len(set(keys)):
        raise OutOfReach


def able_to_sign_in(people: UserQuerySet) -> UserQuerySet:
    """Those of `people` who can sign in: not locked, and with a password or another first factor in use."""
    return people.opening().filter(reduce(or_, WAYS_IN))


def helped(person: User) -> bool:
    """If `person` were locked, is there anybody who can sign in and let them in again?"""
    helpers = ADMINISTRATORS
    if person.role != Role.ADMINISTRATOR and person.company_id:
        helpers |= Q(role=Role.COMPANY_ADMINISTRATOR, company=person.company_id)
    return able_to_sign_in(User.objects.get_queryset()).filter(helpers).exclude(pk=person.pk).exists()


@contextmanager
def one_administrator_stays(person: User) -> Iterator[None]:
    """Undo what is done to `person` within, unless somebody is left who can administer. Hold ADMINISTRATORS first."""
    able = _able_administrators()
    counted = able.filter(pk=person.pk).exists()
    yield
    if counted and not able.exists():
        raise LastAdministrator


def last_administrators(people: Sequence[User]) -> list[User]:
    """Those of `people` who have to stay so that somebody is left who can administer, if the others go one by one.

    Hold ADMINISTRATORS first.
    """
    if not any(person.role == Role.ADMINISTRATOR for person in people):
        return []
    able = set(_able_administrators().values_list("pk", flat=True))
    staying = []
    for person in people:
        if able == {person.pk}:
            staying.append(person)
        else:
            able.discard(person.pk)
    return staying


def _able_administrators() -> UserQuerySet:
    return able_to_sign_in(User.objects.get_queryset()).filter(ADMINISTRATORS)


def _locked(whom: Q) -> dict[object, User]:
    return {row.pk: row for row in _locked_in_turn(whom)}


def _locked_in_turn(whom: Q) -> UserQuerySet:
    """Those whom `whom` finds, locked in the order of their keys as they are read."""
    return User.objects.get_queryset().select_for_update(no_key=True).filter(whom).order_by("pk")


def _permitted(acting: User, needs: Permission) -> None:
    if needs not in acting.permissions:
        raise NotPermitted


def _still_in(actor: User, held: dict[object, User]) -> User:
    acting = held.get(actor.pk)
    if acting is None or acting.is_shut_out or acting.session_epoch != actor.session_epoch:
        raise ShutOut
    return acting
