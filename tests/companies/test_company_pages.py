"""Administration → Company: the list, create and rename, the 2FA switch with its numbers, "Sign out now"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from accounts import people
from accounts.models import Role, User
from audit import recording
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies import services as companies
from companies.models import Company
from mfa import services
from tests.companies import COMPANIES, HTMX, USERS, just_before_saving, press, read
from tests.people import PASSWORD, Person

NEW = f"{COMPANIES}new/"


def of(company, act=""):
    """The address of a company's page, or of an act on it."""
    return f"{COMPANIES}{company.pk}/{act}"


def names(person, **asked):
    """The companies in the list, in its order."""
    return [cells[0] for cells in read(person.client.get(COMPANIES, asked)).rows]


def lines(answer):
    """What a question says, line by line."""
    return [line.words for line in read(answer).dialog.all("li")]


def flip(person, company):
    """Press the company's switch; the question that comes."""
    return press(person.client, person.client.get(of(company)), "Two-factor authentication")


@pytest.fixture
def crew(make_person, admin):
    """Of Acme: two set up, two asked by their own switch, one off."""
    made = {name: make_person(name) for name in ("app1", "app2", "own1", "own2", "plain")}
    for name in ("app1", "app2"):
        made[name].set_up_app()
    for name in ("own1", "own2"):
        services.enable_two_factor(made[name].user, actor=admin)
    return made


@pytest.fixture
def required(company):
    """Acme requires 2FA since long ago."""
    Company.objects.filter(pk=company.pk).update(
        two_factor_enabled=True, two_factor_changed_at=datetime(2026, 5, 3, 12, tzinfo=UTC)
    )
    company.refresh_from_db()
    return company


# --- The list ---


def test_the_list_says_how_many_people_there_are_and_how_many_are_set_up(administrator, crew, required, other_company):
    rows = read(administrator.client.get(COMPANIES)).rows

    assert [cells[:4] for cells in rows] == [
        ["Acme Machines", "Required since 3 May 2026", "5", "2 of 5"],
        ["Nordwind Fördertechnik GmbH", "Not required", "0", "0 of 0"],
    ]


def test_a_company_that_requires_it_since_nobody_knows_when_shows_no_day(administrator, company):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)

    assert read(administrator.client.get(COMPANIES)).rows[0][1] == "Required"
    assert (
        "Required for every user, today’s and future ones. Users" in read(administrator.client.get(of(company))).words
    )


def test_a_row_leads_to_the_company_and_its_form(administrator, company):
    page = read(administrator.client.get(COMPANIES))
    menu = next(found for found in page.all("div") if found.attrs.get("id") == f"actions-{company.pk}")

    assert page.links["Acme Machines"] == of(company)
    assert page.button("Actions for Acme Machines").attrs["popovertarget"] == f"actions-{company.pk}"
    assert menu.links == {"Two-factor authentication": of(company), "Edit": of(company, "edit/")}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("acme", ["Acme Machines"]),
        ("MACHINES acme", ["Acme Machines"]),
        ("FÖRDER", ["Nordwind Fördertechnik GmbH"]),
        ("wind gmbh", ["Nordwind Fördertechnik GmbH"]),
        ("acme gmbh", []),
        ("%", []),
        ("", ["Acme Machines", "Nordwind Fördertechnik GmbH"]),
    ],
)
def test_companies_are_found_by_parts_of_their_names(administrator, company, other_company, words, found):
    assert names(administrator, q=words) == found


def test_a_search_that_finds_no_company_says_so(administrator, company):
    page = read(administrator.client.get(COMPANIES, {"q": "<b>zz"}))

    assert "No company matches “<b>zz”" in page.words
    assert page.links["Show all companies"] == COMPANIES
    assert page.one("label", **{"for": "q"}).words == "Search companies"


def test_without_any_company_the_list_says_what_to_do(administrator):
    Company.objects.all().delete()

    assert "Create one, then add its users." in read(administrator.client.get(COMPANIES)).words


