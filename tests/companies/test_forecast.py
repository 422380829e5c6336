"""Whom a rule will meet is counted before it is thrown, and is whom the login then meets."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from itertools import product
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from accounts import people, site_rule
from accounts.models import Role, SiteRule, User
from companies import access_passes, services
from companies.bulk import choosing
from companies.bulk.acts import MASS_ACTS
from companies.bulk.counts import count, once_off, once_required
from companies.bulk.models import BulkRun
from companies.forecast import of_demanding, of_demanding_pass, of_releasing, of_requiring
from companies.listing.kinds import CELL_COLUMNS, Cell
from companies.listing.numbers import numbers_for
from companies.listing.people import UserList
from companies.models import Company, Listing
from companies.services import Individuals
from mfa.forecast import Outcome, outcome
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from mfa.queries import circumstances_of, with_holdings
from tests.companies import read
from tests.mfa.pages import window_of, words
from tests.mfa.walking import walked
from tests.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet

    from companies.forecast import Outcomes

HELD = {"app": 0.4, "passkey": 0.25, "request": 0.1, "pass": 0.15}


def crowd(company: Company | None, number: int, dice: Random, held: dict[str, float] = HELD) -> None:
    """Many people of `company` in every state there is, in a few statements."""
    now = timezone.now()
    crowd = User.objects.bulk_create(
        User(
            username=f"p{n}.{uuid4().hex}",
            password="!" if dice.random() < 0.15 else "x",
            password_is_short=dice.random() < 0.1,
            company=company,
            role=dice.choice(list(Role)) if dice.random() < 0.3 else Role.MEMBER,
            is_active=dice.random() < 0.95,
            locked_at=now if dice.random() < 0.05 else None,
            two_factor_enabled=dice.random() < 0.3,
            last_sign_in_at=now if dice.random() < 0.7 else None,
        )
        for n in range(number)
    )
    having = {kind: [user for user in crowd if dice.random() < share] for kind, share in held.items()}
    AuthenticatorApp.objects.bulk_create(
        AuthenticatorApp(user=user, key=b"k", confirmed=True, disabled_at=now if dice.random() < 0.2 else None)
        for user in having["app"]
    )
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, sealed_digest=b"d", used_at=now if dice.random() < 0.3 else None)
        for user in having["app"]
        if dice.random() < 0.8
    )
    Passkey.objects.bulk_create(
        Passkey(
            user=user,
            name="Key",
            credential_id=user.pk.bytes,
            public_key=b"p",
            suspended_at=now if dice.random() < 0.3 else None,
        )
        for user in having["passkey"]
    )
    PasskeyRequest.objects.bulk_create(PasskeyRequest(user=user) for user in having["request"])
    AccessPass.objects.bulk_create(
        AccessPass(
            user=user,
            digest=b"d",
            epoch=0 if dice.random() < 0.8 else 7,
            until=now + timezone.timedelta(hours=dice.choice([-1, 1])) if dice.random() < 0.8 else None,
        )
        for user in having["pass"]
    )


def companies() -> list[Company]:
    """One that requires 2FA or not, and demands a pass or not, of each."""
    return [
        Company.objects.create(name=f"Company {n}", two_factor_enabled=required, pass_demanded=demands)
        for n, (required, demands) in enumerate(product([False, True], repeat=2))
    ]


def read_again(found: Q) -> QuerySet[User]:
    return with_holdings(User.objects.filter(found).select_related("company"))


def demand(*, on: bool) -> None:
    SiteRule.objects.update_or_create(defaults={"factor_demanded": on, "changed_at": timezone.now()})


def met(people: Iterable[User]) -> Counter[tuple[Outcome, bool]]:
    """How many the login lets in, asks or leaves outside, of those who have signed in and of those who never have."""
    return Counter((walked(person, opened=True), person.last_sign_in_at is None) for person in people)


def said(found: Outcomes) -> Counter[tuple[Outcome, bool]]:
    """The same as it was forecast."""
    numbers: Counter[tuple[Outcome, bool]] = Counter()
    for (word, kind), number in found.numbers.items():
        numbers[word, bool(kind & kind.NEVER_SIGNED_IN)] += number
    return +numbers


# --- Held against the login's own functions ---


@pytest.mark.parametrize("rule_on", [False, True])
def test_the_next_login_of_ten_thousand_is_what_was_said_of_each(db, rule_on):
    """Five thousand for either setting of the site's rule, of every company, role and state."""
    demand(on=rule_on)
    for n, company in enumerate([*companies(), None]):
        crowd(company, 1000, Random(10 * rule_on + n))

    words: Counter[Outcome] = Counter()
    for person in read_again(Q()):
        now = circumstances_of(person)
        words[outcome(now)] += 1
        assert outcome(now) is walked(person), (person.role, person.company, now)

    assert words.total() == 5000
    assert min(words[word] for word in Outcome) > 100


