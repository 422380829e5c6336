"""What an act on many people will do, counted before it is done: the policy asked about each kind of person there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Case, Count, Value, When

from accounts import site_rule
from accounts.models import User
from companies import forecast
from companies.bulk.acts import MASS_ACTS, Why
from companies.bulk.choosing import list_of, rows_of
from companies.bulk.models import BulkPerson
from companies.listing.kinds import CELL_COLUMNS, Cell, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from companies.bulk.acts import Act
    from companies.bulk.models import BulkRun
    from companies.forecast import Forecast, Outcomes
    from companies.models import Listing


@dataclass(frozen=True)
class Counts:
    """How many it changes, of each kind, and how many are left out, for each reason."""

    changed: Counter[Cell]
    left_out: Counter[Why]

    @property
    def changes(self) -> int:
        return self.changed.total()

    @property
    def skips(self) -> int:
        return self.left_out.total()

    @property
    def total(self) -> int:
        return self.changes + self.skips

    def of(self, kind: Kind) -> int:
        """How many of those whom it changes are of this kind."""
        return sum(number for cell, number in self.changed.items() if cell.kind & kind)

    @property
    def loses(self) -> int:
        """How many lose the app that they have set up, where 2FA is switched off."""
        return self.of(Kind.APP)


def count(run: BulkRun, actor: User) -> Counts:
    """What `run` would do now: a handful of statements, however many people it is for."""
    cells = _cells(run, actor)
    act, counts, demanded = MASS_ACTS[run.act], Counts(Counter(), Counter()), site_rule.is_on()
    if own := rows_of(run, actor).filter(person=actor.pk).values_list(*CELL_COLUMNS).first():
        cells[Cell.of(*own)] -= 1
        counts.left_out[Why.ONESELF] += 1
    for cell, number in cells.items():
        if why := act.leaves_out(cell, demanded):
            counts.left_out[why] += number
        else:
            counts.changed[cell] += number
    for cell, why, number in _set_apart(act, {cell.kind for cell in counts.changed}, run, actor):
        if not act.leaves_out(cell, demanded):
            counts.changed[cell] -= number
            counts.left_out[why] += number
    known = BulkPerson.objects.filter(run=run).exclude(why="").values_list("why").annotate(Count("pk"))
    for said, number in known:
        counts.left_out[Why(said)] += number
    return Counts(+counts.changed, +counts.left_out)


def once_required(counts: Counts, run: BulkRun, actor: User) -> Forecast:
    """What becomes of those who are changed, once 2FA is required of them."""
    return forecast.of_people(counts.changed, *_others(run, actor))


def once_off(counts: Counts, run: BulkRun, actor: User) -> Outcomes:
    """The same, once 2FA is switched off and what was set up for it is gone."""
    return forecast.of_switching_off(counts.changed, *_others(run, actor))


def as_it_is(counts: Counts, run: BulkRun, actor: User) -> Outcomes:
    """What becomes of those who are changed while no rule is, as where a passkey is requested: those who have set up 2FA are not looked at."""
    return forecast.of_nothing(counts.changed, *_others(run, actor))


def _others(run: BulkRun, actor: User) -> tuple[QuerySet[Listing], QuerySet[User]]:
    """The rows of whom `run` is for, and the people, without whoever acts."""
    return rows_of(run, actor).exclude(person=actor.pk), User.objects.managed_by(actor).exclude(pk=actor.pk)


def _set_apart(act: Act, kinds: set[Kind], run: BulkRun, actor: User) -> Iterator[tuple[Cell, Why, int]]:
    """How many of these `kinds` are left out for what no kind tells: each row is looked at once, and no other row."""
    reasons = [When(holds, then=Value(why)) for why, holds in act.sets_apart().items()]
    if not reasons:
        return
    rows = rows_of(run, actor).exclude(person=actor.pk).filter(kind__in=sorted(kinds))
    found = rows.annotate(why=Case(*reasons, default=Value("")))
    for *columns, why, number in found.order_by().values_list(*CELL_COLUMNS, "why").annotate(Count("pk")):
        if why:
            yield Cell.of(*columns), Why(why), number


def _cells(run: BulkRun, actor: User) -> Counter[Cell]:
    """The people of a run by what they are."""
    if run.asked is not None:
        found = list_of(run, actor).counted_by(*CELL_COLUMNS)
    else:
        found = iter(rows_of(run, actor).order_by().values_list(*CELL_COLUMNS).annotate(Count("pk")))
    cells: Counter[Cell] = Counter()
    for kind, required, demanded, number in found:
        if number:
            cells[Cell.of(kind, required, demanded)] += number
    return cells