def test_the_list_is_paged(administrator):
    Company.objects.bulk_create(Company(name=f"Firma {number:02}") for number in range(30))
    answer = administrator.client.get(COMPANIES, {"q": "firma", "page": "2"})

    assert names(administrator, q="firma", page="2") == [f"Firma {number}" for number in range(25, 30)]
    assert read(answer).one("nav", **{"aria-label": "Pages"}).links == {"Previous": "?q=firma&page=1"}
    for odd in ("0", "-1", "99", "zwei", "", "1e3"):
        assert names(administrator, q="firma", page=odd)


@pytest.mark.parametrize("query", ["q=%00", "q=%ff", "q=" + "a" * 3000, "page=%00", "page=" + "9" * 5000, "q[]=1&&="])
def test_an_odd_address_never_fails(administrator, query):
    assert administrator.client.get(f"{COMPANIES}?{query}").status_code == 200


def test_a_company_administrator_sees_their_own_company_only(carla, company, other_company):
    page = read(carla.client.get(COMPANIES))

    assert names(carla) == ["Acme Machines"]
    assert names(carla, q="nordwind") == []
    assert "New company" not in page.links


# --- Create and rename ---


def test_a_company_is_created(administrator):
    answer = press(administrator.client, administrator.client.get(NEW), "Create", name=" Süd AG ")

    made = Company.objects.get(name="Süd AG")
    assert answer.redirect_chain == [(of(made), 302)]
    assert read(answer).notes == ["The company Süd AG is created."]
    assert not made.two_factor_enabled
    assert "This company has no users yet." in read(answer).words
    assert "Petra Vogt created the company Süd AG" in read(answer).words


def test_only_administrators_create_companies(carla):
    for answer in (carla.client.get(NEW), carla.client.post(NEW, {"name": "Süd AG"})):
        assert "You are not allowed to do this" in read(answer, 403).words
    assert not Company.objects.filter(name="Süd AG").exists()


@pytest.mark.parametrize("name", ["ACME MACHINES", "acme machines", " Acme Machines ", "Ａcme Machines"])
def test_the_same_name_in_another_spelling_is_refused(administrator, company, name):
    answer = administrator.client.post(NEW, {"name": name})

    assert read(answer, 400).notes == ["There is a company of this name already. Choose another."]
    assert Company.objects.count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b"])
def test_a_name_that_is_none_is_refused(administrator, company, name):
    for address in (NEW, of(company, "edit/")):
        assert len(read(administrator.client.post(address, {"name": name}), 400).notes) == 1
    assert [made.name for made in Company.objects.all()] == ["Acme Machines"]


def test_a_name_taken_at_the_last_moment_is_refused(administrator, company):
    with just_before_saving(Company, lambda: Company.objects.bulk_create([Company(name="SÜD AG")])):
        answer = administrator.client.post(NEW, {"name": "Süd AG"})

    assert read(answer, 400).notes == ["This name was taken a moment ago. Choose another one."]
    assert not AuditEvent.objects.filter(action=Action.COMPANY_CREATED).exists()


def test_a_new_name_taken_at_the_last_moment_changes_nothing(administrator, company):
    with just_before_saving(Company, lambda: Company.objects.bulk_create([Company(name="SÜD AG")])):
        answer = administrator.client.post(of(company, "edit/"), {"name": "Süd AG"})

    assert read(answer, 400).notes == ["This name was taken a moment ago. Choose another one."]
    assert Company.objects.get(pk=company.pk).name == "Acme Machines"
    assert "Acme Machines" in read(answer, 400).links


def test_a_company_is_renamed(administrator, company):
    answer = press(administrator.client, administrator.client.get(of(company, "edit/")), "Save", name="Acme Makina")

    assert read(answer).notes == ["The company is called Acme Makina now."]
    assert read(answer).one("h1").words == "Acme Makina"
    assert names(administrator, q="MAKINA") == ["Acme Makina"]
    assert "Petra Vogt changed the company" in read(answer).words


def test_another_spelling_of_its_own_name_is_not_taken(administrator, company):
    administrator.client.post(of(company, "edit/"), {"name": "ACME machines"})

    assert Company.objects.get(pk=company.pk).name == "ACME machines"


