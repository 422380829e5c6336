"""Pages of the listing, one after the other and back: the same people in the same order, however they are fetched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Role, User
from companies.listing.kinds import Chip, is_met
from companies.listing.numbers import numbers_for
from companies.listing.pages import FEW, PAGE_SIZE, Walk, row_of
from companies.listing.people import UserList
from companies.listing.search import Hits, beginning_with, search, words_in
from companies.models import Company, Listing
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest

MANY = FEW + 1


@pytest.fixture
def crowd(admin):
    """Two hundred people of many kinds in companies of all sizes, an empty one among them."""
    random = Random(5)
    companies = Company.objects.bulk_create(
        Company(
            name=f"Firma {n:02}", name_folded=f"firma {n:02}", name_plain=f"firma {n:02}", two_factor_enabled=n % 3 == 0
        )
        for n in range(12)
    )
    day = datetime(2026, 1, 1, tzinfo=UTC)
    people = User.objects.bulk_create(
        User(
            username=f"p{n:03}",
            first_name=random.choice(("Ada", "Zoë", "Søren")),
            company=None if n % 40 == 0 else companies[int(random.random() ** 3 * 11)],
            role=Role.ADMINISTRATOR if n % 40 == 0 else random.choice((Role.MEMBER, Role.MEMBER, Role.AUDITOR)),
            is_active=random.random() > 0.1,
            two_factor_enabled=random.random() > 0.7,
            locked_at=timezone.now() if random.random() > 0.9 else None,
            last_sign_in_at=None if n % 3 == 0 else day + timedelta(days=n % 7),
        )
        for n in range(200)
    )
    AuthenticatorApp.objects.bulk_create(AuthenticatorApp(user=each, key=b"x", confirmed=True) for each in people[::3])
    PasskeyRequest.objects.bulk_create(PasskeyRequest(user=each) for each in people[::7])
    Passkey.objects.bulk_create(
        Passkey(user=each, name=f"{n}", credential_id=each.pk.bytes + bytes([n]), public_key=b"k")
        for each in people[::5]
        for n in range(random.randrange(1, 3))
    )


def expected(order, chip):
    """Those who meet `chip`, in order, by looking at each of them."""
    rows = [
        row for row in Listing.objects.select_related("company")
        if is_met(chip, row.kind, required=bool(row.company and row.company.two_factor_enabled))
    ]  # fmt: skip
    if order == "company":
        rows.sort(key=lambda row: (row.company.name_folded if row.company else "", row.name, row.pk))
    elif order == "last":
        never = sorted((row for row in rows if row.last_sign_in_at is None), key=lambda row: row.pk)
        ever = [row for row in rows if row.last_sign_in_at is not None]
        rows = [*sorted(ever, key=lambda row: (row.last_sign_in_at, row.pk), reverse=True), *never]
    else:
        rows.sort(key=lambda row: (row.name, row.pk))
    return [row.person for row in rows]


def walked(order, choice, number, *, backwards=False):
    """Everybody, page by page."""
    rows, start, found = Listing.objects.all(), None, []
    while True:
        page = Walk(rows, choice, number, start, backwards).people(order)
        found += page[:PAGE_SIZE]
        if len(page) <= PAGE_SIZE:
            return found
        start = row_of(page[PAGE_SIZE - 1], rows)


@pytest.mark.parametrize("number", [1, MANY], ids=["sorted", "walked"])
@pytest.mark.parametrize("order", ["name", "company", "last"])
@pytest.mark.parametrize("chip", [Chip.SET_UP, Chip.ASKED, Chip.OFF, Chip.NEVER, Chip.INACTIVE])
def test_pages_follow_each_other_in_order_both_ways(crowd, admin, chip, order, number):
    choice, everybody = partial(numbers_for(admin, None).choice, chip), expected(order, chip)

    assert len(everybody) > 5
    assert walked(order, choice, number) == everybody
    assert walked(order, choice, number, backwards=True) == everybody[::-1]


@pytest.mark.parametrize("company", [None, "Firma 00", "Firma 01"])
def test_each_number_is_that_of_its_list(crowd, admin, company):
    numbers = numbers_for(admin, company and Company.objects.get(name=company))
    rows = Listing.objects.filter(**({"company__name": company} if company else {}))

    for chip in Chip:
        assert numbers.of(chip) == rows.filter(numbers.choice(chip)).count(), chip
    assert numbers.of(None) == rows.filter(numbers.choice(None)).count()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("at", [None, "Firma 00"])
def test_a_list_shows_those_whom_its_reader_sees(crowd, make_user, role, at):
    reader = make_user("reader", role=role, company=at and Company.objects.get(name=at))
    seen = set(User.objects.managed_by(reader).filter(is_active=True).values_list("pk", flat=True))

    if reader.opens_settings:
        assert set(UserList(reader, QueryDict()).ids()) == seen
        hits = set(UserList(reader, QueryDict("q=søren")).ids())
        assert hits == set(User.objects.managed_by(reader).filter(first_name="Søren").values_list("pk", flat=True))
    else:
        assert set(UserList(reader, QueryDict()).ids()) == set()


@pytest.mark.parametrize("words", ["ada", "soren p1", "firma ada", "p0", "s", "fi", "zoe 05"])
def test_looking_through_finds_what_the_index_finds(crowd, words):
    by_index = search(Listing.objects.all(), words_in(words), few=False)
    one_by_one = search(Listing.objects.all(), words_in(words), few=True)

    assert by_index == one_by_one
    assert by_index.people or words == "zoe 05"
    assert not by_index.more


@pytest.fixture
def adas(admin, company):
    User.objects.bulk_create(
        User(username=f"u{n:04}", first_name=("Ada" if n % 100 == 0 else "Bea"), last_name="Adams", company=company)
        for n in range(1100)
    )


def test_too_many_are_said_to_be_and_those_whose_name_begins_so_come_first(administrator, adas):
    page = administrator.client.get("/settings/administration/users/?q=ada").content.decode()

    assert "More than 1,000 users match “ada”" in page
    found = UserList(administrator.user, QueryDict("q=ada"))
    assert found.counts == {}
    assert [person.first_name for person in found.page.people] == ["Ada"] * 11 + ["Bea"] * 14
    assert len(set(found.ids())) == 1100


def test_a_filter_that_few_meet_is_exact_among_too_many(administrator, adas):
    AuthenticatorApp.objects.bulk_create(
        AuthenticatorApp(user=each, key=b"x", confirmed=True)
        for each in User.objects.filter(username__in=["u1093", "u0100"])
    )
    found = UserList(administrator.user, QueryDict("q=ada&show=set_up"))

    assert [person.username for person in found.page.people] == ["u0100", "u1093"]
    assert (found.more, found.number) == (False, 2)


@pytest.mark.parametrize("whole", [True, False])
def test_a_search_goes_on_from_where_it_is_told(crowd, make_user, whole):
    for name in ("quentin1", "quentin2", "quentin3"):
        make_user(name)
    everybody = Listing.objects.all()

    found = search(everybody, ["quentin"], few=False, whole=whole).people
    assert [hit.name.split()[-2] for hit in found] == ["quentin1", "quentin2", "quentin3"]
    assert search(everybody, ["quentin"], few=False, whole=whole, after=found[0].id).people == found[1:]
    assert search(everybody, ["quentin"], few=False, whole=whole, after=found[2].id) == Hits([], more=False)


@pytest.mark.parametrize("tried", [1001, 1090, 20_000])
def test_among_too_many_a_filter_leaves_the_same_however_many_were_tried_first(adas, tried, monkeypatch):
    """SQLite's index finds some before all."""
    monkeypatch.setattr("companies.listing.search.HITS_TRIED", tried)
    left = Listing.objects.filter(name__gt=" bea adams u0500", name__lt=" bea adams v")

    found = search(left, ["ada"], few=False)
    assert [hit.id for hit in found.people] == list(left.order_by("id").values_list("id", flat=True))
    assert len(found.people) == 594
    assert search(Listing.objects.all(), ["ada"], few=False).more


def test_a_word_of_one_letter_begins_the_name(crowd):
    assert search(Listing.objects.all(), ["x"], few=False) == Hits([], more=False)
    assert {hit.name[:2] for hit in search(Listing.objects.all(), ["a"], few=False).people} == {" a"}
    assert {hit.name[:5] for hit in beginning_with(Listing.objects.all(), ["sor"])} == {" sore"}
