"""Administration → Activity: what is found, by whom it may be seen, and that its address is all there is to it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts import people
from accounts.activity import Activity, By, Place
from accounts.models import Role
from audit.acts import CHANGES, GROUPS, Group, group_of
from audit.models import AuditEvent
from audit.recording import record
from audit.sealing.checkpoints import seal_lines
from audit.sealing.export import exported
from audit.vocabulary import Action
from companies import services as companies
from mfa import services
from reporting.activity import Asked
from tests.companies import read, sent_as_it_is
from tests.people import Person

if TYPE_CHECKING:
    from accounts.models import User
    from tests.companies import Element

ACTIVITY = "/settings/administration/activity/"
pytestmark = pytest.mark.django_db


def page(viewer: Person, /, **asked: object) -> Element:
    return read(viewer.client.get(f"{ACTIVITY}?{urlencode(asked)}"))


def said(part: Element) -> list[str]:
    """What each line of the page says."""
    return [line.all("p")[0].words for line in part.one("main").all("li") if line.all("time")]


def found(viewer: User, /, **asked: object) -> list[Action]:
    """The acts of the lines that an address finds, newest first."""
    return [Action(line.action) for line in Asked(viewer, QueryDict(urlencode(asked))).page.lines]


def write(number: int, **fields: Any) -> list[AuditEvent]:
    """Lines, a minute apart, the first one the oldest."""
    start = fields.pop("start", datetime(2026, 3, 1, tzinfo=UTC))
    rows = [AuditEvent(at=start + n * timedelta(minutes=1), details={}, **fields) for n in range(number)]
    return list(AuditEvent.objects.bulk_create(rows))


# --- What one address finds ---


def test_what_an_administrator_changed_last_week_is_one_address(administrator, admin, kim, clock):
    services.request_passkey(kim.user, actor=admin)
    clock.shift(timedelta(days=7))
    kim.sign_in()
    services.delete_passkey_request(kim.user, actor=admin)

    shown = Person(admin)
    shown.sign_in()
    assert said(page(shown, actor=admin.pk, time="week")) == ["Petra Vogt asked Kim Hansen for a passkey"]
    assert said(page(shown, actor=admin.pk, time="today")) == ["Petra Vogt deleted the passkey request for Kim Hansen"]


def test_it_is_four_clicks_from_home(administrator, admin, kim, clock):
    services.request_passkey(kim.user, actor=admin)
    clock.shift(timedelta(days=7))
    shown = Person(admin)
    shown.sign_in()

    first = read(shown.client.get("/settings/"))
    users = read(shown.client.get(first.links["User"]))
    about = read(shown.client.get(next(to for name, to in users.links.items() if name.startswith("Petra Vogt"))))
    assert said(read(shown.client.get(about.links["What Petra changed last week"]))) == [
        "Petra Vogt asked Kim Hansen for a passkey"
    ]


def test_the_name_of_who_acted_leads_to_what_else_they_did(administrator, admin, kim, company):
    services.request_passkey(kim.user, actor=admin)
    services.delete_passkey_request(kim.user, actor=admin)
    shown = page(administrator, person=kim.user.pk, act="passkey_requested", company=company.pk)

    assert shown.one("main").links["Kim Hansen"] == f"/settings/administration/users/{kim.user.pk}/"
    theirs = shown.one("main").links["Petra Vogt"]
    assert theirs == f"?company={company.pk}&actor={admin.pk}"
    assert len(said(read(administrator.client.get(ACTIVITY + theirs)))) == 2


def test_each_group_and_each_single_act_finds_its_own(admin, kim, company):
    for action in Action:
        write(1, start=timezone.now(), action=action, actor=admin, subject=kim.user, company=company)

    for acts in (CHANGES, *GROUPS.values()):
        assert {line.action for line in Activity(admin, acts=acts).all()} == acts
    assert len(found(admin)) == 25
    for action in Action:
        assert found(admin, act=action) == [action]
        assert Activity(admin, acts=frozenset({action})).newest()[0].action == action
    assert {action for group in GROUPS.values() for action in group} == set(Action)
    assert sum(len(acts) for acts in GROUPS.values()) == len(Action)
    assert group_of(Action.REFUSED) is Group.FAILURES


def test_who_acted_is_somebody_oneself_another_or_nobody(admin, kim):
    record(Action.PASSKEY_CREATED, actor=kim.user, subject=kim.user, name="Key")
    record(Action.PASSKEY_DELETED, actor=admin, subject=kim.user, name="Key")
    record(Action.PASSKEY_SUSPENDED, actor=None, subject=kim.user, name="Key")
    record(Action.COMPANY_CHANGED, actor=admin, company=kim.user.company)

    for more in ({}, {"person": kim.user.pk}, {"company": kim.user.company_id}, {"act": "factors"}):
        about_kim = "person" in more or "act" in more
        others = [Action.PASSKEY_DELETED] if about_kim else [Action.COMPANY_CHANGED, Action.PASSKEY_DELETED]
        assert found(admin, actor=By.PERSON, **more) == [Action.PASSKEY_CREATED]
        assert found(admin, actor=By.OTHERS, **more) == others
        assert found(admin, actor=admin.pk, **more) == others
        assert found(admin, actor=By.NOBODY, **more) == [Action.PASSKEY_SUSPENDED]


def test_a_search_finds_lines_about_people_by_part_of_their_name(administrator, kim, ada, make_user):
    for person in (kim.user, ada.user, make_user("garcia", first_name="Núria", last_name="García")):
        record(Action.USER_CHANGED, actor=None, subject=person)

    assert said(page(administrator, q="ansen")) == said(page(administrator, q="KIM"))
    assert len(said(page(administrator, q="kim"))) == 1
    assert len(said(page(administrator, q="garcia"))) == 1
    assert "No user matches “nobody”" in page(administrator, q="nobody").words
    for number in range(21):
        make_user(f"many{number}", first_name="Many")
    assert "More than 20 people match “many”" in page(administrator, q="many").words


def test_days_are_those_of_the_site_and_both_ends_count(admin, kim):
    for day in (1, 2, 3):
        write(1, action=Action.USER_CHANGED, subject=kim.user, start=datetime(2026, 3, day, 12, tzinfo=UTC))

    assert len(found(admin, **{"from": "2026-03-01", "to": "2026-03-02"})) == 2
    assert len(found(admin, **{"from": "2026-03-02"})) == 2
    assert len(found(admin, to="2026-03-01")) == 1
    assert len(found(admin, time="any")) == 3
    assert found(admin) == []
    odd = {"from": "0001-01-01", "to": "9999-12-31"}
    assert len(found(admin, **odd)) == 3


@pytest.mark.parametrize(
    "asked",
    [
        "person=x",
        "person=00000000-0000-4000-8000-000000000000",
        "actor=00000000-0000-4000-8000-000000000000",
        "actor=x",
        "company=00000000-0000-4000-8000-000000000000",
        "company=No%00ne",
        "act=x",
    ],
)
def test_what_does_not_exist_finds_nothing_and_says_so(administrator, kim, asked):
    kim.sign_in()
    answer = read(administrator.client.get(f"{ACTIVITY}?time=any&{asked}"))

    assert said(answer) == []
    assert "There is nobody and nothing of this name" in answer.words


@pytest.mark.parametrize("time", ["today", "7", "week", "30", "any", "range&from=2026-03-01", "range&to=2026-03-01"])
def test_a_form_changes_what_is_filled_in_and_no_other_filter(administrator, admin, kim, time):
    """Each form of the page, sent as it came with another act: the same days, the same people."""
    address = f"{ACTIVITY}?actor={admin.pk}&person={kim.user.pk}&q=kim&time={time}"
    before = Asked(admin, QueryDict(address.partition("?")[2]))
    answer = administrator.client.get(address)

    forms = [form for form in read(answer).all("form") if form.attrs.get("action") == ACTIVITY]
    assert len(forms) == 2
    for form in forms:
        after = Asked(admin, QueryDict(urlencode(sent_as_it_is(form) | {"act": Action.PASSKEY_REQUESTED})))
        assert (after.days, after.person, after.actor, after.words) == (
            before.days,
            before.person,
            before.actor,
            before.words,
        )


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_each_act_to_choose_from_says_what_no_other_says(admin, language):
    with translation.override(language):
        labels = [label for _act, label in Asked(admin, QueryDict()).acts]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("place", ["x", "1-", "-1", "1-1-1", "٣-٣", "9" * 30 + "-1", "1-" + "9" * 30, "1.5-2"])
def test_a_place_that_is_none_is_the_beginning(admin, kim, place):
    write(3, action=Action.USER_CHANGED, subject=kim.user)

    assert len(found(admin, time="any", after=place)) == 3
    assert len(found(admin, time="any", before=place)) == 3


def test_a_company_is_found_by_its_name(administrator, company, other_company, admin):
    companies.rename_company(other_company, "Nordwind", actor=admin)
    companies.rename_company(company, "Acme", actor=admin)

    assert said(page(administrator, company="NORDWIND")) == ["Petra Vogt changed the company Nordwind"]


# --- Page by page ---


@pytest.mark.parametrize("act", ["", "all", "factors", "user_changed", "others"])
def test_pages_go_back_and_forth_and_miss_nothing(admin, kim, act):
    written = write(60, action=Action.USER_CHANGED, subject=kim.user)
    same = written[-1].at  # several of one moment, across the edge of a page
    AuditEvent.objects.bulk_create(AuditEvent(at=same, action=Action.PASSWORD_CHANGED, details={}) for _ in range(30))
    whole = Activity(admin, acts=Asked(admin, QueryDict(f"act={act}"))._acts)
    everything = [line.pk for line in whole.all()]
    assert everything == sorted(everything, reverse=True)

    pages, there = [whole.page()], []
    while pages[-1].earlier:
        pages.append(whole.page(after=pages[-1].earlier))
    assert [line.pk for each in pages for line in each.lines] == everything
    there.append(pages[-1])
    while there[-1].later:
        there.append(whole.page(before=there[-1].later))
    assert [line.pk for line in there[-1].lines] == everything[:25]
    assert pages[0].later is None


def test_an_address_reads_back_as_its_place():
    place = Place(datetime(2026, 11, 24, 9, 20, 0, 123456, tzinfo=UTC), 4711)

    assert Place.read(str(place)) == place


def test_earlier_and_later_lead_on(administrator, admin, kim):
    write(60, action=Action.USER_CHANGED, subject=kim.user)
    first = page(administrator, time="any")
    second = read(administrator.client.get(ACTIVITY + first.links["Earlier"]))
    third = read(administrator.client.get(ACTIVITY + second.links["Earlier"]))

    assert [len(said(each)) for each in (first, second, third)] == [25, 25, 10]
    assert "Earlier" not in third.links
    assert "Later" not in first.links
    assert read(administrator.client.get(ACTIVITY + third.links["Later"])).words == second.words


@pytest.mark.parametrize("asked", ["", "act=all", "act=factors", "act=locks&actor=others", "q=kim", "time=any"])
def test_a_page_costs_the_same_however_many_lines_there_are(administrator, admin, kim, company, asked):
    def statements() -> int:
        with CaptureQueriesContext(connection) as made:
            assert administrator.client.get(f"{ACTIVITY}?{asked}").status_code == 200
        return len(made)

    record(Action.PASSWORD_CHANGED, actor=kim.user, subject=kim.user)
    record(Action.USER_LOCKED, actor=admin, subject=kim.user)
    few = statements()
    for action in (Action.PASSWORD_CHANGED, Action.USER_LOCKED, Action.SIGNED_IN):
        write(40, action=action, subject=kim.user, actor=admin, company=company, start=datetime.now(UTC))

    assert statements() == few
    assert few <= 2 + 4


# --- By whom ---


@pytest.fixture
def everywhere(admin, kim, make_person, company, other_company):
    """A line of each kind: in two companies, about the site, and what administrators did to companies."""
    xenia = make_person("xenia", company=other_company)
    record(Action.USER_CHANGED, actor=kim.user, subject=kim.user)
    record(Action.USER_CHANGED, actor=xenia.user, subject=xenia.user)
    record(Action.USER_CHANGED, actor=admin, subject=admin)
    services.request_passkey(kim.user, actor=admin)
    companies.rename_company(company, "Acme", actor=admin)
    companies.rename_company(other_company, "Nord", actor=admin)


@pytest.mark.parametrize("role", [Role.COMPANY_ADMINISTRATOR, Role.AUDITOR])
@pytest.mark.row("ASVS-8.2.2")
def test_of_a_company_one_sees_its_own_lines_and_no_others(everywhere, make_person, role, admin, other_company):
    viewer = make_person("viewer", role=role)
    viewer.sign_in()

    assert said(page(viewer)) == [
        "Petra Vogt changed the company Acme",
        "Petra Vogt asked Kim Hansen for a passkey",
        "Kim Hansen changed their profile",
    ]
    assert said(page(viewer, company=other_company.pk)) == []
    assert said(page(viewer, actor=admin.pk)) == [], "whom one does not manage one does not ask about"
    assert said(page(viewer, q="xenia")) == []
    assert page(viewer).one("main").links.get("Petra Vogt") is None


def test_from_where_an_administrator_came_is_not_shown_to_a_company(carla, admin, kim):
    boss = Person(admin)
    boss.sign_in()
    boss.client.post(f"/settings/administration/users/{kim.user.pk}/sign-out/")

    assert "Petra Vogt ended all sessions of Kim Hansen" in page(carla).words
    assert "Chrome on Linux" not in page(carla).one("ol").words
    assert "Chrome on Linux" in page(boss).one("ol").words


def test_a_helpdesk_has_no_activity_page(make_person):
    helper = make_person("helper", role=Role.HELPDESK)
    helper.sign_in()

    assert helper.client.get(ACTIVITY).status_code == 403
    assert "Activity" not in read(helper.client.get("/settings/")).links
    assert helper.client.post(f"{ACTIVITY}export/", {"form": "csv"}).status_code == 403


def test_one_persons_history_is_what_the_page_says_of_them(everywhere, admin, kim, carla):
    people.end_sessions(kim.user, actor=admin)

    for viewer in (admin, carla.user):
        window = [line.pk for line in Activity(viewer, person=frozenset({kim.user.pk})).newest()]
        query = QueryDict(f"person={kim.user.pk}&act=all&time=any")
        assert [line.pk for line in Asked(viewer, query).page.lines] == window


# --- As a file ---


def export(viewer: Person, form: str, query: str = "?time=any&act=all") -> Any:
    return viewer.client.post(f"{ACTIVITY}export/{query}", {"form": form})


def test_what_is_filtered_is_a_file_of_json_lines(administrator, admin, kim):
    services.request_passkey(kim.user, actor=admin)
    kim.sign_in()
    answer = export(administrator, "jsonl", f"?actor={admin.pk}&act=requests")

    [line] = [json.loads(each) for each in answer.getvalue().splitlines()]
    event = AuditEvent.objects.get(action=Action.PASSKEY_REQUESTED)
    assert line == {
        "id": event.pk,
        "at": event.at.isoformat(timespec="microseconds"),
        "act": "passkey_requested",
        "sentence": "Petra Vogt asked Kim Hansen for a passkey",
        "actor": "petra",
        "actor_id": str(admin.pk),
        "subject": "kim",
        "subject_id": str(kim.user.pk),
        "company": "Acme Machines",
        "company_id": str(kim.user.company_id),
        "address": None,
        "browser": "",
        "details": {"changes": {"requests": [0, 1]}},
    }
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="activity-')


@pytest.mark.row("ASVS-1.2.10")
def test_a_spreadsheet_runs_nothing_of_the_file(administrator, make_user):
    odd = make_user("odd", first_name="=HYPERLINK(1)", last_name='"x", y')
    record(Action.USER_DEACTIVATED, actor=None, subject=odd)
    record(Action.APP_SET_UP, actor=odd, subject=odd)
    text = export(administrator, "csv").getvalue().decode("utf-8-sig")

    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert len(rows) == AuditEvent.objects.count()
    said_by = {row[head.index("act")]: row[head.index("sentence")] for row in rows}
    assert said_by["app_set_up"] == '\'=HYPERLINK(1) "x", y set up an authenticator app'
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


@pytest.mark.row("ASVS-1.2.10")
def test_a_browser_that_calls_itself_a_formula_stays_text_where_semicolons_separate(administrator, kim):
    kim.client.defaults["HTTP_USER_AGENT"] = "x;=cmd|' /C calc'!A0;y"
    kim.enter_password("wrong")
    text = export(administrator, "csv").getvalue().decode("utf-8-sig")

    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for cell in row]

    assert "'=cmd|' /C calc'!A0" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_a_file_has_every_line_and_asks_for_a_thousand_at_a_time(administrator, kim):
    write(2500, action=Action.USER_CHANGED, subject=kim.user)
    with CaptureQueriesContext(connection) as made:
        answer = export(administrator, "jsonl", "?time=any&act=user_changed")
        lines = answer.getvalue().splitlines()

    assert answer.streaming
    assert [json.loads(line)["id"] for line in lines] == sorted(
        AuditEvent.objects.filter(action=Action.USER_CHANGED).values_list("pk", flat=True), reverse=True
    )
    assert sum("audit_auditevent" in query["sql"] for query in made if query["sql"].startswith("SELECT")) == 2 * 3


def test_an_export_is_itself_on_record_with_what_it_asked_for(administrator, carla, admin, kim, company):
    export(administrator, "csv", f"?actor={admin.pk}&time=30&after=1-1").getvalue()
    export(carla, "jsonl").getvalue()
    export(administrator, "signed").getvalue()

    first, second, third = AuditEvent.objects.filter(action__endswith="_exported").order_by("pk")
    assert (first.actor, first.details) == (admin, {"form": "csv", "filters": {"actor": str(admin.pk), "time": "30"}})
    assert (second.actor, second.company) == (carla.user, company)
    assert (third.action, third.actor) == (Action.AUDIT_EXPORTED, admin)
    assert "Carla Reyes exported activity as a file" in page(carla).words
    assert "Petra Vogt exported" not in page(carla).words


def test_the_signed_export_is_the_commands_and_for_those_who_see_everything(administrator, carla, kim, make_person):
    kim.sign_in()
    seal_lines()
    auditor = make_person("auditor", role=Role.AUDITOR, company=None)
    auditor.sign_in()

    assert "The whole audit, signed" not in page(carla).words
    assert export(carla, "signed").status_code == 403
    for viewer in (administrator, auditor):
        assert "The whole audit, signed" in page(viewer).words
        head, *lines = export(viewer, "signed").getvalue().splitlines()
        assert json.loads(head)["audit"] == "m2v audit 1"
        assert lines == [*exported()][1:]


def test_a_file_holds_no_more_than_the_page(everywhere, carla):
    lines = [json.loads(line) for line in export(carla, "jsonl").getvalue().splitlines()]

    assert {line["company"] for line in lines} == {"Acme"}
    assert "xenia" not in str(lines)


def test_a_form_of_file_that_there_is_not_is_refused(administrator):
    assert export(administrator, "xlsx").status_code == 400
    assert not AuditEvent.objects.filter(action=Action.ACTIVITY_EXPORTED).exists()


def test_a_file_asks_who_one_is_when_that_was_long_ago(administrator, clock, admin):
    shown = Person(admin)
    shown.sign_in()
    clock.shift(timedelta(minutes=16))

    assert export(shown, "csv").headers["Location"].startswith("/confirm/")
