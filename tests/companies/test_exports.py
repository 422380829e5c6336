"""Lists as files: as they are filtered, whoever may and nobody else, harmless in a spreadsheet, and in constant memory."""

from __future__ import annotations

import csv
import tracemalloc
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.db.models import Case, Value, When

from accounts.models import Role, User
from audit.models import AuditEvent
from companies import exports
from companies.models import Company
from mfa import services
from mfa.models import AuthenticatorApp
from tests.companies import read

USERS = "/settings/administration/users/export/"
COMPANIES = "/settings/administration/companies/export/"


def taken_out(person, address=USERS, **asked):
    """The rows of the file."""
    answer = person.client.post(f"{address}?{urlencode(asked)}")
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff"), "Excel would take it for Windows-1252"
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))


def names(rows):
    return {row["user name"] for row in rows}


def test_a_list_is_taken_out_as_it_is_filtered(administrator, kim_with_app, make_user, other_company):
    make_user("amelie", first_name="Amélie", two_factor_enabled=True)
    xaver = make_user("xaver", company=other_company)
    make_user("gone", is_active=False)

    assert names(taken_out(administrator)) == {"petra", "kim", "amelie", "xaver"}
    assert names(taken_out(administrator, show="set_up")) == {"kim"}
    assert names(taken_out(administrator, show="asked")) == {"amelie"}
    assert names(taken_out(administrator, show="inactive")) == {"gone"}
    assert names(taken_out(administrator, q="amelie")) == {"amelie"}
    assert names(taken_out(administrator, company=xaver.company_id)) == {"xaver"}
    assert names(taken_out(administrator, company=xaver.company_id, show="set_up")) == set()


@pytest.mark.parametrize(
    "asked", [{"company": "Acme Machine"}, {"show": "nonsense"}, {"role": "boss"}, {"q": "\u0301"}]
)
def test_a_filter_that_there_is_not_takes_nobody_out(administrator, kim, asked):
    assert taken_out(administrator, **asked) == []


def test_words_of_which_nothing_is_left_take_no_company_out(administrator, company):
    assert taken_out(administrator, COMPANIES, q="\u0301") == []


def test_a_row_says_what_the_list_says(administrator, kim_with_app, company):
    Company.objects.update(two_factor_enabled=True)
    services.request_passkey(kim_with_app.user, actor=administrator.user)
    kim_with_app.add_passkey()

    [row] = taken_out(administrator, q="kim")

    assert list(row) == list(exports.OF_A_PERSON)
    assert (row["two-factor authentication"], row["required by"], row["passkeys"]) == (
        "set up",
        "person and company",
        "1",
    )
    assert (row["passkey requested"], row["account"], row["role"]) == ("no", "active", "Member")


@pytest.mark.row("ASVS-1.2.10")
@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(begins, administrator, make_user):
    User.objects.filter(pk=make_user("mallory").pk).update(first_name=f"{begins}cmd|' /C calc'!A0")

    [row] = taken_out(administrator, q="mallory")

    assert row["first name"] == f"'{begins}cmd|' /C calc'!A0"


def test_companies_are_taken_out_too(administrator, kim_with_app, company, other_company):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)

    rows = taken_out(administrator, COMPANIES)

    assert [(row["company"], row["two-factor authentication"], row["users"], row["set up"], row["percent"]) for row in rows] == [
        ("Acme Machines", "required", "1", "1", "100"),
        ("Nordwind Fördertechnik GmbH", "not required", "0", "0", ""),
    ]  # fmt: skip
    assert [row["company"] for row in taken_out(administrator, COMPANIES, q="nord")] == ["Nordwind Fördertechnik GmbH"]


def moved(row, name):
    """`row` once it has another name, which comes elsewhere in the order of names."""
    setattr(row, "username" if isinstance(row, User) else "name", name)
    row.save()


@pytest.mark.parametrize("model", [User, Company])
def test_who_is_renamed_while_a_file_is_sent_is_in_it_once(admin, company, model):
    if model is User:
        User.objects.bulk_create(User(username=f"kim{n:03}", company=company) for n in range(700))
        rows = exports.each_person(User.objects.get_queryset())
    else:
        Company.objects.bulk_create(
            Company(name=f"Kim {n:03}", name_folded=f"kim {n:03}", name_plain=f"kim {n:03}") for n in range(700)
        )
        rows = exports.each_company(Company.objects.managed_by(admin), admin)
    sent = [next(rows)]
    there = set(model.objects.values_list("pk", flat=True))

    moved(sent[0], "zzz")
    for number, row in enumerate(model.objects.exclude(pk=sent[0].pk).order_by("pk").reverse()[:20]):
        moved(row, f"aaa{number:02}")
    sent += rows

    assert len(sent) == len(there)
    assert {row.pk for row in sent} == there


