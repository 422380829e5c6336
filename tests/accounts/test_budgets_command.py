"""`manage.py budgets`: who has to wait, in words, and the end of a wait, on record and told to administrators."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from time import time

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Budget
from accounts.throttle import budgets, lanes
from accounts.throttle.rule import FOREVER, USED_UP
from accounts.throttle.waits import KINDS, OF_A_NETWORK
from audit.models import AuditEvent
from audit.sentences import sentence
from tests.accounts.walk import everything
from tests.people import browser
from tests.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r'\bLane\(f?"(\w+):|\w+_lanes?\("(\w+)"|\bkind(?:: str)? ?= ?"(\w+)"')
WHY = "They share one address."


def run(*words, **options):
    said = StringIO()
    call_command("budgets", *words, stdout=said, **options)
    return said.getvalue()


def guess(name, times, **more):
    for _time in range(times):
        browser().post("/login/", {"username": name, "password": "wrong"}, **more)


def waits_for_good(key, failures):
    Budget.objects.create(key=key, failures=failures, blocked_until=FOREVER, last_at=time())


def refused(*words, **options):
    with pytest.raises(CommandError) as trouble:
        run(*words, **options)
    return str(trouble.value)


def test_where_nobody_waits_that_is_said(kim):
    guess("kim", 4)

    assert run() == "Nobody has to wait.\n"


def test_who_waits_is_named_with_what_was_counted_and_until_when(kim, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    guess("kim", 6, REMOTE_ADDR="192.0.2.9")

    assert run() == "kim: guesses at password and codes: 5 counted, until 2026-05-04 09:00:01 UTC\n"


def test_a_network_waits_by_its_address_and_a_name_that_nobody_has_by_its_key(kim):
    key = lanes.name_lane("nobody").key
    waits_for_good(key, 7)
    waits_for_good("address:2001:db8::", 51)

    assert sorted(run().splitlines()) == [
        "2001:db8::: wrong guesses from one network: 51 counted, until it is cleared",
        f"{key}: guesses at a user name that nobody has: 7 counted, until it is cleared",
    ]


def test_mails_are_named_by_who_sends_them_and_by_their_company(make_user, company):
    carla = make_user("carla", role="company_administrator")
    for lane in lanes.actor_lanes("mails", carla):
        waits_for_good(lane.key, 30)

    assert sorted(run().splitlines()) == [
        "Acme Machines: mails to others: 30 counted, until it is cleared",
        "carla: mails to others: 30 counted, until it is cleared",
    ]


def test_a_wait_of_somebody_ends_all_of_it_and_of_nobody_else(kim, make_person):
    lea = make_person("lea")
    for person in (kim, lea):
        waits_for_good(f"person:{person.user.pk.hex}", USED_UP)
    waits_for_good(f"person:{kim.user.pk.hex}:3", USED_UP)
    waits_for_good(f"reset:{kim.user.pk.hex}", 3)

    said = run("clear", "KIM@acme.example", reason=WHY)

    assert said == "203 are forgotten: “KIM@acme.example” does not have to wait.\n"
    kim.sign_in()
    assert kim.is_in
    assert lea.enter_password().status_code == 429
    line = AuditEvent.objects.select_related("actor", "subject").get(action="budget_cleared")
    assert line.subject == kim.user
    assert line.details == {
        "shell": True, "reason": WHY, "name": "KIM@acme.example", "failures": 203, "kinds": ["person", "reset"],
    }  # fmt: skip
    assert sentence(line) == "Someone on the server ended the wait of “KIM@acme.example”: “They share one address.”"


def test_a_wrong_code_in_a_row_still_counts_towards_the_end_of_the_factor(kim):
    waits_for_good(f"factor:{kim.user.pk.hex}:totp", USED_UP)
    guess("kim", 2)

    assert run() == "Nobody has to wait.\n"
    run("clear", "kim", reason=WHY)

    assert Budget.objects.get(pk__startswith=f"factor:{kim.user.pk.hex}").failures == USED_UP


@pytest.mark.parametrize(
    ("address", "name"),
    [("192.0.2.9", "192.0.2.9"), ("2001:db8::9", "2001:db8::1:2"), ("2001:db8::9", "2001:db8::/64")],
)
def test_a_network_of_one_budget_starts_anew(address, name, kim):
    guess("nobody", 5, REMOTE_ADDR=address)
    guess("kim", 2, REMOTE_ADDR="192.0.2.77")

    assert run("clear", name, reason=WHY).startswith("5 are forgotten")
    assert set(Budget.objects.filter(pk__startswith="address:").values_list("key", flat=True)) == {"address:192.0.2.77"}


def test_a_company_a_name_that_nobody_has_and_a_key_are_cleared_too(make_user, company):
    carla = make_user("carla", role="company_administrator")
    budgets.claim(*lanes.actor_lanes("probes", carla))
    guess("nobody", 2)
    guess("none", 3)

    assert run("clear", "ACME machines", reason=WHY).startswith("1 is forgotten")
    assert run("clear", "Nobody", reason=WHY).startswith("2 are forgotten")
    assert run("clear", lanes.name_lane("none").key, reason=WHY).startswith("3 are forgotten")
    assert AuditEvent.objects.filter(action="budget_cleared", subject=None).count() == 3


def test_administrators_are_told(told, kim, admin):
    guess("kim", 6)

    mails = told(run, "clear", "kim", reason=WHY)

    assert {mail.to[0]: mail.subject for mail in mails} == {
        admin.email: "m2v: Something was done on the server’s command line"
    }


@pytest.mark.parametrize(
    ("words", "options", "why"),
    [
        (["end", "kim"], {"reason": WHY}, "“end” is not an action of this command: say “clear”, or nothing."),
        (["clear"], {"reason": WHY}, "Say whose wait is to end"),
        (["clear", "kim"], {"reason": " "}, "Say why, with --reason"),
        (["clear", "nobody"], {"reason": WHY}, "Nothing is counted of “nobody”."),
        (["clear", "192.0.2.0/24"], {"reason": WHY}, "Nothing is counted of “192.0.2.0/24”. A network is one address"),
        (["clear", "2001:db8::/48"], {"reason": WHY}, "Nothing is counted of “2001:db8::/48”."),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(words, options, why, kim):
    guess("kim", 6, REMOTE_ADDR="192.0.2.9")
    before = everything()

    assert refused(*words, **options).startswith(why)
    assert everything() == before


def test_every_kind_of_budget_has_its_words():
    code = [
        path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
    ]
    named = {kind for text in code for found in NAMED.findall(text) for kind in found if kind}

    assert {"person", "imports", "reset", "choices"} < named
    assert named - {"factor", "file"} == KINDS.keys()
    assert KINDS.keys() > set(OF_A_NETWORK)
