"""Administration → Activity at ten million lines: each question is answered by the index that it was made for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from accounts.activity import FEW_ACTS, WITH_SUMS, Place
from accounts.models import Role, User
from audit.acts import GROUPS, Group
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.models import Company
from reporting.activity import Asked
from tests.bench.activity import act_on_many, copy_lines

LINES = AuditEvent._meta.db_table
OFTEN = (Action.SIGNED_IN, Action.PROVED, Action.SIGNED_OUT, Action.PASSWORD_CHANGED)
RARE = {10: Action.USER_LOCKED, 55: Action.USER_CHANGED}
MADE = {index.name for index in AuditEvent._meta.indexes}
FEW = 4000  # of those lines that are part of an act on many there are twice as many
pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    """Whoever acted on all of some thousand lines' people, as a company administrator did on theirs."""
    companies = [Company.objects.create(name=f"Company {n}") for n in range(20)]
    them = [User(username=f"p{n}", username_folded=f"p{n}", company=companies[n % 20]) for n in range(40)]
    people = User.objects.bulk_create(them)
    boss = User.objects.create_user("boss", role=Role.ADMINISTRATOR)
    lead = User.objects.create_user("lead", role=Role.COMPANY_ADMINISTRATOR, company=companies[0])
    start = timezone.now() - timedelta(days=100)
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=start + n * timedelta(minutes=1),
            action=RARE.get(n % 99) or OFTEN[n // 7 % 4],
            actor=boss if n % 3 == 0 else people[n % 40] if n % 29 else None,
            subject=people[n % 40],
            company_id=people[n % 40].company_id,
            details={},
        )
        for n in range(1000)
    )
    copy_lines(10, timedelta(days=1))
    for by in (boss, lead):
        act_on_many(by, 4000)
    if connection.vendor == "postgresql":  # whose server does so by itself; nobody does it on SQLite
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return boss


def finding(viewer: User, asked: str) -> tuple[str, Any]:
    """The statement that finds where the lines of a page stand, and its values."""
    noted: list[tuple[str, Any]] = []

    def note(execute: Any, statement: str, values: Any, *more: Any) -> Any:
        noted.append((statement, values))
        return execute(statement, values, *more)

    with connection.execute_wrapper(note):
        Asked(viewer, QueryDict(asked)).page  # noqa: B018  # which is asked for when it is looked at
    return next(each for each in noted if f'FROM "{LINES}"' in each[0] and '"at"' in each[0])


def plan(viewer: User, asked: str, explain: str) -> list[str]:
    statement, values = finding(viewer, asked)
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement}", values)
        return [row[-1] for row in cursor.fetchall()]


def used(viewer: User, asked: str) -> set[str]:
    """The indexes that SQLite looks lines up by."""
    steps = "\n".join(plan(viewer, asked, "EXPLAIN QUERY PLAN"))
    assert not re.search(rf"SCAN (?:{LINES}|[UV]\d+)(?!.* INDEX)", steps), steps
    return set(re.findall(r"INDEX (\w+)", steps)) & MADE


def read_in_vain(viewer: User, asked: str) -> int:
    """How many rows PostgreSQL read that were not asked for; it chooses its indexes by how many there are of each kind."""
    steps = "\n".join(plan(viewer, asked, "EXPLAIN (ANALYZE, TIMING OFF)"))
    assert f"Seq Scan on {LINES}" not in steps, steps
    return sum(map(int, re.findall(r"Rows Removed by (?:Filter|Index Recheck): (\d+)", steps)))


def test_each_question_has_its_index(boss):
    lead = User.objects.get(username="lead")
    person, middle = User.objects.get(username="p20"), AuditEvent.objects.all()[9000]
    middle_place = Place(middle.at, middle.pk)
    run = f"run=00000001-0000-4000-8000-{boss.pk.hex[:12]}"
    both = {"events_alone_of_a_company", "acts_in_a_company"}
    # What is asked, and the indexes that answer whoever sees everything; then a company's administrator.
    questions: list[tuple[str, set[str], set[str]]] = [
        ("", {"events_alone"}, both),
        ("act=all", {"events_alone"}, both),
        (f"act=all&after={middle_place}", {"events_alone"}, both),
        (f"before={middle_place}", {"events_alone"}, both),
        ("time=30", {"events_alone"}, both),
        *((f"act={act}", {"events_of_an_act"}, {"acts_in_a_company"}) for act in ("logins", "locks", "user_changed")),
        (
            "act=others",
            {"events_of_an_act", "sign_outs_alone", "created_alone"},
            {"acts_in_a_company", "sign_outs_alone_in_a_company", "created_alone_in_a_company"},
        ),
        ("actor=others", {"events_alone"}, both),
        ("actor=person", {"events_alone"}, {"events_alone_of_a_company"}),
        ("actor=nobody&act=all", {"events_alone_by_a_person"}, {"events_alone_of_a_company"}),
        ("actor=nobody", {"events_by_nobody"}, {"events_by_nobody_in_a_company"}),
        ("actor=nobody&act=locks", {"events_by_nobody"}, {"events_by_nobody_in_a_company"}),
        (f"actor={person.pk}", {"events_alone_by_a_person"}, {"events_alone_by_a_person", "acts_in_a_company"}),
        (f"person={person.pk}", {"events_of_a_person"}, {"events_of_a_person"}),
        (f"q=p20&act=all&actor={person.pk}", {"events_of_a_person"}, {"events_of_a_person"}),
        (f"company={lead.company_id}", both, both),
        (f"company={lead.company_id}&act=locks", {"acts_in_a_company"}, {"acts_in_a_company"}),
        (run, {"events_of_a_run"}, {"events_of_a_run"}),
        (f"{run}&act=two_factor_enabled", {"events_of_a_run"}, {"events_of_a_run"}),
    ]
    asked = [question if "time=" in question else f"time=any&{question}" for question, *_ in questions]

    for viewer, place in ((boss, 1), (lead, 2)):
        if connection.vendor == "sqlite":
            expected = {address: each[place] for address, each in zip(asked, questions, strict=True)}
            assert {address: used(viewer, address) for address in asked} == expected
        else:
            costly = {address: number for address in asked if (number := read_in_vain(viewer, address)) > FEW}
            assert not costly, viewer


def test_a_group_that_shows_sums_looks_for_each_act_by_itself():
    """Else the few users who were changed would be looked for among all who signed in."""
    assert Action.MANY_ACTED_ON in GROUPS[Group.OTHERS]
    assert len(GROUPS[Group.OTHERS]) <= FEW_ACTS
    assert set(WITH_SUMS) <= GROUPS[Group.OTHERS], "what is done to many, and has an index of its own"
