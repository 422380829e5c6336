"""`python -m tests.bench.activity`: the Activity page over many lines of the audit, on the database that DATABASE_URL names.

BENCH_LINES lines (100,000 if not said) of a fiftieth as many people in up to 2,000 companies: logins mostly, a few acts by
administrators, some of them rare. Medians, warm: how long it takes to find and read a page of lines, and the whole page
as a browser gets it. Beside each stands what is to be reached; one that misses it makes the exit status 1.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import timedelta
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from accounts.models import User

LINES = int(os.environ.get("BENCH_LINES", "100000"))
MOST_STATEMENTS, MOST_PAGE = 50.0, 100.0  # milliseconds
ROUNDS = 9
AT_ONCE = 5000
PASSWORD = "correct horse battery staple"


def fill() -> User:
    """The lines; somebody who sees them all."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.models import Role, User
    from audit.models import AuditEvent
    from audit.vocabulary import Action
    from companies.models import Company

    chance, now = Random(55), timezone.now()
    number = max(LINES // 50, 100)
    companies = Company.objects.bulk_create(Company(name=f"Company {n}", name_folded=f"company {n}", name_plain=f"company {n}") for n in range(min(2000, number // 50)))  # fmt: skip
    names = (f"person{n}" for n in range(number))
    people = User.objects.bulk_create(
        (User(username=name, username_folded=name, search_text=name, first_name="Kim", company=chance.choice(companies)) for name in names),
        batch_size=1000,
    )  # fmt: skip
    by = User.objects.create_user("boss", role=Role.ADMINISTRATOR, password=PASSWORD)
    User.objects.create_user("lead", role=Role.COMPANY_ADMINISTRATOR, company=companies[0], password=PASSWORD)
    often = [Action.SIGNED_IN, Action.PROVED, Action.SIGNED_OUT, Action.REFUSED]
    acts = [Action.TWO_FACTOR_ENABLED, Action.PASSKEY_REQUESTED, Action.USER_CHANGED, Action.PASSWORD_CHANGED]

    def line(n: int) -> AuditEvent:
        actor: User | None
        person = chance.choice(people)
        at = now - timedelta(days=365) * (LINES - n) / LINES
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

    with transaction.atomic():
        for start in range(1, LINES + 1, AT_ONCE):
            AuditEvent.objects.bulk_create(line(n) for n in range(start, min(start + AT_ONCE, LINES + 1)))
    return by


def milliseconds(act: Callable[[], object]) -> float:
    """The median of some rounds, after one that warms up."""
    act()
    taken = []
    for _ in range(ROUNDS):
        start = perf_counter()
        act()
        taken.append(1000 * (perf_counter() - start))
    return median(taken)


def main() -> int:
    """Measure and print; the exit status."""
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from audit.models import AuditEvent
    from tests.bench.statements import statements

    call_command("migrate", verbosity=0)
    start = perf_counter()
    boss = fill()
    lead = User.objects.get(username="lead")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    print(f"{LINES:,} lines on {connection.vendor}, written in {perf_counter() - start:.0f} s", flush=True)
    person = AuditEvent.objects.exclude(actor=boss).values_list("subject", flat=True).first()
    middle = AuditEvent.objects.order_by("pk")[LINES // 2]
    from accounts.activity import Place

    place = Place(middle.at, middle.pk)
    queries = {
        "changes, the last 7 days": "",
        "changes, any time": "?time=any",
        "everything, any time": "?time=any&act=all",
        "everything, from the middle": f"?time=any&act=all&after={place}",
        "later than the middle": f"?time=any&before={place}",
        "logins": "?time=any&act=logins",
        "locks, which are rare": "?time=any&act=locks",
        "a single act that never happened": "?time=any&act=company_created",
        "by an administrator": "?time=any&actor=others",
        "by nobody signed in": "?time=any&actor=nobody",
        "what the boss did last week": f"?time=week&actor={boss.pk}",
        "locks by the boss": f"?time=any&act=locks&actor={boss.pk}",
        "about one person": f"?time=any&person={person}",
        "factors of one person": f"?time=any&act=factors&person={person}",
        "of a company": f"?time=any&company={lead.company_id}",
        "a company's locks": f"?time=any&act=locks&company={lead.company_id}",
    }
    missed = 0
    for who in (boss, lead):
        client = Client(SERVER_NAME="localhost", SERVER_PORT=os.environ["PORT"])
        client.post("/login/", {"username": who.username, "password": PASSWORD})
        print(f"\n{who.username + ' sees':<40}{'SQL':>4}{'found ms':>10}{'':<14}{'page ms':>9}")
        missed += sum(measure(who, client, name, query, statements) for name, query in queries.items())
    return 1 if missed else 0


def measure(
    who: User, client: Client, name: str, query: str, statements: Callable[[Callable[[], object]], int]
) -> bool:
    """One line; did a figure miss what is to be reached?"""
    from django.http import QueryDict

    from reporting.activity import Asked

    def find() -> object:
        return Asked(who, QueryDict(query.removeprefix("?"))).page

    def page() -> None:
        answer = client.get(f"/settings/administration/activity/{query}")
        assert answer.status_code == 200, answer

    number, found, whole = statements(find), milliseconds(find), milliseconds(page)
    first = f"≤ {MOST_STATEMENTS:.0f} {'reached' if found <= MOST_STATEMENTS else 'NOT REACHED'}"
    second = f"≤ {MOST_PAGE:.0f} {'reached' if whole <= MOST_PAGE else 'NOT REACHED'}"
    print(f"  {name:<38}{number:>4}{found:>10.1f}  {first:<14}{whole:>9.1f}  {second}", flush=True)
    return found > MOST_STATEMENTS or whole > MOST_PAGE


if __name__ == "__main__":
    with TemporaryDirectory(prefix="m2v-bench-") as folder:
        os.environ |= {"DATA_DIR": folder, "PORT": "8000", "BENCH_HASH": "none"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.projects.m2v.settings")
        django.setup()
        logging.disable(logging.CRITICAL)
        status = main()
    sys.exit(status)