@pytest.mark.parametrize(("set_up", "people", "percent"), [(5, 12, "42"), (3, 8, "38"), (199, 200, "99")])
def test_a_percentage_is_the_same_in_the_file_and_on_the_page(administrator, company, set_up, people, percent):
    them = [User(username=f"p{n}", username_folded=f"p{n}", company=company) for n in range(people)]
    User.objects.bulk_create(them)
    AuthenticatorApp.objects.bulk_create(
        AuthenticatorApp(user=person, confirmed=True, key=b"x") for person in them[:set_up]
    )

    [row] = taken_out(administrator, COMPANIES)

    assert (row["users"], row["set up"], row["percent"]) == (str(people), str(set_up), percent)
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/").context["coverage"]
    assert str(page.percent) == percent


def test_whoever_is_deactivated_is_asked_for_nothing(administrator, kim_with_app, make_user, company):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)
    make_user("lena", two_factor_enabled=True)
    make_user("lars")
    User.objects.update(is_active=Case(When(username__in=["lena", "kim"], then=Value(False)), default=Value(True)))

    said = {row["user name"]: row["two-factor authentication"] for row in taken_out(administrator, show="inactive")}
    assert said == {"lena": "not asked", "kim": "set up"}
    assert "asked at next login" in {row["two-factor authentication"] for row in taken_out(administrator, q="lars")}
    page = read(administrator.client.get("/settings/administration/users/?show=inactive"))
    assert "Asked at next login" not in [cell.words for cell in page.one("tbody").all("td")]


def test_who_took_whose_data_out_is_in_the_audit(administrator, kim, company):
    taken_out(administrator, q="kim", company=company.pk, page="2", other="x")

    line = AuditEvent.objects.get(action="list_exported")
    assert (line.actor, line.company) == (administrator.user, company)
    assert line.details == {"name": "User", "filters": {"q": "kim", "company": str(company.pk)}}


@pytest.mark.parametrize("address", [USERS, COMPANIES])
def test_following_a_link_takes_nothing_out(administrator, address):
    for method in (administrator.client.get, administrator.client.head):
        assert method(address).status_code == 405

    assert not AuditEvent.objects.filter(action="list_exported").exists()


def test_a_company_administrator_takes_their_people_out_and_nobody_else(carla, foreigners, kim):
    assert names(taken_out(carla)) == {"carla", "kim"}
    assert names(taken_out(carla, q="xaver")) == set()
    assert [row["company"] for row in taken_out(carla, COMPANIES)] == ["Acme Machines"]
    assert AuditEvent.objects.filter(action="list_exported").first().company == carla.user.company


@pytest.mark.parametrize(("role", "status"), [(Role.AUDITOR, 200), (Role.HELPDESK, 403), (Role.MEMBER, 403)])
def test_auditors_take_lists_out_and_the_helpdesk_does_not(role, status, make_person):
    person = make_person("olga", role=role)
    person.sign_in()

    for address in (USERS, COMPANIES):
        answer = person.client.post(address)
        assert answer.status_code == status
        b"".join(answer)
    page = person.client.get("/settings/administration/users/").content.decode()
    assert (f'action="{USERS}' in page) is (status == 200)


def test_who_has_not_confirmed_lately_who_they_are_is_asked_first(administrator, time_machine):
    time_machine.move_to(administrator.user.created_at.timestamp() + 16 * 60 + 60)

    assert administrator.client.post(USERS).headers["Location"].startswith("/confirm/")


def test_the_button_on_the_list_keeps_what_is_asked_for(administrator):
    page = administrator.client.get("/settings/administration/users/?q=kim&show=set_up").content.decode()

    assert f'action="{USERS}?q=kim&amp;show=set_up"' in page


def test_however_many_people_there_are_they_take_no_more_memory(administrator, company):
    def peak():
        answer = administrator.client.post(USERS)
        tracemalloc.start()
        try:
            rows = sum(part.count(b"\r\n") for part in answer.streaming_content) - 1
            return rows, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    User.objects.bulk_create([User(username=f"first{n:05}", company=company) for n in range(2000)])
    few = peak()
    User.objects.bulk_create([User(username=f"then{n:05}", company=company) for n in range(6000)])
    many = peak()

    assert (few[0], many[0]) == (2001, 8001)
    assert many[1] < few[1] * 1.5


@pytest.mark.parametrize(("language", "separator"), [("en", ","), ("de", ";")])
def test_a_file_is_separated_as_its_readers_spreadsheet_splits_it(administrator, kim, language, separator):
    User.objects.filter(pk=administrator.user.pk).update(language=language)
    activity = "/settings/administration/activity/export/"
    answers = [
        administrator.client.post(USERS),
        administrator.client.post(COMPANIES),
        administrator.client.post(activity, {"form": "csv"}),
    ]

    for answer in answers:
        first, *rows = b"".join(answer.streaming_content).decode().splitlines()
        assert csv.Sniffer().sniff(first, ",;").delimiter == separator
        assert rows
        assert len({len(row) for row in csv.reader([first, *rows], delimiter=separator)}) == 1