NUMBER = 1500  # of people whom an act is held against the login


def not_set_up(company: Company) -> Q:
    apps = AuthenticatorApp.objects.filter(confirmed=True).values("user")
    return Q(company=company, is_active=True) & ~Q(pk__in=apps)


@pytest.mark.parametrize(("rule_on", "demands"), list(product([False, True], repeat=2)))
def test_requiring_it_of_a_company_asks_whom_it_was_said_to_ask(db, admin, rule_on, demands):
    demand(on=rule_on)
    company = Company.objects.create(name="Kepler Robotics", pass_demanded=demands)
    crowd(company, NUMBER, Random(1 + rule_on))
    forecast = of_requiring(company, numbers_for(admin, company), viewer=admin)

    services.enable_company_two_factor(company, actor=admin)

    assert said(forecast.left) == met(read_again(not_set_up(company)))
    assert forecast.people == User.objects.filter(company=company, is_active=True).count()
    assert {word for word, _never in said(forecast.left)} == {Outcome.ASKED, Outcome.STUCK}


@pytest.mark.parametrize(("rule_on", "demands", "keep"), list(product([False, True], repeat=3)))
def test_releasing_a_company_asks_whom_it_was_said_to_ask_still(db, admin, rule_on, demands, keep):
    demand(on=rule_on)
    company = Company.objects.create(name="Kepler Robotics", pass_demanded=demands, two_factor_enabled=True)
    crowd(company, NUMBER, Random(3 + rule_on))
    release = of_releasing(company, numbers_for(admin, company), viewer=admin)

    stays = Individuals.KEEP_ASKING if keep else Individuals.STOP_ASKING
    services.disable_company_two_factor(company, actor=admin, individuals=stays)

    now = met(read_again(not_set_up(company)))
    assert said(release.keeping if keep else release.left) == now
    assert release.freed(keeping=keep) == now[Outcome.FREE, False] + now[Outcome.FREE, True]
    assert bool(now[Outcome.STUCK, False]) is (rule_on or keep)


@pytest.mark.parametrize("rule_on", [False, True])
def test_demanding_a_pass_leaves_outside_whom_it_was_said_to(db, admin, rule_on):
    demand(on=rule_on)
    company = Company.objects.create(name="Kepler Robotics", two_factor_enabled=True)
    crowd(company, NUMBER, Random(5))
    forecast = of_demanding_pass(company, numbers_for(admin, company), viewer=admin)

    access_passes.demand_passes(company, actor=admin)

    assert said(forecast.left) == met(read_again(not_set_up(company)))


def test_the_sites_rule_asks_whom_it_was_said_to_ask(db, admin):
    """Those who open the Settings app and whom nothing else asks; the others stand as before."""
    for n, company in enumerate([*companies(), None]):
        crowd(company, NUMBER, Random(20 + n))
    apps = AuthenticatorApp.objects.filter(confirmed=True).values("user")
    met_alone = Q(is_active=True, locked_at=None, two_factor_enabled=False) & ~Q(role=Role.MEMBER) & ~Q(pk__in=apps)
    met_alone &= Q(company=None) | Q(company__two_factor_enabled=False)
    forecast = of_demanding(numbers_for(admin, None), viewer=admin)

    site_rule.demand_factor(actor=admin)

    assert said(forecast.left) == met(read_again(met_alone))
    assert {word for word, _never in said(forecast.left)} == {Outcome.FREE, Outcome.ASKED, Outcome.STUCK}


@pytest.mark.parametrize(("act", "rule_on"), list(product(["require", "stop"], [False, True])))
def test_an_act_on_many_asks_whom_it_was_said_to_ask(db, admin, act, rule_on):
    demand(on=rule_on)
    for n, company in enumerate([*companies(), None]):
        crowd(company, 120, Random(30 + n))
    run = choosing.from_filter(UserList(admin, QueryDict()), act)
    counts = count(run, admin)
    found = once_required(counts, run, admin).left if act == "require" else once_off(counts, run, admin)
    cells = {person: Cell.of(*columns) for person, *columns in Listing.objects.values_list("person", *CELL_COLUMNS)}
    acts = MASS_ACTS[act]
    changed = [
        person
        for person in User.objects.exclude(pk=admin.pk)
        if person.is_active and not acts.leaves_out(cells[person.pk], rule_on)
    ]

    acts.do(changed, admin, BulkRun())

    assert len(changed) == counts.changes
    theirs = read_again(Q(pk__in=[person.pk for person in changed]))
    if act == "require":
        theirs = theirs.exclude(pk__in=AuthenticatorApp.objects.filter(confirmed=True).values("user"))
    assert said(found) == met(theirs)
    assert {Outcome.ASKED, Outcome.STUCK} <= {word for word, _never in said(found)}


