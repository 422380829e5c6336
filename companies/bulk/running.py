"""An act on many people, done some at a time: each through the service of a click, and each time in one transaction.

The queue's task only says which run it is. What becomes of whom is in our own tables, in the transaction of the act, so
that whatever ends a process, nothing is done twice and nothing is forgotten. Whoever takes a run up has the turn; one
who had it before sees so at the next step, and stops.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.tasks import task
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import site_rule
from accounts.authorization import NotPermitted, ShutOut, hold_actor
from accounts.background import GIVEN_UP_AFTER, TakenOver, give_up, long_ago, patiently, tried, waiting
from accounts.models import User
from accounts.permissions import Permission
from audit import recording
from audit.vocabulary import Action
from companies.bulk.acts import Act, Why
from companies.bulk.choosing import list_of
from companies.bulk.following import ALL_ACTS, FOLLOWING, company_of
from companies.bulk.models import BulkOutcome, BulkPerson, BulkRun
from companies.bulk.shown import among
from companies.listing.kinds import CELL_COLUMNS, Cell
from companies.models import Listing
from companies.sums import sum_up
from mfa.holding import hold_many
from notices.sending import told_together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from accounts.authorization import Held
    from companies.models import Company

MANY_KIND = "bulk"  # of work, in the audit
IN_A_STEP = 200  # people of one transaction: SQLite has one writer, and others wait for it
PUT_DOWN_AT_ONCE = 2000
LATELY = timedelta(days=1)
NEWEST_RUNS = 3


# --- Begin, stop, go on ---


@transaction.atomic
def begin(run: BulkRun, *, actor: User, total: int, signs_out: bool) -> bool:
    """Have `run` done by the queue, as `actor` in the session of this request. False where it was begun already.

    Raises ShutOut and NotPermitted.
    """
    acting = hold_actor(actor, needs=Permission.BULK)
    if ALL_ACTS[run.act].needs not in acting.permissions:
        raise NotPermitted
    begun = BulkRun.objects.filter(pk=run.pk, begun_at=None).update(
        begun_at=timezone.now(),
        total=total,
        signs_out=signs_out,
        epoch=actor.session_epoch,
        address=recording.current_address(),
        browser=recording.current_browser()[:300],
    )
    if begun:
        carry_on.enqueue(str(run.pk))
    return bool(begun)


def begin_following(act: str, company: Company | None, people: QuerySet[User], *, actor: User) -> BulkRun:
    """Have the queue do to these people of `company`, or of the site, what its rule means for them: the end of the transaction
    that throws its switch. Its caller has seen that `actor` may; if that signed `actor` out too, it goes on all the same.
    """
    run = BulkRun.objects.create(
        act=act,
        owner=actor.pk,
        asked={"company": str(company.pk)} if company else {},
        total=people.exclude(pk=actor.pk).count(),
        begun_at=timezone.now(),
        epoch=User.objects.values_list("session_epoch", flat=True).get(pk=actor.pk),
        address=recording.current_address(),
        browser=recording.current_browser()[:300],
    )
    carry_on.enqueue(str(run.pk))
    return run


@transaction.atomic
def go_on(run: BulkRun) -> bool:
    """Have it done from where it was left. False where somebody is at work on it, or it is over."""
    if not BulkRun.objects.filter(left(), pk=run.pk).update(beat=None, stopped="", tries=0):
        return False
    carry_on.enqueue(str(run.pk))
    return True


def left() -> Q:
    """Runs that began, and that nobody is at work on though there was time to begin."""
    return Q(ended_at=None) & long_ago("begun_at") & (Q(beat=None) | long_ago())


def going_on() -> QuerySet[BulkRun]:
    """Runs that began and are not over."""
    return BulkRun.objects.filter(ended_at=None).exclude(begun_at=None)


def latest_runs(actor: User) -> list[BulkRun]:
    """What `actor` has done to many that goes on, and then what was over within a day, the newest first: a few."""
    lately = Q(ended_at=None) | Q(ended_at__gt=timezone.now() - LATELY)
    begun = BulkRun.objects.filter(lately, owner=actor.pk).exclude(begun_at=None)
    columns = ("act", "total", "changed", "skipped", "stopped", "ended_at")
    order = F("ended_at").desc(nulls_first=True), "-begun_at"
    return list(begun.order_by(*order).only(*columns)[:NEWEST_RUNS])


def take_up_runs() -> int:
    """Have the queue do each run that began, is not over nor given up, and has nobody at work on it; how many. Twice harms
    nobody.
    """
    keys = list(going_on().filter(waiting(), stopped="").values_list("pk", flat=True))
    for key in keys:
        carry_on.enqueue(str(key))
    return len(keys)


def end_what_was_given_up() -> int:
    """End each run that was given up, and that nobody has gone on with for a day; how many."""
    old = going_on().filter(waiting(), begun_at__lt=timezone.now() - LATELY).exclude(stopped="")
    return sum(_end(BulkRun.objects.filter(pk=pk), why) for pk, why in list(old.values_list("pk", "stopped")))


def stop(run: BulkRun) -> bool:
    """Leave the others as they are; what is done stays. False where it is over."""
    return _end(BulkRun.objects.filter(pk=run.pk), _("Stopped."))


# --- The work ---


@task
def carry_on(run_id: str) -> None:
    """Do what is left of a run, unless somebody else is at it."""
    work(UUID(run_id))


def work(run_id: UUID) -> None:
    """Take the turn, list the people, and act on all who are left."""
    taken = BulkRun.objects.filter(waiting(), pk=run_id, stopped="").exclude(begun_at=None)
    if not taken.update(beat=timezone.now(), turn=F("turn") + 1, tries=F("tries") + 1):
        return
    run = BulkRun.objects.get(pk=run_id)
    mine = BulkRun.objects.filter(pk=run_id, turn=run.turn)
    actor = User.objects.get(pk=run.owner)
    actor.session_epoch = run.epoch  # whoever was signed out since does nothing any more
    with recording.origin(run.address, run.browser), override(actor.mail_language):
        if run.tries > GIVEN_UP_AFTER and give_up(mine, actor, MANY_KIND):  # its process was killed each time
            return
        try:
            with recording.as_part_of(run.pk):
                _act_on_all(run, actor)
        except TakenOver:
            return
        except (ShutOut, NotPermitted):
            _end(mine, _("What you may do has changed meanwhile, or you were signed out."))
        except (KeyboardInterrupt, SystemExit):  # the process is to end: whoever comes next need not wait
            mine.filter(ended_at=None).update(beat=None, tries=run.tries - 1)
            raise
        except Exception as trouble:
            tried(mine.filter(ended_at=None), trouble, actor, MANY_KIND)
            raise
        else:
            _end(mine, "")


def _act_on_all(run: BulkRun, actor: User) -> None:
    _list_people(run, actor)
    while patiently(_step, run, actor):
        pass


def _list_people(run: BulkRun, actor: User) -> None:
    """Put on record whom the filter finds now, and of them those who are left out because they came after they were counted.
    What was put there by somebody who did not get to the end stays.
    """
    if run.listed:
        return
    part: list[BulkPerson] = []
    shown = None if run.shown is None else bytes(run.shown)
    for pk in _found(run, actor):
        came = shown is not None and not among(pk, shown)
        left_out = {"outcome": BulkOutcome.SKIPPED, "why": Why.LATER} if came else {}
        part.append(BulkPerson(run=run, person=pk, **left_out))
        if len(part) == PUT_DOWN_AT_ONCE:
            patiently(_put_down, run, part)
            part = []
    patiently(_put_down, run, part)
    people = BulkPerson.objects.filter(run=run)
    skipped = people.filter(outcome=BulkOutcome.SKIPPED).count()
    BulkRun.objects.filter(pk=run.pk, turn=run.turn).update(
        listed=True, total=people.count(), skipped=skipped, shown=None, beat=timezone.now()
    )


def _found(run: BulkRun, actor: User) -> Iterator[UUID]:
    """Whom the run is for, some thousands at a time."""
    finds = ALL_ACTS[run.act].finds
    if finds is None:
        yield from list_of(run, actor).ids()
        return
    keys = finds(run).exclude(pk=actor.pk).order_by("pk").values_list("pk", flat=True)
    part = list(keys[:PUT_DOWN_AT_ONCE])
    while part:
        yield from part
        part = list(keys.filter(pk__gt=part[-1])[:PUT_DOWN_AT_ONCE])


@transaction.atomic
def _put_down(run: BulkRun, part: list[BulkPerson]) -> bool:
    _has_turn(run)
    BulkPerson.objects.bulk_create(part, batch_size=500, ignore_conflicts=True)
    BulkRun.objects.filter(pk=run.pk).update(beat=timezone.now())
    return True


def _has_turn(run: BulkRun) -> None:
    """Keep others from taking it over, or stopping it, within this step. Raises TakenOver where they have."""
    mine = BulkRun.objects.select_for_update().filter(pk=run.pk, turn=run.turn, ended_at=None)
    if not mine.exists():
        raise TakenOver


def _step(run: BulkRun, actor: User) -> bool:
    """Act on some of those who are left. False where nobody is."""
    with transaction.atomic(), told_together(), recording.written_together():
        return _act_on_some(run, actor)


def _act_on_some(run: BulkRun, actor: User) -> bool:
    _has_turn(run)
    rows = BulkPerson.objects.filter(run=run, outcome="", person__isnull=False).order_by("person")
    part = {person: pk for pk, person in rows.values_list("pk", "person")[:IN_A_STEP] if person}
    if not part:
        return False
    changed, left_out = _acted_on(list(part), run, actor)
    by_why: dict[Why, list[int]] = defaultdict(list)
    for person, why in left_out.items():
        by_why[why].append(part[person])
    BulkPerson.objects.filter(pk__in=[part[person] for person in changed]).update(outcome=BulkOutcome.CHANGED)
    for reason, them in by_why.items():
        BulkPerson.objects.filter(pk__in=them).update(outcome=BulkOutcome.SKIPPED, why=reason)
    BulkRun.objects.filter(pk=run.pk).update(
        changed=F("changed") + len(changed), skipped=F("skipped") + len(left_out), beat=timezone.now(), tries=0
    )
    return True


def _acted_on(keys: list[UUID], run: BulkRun, actor: User) -> tuple[list[UUID], dict[UUID, Why]]:
    """Hold these people, and act on those who are not to be left out: who was changed, and why the others were not."""
    act = ALL_ACTS[run.act]
    with hold_many(keys, actor=actor, needs=Permission.BULK, also=act.also, factors=act.factors) as held:
        rows = Listing.objects.filter(person__in=keys).values_list("person", *CELL_COLUMNS)
        cells = {person: Cell.of(*columns) for person, *columns in rows}
        demanded = site_rule.is_on()
        left_out = {
            key: why for key in keys if (why := _left_out(key, cells.get(key), held, actor, act, demanded=demanded))
        }
        people = [held.people[key] for key in keys if key not in left_out]
        if people:
            left_out |= act.do(people, actor, run)
    return [key for key in keys if key not in left_out], left_out


def _left_out(key: UUID, cell: Cell | None, held: Held, actor: User, act: Act, *, demanded: bool) -> Why | None:
    """Why somebody of those who are held is left out, if they are."""
    if key == actor.pk:
        return Why.ONESELF
    if cell is None or key not in held.reached:
        return Why.GONE
    return act.leaves_out(cell, demanded)


@transaction.atomic
def _end(runs: QuerySet[BulkRun], why: str) -> bool:
    """It is over: one line of the audit stands for all that was done."""
    run = runs.select_for_update().filter(ended_at=None).exclude(begun_at=None).first()
    if run is None:
        return False
    run.ended_at, run.stopped = timezone.now(), why
    run.save(update_fields=["ended_at", "stopped"])
    actor = User.objects.get(pk=run.owner)
    sum_up(
        Action.MANY_ACTED_ON,
        run.pk,
        actor=actor,
        company=company_of(run) if run.act in FOLLOWING and run.asked else None,
        act=run.act,
        changed=run.changed,
        skipped=run.skipped,
        left=run.left,
        filters=run.asked or {},
    )
    return True