def test_a_name_of_another_company_is_refused_and_the_page_keeps_its_own(administrator, company, other_company):
    answer = administrator.client.post(of(company, "edit/"), {"name": "NORDWIND fördertechnik gmbh"})

    page = read(answer, 400)
    assert page.notes == ["There is a company of this name already. Choose another."]
    assert page.one("input", name="name").attrs["value"] == "NORDWIND fördertechnik gmbh"
    assert page.links["Acme Machines"] == of(company)


def test_renaming_ignores_what_is_not_in_the_form(administrator, company):
    administrator.client.post(
        of(company, "edit/"), {"name": "Acme Makina", "two_factor_enabled": "on", "id": "1", "name_folded": "x"}
    )

    stored = Company.objects.get(pk=company.pk)
    assert (stored.name, stored.two_factor_enabled, stored.name_folded) == ("Acme Makina", False, "acme makina")


def test_a_company_administrator_renames_their_own_company(carla, company):
    press(carla.client, carla.client.get(of(company, "edit/")), "Save", name="Acme Makina")

    assert Company.objects.get(pk=company.pk).name == "Acme Makina"


def test_a_name_is_text_wherever_it_is_shown(administrator, company):
    Company.objects.filter(pk=company.pk).update(name="<b>x</b>{number}{company}")

    for act in ("", "edit/", "two-factor/on/", "two-factor/off/", "sign-out/"):
        page = read(administrator.client.get(of(company, act)))
        assert "<b>x</b>{number}{company}" in page.words
        assert page.all("b") == []


# --- Its page ---


def test_the_page_of_a_company_that_does_not_require_it(administrator, crew, company):
    page = read(administrator.client.get(of(company)))

    assert page.button("Two-factor authentication").attrs["role"] == "switch"
    assert page.button("Two-factor authentication").attrs["aria-checked"] == "false"
    assert "5 users" in page.words
    assert "2 required, not set up yet" in page.words
    assert "If you switch it on, 3 of 5 users are asked at their next login. Set up already: 2 ." in page.words
    assert "Nothing has happened yet." not in page.words
    assert page.links["Users of this company"] == f"{USERS}?company={company.pk}"


def test_the_page_of_a_company_that_requires_it(administrator, crew, required):
    page = read(administrator.client.get(of(required)))

    assert page.button("Two-factor authentication").attrs["aria-checked"] == "true"
    assert "Required for every user, today’s and future ones, since 3 May 2026." in page.words
    assert "40% are set up" in page.words
    assert "3 required, not set up yet" in page.words
    assert "If you switch it on" not in page.words


def test_a_company_without_people_and_events_says_so(administrator, other_company):
    page = read(administrator.client.get(of(other_company)))

    assert "0 users" in page.words
    assert "This company has no users yet." in page.words
    assert "Nothing has happened yet." in page.words


@pytest.fixture
def ada(make_person):
    """An administrator who works at Acme, whom its company administrator does not manage; signed in, from elsewhere."""
    person = make_person("ada", first_name="Ada", last_name="Byron", role=Role.ADMINISTRATOR)
    person.client.defaults["REMOTE_ADDR"] = "192.0.2.77"
    person.set_up_app()
    person.sign_in()
    return person


def test_a_company_administrator_counts_only_people_they_manage(carla, ada, company):
    page = read(carla.client.get(of(company)))

    assert "1 user ·" in page.words
    assert "Set up already: 0." in page.words
    assert read(carla.client.get(COMPANIES)).rows[0][2:4] == ["1", "0 of 1"]
    assert "0 of 1" in read(carla.client.get("/settings/")).words
    assert "2 users ·" in read(ada.client.get(of(company))).words


