"""What the Activity page costs over BENCH_LINES lines of the audit (100,000 unless said, 10,000 with BENCH_SHORT=1).

The lines are of a fiftieth as many people, up to 20,000, in up to 2,000 companies: logins mostly, a few acts by
administrators, some of them rare. On top of them are as many lines of acts on many, of which lists show the sums alone. Medians, warm, with their CPU time: how long it takes to find and read a page of
lines, the first and a later one, and the whole page as a browser gets it, beside what is to be reached. Run by `make
bench`, once for each database.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import timedelta
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.bench.databases import HERE, filled_at_once, on_both
from tests.bench.timing import Reached, in_turns, load, summary, target

if TYPE_CHECKING:
    from accounts.activity import Place, Shown
    from accounts.models import User
    from tests.people import Person

LINES = int(os.environ.get("BENCH_LINES") or (10_000 if os.environ.get("BENCH_SHORT") else 100_000))
MADE, AT_ONCE = 100_000, 5000  # the other lines are copies of these, made in SQL
PERIOD = timedelta(days=365)
MOST_STATEMENTS, MOST_FINDING, MOST_PAGE = 20, 50.0, 100.0
REPEATED = 5 if os.environ.get("BENCH_SHORT") else 9
PAGE = "/settings/administration/activity/"


def fill() -> User:
    """The lines; somebody who sees them all."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Role, User
    from audit.models import AuditEvent
    from audit.vocabulary import Action
    from companies.models import Company
    from tests.people import PASSWORD

    chance, now, made = Random(55), timezone.now(), min(LINES, MADE)
    number = min(max(LINES // 50, 100), 20_000)
    companies = Company.objects.bulk_create(Company(name=f"Company {n}", name_folded=f"company {n}", name_plain=f"company {n}") for n in range(min(2000, number // 50)))  # fmt: skip
    names = (f"person{n}" for n in range(number))
    people = User.objects.bulk_create(
        (User(username=name, username_folded=name, search_text=name, first_name="Kim", company=chance.choice(companies)) for name in names),
        batch_size=1000,
    )  # fmt: skip
    by = User.objects.create_user("boss", role=Role.ADMINISTRATOR, password=PASSWORD)
    lead = User.objects.create_user("lead", role=Role.COMPANY_ADMINISTRATOR, company=companies[0], password=PASSWORD)
    often = [Action.SIGNED_IN, Action.PROVED, Action.SIGNED_OUT, Action.REFUSED]
    acts = [Action.TWO_FACTOR_ENABLED, Action.PASSKEY_REQUESTED, Action.USER_CHANGED, Action.PASSWORD_CHANGED]

    def line(n: int) -> AuditEvent:
        actor: User | None
        person = chance.choice(people)
        at = now - PERIOD + PERIOD * n / LINES
        if n % 50_000 == 7:
            what, actor = Action.USER_LOCKED, by
        elif n % 25 == 0:
            what, actor = chance.choice(acts), by
        else:
            what = chance.choice(often)
            actor = None if what is Action.REFUSED else person
        return AuditEvent(
            at=at, action=what, actor=actor, subject=person, company_id=person.company_id, browser="x", details={}
        )

    with filled_at_once(AuditEvent):
        for start in range(1, made + 1, AT_ONCE):
            AuditEvent.objects.bulk_create(line(n) for n in range(start, min(start + AT_ONCE, made + 1)))
        if made < LINES:
            copy_lines(LINES // made, PERIOD * made / LINES)
        act_on_many(by, LINES - LINES // 10)
        act_on_many(lead, LINES // 10)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return by


def copy_lines(times: int, apart: timedelta) -> None:
    """The lines `times` over, each time as much later as they last."""
    from django.db import connection

    from audit.models import AuditEvent

    later = {
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', at, ({} * n) || ' seconds')",
        "postgresql": "at + interval '{} seconds' * n",
    }[connection.vendor].format(apart.total_seconds())
    table = AuditEvent._meta.db_table
    same = ", ".join(field.column for field in AuditEvent._meta.concrete_fields if field.name not in {"id", "at"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (at, {same}) WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
            f" WHERE n < {times - 1}) SELECT {later}, {same} FROM numbers CROSS JOIN {table} WHERE n < {times} ORDER BY n, id",
            None,
        )


def act_on_many(by: User, lines: int) -> None:
    """Acts on all people whom `by` sees, as the last things that happened, until there are so many lines of them."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from audit.models import AuditEvent
    from audit.vocabulary import Action
    from companies.models import Company

    def part_of_run(n: int) -> dict[str, Any]:
        return {"act": "require", "many": f"{n:08x}-0000-4000-8000-{by.pk.hex[:12]}", "changed": 1}

    people = User.objects.all() if by.serves_site else User.objects.filter(company=by.company_id)
    times, now = -(-lines // people.count()), timezone.now()
    for act in (Action.TWO_FACTOR_ENABLED, Action.SESSIONS_ENDED):
        sqlite = connection.vendor == "sqlite"
        run = (
            "printf('%%08x', n)" if sqlite else "lpad(to_hex(n), 8, '0')"
        ) + f" || '-0000-4000-8000-{by.pk.hex[:12]}'"
        at = (
            "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', %s, -n || ' seconds')" if sqlite else "%s - n * interval '1 second'"
        )
        details = f"json_object('run', {run})" if sqlite else f"jsonb_build_object('run', {run})"
        first, last = (1, times // 2) if act is Action.TWO_FACTOR_ENABLED else (times // 2 + 1, times)
        rows, values = people.values("pk", "company").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {AuditEvent._meta.db_table} (at, action, actor_id, subject_id, company_id, browser, details)"
                f" WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}),"
                f" people(id, company) AS ({rows}) SELECT {at}, %s, %s, id, company, '', {details}"
                f" FROM numbers CROSS JOIN people WHERE n <= {last} ORDER BY n DESC",
                [*values, now, str(act), by.pk.hex if sqlite else by.pk],
            )
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=now - n * timedelta(seconds=1),
            action=Action.MANY_ACTED_ON,
            actor=by,
            company_id=by.company_id,
            details={**part_of_run(n), "skipped": 0},
        )
        for n in range(1, times + 1)
    )
    met = [] if by.company_id else Company.objects.values_list("pk", flat=True)
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                at=now - n * timedelta(seconds=1),
                action=Action.MANY_ACTED_ON,
                actor=by,
                company_id=company,
                details={**part_of_run(n), "run": part_of_run(n)["many"], "roles": {"member": 1}},
            )
            for n in range(1, times + 1)
            for company in met
        ],
        batch_size=2000,
    )


def report() -> bool:
    """Print a line for each question; was everything reached?"""
    import django

    django.setup()
    logging.disable(logging.CRITICAL)  # that so many lines are sealed late
    from django.core.management import call_command
    from django.db import connection

    from accounts.activity import Place
    from accounts.models import User
    from audit.models import AuditEvent
    from audit.vocabulary import Action
    from tests.people import Person

    call_command("migrate", verbosity=0)
    start = perf_counter()
    boss = fill()
    print(f"  {LINES:,} lines on {connection.vendor}, made in {perf_counter() - start:.0f} s")
    lead = User.objects.get(username="lead")
    person = AuditEvent.objects.filter(action=Action.SIGNED_IN).values_list("subject", flat=True).first()
    middle = AuditEvent.objects.get(pk=LINES // 2)
    place = Place(middle.at, middle.pk)
    questions = {
        "changes, the last 7 days": "",
        "changes, any time": "?time=any",
        "everything, any time": "?time=any&act=all",
        "later than the middle": f"?time=any&before={place}",
        "logins": "?time=any&act=logins",
        "locks, which are rare": "?time=any&act=locks",
        "what never happened": "?time=any&act=company_created",
        "by an administrator": "?time=any&actor=others",
        "by nobody signed in": "?time=any&actor=nobody",
        "what the boss did last week": f"?time=week&actor={boss.pk}",
        "locks by the boss": f"?time=any&act=locks&actor={boss.pk}",
        "about one person": f"?time=any&person={person}",
        "factors of one person": f"?time=any&act=factors&person={person}",
        "of a company": f"?time=any&company={lead.company_id}",
        "what was done to users, but logins": "?time=any&act=others",
        "an act on many": f"?time=any&run=00000001-0000-4000-8000-{boss.pk.hex[:12]}",
        "a company's locks": f"?time=any&act=locks&company={lead.company_id}",
    }
    reached = []
    for who in (boss, lead):
        viewer = Person(who)
        viewer.sign_in()
        print(
            f"  What {who.username} sees; in milliseconds of the clock (of CPU), {load()}: statements, finding, whole page;"
            " a later page begins in the middle of all lines, or is the second"
        )
        for name, query in questions.items():
            reached.append(measured(viewer, name, query))
            if later := later_page(viewer, query, place):
                reached.append(measured(viewer, "  a later page", later))
    print(summary(reached))
    return Reached.all(reached).by_clock


def shown(viewer: Person, query: str) -> Shown:
    """The lines of a page."""
    from django.http import QueryDict

    from reporting.activity import Asked

    return Asked(viewer.user, QueryDict(query.removeprefix("?"))).page


def later_page(viewer: Person, query: str, middle: Place) -> str:
    """The address of what is earlier than `middle`, or of the second page where nothing is; "" where there is but one."""
    first = shown(viewer, query)
    if first.earlier is None or "before=" in query:
        return ""
    joined = f"{query}&" if query else "?"
    halfway = f"{joined}after={middle}"
    return halfway if shown(viewer, halfway).lines else f"{joined}after={first.earlier}"


def measured(viewer: Person, name: str, query: str) -> Reached:
    """Print a line about a question; was everything reached?"""
    from tests.bench.statements import statements

    def find() -> object:
        return shown(viewer, query)

    def page() -> None:
        answer = viewer.client.get(f"{PAGE}{query}")
        assert answer.status_code == 200, (query, answer.status_code)

    number, (finding, whole) = statements(page), in_turns([find, page], REPEATED)
    print(
        f"  {name:<36}{number:>3}{target(number, MOST_STATEMENTS)}{finding.figure(MOST_FINDING)}{whole.figure(MOST_PAGE)}",
        flush=True,
    )
    few = number <= MOST_STATEMENTS
    return Reached.all([Reached(few, few), finding.within(MOST_FINDING), whole.within(MOST_PAGE)])


def main() -> bool:
    """Once on each database."""
    print("\nActivity", flush=True)
    return on_both("tests.bench.activity")


if __name__ == "__main__":
    sys.exit(0 if (report() if HERE in sys.argv else main()) else 1)
