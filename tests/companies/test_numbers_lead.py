"""Each number of people leads to the list of just these: on every page that counts any, whoever they are."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Role, User
from companies.bulk.acts import MASS_ACTS, WHY, Why
from companies.bulk.models import BulkRun
from companies.forecast import Change, is_forecast, outcome_for
from companies.listing import pages
from companies.listing.kinds import CELL_COLUMNS, Cell, Chip, Kind, is_met
from companies.listing.narrowing import NOT_ME, PLAIN, label_of
from companies.listing.pages import FEW
from companies.listing.people import UserList
from companies.models import Company, Listing, Reminder
from mfa.forecast import Outcome
from tests.companies import COMPANIES, USERS, Element, read
from tests.companies.test_forecast import companies, crowd, demand, read_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.people import Person

HOME = "/settings/"
NUMBER = re.compile(r"\d+(?:,\d{3})*")
# Numbers that need not lead anywhere, by what stands around them, and why.
EXEMPT = {
    r"\d+%": "a share is no number of people",
    r"\b2FA\b": "a name",
    r"\w+, \d+ \w+ \d{4}, \d\d:\d\d|\b(?:[Tt]oday|yesterday|tomorrow)\b,? \d\d:\d\d|\d+ \w{3,9} \d{4}(?:, \d\d:\d\d)?": "a time",
    r"\d+–\d+ of \d+": "where in the list one is",
    r"7 days up to yesterday|four weeks ago": "a time",
    r"once a day|24 hours": "a time",
    r"^(?:\w|’| |2FA)+: \d+ users?$": "the button that does it; its number stands above, where it leads to them",
    r"not \d+\. Nothing was done": "what was counted before, and is so no longer",
}


def leaves(element: Element) -> Iterator[tuple[str, Element]]:
    """Every text that is shown to everybody, and the element that it stands in."""
    for child in element.children:
        if isinstance(child, str):
            yield child, element
        elif (
            child.shown and child.attrs.get("aria-hidden") != "true" and child.name not in {"svg", "option", "textarea"}
        ):
            yield from leaves(child)


def within(element: Element, name: str) -> Element | None:
    """The nearest element of this name around it, or itself."""
    found: Element | None = element
    while found and found.name != name:
        found = found.parent
    return found


def main_of(response) -> Element:
    """The dialog, where there is one, else what is beside the navigation."""
    page = read(response, response.status_code)
    return next(iter(page.all("dialog")), None) or page.one("main")


def numbers_of(response) -> list[tuple[str, str | None, str]]:
    """Each number on a page: as it is written, where it leads, and the words around it."""
    names = [*Company.objects.values_list("name", flat=True), *User.objects.values_list("username", flat=True)]
    found = []
    for text, element in leaves(main_of(response)):
        link = within(element, "a")
        around = (within(element, "p") or within(element, "li") or within(element, "button") or element).words
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "")
            around = around.replace(name, "")
        if link is None:
            for form in EXEMPT:
                text = re.sub(form, "", text.strip())
        found += [(number, link.attrs["href"] if link else None, around) for number in NUMBER.findall(text)]
    return found


def assert_each_leads(person: Person, response, *, exempt: str = "") -> int:
    """Each number on the page is that of the list which it leads to; how many lead to one."""
    here = response.request["PATH_INFO"]
    page, leading = main_of(response), 0
    for number, address, around in numbers_of(response):
        if address is None:
            assert number == "0" or (exempt and re.search(exempt, around)), (here, number, around)
        elif address.startswith("#"):
            assert [found for found in page.walk() if found.attrs.get("id") == address[1:]], (here, address)
        elif address.startswith(USERS):
            shown = person.client.get(address)
            found = shown.context["list"]
            assert found.number == int(number.replace(",", "")), (here, number, around, address)
            assert found.number == len(list(found.ids())), (here, address)
            if found.only:
                assert found.only_in_words in read(shown).one("nav", **{"class": "chips"}).words
            leading += 1
        else:
            shown = person.client.get(address)
            assert shown.status_code == 200, (here, address)
            assert address != COMPANIES or shown.context["page"].paginator.count == int(number)
    return leading


@pytest.fixture
def everybody(db, administrator):
    """People of all kinds in companies that do what companies can do, and some of whom a passkey was asked or who were reminded."""
    administrator.set_up_app()
    administrator.sign_in()
    for n, company in enumerate([*companies(), None]):
        crowd(company, 80, Random(40 + n))
    keys = list(User.objects.exclude(pk=administrator.user.pk).order_by("username").values_list("pk", flat=True))
    Reminder.objects.bulk_create(Reminder(person=pk, at=timezone.now()) for pk in keys[::6])
    User.objects.filter(pk__in=keys[::3]).update(email="")
    User.objects.filter(pk__in=keys[1::3]).update(email="somebody@acme.example")
    User.objects.filter(pk__in=keys[::4], locked_at__isnull=False).update(locked_by=administrator.user)
    return administrator


@pytest.mark.parametrize("rule_on", [False, True])
def test_the_numbers_of_overview_and_companies_lead_to_their_people(everybody, rule_on):
    demand(on=rule_on)

    mails = "mails? (waits?|was|were)|minutes?"  # of the queue, which the server's log names
    assert assert_each_leads(everybody, everybody.client.get(HOME), exempt=mails) > 15
    assert assert_each_leads(everybody, everybody.client.get(COMPANIES)) > 8
    for company in Company.objects.all():
        assert assert_each_leads(everybody, everybody.client.get(f"{COMPANIES}{company.pk}/")) >= 0


@pytest.mark.parametrize("rule_on", [False, True])
@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/", "access-pass/on/", "sign-out/"])
def test_the_numbers_of_a_companys_confirmation_lead_to_their_people(everybody, act, rule_on, make_person):
    demand(on=rule_on)
    make_person("anna", company=Company.objects.get(name="Company 0")).sign_in()

    pages = [everybody.client.get(f"{COMPANIES}{company.pk}/{act}") for company in Company.objects.all()]

    assert sum(assert_each_leads(everybody, page) for page in pages) > (15 if "two-factor" in act else 0)


def test_the_numbers_of_the_sites_rule_lead_to_their_people(everybody):
    assert assert_each_leads(everybody, everybody.client.get("/settings/administration/rule/on/")) > 3


@pytest.mark.parametrize("query", ["", "show=asked", "q=p&role=member", "only=now.stuck"])
@pytest.mark.parametrize("act", MASS_ACTS)
def test_the_numbers_of_an_act_on_all_that_are_found_lead_to_their_people(everybody, act, query):
    chosen = everybody.client.post(f"{USERS}bulk/?{query}", {"act": act, "everyone": "on"}, follow=True)

    assert assert_each_leads(everybody, chosen) >= 2


@pytest.mark.parametrize("act", MASS_ACTS)
def test_the_numbers_of_an_act_on_ticked_and_pasted_people_lead_to_them(everybody, act):
    """Deactivated people, oneself, and names that nobody has among them."""
    some = list(User.objects.order_by("username")[:90])
    keys = [str(each.pk) for each in [*some, everybody.user]]
    ticked = everybody.client.post(f"{USERS}bulk/", {"act": act, "who": keys}, follow=True)
    names = "\n".join([*(each.username for each in some[:40]), everybody.user.username, "nobody", "no-one"])
    pasted = everybody.client.post(f"{USERS}bulk/names/", {"act": act, "names": names}, follow=True)

    assert assert_each_leads(everybody, ticked) > 4
    assert assert_each_leads(everybody, pasted) > 4
    assert "2 names and addresses are nobody’s here" in read(pasted).words


def test_a_hundred_names_that_nobody_has_are_all_shown_where_one_asks(everybody):
    names = " ".join(f"stranger-{n}" for n in range(120))
    pasted = everybody.client.post(f"{USERS}bulk/names/", {"act": "require", "names": names}, follow=True)
    run = pasted.request["PATH_INFO"]

    assert "stranger-119" not in read(pasted).words
    assert read(pasted).links["Show all 120"] == "?all=on#unknown"
    assert "stranger-119" in read(everybody.client.get(f"{run}?all=on")).words


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_of_a_persons_page_are_of_what_is_on_it(everybody, seed):
    """How many ways in, passkeys, codes and sessions they have: each stands on the page or in the window beside it."""
    theirs = "recovery code|wrong codes|passkey|Ways in|password|browser|step|session|more|Version|days|minutes|ends"
    others = User.objects.filter(is_active=True).exclude(pk=everybody.user.pk).order_by("username")
    for person in Random(seed).sample(list(others), 4):
        shown = everybody.client.get(f"{USERS}{person.pk}/")
        for number, address, around in numbers_of(shown):
            assert address or re.search(theirs, around), (number, around)


# --- The lists themselves ---


def reference(actor: User) -> dict[str, set]:
    """Of each condition, those of whom it holds, by looking at each person."""
    cells = {person: Cell.of(*columns) for person, *columns in Listing.objects.values_list("person", *CELL_COLUMNS)}
    people = {person.pk: person for person in read_again(Q())}
    found: dict[str, set] = {
        name: {pk for pk, cell in cells.items() if holds(cell)} for name, (_w, holds) in PLAIN.items()
    }
    found[NOT_ME] = {pk for pk, person in people.items() if person.locked_at and person.locked_by_id is None}
    for change in Change:
        met = {pk for pk, cell in cells.items() if is_forecast(cell, change)}
        for word in (Outcome.FREE, Outcome.ASKED, Outcome.STUCK):
            found[f"{change}.{word}"] = {pk for pk in met if outcome_for(people[pk], change) is word}
    return found


@pytest.mark.parametrize("rule_on", [False, True])
def test_a_list_shows_just_those_of_whom_its_conditions_hold(everybody, rule_on):
    """Alone, with a filter, in a company, of a role, and in each order; of whom each is looked at by themselves."""
    demand(on=rule_on)
    admin, truth = everybody.user, reference(everybody.user)
    cells = {person: Cell.of(*columns) for person, *columns in Listing.objects.values_list("person", *CELL_COLUMNS)}
    active = {pk for pk, cell in cells.items() if Kind.ACTIVE in cell.kind}
    where = dict(User.objects.values_list("pk", "company_id"))
    company = Company.objects.get(two_factor_enabled=False, pass_demanded=True)
    asked = {
        pk for pk, cell in cells.items() if is_met(Chip.ASKED, cell.kind, required=cell.required, demanded=rule_on)
    }
    members = set(User.objects.filter(role=Role.MEMBER).values_list("pk", flat=True))
    met = set()
    for name, those in truth.items():
        expected = {
            "": those & active,
            "&show=asked": those & asked,
            f"&company={company.pk}": {pk for pk in those & active if where[pk] == company.pk},
            "&role=member": those & active & members,
        }
        for more, people in expected.items():
            found = UserList(admin, QueryDict(f"only={name}{more}"))
            assert set(found.ids()) == people, (name, more)
            assert found.number == len(people), (name, more)
            assert sum(number for *_cell, number in found.counted_by(*CELL_COLUMNS)) == len(people), (name, more)
        met |= {name} if those & active else set()
    by_rule = set() if rule_on else {"released.asked", "released.stuck"}
    assert truth.keys() - met <= {"required.free"} | by_rule


@pytest.mark.parametrize("few", [FEW, 0], ids=["sorted", "walked"])
@pytest.mark.parametrize("order", ["name", "company", "last"])
@pytest.mark.parametrize("only", ["now.stuck", "required.asked,signed_in", "not.remind", "for.remind"])
def test_page_after_page_of_a_narrowed_list_shows_them_all_once_both_ways(everybody, only, order, few, monkeypatch):
    monkeypatch.setattr(pages, "FEW", few)

    def shown(way: str, start: object) -> list:
        page = UserList(everybody.user, QueryDict(f"only={only}&sort={order}&{way}={start}")).page
        return [person.pk for person in page.people]

    found = shown("after", "")
    while more := shown("after", found[-1]):
        found += more

    assert len(found) == len(set(found)) > 25
    assert set(found) == set(UserList(everybody.user, QueryDict(f"only={only}")).ids())
    for place in range(25, len(found), 7):
        assert shown("before", found[place]) == found[place - 25 : place]


def test_a_search_within_a_narrowed_list_stays_in_it(everybody):
    listed = UserList(everybody.user, QueryDict("only=now.stuck"))
    found = UserList(everybody.user, QueryDict("only=now.stuck&q=p1"))

    assert set(found.ids()) < set(listed.ids())
    assert found.number == len(list(found.ids())) > 0


@pytest.mark.parametrize(
    "query",
    [
        "only=nonsense", "only=now.closed", "only=for.nothing", "only=not.remind.nonsense", "only=required",
        "only=" + ",".join(["never"] * 7), "of=1", f"of={'0' * 32}", "only=for.__class__", "only=now.stuck,nonsense",
    ],
)  # fmt: skip
def test_a_condition_that_there_is_not_finds_nobody(everybody, query):
    found = UserList(everybody.user, QueryDict(query))

    assert found.unknown
    assert list(found.ids()) == found.page.people == []
    chosen = everybody.client.post(f"{USERS}bulk/?{query}", {"act": "require", "everyone": "on"})
    assert not BulkRun.objects.exists()
    assert chosen.status_code == 302
    assert "There is no such filter" in read(everybody.client.get(f"{USERS}?{query}")).words


def test_whom_another_chose_is_nobodys_else_to_list(everybody, make_person):
    everybody.client.post(f"{USERS}bulk/", {"act": "require", "who": [str(everybody.user.pk)]})
    run = BulkRun.objects.get()
    other = make_person("otto", role=Role.ADMINISTRATOR, company=None)

    assert UserList(everybody.user, QueryDict(f"of={run.pk}")).number == 1
    assert UserList(other.user, QueryDict(f"of={run.pk}")).unknown


def test_an_act_on_a_narrowed_list_meets_its_people_alone(everybody):
    expected = set(UserList(everybody.user, QueryDict("only=now.stuck")).ids())
    chosen = everybody.client.post(f"{USERS}bulk/?only=now.stuck", {"act": "request", "everyone": "on"}, follow=True)
    run = BulkRun.objects.get()

    assert run.asked == {"only": "now.stuck"}
    assert chosen.context["counts"].total == len(expected) > 0


@pytest.mark.parametrize("act", MASS_ACTS)
def test_each_reason_why_somebody_is_left_out_has_its_list(everybody, act):
    """Reached and left out are all there are, and no reason counts anybody twice."""
    everyone = set(Listing.objects.values_list("person", flat=True))
    run = BulkRun.objects.create(owner=everybody.user.pk, act=act, listed=True)
    run.people.bulk_create(run.people.model(run=run, person=pk) for pk in everyone)

    def those(name: str) -> list:
        return list(UserList(everybody.user, QueryDict(f"of={run.pk}&only={name}")).ids())

    reached, left_out = those(f"for.{act}"), those(f"not.{act}")
    by_reason = [pk for why in WHY for pk in those(f"not.{act}.{why}") if why is not Why.UNKNOWN]

    assert sorted(reached + left_out) == sorted(everyone)
    assert sorted(by_reason) == sorted(left_out)


def test_every_condition_has_words():
    names = [*PLAIN, NOT_ME, *(f"{c}.{o}" for c in Change for o in ("free", "asked", "stuck"))]
    names += [f"for.{act}" for act in MASS_ACTS] + [f"not.{act}.{why}" for act in MASS_ACTS for why in WHY]

    assert all(map(label_of, names))