def test_a_company_administrator_sees_nothing_about_people_of_a_higher_role(carla, ada, company):
    User.objects.filter(pk=ada.user.pk).update(role=Role.MEMBER)
    services.enable_two_factor(ada.user, actor=carla.user)
    User.objects.filter(pk=ada.user.pk).update(role=Role.ADMINISTRATOR)  # she has the higher role since then only
    profile = {"first_name": "Ada", "last_name": "Byron", "email": "ada@acme.example", "language": ""}
    ada.client.post("/user-settings/", profile | {"role": "member"})

    page = read(carla.client.get(of(company)))

    assert "Ada" not in page.words
    assert "192.0.2.77" not in page.words
    assert AuditEvent.objects.filter(action=Action.FIELDS_IGNORED, company=company).exists()
    assert "sent fields with a form" not in read(ada.client.get(of(company))).words, "a refusal is no news"


def test_a_company_administrator_sees_what_others_did_to_their_company_but_not_from_where(
    carla, ada, company, make_person
):
    kim = make_person("kim", first_name="Kim", last_name="Hansen")
    press(ada.client, flip(ada, company), "Confirm")
    ada.client.post(f"{USERS}{kim.user.pk}/mfa/two-factor/on/")
    with recording.origin("192.0.2.9", ""):
        record(Action.PASSWORD_RESET_REQUESTED, actor=None, subject=kim.user)
    press(carla.client, carla.client.get(of(company, "edit/")), "Save", name="Acme Makina")

    theirs, everything = (read(who.client.get(of(company))).words for who in (carla, ada))

    for page in (theirs, everything):
        assert "Ada Byron switched two-factor authentication on for Acme Makina" in page
        assert "Ada Byron switched two-factor authentication on for Kim Hansen" in page
        assert "Carla Reyes changed the company Acme Makina Today" in page
        assert "Chrome on Linux, 127.0.0.1" in page
        assert "was asked for Today" in page
        assert "192.0.2.9" in page
    assert "192.0.2.77" not in theirs
    assert "192.0.2.77" in everything
    window = f"{USERS}{kim.user.pk}/mfa/"
    assert "Ada Byron switched two-factor authentication on for Kim Hansen" in read(carla.client.get(window)).words
    assert "192.0.2.77" not in read(carla.client.get(window)).words
    assert "192.0.2.77" in read(ada.client.get(window)).words


@pytest.mark.parametrize("act", ["", "edit/", "two-factor/on/", "two-factor/off/", "sign-out/"])
def test_another_company_does_not_exist_for_a_company_administrator(carla, other_company, act):
    before = Company.objects.filter(pk=other_company.pk).values().get()

    assert carla.client.get(of(other_company, act)).status_code == 404
    assert carla.client.post(of(other_company, act), {"name": "Mine"}).status_code in {404, 405}
    assert Company.objects.filter(pk=other_company.pk).values().get() == before


@pytest.mark.parametrize("act", ["", "edit/", "two-factor/on/", "two-factor/off/", "sign-out/"])
def test_an_unknown_company_is_not_found(administrator, act):
    address = f"{COMPANIES}ffffffff-ffff-ffff-ffff-ffffffffffff/{act}"

    assert "There is nothing here" in read(administrator.client.get(address), 404).words


# --- On ---


def test_switching_on_says_first_whom_it_will_ask(administrator, crew, company):
    crew["plain"].sign_in()
    question = flip(administrator, company)

    assert read(question).dialog.one("h2").words == "Switch on two-factor authentication for Acme Machines?"
    assert lines(question) == [
        "5 people, and everybody who joins later",
        "2 are set up and notice nothing",
        "1 will be asked to set it up at the next login, and cannot get in without it",
        "2 have never signed in They are asked at their first login.",
    ]
    assert "Sign out now Ends the sessions of all 5 users at once." in read(question).dialog.words
    assert not Company.objects.get(pk=company.pk).two_factor_enabled


def test_switching_on_says_it_of_one_user_too(administrator, make_person, company):
    make_person("plain")
    make_person("app").set_up_app()

    assert lines(flip(administrator, company)) == [
        "2 people, and everybody who joins later",
        "1 is set up and notices nothing",
        "1 has never signed in Is asked at the first login.",
    ]