# --- Held against the login in a browser ---


def put(person: Person, dice: Random, act: str, *, worst: bool) -> None:
    """Bring `person`, their company and the site into some state; `worst`: into that which `act` leaves them outside of."""
    company, takes_app = person.user.company, act in {"window off", "bulk stop"}
    assert company
    company.two_factor_enabled = (takes_app or act == "pass demanded") if worst else dice.random() < 0.5
    company.pass_demanded = act != "pass demanded" if worst else dice.random() < 0.7
    company.save()
    demand(on=act == "company off" if worst else act != "site rule on" and dice.random() < 0.4)
    if takes_app if worst else dice.random() < 0.3:
        person.set_up_app()
    elif not worst and dice.random() < 0.4:
        User.objects.filter(pk=person.user.pk).update(two_factor_enabled=True)
    if not worst and dice.random() < 0.25:
        person.add_passkey()
    User.objects.filter(pk=person.user.pk).update(last_sign_in_at=timezone.now())
    person.user.refresh_from_db()


def press_confirm(administrator: Person, path: str) -> str:
    """What is said before, without the page behind; then it is done."""
    dialog = read(administrator.client.get(path)).dialog.words
    assert administrator.client.post(path).status_code == 302
    return dialog


def on_many(act: str) -> Callable[[Person, Person], str]:
    def run(administrator: Person, person: Person) -> str:
        ticked = {"act": act, "who": [str(person.user.pk)]}
        page = administrator.client.post("/settings/administration/users/bulk/", ticked, follow=True)
        text = read(page).one("form", **{"aria-labelledby": "counts"}).words
        administrator.client.post(page.request["PATH_INFO"], {"shown": "1"})
        return text

    return run


def at(path: str) -> Callable[[Person, Person], str]:
    def run(administrator: Person, person: Person) -> str:
        user = person.user
        return press_confirm(administrator, path.format(company=user.company_id, window=window_of(user)))

    return run


COMPANY = "/settings/administration/companies/{company}/"
ACTS = {
    "company on": at(f"{COMPANY}two-factor/on/"),
    "company off": at(f"{COMPANY}two-factor/off/"),
    "pass demanded": at(f"{COMPANY}access-pass/on/"),
    "site rule on": at("/settings/administration/rule/on/"),
    "window on": at("{window}two-factor/on/"),
    "window off": at("{window}two-factor/off/"),
    "bulk require": on_many("require"),
    "bulk stop": on_many("stop"),
}
STUCK = re.compile(r"cannot get in at the next login before an access pass|and has none: give")
ASKED = re.compile(r"will be asked to set|asked to set up an|Is asked at the first login")


@pytest.mark.parametrize(("act", "seed"), list(product(ACTS, range(6))))
def test_what_is_said_before_an_act_is_what_the_login_then_does(
    act, seed, administrator, make_person, company, django_capture_on_commit_callbacks
):
    dice = Random(f"{act} {seed}")
    administrator.add_passkey()
    administrator.use_passkey()
    worst = seed == 0
    role = Role.COMPANY_ADMINISTRATOR if worst else dice.choice([Role.MEMBER, Role.COMPANY_ADMINISTRATOR])
    person = make_person("anna", first_name="Anna", role=role)
    put(person, dice, act, worst=worst)
    before = walked(read_again(Q(pk=person.user.pk)).get())
    with django_capture_on_commit_callbacks(execute=True):
        text = ACTS[act](administrator, person)

    person.enter_password()
    if person.asked_for == "/login/challenge/":
        if person.user.authenticator_apps.exists():
            person.enter_code()
        elif person.authenticator.credentials:
            person.use_passkey()
    ends = {"/login/challenge/": Outcome.STUCK, "/login/setup/two-factor/": Outcome.ASKED}
    after = ends.get(person.asked_for, Outcome.FREE)

    assert after is Outcome.STUCK or not worst
    assert after is walked(read_again(Q(pk=person.user.pk)).get())
    assert after is Outcome.STUCK or not STUCK.search(text), text
    assert after is Outcome.ASKED or not ASKED.search(text), text
    if after is not before:
        assert STUCK.search(text) or after is not Outcome.STUCK, text
        assert ASKED.search(text) or after is not Outcome.ASKED, text


# --- What is said ---


def test_it_costs_the_same_for_few_and_for_many(admin, company, django_assert_max_num_queries):
    crowd(company, 50, Random(1))
    with django_assert_max_num_queries(7):
        of_requiring(company, numbers_for(admin, company), viewer=admin)
    crowd(company, 500, Random(2))
    with django_assert_max_num_queries(7):
        of_requiring(company, numbers_for(admin, company), viewer=admin)


