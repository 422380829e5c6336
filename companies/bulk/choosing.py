"""Whom an act is for: rows that were ticked, names that were pasted, or all whom a filter finds."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import batched
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from accounts.background import too_many_waiting
from accounts.models import User
from accounts.text import fold_address
from companies.bulk.acts import Why
from companies.bulk.models import BulkOutcome, BulkPerson, BulkRun
from companies.bulk.shown import among, packed
from companies.listing.people import UserList
from companies.models import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

MOST_PASTED = 5000
ROWS_AT_A_TIME = 500
RUN_KEPT_DAYS = 30  # names of whom an act left out; what was done is in the audit
KEPT_FILTERS = ("q", "show", "company", "role", "only", "of")
LONGEST_NAME = 300
APART = re.compile(r"[\s,;]+")
# As mail programs write addresses. The two halves share no letter: else a line of "@" takes the square of its length.
IN_BRACKETS = re.compile(r"<([^<>\s@]+@[^<>\s]+)>")


class TooMany(Exception):
    """More names were pasted than are taken at once."""


@transaction.atomic
def forget_old_runs() -> int:
    """Delete runs that never began after a day, and those that are over after some weeks; how many. None is begun meanwhile."""
    now = timezone.now()
    waits = Q(begun_at=None, created_at__lt=now - timedelta(days=1))
    old = BulkRun.objects.filter(waits | Q(ended_at__lt=now - timedelta(days=RUN_KEPT_DAYS)))
    keys = list(old.select_for_update().values_list("pk", flat=True))
    BulkPerson.objects.filter(run__in=keys).delete()
    return BulkRun.objects.filter(pk__in=keys).delete()[0]


def from_filter(found: UserList, act: str) -> BulkRun:
    """All whom this list finds when it begins. Its company is kept by the id: a name may be another's by then."""
    said = {name: found.asked[name][:200] for name in KEPT_FILTERS if found.asked.get(name)}
    if found.company:
        said["company"] = str(found.company.pk)
    return _kept(BulkRun(owner=found.actor.pk, act=act, asked=said, shown=packed(found.ids())))


def from_ticked(actor: User, act: str, keys: Iterable[str]) -> BulkRun:
    """These people, of whom those that `actor` does not see are left aside."""
    asked = {key for key in map(_key, keys) if key}
    people = User.objects.managed_by(actor).filter(pk__in=list(asked)[:ROWS_AT_A_TIME]).values_list("pk", flat=True)
    return _kept(BulkRun(owner=actor.pk, act=act, listed=True), list(people))


def from_pasted(actor: User, act: str, text: str) -> BulkRun:
    """Those whose user names or e-mail addresses stand in `text`. Raises TooMany."""
    names = names_in(text)
    found = _found(actor, names)
    unknown = [names[folded] for folded in names if folded not in found]
    return _kept(BulkRun(owner=actor.pk, act=act, listed=True), set(found.values()), unknown)


def names_in(text: str) -> dict[str, str]:
    """The names in `text`, each once, by how they are looked up. "Kim Hansen <kim@acme.example>" is the address.

    Raises TooMany.
    """
    parts: list[str] = []
    for line in text.replace("\x00", "").splitlines():
        *named, rest = IN_BRACKETS.split(line)
        for before, address in batched(named, 2):
            parts += [*APART.split(_without_display_name(before)), address]
        parts += APART.split(rest)
    names: dict[str, str] = {}
    for part in dict.fromkeys(parts):
        name = part.strip("\"'<>()")[:LONGEST_NAME]
        if folded := fold_address(name):
            names.setdefault(folded, name)
        if len(names) > MOST_PASTED:
            raise TooMany
    return names


def _without_display_name(before: str) -> str:
    """What stands before an address in brackets, less the name of its owner: to the last comma or semicolon, or in quotes."""
    if before.rstrip().endswith('"'):
        return before.rstrip()[:-1].rpartition('"')[0]
    done, _, near = before.rpartition(";")
    names, _, _given = near.rpartition(",")
    others, _, family = names.rpartition(",")
    words = family.replace("-", " ").replace("'", " ").split()
    # "Huber, Franz <franz@acme.example>" is how many mail programs write one person; a user name is rarely in capitals.
    of_one = all(word.isalpha() for word in words) and any(word[0].isupper() for word in words)
    return f"{done};{others if of_one else names}"


def list_of(run: BulkRun, actor: User) -> UserList:
    """The list that finds the people of a run."""
    return UserList(actor, QueryDict(urlencode(run.asked or {})))


def others_came(run: BulkRun, actor: User) -> bool:
    """Does the filter of `run`, which is not begun, find somebody by now who was not among those that were counted?"""
    if run.shown is None:
        return False
    shown = bytes(run.shown)
    return not all(among(key, shown) for key in list_of(run, actor).ids())


def count_anew(run: BulkRun, actor: User) -> None:
    """Those whom the filter finds now are those who are counted, unless it was begun meanwhile."""
    if run.shown is not None:
        BulkRun.objects.filter(pk=run.pk, begun_at=None).update(shown=packed(list_of(run, actor).ids()))


def rows_of(run: BulkRun, actor: User) -> QuerySet[Listing]:
    """The people of a run, in the listing."""
    if run.asked is not None and not run.listed:
        return list_of(run, actor).rows
    people = BulkPerson.objects.filter(run=run, person__isnull=False).values("person")
    return Listing.objects.filter(person__in=people)


def _found(actor: User, names: dict[str, str]) -> dict[str, UUID]:
    """Of `names`, those whom `actor` sees: a user name before an address."""
    found: dict[str, UUID] = {}
    managed = User.objects.managed_by(actor)
    for part in batched(names, ROWS_AT_A_TIME):
        rows = managed.filter(Q(username_folded__in=part) | Q(email_folded__in=part))
        people = list(rows.values_list("pk", "username_folded", "email_folded"))
        wanted = set(part)
        found |= {email: pk for pk, _name, email in people if email in wanted}
        found |= {name: pk for pk, name, _email in people if name in wanted}
    return found


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@transaction.atomic
def _kept(run: BulkRun, people: Iterable[UUID] = (), unknown: Iterable[str] = ()) -> BulkRun:
    """Keep a run until it is begun, a day at most, and so the newest of those that wait."""
    dropped = too_many_waiting(BulkRun.objects.filter(owner=run.owner))
    BulkPerson.objects.filter(run__in=dropped).delete()
    BulkRun.objects.filter(pk__in=dropped).delete()
    rows = [BulkPerson(run=run, person=pk) for pk in people]
    strange = [BulkPerson(run=run, name=name, outcome=BulkOutcome.SKIPPED, why=Why.UNKNOWN) for name in unknown]
    run.total, run.skipped = len(rows) + len(strange), len(strange)
    run.save()
    BulkPerson.objects.bulk_create([*rows, *strange], batch_size=ROWS_AT_A_TIME)
    return run
