"""A company's switch and a hundred thousand people: it is thrown in the click, and what it means for each follows from it."""

from __future__ import annotations

import tracemalloc

import pytest

from accounts import site_rule
from accounts.models import Role, User
from audit.models import AuditEvent
from audit.sentences import sentence
from audit.vocabulary import Action
from companies import access_passes, services
from companies.bulk import running
from companies.models import BulkPerson, BulkRun
from companies.services import Individuals
from mfa.services import Sessions, enable_two_factor, set_up_app
from tests.companies import read
from tests.people import PASSWORD, Person

MANY = 5
RULE_ON = "/settings/administration/rule/on/"


@pytest.fixture(autouse=True)
def later(settings):
    """What is handed to the queue waits there."""
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}


@pytest.fixture
def few(monkeypatch):
    """So few are too many for one transaction."""
    monkeypatch.setattr(services, "IN_THE_CLICK", MANY - 1)


@pytest.fixture
def crowd(company, make_user):
    """Asked by the company and by their own switch."""
    return [make_user(f"u{number}", two_factor_enabled=True) for number in range(MANY)]


@pytest.fixture
def required(company, admin):
    services.enable_company_two_factor(company, actor=admin)
    return company


def on():
    return set(User.objects.filter(two_factor_enabled=True).values_list("username", flat=True))


def done(thrown):
    running.work(thrown.follows.pk)
    thrown.follows.refresh_from_db()
    return thrown.follows


def test_the_switches_of_many_go_off_in_the_background(few, crowd, required, admin, mailoutbox):
    thrown = services.disable_company_two_factor(required, actor=admin)

    assert thrown.changed
    required.refresh_from_db()
    assert not required.two_factor_enabled
    assert on() == {person.username for person in crowd}
    run = done(thrown)
    assert on() == set()
    assert (run.total, run.changed, run.skipped, run.stopped) == (MANY, MANY, 0, "")
    assert {person.two_factor_changed_by for person in User.objects.filter(company=required)} == {admin}
    theirs = AuditEvent.objects.filter(action=Action.TWO_FACTOR_DISABLED)
    assert {line.subject for line in theirs} == set(crowd)
    assert {str(line.details) for line in theirs} == {
        str({"run": str(run.pk), "changes": {"two_factor_enabled": [True, False]}})
    }
    line = AuditEvent.objects.get(action=Action.MANY_ACTED_ON)
    assert (line.details["act"], line.details["many"], line.details["changed"]) == ("switch_off_own", str(run.pk), MANY)
    assert not [mail for mail in mailoutbox if "removed" in mail.subject]


def meanwhile(crowd, admin, other_company):
    """Switched on again, set up, moved, deactivated: what becomes of four of five."""
    later, app, moved, gone, _last = crowd
    User.objects.filter(pk=later.pk).update(two_factor_enabled=False)
    enable_two_factor(later, actor=admin)
    set_up_app(app, bytes(20), last_used_step=-1, actor=app)
    User.objects.filter(pk=moved.pk).update(company=other_company)
    User.objects.filter(pk=gone.pk).update(is_active=False)


def test_what_somebody_did_meanwhile_stays(few, crowd, required, admin, other_company):
    thrown = services.disable_company_two_factor(required, actor=admin)
    later, app, moved, gone, last = crowd
    meanwhile(crowd, admin, other_company)

    run = done(thrown)

    assert on() == {later.username, app.username, moved.username, gone.username}
    assert run.changed == 1
    assert not User.objects.get(pk=last.pk).two_factor_enabled


def test_what_somebody_did_after_they_were_listed_stays(few, crowd, required, admin, other_company):
    thrown = services.disable_company_two_factor(required, actor=admin)
    later, app, moved, gone, last = crowd
    BulkRun.objects.filter(pk=thrown.follows.pk).update(listed=True)
    BulkPerson.objects.bulk_create(BulkPerson(run=thrown.follows, person=person.pk) for person in crowd)
    meanwhile(crowd, admin, other_company)

    run = done(thrown)

    why = dict(BulkPerson.objects.filter(run=run).values_list("person", "why"))
    assert why == {
        later.pk: "since",
        app.pk: "set_up",
        moved.pk: "gone",
        gone.pk: "deactivated",
        last.pk: "",
    }


def test_many_are_told_in_the_background_what_few_are_told_at_once(
    crowd, company, admin, monkeypatch, mailoutbox, make_user
):
    set_up_app(crowd[0], bytes(20), last_used_step=-1, actor=crowd[0])
    User.objects.filter(pk=crowd[1].pk).update(email="")
    mailoutbox.clear()
    services.enable_company_two_factor(company, actor=admin)
    at_once = {(mail.to[0], mail.subject, mail.body) for mail in mailoutbox}
    services.disable_company_two_factor(company, actor=admin, individuals=Individuals.KEEP_ASKING)
    mailoutbox.clear()
    monkeypatch.setattr(services, "IN_THE_CLICK", 2)

    thrown = services.enable_company_two_factor(company, actor=admin)

    assert not list(mailoutbox)
    run = done(thrown)
    assert (run.total, run.changed, run.skipped) == (MANY - 2, MANY - 2, 0)
    told = {(mail.to[0], mail.subject, mail.body) for mail in mailoutbox}
    assert {mail[:2] for mail in told} == {mail[:2] for mail in at_once}
    assert len(told) == len(at_once) == MANY - 2
    assert AuditEvent.objects.get(action=Action.MANY_ACTED_ON).details["act"] == "announce"


def test_nobody_is_told_of_a_rule_that_is_gone_again(few, crowd, company, admin, mailoutbox):
    User.objects.filter(company=company).update(two_factor_enabled=False)
    thrown = services.enable_company_two_factor(company, actor=admin)
    services.disable_company_two_factor(company, actor=admin)

    run = done(thrown)

    assert (run.changed, run.skipped) == (0, MANY)
    assert not list(mailoutbox)