def test_the_confirmation_says_whom_it_meets(administrator, company, make_person, kim, admin):
    kim.set_up_app()
    make_person(
        "rosalinde",
        first_name="Rosalinde",
        last_name="Kaltenbrunner",
        role=Role.COMPANY_ADMINISTRATOR,
        last_sign_in_at=timezone.now(),
    )
    make_person("omar", first_name="Omar", last_name="Haddad", last_sign_in_at=timezone.now())
    make_person("lena", first_name="Lena")
    people.lock_user(make_person("mia", first_name="Mia", last_sign_in_at=timezone.now()).user, actor=admin)

    said = words(administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/on/"))

    assert "5 people, and everybody who joins later" in said
    assert "1 is set up and notices nothing" in said
    assert "3 will be asked to set it up at their next login" in said
    assert "1 of them is a company administrator: Rosalinde Kaltenbrunner." in said
    assert "1 has never signed in" in said
    assert "1 is locked and gets in only after somebody has looked at the account." in said
    assert "Nobody is locked out by this." in said


def test_whoever_reads_it_is_told_what_it_means_for_them(carla, company):
    address = f"/settings/administration/companies/{company.pk}/two-factor/on/"
    User.objects.filter(pk=carla.user.pk).update(last_sign_in_at=timezone.now())
    asked = words(carla.client.get(address))
    assert "and cannot get in without it You are one of them." in asked

    carla.set_up_app()
    carla.sign_in()
    assert "1 is set up and notices nothing You are one of them." in words(carla.client.get(address))


def test_a_pass_that_nobody_has_is_said_before(administrator, company, kim):
    company.pass_demanded = True
    company.save()

    said = read(
        administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/on/")
    ).dialog.words

    assert "1 cannot get in at the next login before an access pass is given, which the first set-up demands" in said
    assert "Give it from the user’s page." in said
    assert "will be asked" not in said
    assert "Nobody is locked out" not in said


@pytest.mark.parametrize("act", ["two-factor/on/", "access-pass/on/"])
def test_who_would_lock_themselves_out_is_told_who_can_help(carla, company, act):
    User.objects.filter(pk=carla.user.pk).update(two_factor_enabled=True)
    if act == "two-factor/on/":
        Company.objects.filter(pk=company.pk).update(pass_demanded=True)
    address = f"/settings/administration/companies/{company.pk}/{act}"

    said = read(carla.client.get(address)).dialog.words

    assert "1 cannot get in at the next login before an access pass is given" in said
    assert "You are one of them: have another administrator give you a pass before you sign out." in said
    assert "Give it from" not in said, "nobody gives a pass to themselves"
    carla.client.post(address)
    again = Person(carla.user)
    again.enter_password()
    assert again.asked_for == "/login/challenge/"


def test_the_sites_rule_says_whom_a_pass_that_is_demanded_keeps_outside(administrator, company, make_person):
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    address = "/settings/administration/rule/on/"

    said = read(administrator.client.get(address)).dialog.words

    assert "1 cannot get in at the next login before an access pass is given" in said
    assert "ocked out" not in said
    administrator.client.post(address)
    carla.enter_password()
    assert carla.asked_for == "/login/challenge/"


# --- Off ---


def test_each_number_of_switching_off_leads_to_just_these_people(administrator, company):
    services.enable_company_two_factor(company, actor=administrator.user)
    crowd(company, 200, Random(3), HELD | {"pass": 0})
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/off/").content.decode()
    rows = re.findall(r'<a href="([^"]+)">(\d+)</a><span>', page)

    assert len(rows) == 4
    for address, number in rows:
        shown = administrator.client.get(unescape(address)).context["list"]
        assert shown.number == int(number), address


def test_whoever_opens_the_settings_app_is_still_asked_by_the_site_s_rule(carla, administrator, company, make_user):
    site_rule.demand_factor(actor=administrator.user)
    services.enable_company_two_factor(company, actor=administrator.user)
    User.objects.filter(pk=carla.user.pk).update(last_sign_in_at=timezone.now())
    make_user("max", last_sign_in_at=timezone.now())
    path = f"/settings/administration/companies/{company.pk}/two-factor/off/"

    said = words(administrator.client.get(path))
    assert "1 is no longer asked to set it up" in said
    assert "1 will be asked to set it up at the next login, and cannot get in without it" in said
    assert "Opens the Settings app, where the whole site demands a factor." in said

    answer = administrator.client.post(path, follow=True)
    assert "1 user is no longer asked." in words(answer)
