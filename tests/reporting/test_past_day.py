"""Activity → a past day: how everybody stood at its end, held against what was counted that night, and as a file."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from accounts import people
from accounts.models import Role, User
from audit.models import AuditEvent
from companies import services as companies_services
from companies.models import Snapshot
from mfa import services
from reporting import past_day
from reporting.taking import take_missing
from tests.companies import read
from tests.people import NOW, Person

PAGE = "/settings/administration/activity/day/"
A_DAY = timedelta(days=1)
TODAY = NOW.date()


@pytest.fixture
def petra(clock, admin):
    return Person(admin)


def days_go_by(clock, days=1):
    """Each night the numbers are kept."""
    for _ in range(days):
        clock.shift(A_DAY)
        take_missing()


def shown(person, day=TODAY):
    person.sign_in()
    return read(person.client.get(PAGE, {"day": str(day)}))


def taken(person, day=TODAY):
    """The file's rows by user name, after a fresh proof."""
    person.sign_in()
    answer = person.client.post(f"{PAGE}export/?day={day}")
    assert answer.status_code == 200, answer
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return {row["user name"]: row for row in csv.DictReader(text.splitlines())}


def test_everybody_stands_where_they_stood(clock, petra, make_person, company, other_company):
    kim, ben = make_person("kim", first_name="Kim"), make_person("ben", company=other_company)
    kim.set_up_app()
    kim.add_passkey()
    companies_services.enable_company_two_factor(other_company, actor=petra.user)
    days_go_by(clock)
    services.disable_two_factor(kim.user, actor=petra.user)
    ben.set_up_app()
    people.deactivate_user(ben.user, actor=petra.user)
    kim.user.first_name, kim.user.company = "Kimberly", other_company
    people.change_user(kim.user, changed=["first_name", "company"], actor=petra.user)
    make_person("late")
    companies_services.disable_company_two_factor(other_company, actor=petra.user)
    page = shown(petra)

    assert page.one("h1").words == "How everybody stood on 4 May 2026"
    assert "The audit and that night’s count agree" in page.words
    assert "33% of 3 users were set up" in page.words
    rows = [[row.one("th").words, *(cell.words for cell in row.all("td"))] for row in page.one("tbody").all("tr")]
    assert sorted(rows) == [
        ["Acme Machines", "1", "1", "0", "0"],
        ["No company", "1", "0", "0", "1"],
        ["Nordwind Fördertechnik GmbH", "1", "0", "1", "0"],
    ]
    rows = taken(petra)
    assert set(rows) == {"petra", "kim", "ben"}
    assert list(rows["kim"].values()) == [
        *("kim", "Kim", "", "Acme Machines", "Member", "active", "set up", "person", "yes", "1", "no", "yes")
    ]
    assert list(rows["ben"].values()) == [
        *("ben", "", "", "Nordwind Fördertechnik GmbH", "Member", "active", "asked at next login", "company"),
        *("no", "0", "no", "yes"),
    ]


def test_a_company_is_called_what_it_was_called_then(clock, petra, kim, company):
    days_go_by(clock)
    for name in ("Acme Makina", "Acme"):
        companies_services.rename_company(company, name, actor=petra.user)
    page = shown(petra)

    assert "Acme Machines" in page.one("tbody").words
    assert "Acme Makina" not in page.one("tbody").words
    assert taken(petra)["kim"]["company"] == "Acme Machines"


def test_a_company_sees_its_own_people_of_that_day_alone(clock, petra, carla, make_person, company, other_company):
    gone, come = make_person("gone"), make_person("come", company=other_company)
    make_person("never", company=other_company)
    make_person("boss", role=Role.ADMINISTRATOR)
    days_go_by(clock)
    for person, to in ((gone, other_company), (come, company)):
        person.user.company = to
        people.change_user(person.user, changed=["company"], actor=petra.user)
    page = shown(carla)

    assert "Acme Machines · until" in page.words
    assert "of 2 users were set up" in page.words
    assert "agree" in page.words
    assert "Nordwind" not in page.words
    assert set(taken(carla)) == {"carla", "gone"}
    line = AuditEvent.objects.get(action="list_exported")
    assert (line.company, line.details) == (company, {"name": "User, 2026-05-04", "filters": {"day": "2026-05-04"}})


def test_what_was_changed_past_all_acts_is_found(clock, petra, kim):
    services.enable_two_factor(kim.user, actor=petra.user)
    days_go_by(clock)
    services.disable_two_factor(kim.user, actor=petra.user)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=True, is_active=False)

    assert "The audit and that night’s count differ" in shown(petra).words
    assert taken(petra)["kim"]["as the audit says"] == "no: changed past the product"
    assert taken(petra)["petra"]["as the audit says"] == "yes"


def test_a_day_of_which_nothing_was_kept_is_worked_out_all_the_same(clock, petra, kim):
    days_go_by(clock)
    kim.set_up_app()
    page = shown(petra, TODAY - A_DAY)

    assert "Nobody was here yet." in page.words
    Snapshot.objects.all().delete()
    page = shown(petra)
    assert "Nothing was counted that night" in page.words
    assert "0% of 2 users were set up" in page.words


def test_lines_that_say_too_little_are_told_with_the_day_from_which_on_it_is_exact(clock, petra, kim):
    kim.add_passkey()
    days_go_by(clock)
    clock.shift(3600)
    AuditEvent.objects.create(action="passkey_created", actor=kim.user, subject=kim.user, details={"name": "Old"})

    page = shown(petra)
    assert "Lines of an earlier version do not say all that was before: exact from today, 10:30." in page.words
    row = taken(petra)["kim"]
    assert (row["passkeys"], row["as the audit says"]) == ("0", "as far as it says")


def test_where_too_much_happened_since_the_page_shows_what_was_counted(clock, petra, make_person, monkeypatch):
    kim = make_person("kim")
    days_go_by(clock)
    kim.set_up_app()
    monkeypatch.setattr(past_day, "MOST_CHANGED", 0)
    page = shown(petra)

    assert "Too much has happened since to be worked out while you wait" in page.words
    assert "0% of 2 users were set up" in page.words
    assert taken(petra)["kim"]["two-factor authentication"] == "not asked"


@pytest.mark.parametrize("odd", ["", "2026-05-05", "2999-01-01", "0001-01-01", "yesterday", "2026-02-30", "\x00"])
def test_what_is_no_day_that_is_over_is_yesterday(clock, petra, odd):
    petra.sign_in()
    page = read(petra.client.get(PAGE, {"day": odd}))

    assert page.one("h1").words == "How everybody stood on 3 May 2026"
    assert ("That day is not over yet: this is yesterday." in page.words) is bool(odd)


def test_it_is_linked_from_activity_and_not_for_a_helpdesk(clock, petra, make_person):
    petra.sign_in()
    links = read(petra.client.get("/settings/administration/activity/")).links
    assert links["How everybody stood on a past day"] == PAGE
    hana = make_person("hana", company=None, role=Role.HELPDESK)
    hana.sign_in()

    assert hana.client.get(PAGE).status_code == 403
    assert hana.client.post(f"{PAGE}export/").status_code == 403
