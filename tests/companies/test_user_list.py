"""Administration → User: what is found, how it is filtered, sorted and paged, and what each row says."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from companies.listing.people import UserList
from companies.models import Company
from mfa import services
from mfa.models import Passkey
from tests.companies import COMPANIES, USERS, press, read
from tests.people import Person

HEAD = ("user", "company", "2fa", "passkeys", "last")


def found(person, **asked):
    """The user names in the list, in its order."""
    page = read(person.client.get(USERS, asked))
    names = [button.label.removeprefix("Actions for ") for button in page.all("button") if "Actions" in button.label]
    return [name for name in names if name != "petra"]


def row(person, username):
    """What one row says, by column."""
    [cells] = read(person.client.get(USERS, {"q": username})).rows
    return dict(zip(HEAD, cells, strict=False))


def chips(person, **asked):
    """The filters with their numbers, and which is chosen."""
    bar = read(person.client.get(USERS, asked)).one("nav", **{"aria-label": "Filter"})
    return [link.words for link in bar.all("a")], [link.words for link in bar.all("a") if "aria-current" in link.attrs]


@pytest.fixture
def team(make_user, other_company):
    """Three with umlauts and other traps in their names."""
    make_user(
        "juergen.g",
        first_name="Jürgen",
        last_name="Großmann",
        email="j.grossmann@nordwind.example",
        company=other_company,
    )
    make_user("anna_m", first_name="Anna", last_name="Müller", email="anna@acme.example")
    make_user("bo", first_name="Bo", last_name="Ek", email="")


# --- Search ---


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("juergen.g", ["juergen.g"]),
        ("JUERGEN", ["juergen.g"]),
        ("jürgen", ["juergen.g"]),
        ("JÜRGEN", ["juergen.g"]),
        ("Müller", ["anna_m"]),
        ("MÜLLER", ["anna_m"]),
        (unicodedata.normalize("NFD", "müller"), ["anna_m"]),
        ("GROSSMANN", ["juergen.g"]),
        ("großmann", ["juergen.g"]),
        ("anna@acme.example", ["anna_m"]),
        ("NORDWIND.example", ["juergen.g"]),
        ("rge", ["juergen.g"]),
        ("mann gen", ["juergen.g"]),
        ("  anna   müll ", ["anna_m"]),
        ("anna jürgen", []),
        ("acme machines", ["anna_m", "bo"]),
        ("nordwind", ["juergen.g"]),
        ("anna acme", ["anna_m"]),
        ("bo nordwind", []),
        ("_", []),
        ("a_m", ["anna_m"]),
        ("bo", ["bo"]),
        ("ax", []),
        ("b", ["bo"]),
        ("mu", ["anna_m"]),
        ("muller", ["anna_m"]),
        ("jurgen", ["juergen.g"]),
        ("fordertechnik", ["juergen.g"]),
        ("%", []),
        ("\\", []),
        ("", ["anna_m", "bo", "juergen.g"]),
    ],
)
def test_the_search_finds_parts_of_names_and_addresses(administrator, team, words, names):
    assert sorted(found(administrator, q=words)) == names


def test_the_search_matches_within_one_name_only(administrator, make_user):
    make_user("eva", first_name="Eva", last_name="Lund")

    assert found(administrator, q="valu") == []


def test_the_search_box_keeps_what_was_typed(administrator, team):
    page = read(administrator.client.get(USERS, {"q": 'x"><b>y'}))

    assert page.one("input", id="q").attrs["value"] == 'x"><b>y'
    assert page.all("b") == []


def test_a_search_that_finds_nothing_says_so_and_leads_back(administrator, team):
    page = read(administrator.client.get(USERS, {"q": "zz<b>top"}))

    assert "No user matches “zz<b>top”" in page.words
    assert page.rows == []
    assert page.links["Show all users"] == USERS


def test_a_filter_that_nobody_meets_says_so(administrator):
    page = read(administrator.client.get(USERS, {"show": "requested"}))

    assert "No user is in this state at the moment." in page.words
    assert "matches" not in page.words


def test_searching_keeps_the_filter_the_company_and_the_order(administrator, company, make_user):
    make_user("kim")
    answer = administrator.client.get(USERS, {"show": "off", "company": str(company.pk), "sort": "last"})
    search = read(answer).one("form", role="search")

    sent = {field.attrs["name"]: field.attrs["value"] for field in search.all("input")}
    assert sent == {"show": "off", "q": "", "company": company.name}
    chosen = [option.attrs["value"] for option in search.all("option") if "selected" in option.attrs]
    assert chosen == ["last"]
    assert found(administrator, show="off", company=company.name, sort="last") == ["kim"]


def test_the_search_finds_deactivated_people_and_says_how_many(administrator, make_user):
    make_user("kim", first_name="Kim")
    make_user("kimberly", first_name="Kimberly", is_active=False)
    page = read(administrator.client.get(USERS, {"q": "kim"}))

    assert found(administrator, q="kim") == ["kim", "kimberly"]
    assert "1 deactivated user" in page.words
    assert "Deactivated" in row(administrator, "kimberly")["user"]
    assert chips(administrator, q="kim")[0][0] == "All 2"
    assert found(administrator) == ["kim"]
    assert found(administrator, q="kim", show="off") == ["kim"]


def test_the_list_can_be_narrowed_to_a_company(administrator, carla, team, company, other_company):
    search = read(administrator.client.get(USERS)).one("form", role="search")
    field = search.one("input", name="company")

    assert search.one("label", **{"for": field.attrs["id"]}).words == "Company"
    assert found(administrator, company=other_company.name.upper()) == ["juergen.g"]
    assert found(administrator, company=str(other_company.pk), q="") == ["juergen.g"]
    theirs = read(carla.client.get(USERS)).one("form", role="search")
    assert [field.attrs["name"] for field in theirs.all("select")] == ["role", "sort"]


@pytest.mark.parametrize("address", [USERS, COMPANIES])
def test_a_search_has_a_button_and_answers_while_one_types(administrator, address):
    page = read(administrator.client.get(address))
    search = page.one("form", role="search")

    assert page.button("Search").parent is search
    assert search.attrs["hx-get"] == search.attrs["action"] == address
    assert search.attrs["hx-trigger"].startswith("input from:#q delay:300ms")
    assert page.one("div", id="found")


def test_names_and_companies_in_a_row_are_links_and_the_persons_page_leads_back_to_the_list_as_it_was(
    administrator, company, kim
):
    asked = "?q=kim&show=off&sort=last&page=1"
    rows = read(administrator.client.get(USERS + asked)).one("table")
    person = read(administrator.client.get(rows.links["Kim Hansen"]))

    assert rows.links["Kim Hansen"] == f"{USERS}{kim.user.pk}/{asked}"
    assert rows.links[company.name] == f"{COMPANIES}{company.pk}/"
    assert person.links["All users"] == USERS + asked


def test_the_search_box_has_its_name(administrator):
    page = read(administrator.client.get(USERS))

    assert page.one("label", **{"for": "q"}).words == "Search users"
    assert page.one("input", id="q").attrs["type"] == "search"


# --- Filters ---


@pytest.fixture
def states(make_person, company, admin):
    """One or two in each state. Petra is off, too."""
    people = {name: make_person(name) for name in ("setup1", "setup2", "asked", "off", "gone", "gone_app")}
    people["setup1"].set_up_app()
    people["setup2"].set_up_app()
    people["gone_app"].set_up_app()
    services.enable_two_factor(people["asked"].user, actor=admin)
    services.request_passkey(people["off"].user, actor=admin)
    services.request_passkey(people["gone"].user, actor=admin)
    User.objects.filter(username__in=["gone", "gone_app"]).update(is_active=False)
    return people


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("", ["asked", "off", "setup1", "setup2"]),
        ("set_up", ["setup1", "setup2"]),
        ("asked", ["asked"]),
        ("off", ["off"]),
        ("requested", ["off"]),
        ("inactive", ["gone", "gone_app"]),
        ("nonsense", []),
    ],
)
def test_a_filter_shows_those_in_its_state(administrator, states, show, names):
    assert found(administrator, show=show) == names


def test_each_filter_has_its_number(administrator, states):
    texts, chosen = chips(administrator)

    assert texts == ["All 5", "Set up 2", "Asked at next login 1", "Not asked 2",
                     "Passkey requested 1", "Only one way in 2", "Never signed in 4", "Deactivated 2"]  # fmt: skip
    assert chosen == ["All 5"]


def test_the_chosen_filter_is_marked(administrator, states):
    assert chips(administrator, show="asked")[1] == ["Asked at next login 1"]


def test_the_numbers_count_within_the_search(administrator, states):
    texts, _ = chips(administrator, q="setup")

    assert texts == ["All 2", "Set up 2", "Asked at next login 0", "Not asked 0", "Passkey requested 0",
                     "Only one way in 2", "Never signed in 2"]  # fmt: skip


def test_the_numbers_stay_the_same_whatever_filter_is_chosen(administrator, states):
    assert chips(administrator, show="inactive")[0] == chips(administrator)[0]


def test_a_company_that_requires_it_moves_its_people_from_off_to_asked(administrator, states, company):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)

    assert found(administrator, show="asked") == ["asked", "off"]
    assert found(administrator, show="off") == []
    assert found(administrator, show="set_up") == ["setup1", "setup2"]


def test_a_filters_link_keeps_search_and_company_and_begins_at_the_first_page(administrator, company, make_user):
    make_user("kim")
    answer = administrator.client.get(
        USERS, {"q": "kim", "company": str(company.pk), "page": "2", "after": str(company.pk)}
    )

    assert read(answer).links["Not asked 1"] == f"?q=kim&company={company.pk}&show=off"


def test_an_app_that_is_not_confirmed_counts_as_nothing(administrator, states):
    states["setup1"].user.authenticator_apps.update(confirmed=False)

    assert found(administrator, show="set_up") == ["setup2"]
    assert "Asked at next login" in row(administrator, "setup1")["2fa"]


def test_the_companys_people_can_be_shown_alone(administrator, company, other_company, make_user):
    make_user("kim")
    make_user("nora", company=other_company)

    assert found(administrator, company=str(other_company.pk)) == ["nora"]
    assert chips(administrator, company=str(other_company.pk))[0][0] == "All 1"
    assert found(administrator, company=str(other_company.pk), q="kim") == []


# --- Order ---


@pytest.fixture
def ordered(make_user, other_company):
    day = datetime(2026, 5, 1, tzinfo=UTC)
    make_user("b", first_name="Zora", last_sign_in_at=day)
    make_user("c", first_name="adam", company=other_company, role=Role.COMPANY_ADMINISTRATOR)
    make_user("a", first_name="Berta", last_sign_in_at=day.replace(month=6))
    make_user("d", first_name="Carl", company=other_company, last_sign_in_at=day.replace(month=4))


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["c", "a", "d", "b"]),
        ("company", ["a", "b", "c", "d"]),
        ("role", ["c", "a", "d", "b"]),
        ("last", ["a", "b", "d", "c"]),
        ("", ["c", "a", "d", "b"]),
        ("password", ["c", "a", "d", "b"]),
        ("-name", ["c", "a", "d", "b"]),
    ],
)
def test_the_list_is_sorted_as_asked(administrator, ordered, sort, names):
    assert found(administrator, sort=sort) == names


def test_people_without_a_company_come_first_by_company(administrator, ordered, make_user):
    make_user("samir", company=None, role=Role.ADMINISTRATOR)

    page = read(administrator.client.get(USERS, {"sort": "company"}))
    assert [cells[1].split()[0] for cells in page.rows] == ["–", "–", "Acme", "Acme", "Nordwind", "Nordwind"]


def heads(person, sort):
    return read(person.client.get(USERS, {"sort": sort})).all("th")


def test_the_sorted_column_is_marked(administrator):
    marked = {
        sort: [head.words for head in heads(administrator, sort) if "aria-sort" in head.attrs]
        for sort in ("name", "company", "last")
    }

    assert marked == {"name": ["Sort by User"], "company": ["Sort by Company"], "last": ["Sort by Last login"]}


# --- Pages ---


@pytest.fixture
def sixty(make_user, company):
    """Sixty members of Acme, u00 to u59, in as many states as there are."""
    User.objects.bulk_create(
        User(username=f"u{number:02}", company=company, two_factor_enabled=number % 2 == 0) for number in range(60)
    )


def turned(person, **asked):
    """The pages from the first to the last, each with its people and what the pager says."""
    address, pages = f"{USERS}?{urlencode(asked)}", []
    while address:
        page = read(person.client.get(address))
        names = [
            button.label.removeprefix("Actions for ") for button in page.all("button") if "Actions" in button.label
        ]
        pager = page.one("nav", **{"aria-label": "Pages"})
        pages.append((names, pager))
        address = f"{USERS}{pager.links['Later']}" if "Later" in pager.links else None
    return pages


@pytest.mark.parametrize("asked", [{"q": "u"}, {"role": "member"}])
def test_a_page_shows_twenty_five(administrator, sixty, asked):
    pages = turned(administrator, **asked)

    everybody = [f"u{number:02}" for number in range(60)]
    assert [names for names, _pager in pages] == [everybody[:25], everybody[25:50], everybody[50:]]
    assert [pager.words.split(" Earlier")[0] for _names, pager in pages] == ["1–25 of 60", "26–50 of 60", "51–60 of 60"]


@pytest.mark.parametrize("asked", [{"q": "u"}, {"role": "member"}])
def test_the_pager_leads_back(administrator, sixty, asked):
    *_pages, (_names, last) = turned(administrator, **asked)
    second = read(administrator.client.get(USERS + last.links["Earlier"]))
    first = read(administrator.client.get(USERS + second.links["Earlier"]))

    assert second.one("nav", **{"aria-label": "Pages"}).words.startswith("26–50 of 60")
    assert len(second.rows) == 25
    assert first.one("nav", **{"aria-label": "Pages"}).words.startswith("1–25 of 60")


def test_whoever_comes_back_from_a_person_or_an_act_is_where_they_were(administrator, sixty):
    first = read(administrator.client.get(USERS)).one("nav", **{"aria-label": "Pages"})
    second = USERS + first.links["Later"]
    rows = read(administrator.client.get(second)).one("table")
    person = read(administrator.client.get(rows.links["u30"]))

    assert person.links["All users"] == second
    where = read(administrator.client.get(person.links["All users"])).one("nav", **{"aria-label": "Pages"})
    assert where.words.startswith("26–50 of")


def test_the_pager_keeps_the_search(administrator, sixty):
    [(_names, pager), *_rest] = turned(administrator, q="u", sort="last")

    assert pager.links["Later"].startswith("?q=u&sort=last&after=")


@pytest.mark.parametrize(("number", "end"), [(0, "Earlier"), (-1, "Later")])
def test_the_pager_ends_at_both_ends(administrator, sixty, number, end):
    _names, pager = turned(administrator, q="u")[number]

    assert end not in pager.links
    assert "disabled" in pager.button(end).attrs


@pytest.mark.parametrize("asked", ["after=x", "before=%00", "page=2", "after=&before=", f"after={UUID(int=0)}"])
def test_whatever_names_nobody_begins_at_the_first_page(administrator, sixty, asked):
    for search in ("q=u", "role=member"):
        pager = read(administrator.client.get(f"{USERS}?{search}&{asked}")).one("nav", **{"aria-label": "Pages"})

        assert pager.words.startswith("1–25 of 60")


@pytest.mark.parametrize("said", ["0", "-5", "x", "9" * 50, "٢", ""])
def test_an_odd_place_is_no_trouble(administrator, sixty, said):
    after = User.objects.get_queryset().get(username="u24").pk

    assert found(administrator, role="member", after=str(after), **{"from": said})[0] == "u25"


def test_one_page_has_no_buttons_to_turn_it(administrator):
    pager = read(administrator.client.get(USERS)).one("nav", **{"aria-label": "Pages"})

    assert pager.words == "1–1 of 1"


def test_a_filter_is_paged_by_its_own_number(administrator, sixty):
    assert turned(administrator, show="asked")[1][1].words.startswith("26–30 of 30")


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%00%00a",
        "q=" + "a" * 5000,
        "q=" + "+".join(["a"] * 60),
        "q=%ff%fe",
        "q=%ED%A0%80",
        "q=a&q=b&q=",
        "q[]=a",
        "q='%3B--",
        "company=",
        "company=1",
        "company=%00",
        "company=ffffffff-ffff-ffff-ffff-ffffffffffff",
        "company={00000000000000000000000000000000}",
        "show=%00",
        "show=active&show=off",
        "sort=%00&page=%00",
        "sort=company__name&page=-99",
        "page=1e9",
        "page=last",
        "%00=%00",
        "&&&===",
        "?",
    ],
)
def test_an_odd_address_never_fails(administrator, query):
    assert administrator.client.get(f"{USERS}?{query}").status_code == 200


UNKNOWN = [
    ({"company": "ffffffff-ffff-ffff-ffff-ffffffffffff"}, "There is no such company"),
    ({"company": "Acme Machine"}, "There is no such company"),
    ({"company": "\x00"}, "There is no such company"),
    ({"show": "nonsense"}, "There is no such filter"),
    ({"role": "boss"}, "There is no such filter"),
    ({"q": "kim", "company": "Acme Machine"}, "There is no such company"),
    ({"q": "kim", "show": "nonsense"}, "There is no such filter"),
    ({"q": "\u0301"}, "No user matches “\u0301”"),  # an accent without a letter
]


@pytest.mark.parametrize(("asked", "said"), UNKNOWN)
def test_what_there_is_not_finds_nobody_and_says_so(administrator, kim, asked, said):
    page = read(administrator.client.get(USERS, asked))

    assert found(administrator, **asked) == []
    assert said in page.words
    assert {words.rpartition(" ")[2] for words in chips(administrator, **asked)[0]} == {"0"}
    assert page.all("section", **{"aria-label": "With the selected users"}) == []
    everybody = UserList(administrator.user, QueryDict(urlencode(asked)))
    assert list(everybody.ids()) == list(everybody.rows) == list(everybody.counted_by("kind")) == []
    assert not everybody.number
    assert not everybody.more


def test_the_name_that_no_company_has_stays_in_its_field(administrator):
    page = read(administrator.client.get(USERS, {"company": "Acme Machine"}))

    assert page.one("input", name="company").attrs["value"] == "Acme Machine"


def test_an_unknown_order_is_no_filter(administrator, kim):
    assert found(administrator, sort="size") == ["kim"]


# --- Rows ---


def test_a_row_says_who_somebody_is(administrator, make_user):
    make_user("kim", first_name="Kim", last_name="Hansen", role=Role.COMPANY_ADMINISTRATOR)

    said = row(administrator, "kim")
    assert said["user"] == "KH Kim Hansen kim"
    assert said["company"] == "Acme Machines Company administrator"
    assert said["last"] == "Never"


def test_ones_own_row_is_marked(administrator):
    assert row(administrator, "petra")["user"] == "PV Petra Vogt (you) petra"


def test_a_row_says_when_somebody_was_last_in(administrator, kim):
    kim.sign_in()

    assert row(administrator, "kim")["last"].startswith("Today, ")


@pytest.mark.parametrize(
    ("own", "required", "app", "said"),
    [
        (False, False, False, "Not asked"),
        (True, False, False, "Asked at next login"),
        (False, True, False, "Asked at next login Required by company"),
        (True, True, False, "Asked at next login Required by company"),
        (True, False, True, "Set up"),
        (False, False, True, "Set up"),
        (True, True, True, "Set up Required by company"),
    ],
)
def test_a_row_says_where_somebody_stands_with_2fa(administrator, company, kim, own, required, app, said):
    if app:
        kim.set_up_app()
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=own)
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=required)

    assert row(administrator, "kim")["2fa"] == said


@pytest.mark.parametrize(
    ("passkeys", "requested", "said"),
    [
        (0, False, "None"),
        (1, False, "1 passkey"),
        (2, False, "2 passkeys"),
        (0, True, "Requested"),
        (3, True, "Requested 3 passkeys"),
    ],
)
def test_a_row_counts_the_passkeys(administrator, admin, kim, passkeys, requested, said):
    for _ in range(passkeys):
        kim.add_passkey()
    if requested:
        services.request_passkey(kim.user, actor=admin)

    assert row(administrator, "kim")["passkeys"] == said


def test_a_passkey_taken_out_of_use_is_not_counted(administrator, kim):
    kim.add_passkey()
    services.suspend_passkey(Passkey.objects.get(), "test")

    assert row(administrator, "kim")["passkeys"] == "None"


def test_the_menu_of_a_row_leads_to_the_window_over_this_list(administrator, kim):
    page = read(administrator.client.get(USERS, {"q": "kim", "show": "off"}))
    menu = next(menu for menu in page.all("div") if "popover" in menu.attrs and "Edit" in menu.links)

    assert page.button("Actions for kim").attrs["popovertarget"] == menu.attrs["id"]
    assert menu.links == {
        "Multi-factor authentication": f"{USERS}{kim.user.pk}/mfa/?q=kim&show=off",
        "Edit": f"{USERS}{kim.user.pk}/?q=kim&show=off",
        "Sign out everywhere": f"{USERS}{kim.user.pk}/sign-out/?q=kim&show=off",
    }


def test_closing_the_window_leads_back_to_the_same_list(administrator, kim, make_user):
    make_user("kimberly", two_factor_enabled=True)
    asked = {"q": "kim", "show": "off"}
    window = administrator.client.get(f"{USERS}{kim.user.pk}/mfa/", asked)

    assert read(window).dialog.attrs["data-close"] == f"{USERS}?q=kim&show=off"


def test_closing_the_window_leads_back_to_the_same_list_without_javascript_too(administrator, kim, make_user):
    make_user("kimberly", two_factor_enabled=True)
    window = administrator.client.get(f"{USERS}{kim.user.pk}/mfa/", {"q": "kim", "show": "off"})
    closed = press(administrator.client, window, "Close")

    assert closed.request["PATH_INFO"] == USERS
    assert [cells[0] for cells in read(closed).rows] == ["KH Kim Hansen kim"]


def test_closing_the_window_leads_back_to_the_same_list_after_an_act_too(administrator, kim):
    window = administrator.client.get(f"{USERS}{kim.user.pk}/mfa/", {"q": "kim", "show": "off"})
    question = press(administrator.client, window, "Two-factor authentication")
    done = press(administrator.client, question, "Confirm")

    assert read(done).dialog.attrs["data-close"] == f"{USERS}?q=kim&show=off"


def test_the_page_costs_the_same_whoever_is_on_it(administrator, make_person, sixty, admin):
    def statements():
        with CaptureQueriesContext(
            connection,
        ) as made:
            read(administrator.client.get(USERS, {"q": "u"}))
        return len(made)

    few = statements()
    for user in User.objects.filter(username__startswith="u")[:20]:
        holder = Person(user)
        holder.set_up_app()
        holder.add_passkey()
        services.request_passkey(user, actor=admin)

    assert statements() == few
    # Session, counts, the site's rule, counts of those whose company asks, companies, keys of the page, its people;
    # and on SQLite where the first range that is searched ends.
    assert few <= 7 + (connection.vendor == "sqlite")


# --- Whose people ---


def test_a_company_administrator_sees_their_own_company_only(carla, kim, make_user, other_company):
    make_user("nora", company=other_company)
    make_user("samir", company=None, role=Role.ADMINISTRATOR)

    assert found(carla) == ["carla", "kim"]
    assert found(carla, q="nora") == []
    assert chips(carla)[0][0] == "All 2"


def test_a_company_administrator_does_not_see_an_administrator_of_their_company(carla, make_user):
    make_user("boss", role=Role.ADMINISTRATOR)

    assert found(carla) == ["carla"]


def test_another_company_in_the_address_shows_a_company_administrator_no_more(carla, make_user, other_company):
    make_user("nora", company=other_company)

    assert found(carla, company=str(other_company.pk)) == []
    assert found(carla, company=other_company.name) == []


def test_the_list_takes_no_form(administrator):
    answer = administrator.client.post(USERS)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_the_list_is_not_kept_by_the_browser(administrator):
    assert "no-store" in administrator.client.get(USERS).headers["Cache-Control"]


def test_a_stranger_is_sent_to_the_login_and_back(client):
    answer = client.get(USERS, {"q": "kim"})

    assert answer.headers["Location"] == "/login/?next=%2Fsettings%2Fadministration%2Fusers%2F%3Fq%3Dkim"


@pytest.mark.parametrize(
    ("query", "kept"), [("", ""), ("?q=&show=requested&company=&role=&sort=last", "?show=requested&sort=last")]
)
def test_a_row_weighs_a_kilobyte_and_a_half_at_most_beside_what_leads_back(
    administrator, sixty, make_person, query, kept
):
    """Four links of a row lead back to the list as it was asked for, less what was left empty."""
    kim = make_person("kim.hansen", first_name="Kim", last_name="Hansen-Großmann")
    kim.set_up_app()
    kim.add_passkey()
    services.request_passkey(kim.user, actor=administrator.user)
    page = administrator.client.get(USERS + query).content.decode()
    rows = re.findall(r"<tr role=row>.*?</tr>", page, re.DOTALL)

    assert f"{kim.user.pk}/mfa/{kept}".replace("&", "&amp;") in page
    assert max(len(row.encode()) for row in rows) <= 1500 + 4 * len(kept.replace("&", "&amp;"))
