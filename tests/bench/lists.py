"""What the pages of Administration cost among BENCH_PEOPLE people (100,000 unless said, 10,000 with BENCH_SHORT=1) in 2,000 companies.

Each page is asked for in one process, without a server: how many statements it makes, how long statements and what Django
makes of them take, and how long the whole page. Medians, with their CPU time, beside what is to be reached: 50 and 100
milliseconds, and whatever Django's own list of the same people takes, measured in turns with ours; where that takes
seconds, once, and a minute at most. Run by `make bench`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.bench.databases import HERE, ended_after, on_both
from tests.bench.timing import Reached, Taken, in_turns, load, summary, target

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.people import Person

PEOPLE = int(os.environ.get("BENCH_PEOPLE") or (10_000 if os.environ.get("BENCH_SHORT") else 100_000))
COMPANIES = 2000
REPEATED = 5 if os.environ.get("BENCH_SHORT") else 9
MOST_STATEMENTS, MOST_QUERYING, MOST_PAGE = 23, 50.0, 100.0
OFTEN, LONGEST = 1500.0, 60  # milliseconds of Django's page that is asked for in turns with ours, else once; seconds
USERS, COMPANY_PAGES, DJANGO = (
    "/settings/administration/users/", "/settings/administration/companies/", "/django-admin/accounts/user/",
)  # fmt: skip
FIRST = ("Ada", "Zoë", "Søren", "José", "Łucja", "Kim", "Jürgen", "Amélie", "Omar", "Nadia", "Ben", "Mei")
LAST = ("García", "Müller", "Sørensen", "Nguyễn", "Haddad", "Hansen", "Großmann", "Okafor", "Silva", "Novák", "Berg")
MADE, AT_ONCE = 20_000, 5000  # the others are copies of these
IN_THE_FIRST = 0.1


def fill() -> dict[str, Any]:
    """People of every kind, spread at random; one company has a tenth of them. The companies that pages are about."""
    from datetime import timedelta

    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import Role, User
    from accounts.text import plain
    from companies.listing import upkeep
    from companies.models import Company
    from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
    from tests.bench.copies import copy_people

    call_command("migrate", verbosity=0)
    upkeep.take_away()
    random, now = Random(1), timezone.now()
    names = [f"Company {number:04} GmbH" for number in range(COMPANIES)]
    companies = Company.objects.bulk_create(
        Company(
            name=name, two_factor_enabled=number % 3 == 0, pass_demanded=number % 200 == 3,
            name_folded=name.lower(), name_plain=plain(name),
        )
        for number, name in enumerate(names)
    )  # fmt: skip
    made = min(PEOPLE, MADE)
    for start in range(0, made, AT_ONCE):
        people = [
            User(
                username=f"user{number:07}", email=f"user{number:07}@example.com", password="!",
                first_name=random.choice(FIRST), last_name=random.choice(LAST),
                company=companies[0] if random.random() < IN_THE_FIRST else random.choice(companies),
                is_active=random.random() > 0.02, two_factor_enabled=random.random() < 0.3,
                last_sign_in_at=None if random.random() < 0.2 else now - timedelta(minutes=random.randrange(500_000)),
            )
            for number in range(start, min(start + AT_ONCE, made))
        ]  # fmt: skip
        set_up = [person for person in people if random.random() < 0.35]
        with transaction.atomic():
            User.objects.bulk_create(people)
            AuthenticatorApp.objects.bulk_create(
                AuthenticatorApp(user=each, key=b"x", confirmed=True) for each in set_up
            )
            RecoveryCode.objects.bulk_create(
                RecoveryCode(user=each, sealed_digest=b"x") for each in set_up for _code in range(4)
            )
            Passkey.objects.bulk_create(
                Passkey(user=each, name="k", credential_id=each.pk.bytes, public_key=b"k")
                for each in random.sample(people, len(people) // 10)
            )
            PasskeyRequest.objects.bulk_create(
                PasskeyRequest(user=each) for each in random.sample(people, len(people) // 20)
            )
    copy_people(PEOPLE, COMPANIES, IN_THE_FIRST)
    three = User.objects.filter(username__in=[f"user{number:07}" for number in (7, PEOPLE // 2, PEOPLE - 9)])
    three.update(role=Role.COMPANY_ADMINISTRATOR)
    for app in AuthenticatorApp.objects.order_by("id")[: made // 2 : made // 6][:3]:
        RecoveryCode.objects.filter(user=app.user).delete()
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
        "kept outside": ("only=now.stuck", ""), "kept outside, by company": ("only=now.stuck&sort=company", ""),
        "asked once 2FA is required": ("only=required.asked,signed_in", ""),
        "a password alone": ("only=password_alone", ""), "a tenth, kept outside": (f"company={large}&only=now.stuck", ""),
        "whom an act would change": ("only=for.require,signed_in", ""),
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


def measured(person: Person, asked: Asked) -> Reached:
    """Print a line about a page; was everything reached?"""
    from django.http import QueryDict

    from companies.listing.people import UserList
    from tests.bench.statements import statements

    def page(address: str) -> bytes:
        part = person.client.get(address)
        assert part.status_code == 200, (address, part.status_code, part.headers.get("Location"))
        return bytes(part.content)

    def found() -> None:
        people = UserList(person.user, QueryDict(asked.address.partition("?")[2]))
        list(people.chips), people.page, people.number  # looked up here

    weight = len(page(asked.address))
    number = statements(lambda: page(asked.address))
    acts = [lambda: page(asked.address)]
    alone = once(lambda: page(asked.django)) if asked.django else None
    if alone and alone.clock[0] <= OFTEN:
        acts, alone = [*acts, lambda: page(asked.django)], None
    whole, *theirs = in_turns(acts, REPEATED)
    theirs += [alone] if alone else []
    querying = in_turns([found], REPEATED)[0] if asked.address.startswith(f"{USERS}?") else executed(acts[0])
    few = number <= MOST_STATEMENTS
    reached = [Reached(few, few), querying.within(MOST_QUERYING), whole.within(MOST_PAGE)]
    line = f"  {asked.name:<30}{number:>3}{target(number, MOST_STATEMENTS)}{querying.figure(MOST_QUERYING)}{whole.figure(MOST_PAGE)}"
    line += f"{weight / 1000:>5.0f} kB"
    for django in theirs:
        reached.append(whole.ahead_of(django))
        more = "more than " if django.clock[0] >= 1000 * LONGEST else ""
        line += f" {more}{django.figure()} {'ahead of it' if reached[-1].by_clock else 'NOT AHEAD of it'}"
    print(line, flush=True)
    return Reached.all(reached)


def once(act: Callable[[], object]) -> Taken:
    """Django's page, one time, or as long as is waited for it."""
    from django.db import OperationalError

    taken = Taken()
    try:
        with ended_after(LONGEST), taken:
            act()
    except (OperationalError, AssertionError):  # what was asked of the database, or the page that tells so
        if taken.clock[0] < 1000 * LONGEST:
            raise
    return taken


def executed(act: Callable[[], object]) -> Taken:
    """How long the statements of `act` take, all that it makes."""
    from django.db import connection

    taken = Taken()
    for _round in range(REPEATED):
        made = Taken()

        def timed(execute: Any, *statement: Any, made: Taken = made) -> Any:
            with made:
                return execute(*statement)

        with connection.execute_wrapper(timed):
            act()
        taken.clock.append(sum(made.clock))
        taken.cpu.append(sum(made.cpu))
    return taken


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
    print(
        f"  In milliseconds of the clock (of CPU), {load()}: {'statements':>6}, querying, whole page, its size, Django's page"
    )
    reached = [measured(petra, asked) for asked in pages(found)]
    print(summary(reached))
    return Reached.all(reached).by_clock


def main() -> bool:
    """Once on each database."""
    print("\nAdministration", flush=True)
    return on_both("tests.bench.lists")


if __name__ == "__main__":
    sys.exit(0 if (report() if HERE in sys.argv else main()) else 1)