def test_switching_on_says_what_happened(administrator, crew, company):
    answer = press(administrator.client, flip(administrator, company), "Confirm")

    page = read(answer)
    assert page.notes == [
        "Acme Machines requires two-factor authentication. 3 users will be asked at their next login."
    ]
    assert page.button("Two-factor authentication").attrs["aria-checked"] == "true"
    assert "since today" in page.words
    assert "Petra Vogt switched two-factor authentication on for Acme Machines" in page.words


def test_switching_on_for_one_user_says_so(administrator, make_person, company):
    make_person("plain")
    answer = press(administrator.client, flip(administrator, company), "Confirm")

    assert read(answer).notes == [
        "Acme Machines requires two-factor authentication. 1 user will be asked at the next login."
    ]


def test_deactivated_people_are_in_no_number(administrator, crew, company, make_user):
    make_user("gone", is_active=False, two_factor_enabled=True)

    assert lines(flip(administrator, company))[0] == "5 people, and everybody who joins later"


def test_sessions_go_on_when_it_is_switched_on(administrator, crew, company):
    crew["plain"].sign_in()
    press(administrator.client, flip(administrator, company), "Confirm")

    assert crew["plain"].is_in


def test_sign_out_now_ends_the_sessions_of_the_company(administrator, crew, company, make_person, other_company):
    foreign = make_person("foreign", company=other_company)
    for person in (crew["plain"], crew["app1"], foreign):
        person.sign_in()
    press(administrator.client, flip(administrator, company), "Confirm", sign_out="on")

    assert not crew["plain"].is_in
    assert not crew["app1"].is_in
    assert foreign.is_in
    crew["plain"].enter_password()
    assert crew["plain"].asked_for == "/login/setup/two-factor/"


def test_canceling_switches_nothing(administrator, company):
    answer = press(administrator.client, flip(administrator, company), "Cancel")

    assert answer.request["PATH_INFO"] == of(company)
    assert not Company.objects.get(pk=company.pk).two_factor_enabled


# --- Off ---


def test_switching_off_says_first_who_keeps_it_and_who_is_free(administrator, crew, required):
    question = flip(administrator, required)

    assert read(question).dialog.one("h2").words == "Switch off two-factor authentication for Acme Machines?"
    assert lines(question) == [
        "5 people",
        "2 have set it up and keep it",
        "3 have never signed in, and are not asked at their first login",
    ]
    dialog = read(question).dialog
    assert (
        "Keep asking the 2 users switched on individually Otherwise the personal switches of own1 and own2 go off too."
        in dialog.words
    )
    assert "danger" not in dialog.one("button", form="confirm").attrs["class"], "nothing is lost"
    assert "Sign out now" not in dialog.words, "nobody of them is signed in"
    assert Company.objects.get(pk=required.pk).two_factor_enabled


def test_switching_off_says_it_of_one_user_too(administrator, admin, make_person, required):
    make_person("app").set_up_app()
    services.enable_two_factor(make_person("own").user, actor=admin)
    question = flip(administrator, required)

    assert lines(question) == [
        "2 people",
        "1 has set it up and keeps it",
        "1 has never signed in, and is not asked at the first login",
    ]
    assert "Keep asking the 1 user switched on individually" in read(question).dialog.words


def test_the_only_user_of_a_company_is_spoken_of_as_one(administrator, make_person, required):
    make_person("plain").sign_in()

    assert "Sign out now Ends the sessions of the 1 user at once." in read(flip(administrator, required)).dialog.words


def test_switching_off_stops_asking_everybody_who_is_not_set_up(administrator, crew, required):
    answer = press(administrator.client, flip(administrator, required), "Confirm")

    assert read(answer).notes == [
        "Acme Machines no longer requires two-factor authentication. 3 users are no longer asked."
    ]
    for name in ("own1", "own2", "plain"):
        crew[name].enter_password()
        assert crew[name].is_in
    crew["app1"].enter_password()
    assert crew["app1"].asked_for == "/login/challenge/"


def test_switching_off_keeps_asking_those_one_wants_to(administrator, crew, required):
    answer = press(administrator.client, flip(administrator, required), "Confirm", keep="on")

    assert read(answer).notes == [
        "Acme Machines no longer requires two-factor authentication. 1 user is no longer asked."
    ]
    crew["plain"].enter_password()
    assert crew["plain"].is_in
    for name in ("own1", "own2"):
        crew[name].enter_password()
        assert crew[name].asked_for == "/login/setup/two-factor/"