@pytest.mark.parametrize("sessions", Sessions)
def test_it_goes_on_though_whoever_threw_the_switch_was_signed_out_by_it(few, crowd, required, company_admin, sessions):
    User.objects.filter(pk=company_admin.pk).update(two_factor_enabled=True)

    run = done(services.disable_company_two_factor(required, actor=company_admin, sessions=sessions))

    assert on() == set()  # their own, too
    assert (run.changed, run.stopped) == (MANY, "")


def test_of_many_the_page_goes_on_to_how_far_it_is(few, crowd, required, administrator):
    answer = administrator.client.post(
        f"/settings/administration/companies/{required.pk}/two-factor/off/", {}, follow=True
    )

    page = read(answer).words
    assert "Personal switches go off one after the other" in page
    assert "Switch off personal 2FA switches" in page
    assert f"For {MANY} users" in page
    page = read(administrator.client.get("/settings/administration/users/")).words
    assert "Switch off personal 2FA switches" in page or "Personal switches" in page


@pytest.mark.parametrize("act", ["rename", "demand", "on", "on and sign out", "off", "sign out"])
def test_an_act_on_a_company_takes_no_memory_for_its_people(company, admin, act):
    """Three thousand people are nine megabytes, and each of their rows one that nobody needs."""
    User.objects.bulk_create(
        User(username=f"p{n}", first_name="Kim", password=PASSWORD, company=company, two_factor_enabled=True)
        for n in range(3000)
    )
    acts = {
        "rename": lambda: services.rename_company(company, "Acme", actor=admin),
        "demand": lambda: access_passes.demand_passes(company, actor=admin),
        "on": lambda: services.enable_company_two_factor(company, actor=admin),
        "on and sign out": lambda: services.enable_company_two_factor(company, actor=admin, sessions=Sessions.END),
        "off": lambda: services.disable_company_two_factor(company, actor=admin),
        "sign out": lambda: services.end_company_sessions(company, actor=admin),
    }
    if act == "off":
        services.enable_company_two_factor(company, actor=admin)
    acts["rename"]()  # what is made once is made

    tracemalloc.start()
    acts[act]()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3_000_000


# --- The rule for those who administer ---


@pytest.fixture
def holders(make_user):
    """They open the Settings app, and hold no factor; one whom the rule does not ask has no address, one a passkey."""
    found = [make_user(f"h{number}", role=Role.HELPDESK, email=f"h{number}@acme.example") for number in range(MANY)]
    make_user("unwritten", role=Role.HELPDESK, email="")
    Person(make_user("keyed", role=Role.AUDITOR, email="keyed@acme.example")).add_passkey()
    return found


@pytest.fixture
def other_admin(make_user):
    return make_user("samir", role=Role.ADMINISTRATOR, company=None, email="samir@acme.example")


def read_of(mails):
    return {(mail.to[0], mail.subject) for mail in mails}


def test_of_the_rule_for_those_who_administer_many_are_told_in_the_background(
    holders, other_admin, admin, monkeypatch, mailoutbox
):
    mailoutbox.clear()
    assert services.demand_factor(actor=admin).follows is None
    at_once = read_of(mailoutbox)
    assert {f"h{number}@acme.example" for number in range(MANY)} < {address for address, _subject in at_once}
    site_rule.stop_demanding_factor(actor=admin)
    assert len(mailoutbox)
    mailoutbox.clear()
    monkeypatch.setattr(services, "IN_THE_CLICK", MANY - 1)

    thrown = services.demand_factor(actor=admin)

    assert site_rule.is_on()
    in_the_click = read_of(mailoutbox)
    assert {address for address, _subject in in_the_click} == {"petra@acme.example", "samir@acme.example"}
    run = done(thrown)
    assert (run.total, run.changed, run.skipped, run.stopped) == (MANY, MANY, 0, "")
    assert read_of(mailoutbox) == at_once
    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action=Action.MANY_ACTED_ON)
    assert (line.details["act"], line.company) == ("announce_rule", None)
    assert "told 5 users by e-mail that the Settings app demands two-factor authentication or a passkey" in sentence(
        line
    )


def test_who_met_the_rule_or_opens_no_settings_meanwhile_is_not_told(few, holders, admin, mailoutbox):
    thrown = services.demand_factor(actor=admin)
    Person(holders[0]).add_passkey()
    set_up_app(holders[1], bytes(20), last_used_step=-1, actor=holders[1])
    User.objects.filter(pk=holders[2].pk).update(role=Role.MEMBER)
    User.objects.filter(pk=holders[3].pk).update(is_active=False)
    mailoutbox.clear()

    run = done(thrown)

    assert (run.changed, run.skipped) == (1, 0)
    assert {mail.to[0] for mail in mailoutbox} == {"h4@acme.example"}


def test_nobody_is_told_of_that_rule_once_it_is_off_again(few, holders, admin, mailoutbox):
    thrown = services.demand_factor(actor=admin)
    site_rule.stop_demanding_factor(actor=admin)
    mailoutbox.clear()

    run = done(thrown)

    assert (run.changed, run.skipped) == (0, MANY)
    assert not list(mailoutbox)


def test_the_page_leads_to_how_far_it_is(few, holders, administrator):
    answer = administrator.client.post(RULE_ON, follow=True)

    said = read(answer).words
    assert "Tell users by e-mail that the Settings app demands 2FA or a passkey" in said
    assert site_rule.is_on()
    assert read(administrator.client.post(RULE_ON, follow=True))  # on already: nothing follows
    assert BulkRun.objects.count() == 1
