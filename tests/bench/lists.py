"""What the pages of Administration cost among BENCH_PEOPLE people (100,000 unless said, 10,000 with BENCH_SHORT=1) in 2,000 companies.

Each page is asked for in one process, without a server: how many statements it makes, how long statements and what Django
makes of them take, and how long the whole page. Medians, beside what is to be reached: 50 and 100 milliseconds, and
whatever Django's own list of the same people takes in the same run. Run by `make bench`, once for each database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.with_postgres import postgres

if TYPE_CHECKING:
    from tests.people import Person

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = int(os.environ.get("BENCH_PEOPLE") or (10_000 if os.environ.get("BENCH_SHORT") else 100_000))
COMPANIES = 2000
REPEATED = 5 if os.environ.get("BENCH_SHORT") else 9
MOST_STATEMENTS, MOST_QUERYING, MOST_PAGE = 20, 50.0, 100.0
USERS, COMPANY_PAGES, DJANGO = (
    "/settings/administration/users/", "/settings/administration/companies/", "/django-admin/accounts/user/",
)  # fmt: skip
FIRST = ("Ada", "Zoë", "Søren", "José", "Łucja", "Kim", "Jürgen", "Amélie", "Omar", "Nadia", "Ben", "Mei")
LAST = ("García", "Müller", "Sørensen", "Nguyễn", "Haddad", "Hansen", "Großmann", "Okafor", "Silva", "Novák", "Berg")
AT_ONCE = 5000


def fill() -> dict[str, Any]:
    """People of every kind, spread at random; one company has a tenth of them. Whom the pages are about."""
    from datetime import timedelta

    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import Role, User
    from accounts.text import plain
    from companies.listing import upkeep
    from companies.models import Company
    from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode

    call_command("migrate", verbosity=0)
    upkeep.take_away()
    random, now = Random(1), timezone.now()
    names = [f"Company {number:04} GmbH" for number in range(COMPANIES)]
    companies = Company.objects.bulk_create(
        Company(name=name, two_factor_enabled=number % 3 == 0, name_folded=name.lower(), name_plain=plain(name))
        for number, name in enumerate(names)
    )
    for start in range(0, PEOPLE, AT_ONCE):
        people = [
            User(
                username=f"user{number:07}", email=f"user{number:07}@example.com", password="!",
                first_name=random.choice(FIRST), last_name=random.choice(LAST),
                company=companies[0] if random.random() < 0.1 else random.choice(companies),
                role=Role.COMPANY_ADMINISTRATOR if number in {7, PEOPLE // 2, PEOPLE - 9} else Role.MEMBER,
                is_active=random.random() > 0.02, two_factor_enabled=random.random() < 0.3,
                last_sign_in_at=None if random.random() < 0.2 else now - timedelta(minutes=random.randrange(500_000)),
            )
            for number in range(start, min(start + AT_ONCE, PEOPLE))
        ]  # fmt: skip
        set_up = [person for person in people if random.random() < 0.35]
        with transaction.atomic():
            User.objects.bulk_create(people)
            AuthenticatorApp.objects.bulk_create(
                AuthenticatorApp(user=each, key=b"x", confirmed=True) for each in set_up
            )
            few = {7, PEOPLE // 3, PEOPLE - 9}
            RecoveryCode.objects.bulk_create(
                RecoveryCode(user=each, sealed_digest=b"x")
                for each in set_up
                for _code in range(1 if int(each.username[4:]) in few else 4)
            )
            Passkey.objects.bulk_create(
                Passkey(user=each, name="k", credential_id=each.pk.bytes, public_key=b"k")
                for each in random.sample(people, len(people) // 10)
            )
            PasskeyRequest.objects.bulk_create(
                PasskeyRequest(user=each) for each in random.sample(people, len(people) // 20)
            )
    upkeep.put_in_place()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"large": companies[0], "small": companies[1]}


@dataclass
class Asked:
    """A page by its name, what is measured of it, and Django's page of the same."""

    name: str
    address: str
    django: str = ""