def test_with_nobody_switched_on_individually_there_is_nothing_to_keep(administrator, make_person, required):
    make_person("plain").sign_in()
    question = flip(administrator, required)

    assert read(question).all("input", name="keep") == []
    assert len(read(question).all("input", name="sign_out")) == 1


def test_the_number_that_is_kept_is_the_number_whose_switch_stays_on(administrator, crew, required, make_user):
    make_user("gone", is_active=False, two_factor_enabled=True)
    question = flip(administrator, required)
    number = int(re.search(r"Keep asking the (\d+) users", read(question).dialog.words)[1])
    press(administrator.client, question, "Confirm")

    assert AuditEvent.objects.get(action=Action.COMPANY_TWO_FACTOR_DISABLED).details["changed"] == number


def test_switching_off_with_sign_out_now_ends_the_sessions(administrator, crew, required):
    crew["app1"].sign_in()
    press(administrator.client, flip(administrator, required), "Confirm", sign_out="on")

    assert not crew["app1"].is_in


def test_confirming_off_twice_says_nothing_untrue(administrator, crew, required):
    question = flip(administrator, required)
    press(administrator.client, question, "Confirm", keep="on")
    for name in ("own1", "own2", "plain"):
        services.enable_two_factor(crew[name].user, actor=administrator.user)
    answer = press(administrator.client, question, "Confirm")

    assert User.objects.filter(two_factor_enabled=True).count() == 5  # nothing was done this time
    assert "no longer asked" not in " ".join(read(answer).notes)


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/"])
def test_odd_values_of_the_tick_boxes_do_no_harm(administrator, company, act):
    for values in ({"keep": ["on", "off"], "sign_out": "0"}, {"keep": "%00", "sign_out": ""}, {"x": "y"}):
        assert administrator.client.post(of(company, act), values).status_code == 302


# --- Sign out now ---


def test_signing_a_company_out_says_what_it_means_and_does_it(administrator, crew, company):
    crew["plain"].sign_in()
    page = read(administrator.client.get(of(company)))
    question = administrator.client.get(page.links["Sign out now"])
    answer = press(administrator.client, question, "Confirm")

    assert read(question).dialog.one("h2").words == "Sign out all users of Acme Machines now?"
    assert lines(question) == ["Ends the sessions of all 5 users at once.", "They can sign in again right away."]
    assert read(answer).notes == ["All users of Acme Machines are signed out."]
    assert not crew["plain"].is_in
    assert administrator.is_in


def test_a_company_without_users_has_nobody_to_sign_out(administrator, company, make_user):
    assert "Sign out now" not in read(administrator.client.get(of(company))).links

    make_user("omar", company=company)
    assert "Sign out now" in read(administrator.client.get(of(company))).links


def test_signing_a_company_out_says_where_nobody_is_in(administrator, company):
    dialog = read(administrator.client.get(of(company, "sign-out/"))).dialog

    assert "Nobody of this company is signed in." in dialog.words
    assert "danger" not in dialog.button("Confirm").attrs["class"]


def test_signing_ones_own_company_out_says_so_and_leads_to_the_login(carla, company):
    question = carla.client.get(of(company, "sign-out/"))
    answer = press(carla.client, question, "Confirm")

    assert "You are one of them: you are signed out too." in lines(question)
    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == "/login/"
    assert not carla.is_in


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/"])
def test_sign_out_now_beside_the_switch_of_ones_own_company_leads_to_the_login(carla, company, act):
    question = carla.client.get(of(company, act))
    answer = press(carla.client, question, "Confirm", sign_out="on")

    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == "/login/"
    assert not carla.is_in


