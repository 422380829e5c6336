"""The services for companies: one transaction and one audit line for each act."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies import services
from companies.models import Company
from companies.queries import latest_events
from companies.services import Individuals, end_company_sessions
from mfa.services import Sessions, enable_two_factor, set_up_app
from tests.people import Person


@pytest.fixture
def people(make_person, admin, other_company):
    """Set up; asked by their own switch; not asked; and one of another company who is asked."""
    made = {name: make_person(name) for name in ("app", "own", "plain")}
    made["app"].set_up_app()
    enable_two_factor(made["own"].user, actor=admin)
    made["foreign"] = make_person("foreign", company=other_company)
    enable_two_factor(made["foreign"].user, actor=admin)
    return made


def lines(company):
    return list(
        AuditEvent.objects.filter(company=company, subject=None).order_by("id").values_list("action", flat=True)
    )


def switches():
    return dict(User.objects.exclude(username="petra").values_list("username", "two_factor_enabled"))


def test_a_company_is_created_with_its_line(admin):
    company = Company(name="Süd AG")
    services.create_company(company, actor=admin)

    line = AuditEvent.objects.get()
    assert (line.action, line.actor, line.company) == (Action.COMPANY_CREATED, admin, company)
    assert line.details == {"name": "Süd AG"}
    assert Company.objects.get(name_folded="süd ag") == company


def test_a_company_that_cannot_be_saved_leaves_no_line(admin, company):
    with pytest.raises(IntegrityError), transaction.atomic():
        services.create_company(Company(name="ACME machines"), actor=admin)

    assert not AuditEvent.objects.exists()


def test_renaming_says_the_name_before_and_after(admin, company):
    services.rename_company(company, "Acme Makina", actor=admin)

    line = AuditEvent.objects.get()
    assert line.details == {"before": "Acme Machines", "name": "Acme Makina"}
    assert Company.objects.get().name_folded == "acme makina"


def test_the_same_name_again_is_no_change(admin, company):
    services.rename_company(company, "Acme Machines", actor=admin)

    assert lines(company) == []


def test_renaming_leaves_the_switch_alone(admin, company):
    stale = Company.objects.get(pk=company.pk)
    services.enable_company_two_factor(company, actor=admin)
    services.rename_company(stale, "Acme Makina", actor=admin)

    assert Company.objects.get(pk=company.pk).two_factor_enabled


def test_switching_on_changes_no_personal_switch(admin, company, people):
    before = switches()
    services.enable_company_two_factor(company, actor=admin)

    stored = Company.objects.get(pk=company.pk)
    assert stored.two_factor_enabled
    assert stored.two_factor_changed_at
    assert company.two_factor_enabled
    assert switches() == before
    assert lines(company) == [Action.COMPANY_TWO_FACTOR_ENABLED]


def test_switching_on_what_is_on_keeps_the_day_and_writes_no_line(admin, company):
    services.enable_company_two_factor(company, actor=admin)
    since = Company.objects.get(pk=company.pk).two_factor_changed_at
    services.enable_company_two_factor(company, actor=admin)

    assert Company.objects.get(pk=company.pk).two_factor_changed_at == since
    assert lines(company) == [Action.COMPANY_TWO_FACTOR_ENABLED]


def test_switching_off_stops_asking_those_switched_on_individually(admin, company, people):
    services.enable_company_two_factor(company, actor=admin)
    services.disable_company_two_factor(company, actor=admin)

    assert switches() == {"app": True, "own": False, "plain": False, "foreign": True}
    own = people["own"].user
    own.refresh_from_db()
    assert own.two_factor_changed_by == admin
    line = AuditEvent.objects.get(action=Action.COMPANY_TWO_FACTOR_DISABLED)
    changes = {"two_factor_enabled": [True, False]}
    assert line.details == {"changes": changes, "act": "release", "many": line.details["many"], "changed": 1}
    theirs = AuditEvent.objects.get(action=Action.TWO_FACTOR_DISABLED)
    assert (theirs.actor, theirs.subject, theirs.company) == (admin, own, company)
    assert theirs.details == {"changes": changes, "run": line.details["many"]}


def test_switching_off_can_keep_asking_them(admin, company, people):
    services.enable_company_two_factor(company, actor=admin)
    before = switches()
    services.disable_company_two_factor(company, actor=admin, individuals=Individuals.KEEP_ASKING)

    assert switches() == before
    line = AuditEvent.objects.get(action=Action.COMPANY_TWO_FACTOR_DISABLED)
    assert line.details == {"changes": {"two_factor_enabled": [True, False]}}
    assert not AuditEvent.objects.filter(action=Action.TWO_FACTOR_DISABLED).exists()


def test_those_whose_own_switch_goes_off_with_it_are_not_written_to(admin, company, people, told):
    services.enable_company_two_factor(company, actor=admin)

    assert told(services.disable_company_two_factor, company, actor=admin) == []
    assert AuditEvent.objects.filter(action=Action.TWO_FACTOR_DISABLED).exists()


def test_switching_off_keeps_what_is_set_up(admin, company, people):
    services.enable_company_two_factor(company, actor=admin)
    services.disable_company_two_factor(company, actor=admin)

    assert people["app"].user.authenticator_apps.count() == 1
    assert people["app"].user.recovery_codes.count() == 10


def test_whoever_set_it_up_under_the_companys_rule_keeps_it_asked_for(admin, company, kim):
    services.enable_company_two_factor(company, actor=admin)
    kim.set_up_app()
    services.disable_company_two_factor(company, actor=admin)

    kim.enter_password()
    assert kim.asked_for == "/login/challenge/"


def test_switching_off_what_is_off_changes_nobody(admin, company, people):
    before = switches()
    services.disable_company_two_factor(company, actor=admin)

    assert switches() == before
    assert lines(company) == []


@pytest.mark.parametrize(
    "act",
    [services.enable_company_two_factor, services.disable_company_two_factor],
    ids=["on", "off"],
)
def test_sessions_go_on_unless_they_are_to_end(admin, company, people, act):
    people["plain"].sign_in()
    people["foreign"].sign_in()
    act(company, actor=admin)
    assert people["plain"].is_in

    act(company, actor=admin, sessions=Sessions.END)
    assert not people["plain"].is_in
    assert people["foreign"].client.get("/login/setup/two-factor/").status_code == 200
    assert lines(company)[-1] == Action.COMPANY_SESSIONS_ENDED


def test_all_sessions_of_a_company_end_and_no_others(admin, company, people):
    phone = Person(people["plain"].user)
    for person in (people["app"], people["plain"], phone):
        person.sign_in()
    administrator = Person(admin)
    administrator.sign_in()
    end_company_sessions(company, actor=admin)

    assert not any(person.is_in for person in (people["app"], people["plain"], phone))
    assert administrator.is_in
    assert lines(company) == [Action.COMPANY_SESSIONS_ENDED]


def test_switching_off_costs_the_same_however_many_people_there_are(admin, company, make_user):
    def statements():
        services.enable_company_two_factor(company, actor=admin)
        with CaptureQueriesContext(connection) as made:
            services.disable_company_two_factor(company, actor=admin, sessions=Sessions.END)
        return len(made)

    make_user("first", two_factor_enabled=True)
    few = statements()
    for number in range(20):
        make_user(f"u{number}", two_factor_enabled=True)

    assert statements() == few
    assert switches() == dict.fromkeys(["first", *(f"u{number}" for number in range(20))], False)


def test_the_latest_events_are_acts_and_not_sign_ins(admin, company, kim):
    kim.sign_in()
    kim.enter_password("wrong")
    services.enable_company_two_factor(company, actor=admin)
    set_up_app(kim.user, bytes(20), last_used_step=-1, actor=kim.user)

    assert [event.action for event in latest_events(company, admin)] == [
        Action.RECOVERY_CODES_MADE,
        Action.TWO_FACTOR_ENABLED,
        Action.APP_SET_UP,
        Action.COMPANY_TWO_FACTOR_ENABLED,
    ]
    for number in range(10):
        services.rename_company(company, f"Acme {number}", actor=admin)
    assert [event.action for event in latest_events(company, admin)] == [Action.COMPANY_CHANGED] * 10


def test_the_database_refuses_two_spellings_of_one_name(company):
    for name in ("ACME MACHINES", "acme machines ", "Ａcme Machines"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Company.objects.create(name=name)


def test_a_company_is_called_by_its_name(company):
    assert str(company) == "Acme Machines"