def pages(found: dict[str, Any]) -> list[Asked]:
    """Every page of Administration, and the list in every state."""
    from accounts.models import User
    from companies.listing.kinds import LABELS
    from companies.models import Listing

    middle = Listing.objects.order_by("name", "id").values_list("person", flat=True)[PEOPLE // 2]
    somebody = User.objects.get(username=f"user{PEOPLE // 2 + 1:07}")
    large, small = found["large"].pk, found["small"].pk
    person, late = f"{USERS}{somebody.pk}/", f"after={middle}"
    lists = {
        "first page": ("", "?"), "page in the middle": (late, f"?p={PEOPLE // 50}"), "back from there": (f"before={middle}", ""),
        "by company": ("sort=company", "?o=3"), "by company, in the middle": (f"sort=company&{late}", ""),
        "by last login": ("sort=last", "?o=-6"), "by last login, in the middle": (f"sort=last&{late}", ""),
        **{f"{label}": (f"show={chip}", "?set_up=yes" if chip == "set_up" else "") for chip, label in LABELS.items()},
        "three company administrators": ("role=company_administrator", "?role__exact=company_administrator"),
        "a company of a tenth": (f"company={large}", ""), "a small company": (f"company={small}", ""),
        "a tenth, asked": (f"company={large}&show=asked", ""),
        "search: one": (f"q={somebody.username}", f"?q={somebody.username}"), "search: nobody": ("q=qqzzqq", "?q=qqzzqq"),
        "search: garcia": ("q=garcia", "?q=garcia"), "search: everybody": ("q=example.com", "?q=example.com"),
        "search: two words": ("q=soren+garcia", "?q=soren+garcia"), "search: two letters": ("q=jo", "?q=jo"),
        "search: company's name": ("q=company+0077", "?q=company+0077"),
        "search: garcia, few codes": ("q=garcia&show=few_codes", ""), "search: garcia, asked": ("q=garcia&show=asked", ""),
        "search: garcia, in a tenth": (f"q=garcia&company={large}", ""), "search: one, in a tenth": (f"q={somebody.username}&company={large}", ""),
        "search: garcia, small company": (f"q=garcia&company={small}", ""),
    }  # fmt: skip
    return [
        *(
            Asked(name, f"{USERS}?{ours}", f"{DJANGO}{theirs}" if theirs else "")
            for name, (ours, theirs) in lists.items()
        ),
        Asked("a user's page", person, f"{DJANGO}{somebody.pk}/change/"),
        Asked("the window", f"{person}mfa/"),
        Asked("a confirmation", f"{person}sign-out/"),
        Asked("overview", "/settings/"),
        Asked("companies", COMPANY_PAGES),
        Asked("a company of a tenth", f"{COMPANY_PAGES}{large}/"),
        Asked("its confirmation", f"{COMPANY_PAGES}{large}/two-factor/off/"),
        Asked("suggested companies", f"{COMPANY_PAGES}names/?company=77"),
    ]


def measured(person: Person, address: str) -> tuple[int, float, float, int]:
    """Statements, milliseconds of them and of what Django makes of them, milliseconds of the page, and its bytes."""
    from django.db import connection
    from django.http import QueryDict

    from companies.listing.people import UserList

    part = person.client.get(address)
    assert part.status_code == 200, (address, part.status_code, part.headers.get("Location"))
    made: list[float] = []

    def counted(execute: Any, *statement: Any) -> Any:
        began = perf_counter()
        try:
            return execute(*statement)
        finally:
            made.append(1000 * (perf_counter() - began))

    with connection.execute_wrapper(counted):
        person.client.get(address)
    whole, querying = [], []
    for _time in range(REPEATED):
        start = perf_counter()
        person.client.get(address)
        whole.append(1000 * (perf_counter() - start))
        querying.append(sum(made))
        if address.startswith(f"{USERS}?"):
            asked = UserList(person.user, QueryDict(address.partition("?")[2]))
            start = perf_counter()
            list(asked.chips), asked.page, asked.number
            querying[-1] = 1000 * (perf_counter() - start)
    return len(made), median(querying), median(whole), len(part.content)


def report() -> bool:
    """Print a line for each page; was everything reached?"""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from accounts.models import Role, User
    from tests.people import PASSWORD, Person

    start = perf_counter()
    found = fill()
    print(
        f"  {PEOPLE:,} people in {COMPANIES:,} companies on {connection.vendor}, made in {perf_counter() - start:.0f} s"
    )
    User.objects.create_user("petra", "petra@example.com", PASSWORD, role=Role.ADMINISTRATOR)
    call_command("doctor")
    petra = Person(User.objects.get(username="petra"))
    petra.sign_in()
    print(f"  {'':<34}{'statements':>10}{'querying':>10}{'page':>8}{'kB':>6}{'Django':>9}  ms; to be reached: "
          f"≤ {MOST_STATEMENTS}, ≤ {MOST_QUERYING:.0f}, ≤ {MOST_PAGE:.0f}, and less than Django's")  # fmt: skip
    reached = True
    for asked in pages(found):
        statements, querying, whole, weight = measured(petra, asked.address)
        theirs = measured(petra, asked.django)[2] if asked.django else None
        fine = statements <= MOST_STATEMENTS and querying <= MOST_QUERYING and whole <= MOST_PAGE
        fine = fine and (theirs is None or whole < theirs)
        reached = reached and fine
        beside = f"{theirs:>9.1f}" if theirs is not None else " " * 9
        print(f"  {asked.name:<34}{statements:>10}{querying:>10.1f}{whole:>8.1f}{weight / 1000:>6.0f}{beside}  "
              f"{'reached' if fine else 'NOT REACHED'}", flush=True)  # fmt: skip
    return reached


def main() -> bool:
    """Once on each database, each in a process and a folder of its own."""
    print("\nAdministration", flush=True)
    done = []
    for database in ("SQLite", "PostgreSQL"):
        with (
            TemporaryDirectory(prefix="m2v-bench-") as folder,
            postgres() if database == "PostgreSQL" else nullcontext("") as url,
        ):
            environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.bench.lists_settings", "DATA_DIR": folder}
            environment |= {"DATABASE_URL": url} if url else {}
            done.append(
                subprocess.run(
                    [sys.executable, "-m", "tests.bench.lists", "here"], cwd=ROOT, env=environment, check=False
                )
            )
    return all(run.returncode == 0 for run in done)


if __name__ == "__main__":
    sys.exit(0 if (report() if "here" in sys.argv else main()) else 1)