# --- How the questions come ---


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/", "sign-out/"])
def test_htmx_gets_the_question_alone(administrator, company, act):
    page = read(administrator.client.get(of(company, act), **HTMX))

    assert page.all("main") == []
    assert page.dialog.attrs["data-close"] == of(company)


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/", "sign-out/"])
def test_a_question_is_a_page_of_its_own_over_the_companys(administrator, company, act):
    page = read(administrator.client.get(of(company, act)))

    assert "open" in page.dialog.attrs
    assert page.one("h1").words == "Acme Machines"


@pytest.mark.parametrize(
    "name", ["company_new", "company_edit", "company_on", "company_off", "company_sign_out", "company_pass_on"]
)
def test_after_a_quarter_of_an_hour_every_change_asks_who_one_is(administrator, company, name):
    address = reverse(f"settings:{name}", args=[] if name == "company_new" else [company.pk])
    before = list(Company.objects.values())
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        for answer in (administrator.client.get(address), administrator.client.post(address, {"name": "Other"})):
            assert answer.headers["Location"].startswith("/confirm/")

    assert list(Company.objects.values()) == before


def test_what_was_ticked_is_kept_while_one_confirms_who_one_is(administrator, crew, required):
    question = flip(administrator, required)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        asked = press(administrator.client, question, "Confirm", keep="on")
        held = press(administrator.client, asked, "Verify", password=PASSWORD)
        press(administrator.client, held, "Go on")

    assert not Company.objects.get(pk=required.pk).two_factor_enabled
    assert User.objects.get(username="own1").two_factor_enabled


@pytest.mark.parametrize("act", ["", "edit/", "two-factor/on/", "two-factor/off/", "sign-out/"])
def test_these_pages_take_no_other_method(administrator, company, act):
    for method in ("put", "delete", "patch"):
        assert getattr(administrator.client, method)(of(company, act)).status_code == 405


def test_looking_is_possible_at_any_time(administrator, company):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        for address in ("/settings/", COMPANIES, of(company), USERS):
            assert administrator.client.get(address).status_code == 200


def test_a_member_of_the_company_has_no_way_in(kim, company):
    kim.sign_in()
    for act in ("", "edit/", "two-factor/on/", "two-factor/off/", "sign-out/"):
        assert kim.client.get(of(company, act)).status_code == 403
        assert kim.client.post(of(company, act)).status_code == 403
    assert Person(kim.user).client.get(of(company)).status_code == 302


# --- What was done ---


def test_the_latest_that_was_done_leads_to_everything(administrator, admin, company):
    for number in range(30):
        companies.rename_company(company, f"Acme {number}", actor=admin)
    latest = read(administrator.client.get(f"{COMPANIES}{company.pk}/")).one(
        "section", **{"aria-labelledby": "activity"}
    )
    assert len(latest.all("li")) == 10

    everything = read(administrator.client.get(latest.links["Show all activity"]))
    assert "Petra Vogt changed the company Acme 29" in everything.one("main").words
    assert len(everything.all("time")) == 25


def test_names_in_what_was_done_lead_to_those_whom_one_manages(make_person, company_admin, admin, company, kim):
    people.end_sessions(kim.user, actor=admin)
    carla = Person(company_admin)
    carla.sign_in()
    shown = read(carla.client.get(f"{COMPANIES}{company.pk}/")).one("section", **{"aria-labelledby": "activity"})
    assert "Petra Vogt ended all sessions of Kim Hansen" in shown.words
    assert shown.one("ul").links == {"Kim Hansen": f"{USERS}{kim.user.pk}/"}

    window = read(carla.client.get(f"{USERS}{kim.user.pk}/mfa/"))
    assert "Kim Hansen" not in window.one("details").links, "one is there already"
    kim.sign_in()
    assert read(kim.client.get("/user-settings/mfa/")).one("details").links == {}


def test_a_name_in_what_was_done_is_text(administrator, admin, company, make_user):
    odd = make_user("odd", first_name="<b>Odd</b>", last_name="{actor}&")
    people.end_sessions(odd, actor=admin)
    page = administrator.client.get(f"{COMPANIES}{company.pk}/").content.decode()

    assert "&lt;b&gt;Odd&lt;/b&gt; {actor}&amp;</a>" in page
    assert "<b>Odd" not in page
