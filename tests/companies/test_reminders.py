"""Reminders: a mail with what the next login asks for and how, once a day at most, and the list says when it was."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from itertools import product
from time import time

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import people, site_rule
from accounts.models import Budget, Role, User
from accounts.permissions import Permission
from accounts.throttle import lanes
from audit.models import AuditEvent
from audit.sentences import sentence
from companies import services as companies
from companies.access_passes import IdentityCheck, Validity, demand_passes, give_pass
from companies.bulk.acts import Why
from companies.bulk.counts import count
from companies.models import BulkRun, Reminder
from companies.reminders import NotReminded, WhyNot, remind
from mfa import services
from tests.mfa.pages import words

USERS = "/settings/administration/users/"


def page_of(person):
    return f"{USERS}{person.pk}/"


def press(actor, person):
    """Press "Remind" on a person's page; what the next page says."""
    answer = actor.client.post(f"{page_of(person)}remind/")
    assert answer.headers["Location"] == page_of(person)
    return [str(message) for message in get_messages(answer.wsgi_request)]


def why_not(person, actor):
    with pytest.raises(NotReminded) as raised:
        remind(person, actor=actor)
    return raised.value.why


@pytest.fixture
def asked(kim, admin):
    """Kim, whose switch is on and who has set up nothing."""
    services.enable_two_factor(kim.user, actor=admin)
    kim.user.refresh_from_db()
    return kim


def test_the_mail_says_what_is_asked_how_it_goes_and_until_when_nothing_changes(told, administrator, asked):
    [mail] = told(press, administrator, asked.user)

    assert mail.to == ["kim@acme.example"]
    assert mail.subject == "m2v: A reminder: set up two-factor authentication"
    text = " ".join(mail.body.split())
    assert "Petra Vogt reminds you of what your next login asks for." in text
    assert "asked to set up two-factor authentication, and cannot get in without it. Have your phone ready" in text
    assert "Until your next login nothing changes: where you are signed in, you stay signed in." in text
    assert "access pass" not in text
    assert "passkey" not in text


def test_no_link_in_it_signs_anybody_in(told, administrator, asked, client):
    [mail] = told(press, administrator, asked.user)
    links = re.findall(r"https?://\S+", mail.body)

    assert links
    for link in links:
        answer = client.get(link, follow=True)
        assert answer.redirect_chain[-1][0].startswith("/login/")


def test_the_line_says_what_was_asked_and_the_page_says_when(administrator, asked):
    assert press(administrator, asked.user) == ["A reminder is on its way to kim@acme.example."]

    line = AuditEvent.objects.latest("pk")
    assert (line.action, line.actor, line.subject) == ("user_reminded", administrator.user, asked.user)
    assert line.details == {"asked": ["two_factor"]}
    page = administrator.client.get(page_of(asked.user)).content.decode()
    assert re.search(r"<dt>Reminded</dt>\s*<dd>Today, \d\d:\d\d</dd>", page)
    assert "reminded Kim Hansen by e-mail of what the next login asks for" in page
    assert f"{page_of(asked.user)}remind/" not in page, "a button that would send nothing"


def test_the_list_says_when_somebody_was_reminded_last(administrator, asked):
    assert "Reminded" not in administrator.client.get(f"{USERS}?show=asked").content.decode()

    remind(asked.user, actor=administrator.user)
    assert "<small>Reminded today</small>" in administrator.client.get(f"{USERS}?show=asked").content.decode()

    Reminder.objects.update(at=timezone.now() - timedelta(days=1))
    assert "<small>Reminded yesterday</small>" in administrator.client.get(f"{USERS}?show=asked").content.decode()

    asked.set_up_app()
    assert "Reminded" not in administrator.client.get(USERS).content.decode()


def test_once_a_day_at_most_whoever_does_it(told, administrator, carla, asked, clock):
    for person in (administrator, carla):
        person.sign_in()  # by this clock
    assert len(told(press, administrator, asked.user)) == 1
    clock.shift(timedelta(hours=23, minutes=59))
    carla.sign_in()

    said = []
    assert told(lambda: said.extend(press(carla, asked.user))) == []
    assert said == ["Kim was reminded within the last 24 hours."]
    assert AuditEvent.objects.filter(action="user_reminded").count() == 1

    clock.shift(timedelta(minutes=2))
    assert len(told(press, carla, asked.user)) == 1
    assert AuditEvent.objects.filter(action="user_reminded").count() == 2
    assert Reminder.objects.count() == 1


def test_a_reminder_of_a_clock_that_ran_ahead_counts_for_nothing(admin, asked):
    Reminder.objects.create(person=asked.user.pk, at=timezone.now() + timedelta(days=400))

    remind(asked.user, actor=admin)

    assert Reminder.objects.get().at <= timezone.now()


def test_who_is_not_reminded_and_why(admin, make_user, asked):
    services.enable_two_factor(admin, actor=admin)
    assert why_not(admin, admin) is WhyNot.YOURSELF
    assert why_not(make_user("mia"), admin) is WhyNot.NOT_ASKED

    invited = make_user("nora", password=None, two_factor_enabled=True)
    assert why_not(invited, admin) is WhyNot.NO_PASSWORD

    without = make_user("olaf", email="", two_factor_enabled=True)
    assert why_not(without, admin) is WhyNot.NO_ADDRESS

    gone = make_user("pia", two_factor_enabled=True)
    people.deactivate_user(gone, actor=admin)
    assert why_not(gone, admin) is WhyNot.DEACTIVATED

    people.lock_user(asked.user, actor=admin)
    assert why_not(asked.user, admin) is WhyNot.LOCKED

    assert not Reminder.objects.exists()
    assert not AuditEvent.objects.filter(action="user_reminded").exists()


def test_whoever_has_set_it_up_is_asked_for_nothing(admin, asked):
    asked.set_up_app()

    assert why_not(asked.user, admin) is WhyNot.NOT_ASKED


@pytest.mark.parametrize("reason", ["email", "is_active"])
def test_the_page_says_why_somebody_cannot_be_reminded(administrator, asked, reason):
    User.objects.filter(pk=asked.user.pk).update(**{reason: "" if reason == "email" else False})

    page = administrator.client.get(page_of(asked.user)).content.decode()

    assert "remind/" not in page
    assert ("there is no e-mail address on record" in page) is (reason == "email")


def test_a_passkey_that_was_asked_for_is_reminded_of(told, admin, kim):
    services.request_passkey(kim.user, actor=admin)

    [mail] = told(remind, kim.user, actor=admin)

    text = " ".join(mail.body.split())
    assert mail.subject == "m2v: A reminder: create a passkey"
    assert "asked to create a passkey: with it, you sign in by fingerprint, face or screen lock" in text
    assert "two-factor" not in text


def test_the_company_s_rule_and_a_passkey_are_one_mail(told, admin, kim, company):
    companies.enable_company_two_factor(company, actor=admin)
    services.request_passkey(kim.user, actor=admin)

    [mail] = told(remind, User.objects.get(pk=kim.user.pk), actor=admin)

    text = " ".join(mail.body.split())
    assert text.index("set up two-factor authentication, and") < text.index("asked to create a passkey")
    assert text.count("Until your next login nothing changes") == 1


def test_where_a_pass_is_demanded_the_mail_says_whom_to_ask_for_one(told, admin, company_admin, asked, company):
    demand_passes(company, actor=admin)

    [mail] = told(remind, User.objects.get(pk=asked.user.pk), actor=company_admin)
    assert "ask your administrator for one before" in " ".join(mail.body.split())

    Reminder.objects.all().delete()
    give_pass(asked.user, valid=Validity.A_DAY, checked=IdentityCheck.IN_PERSON, reason="New", actor=admin)
    [mail] = told(remind, User.objects.get(pk=asked.user.pk), actor=company_admin)
    text = " ".join(mail.body.split())
    assert "enter the access pass that you were given" in text
    assert "ask your administrator for one" not in text


def test_it_is_written_in_the_language_of_whoever_reads_it(told, admin, asked):
    User.objects.filter(pk=asked.user.pk).update(language="en")

    [mail] = told(remind, asked.user, actor=admin)

    assert 'lang="en"' in mail.alternatives[0][0]


def test_a_budget_that_is_used_up_reminds_nobody(administrator, asked):
    for lane in lanes.actor_lanes("mails", administrator.user):
        Budget.objects.create(key=lane.key, failures=400, blocked_until=time() + 600, last_at=time(), began_at=time())

    said = press(administrator, asked.user)

    assert said[0].startswith("Too many attempts")
    assert not Reminder.objects.exists()


@pytest.mark.parametrize(("role", "may"), [(Role.HELPDESK, True), (Role.AUDITOR, False)])
def test_the_helpdesk_reminds_and_an_auditor_does_not(make_person, asked, role, may):
    assert (Permission.REMIND in User(role=role).permissions) is may
    person = make_person("hana", role=role)
    person.sign_in()

    assert (f"{page_of(asked.user)}remind/" in person.client.get(page_of(asked.user)).content.decode()) is may
    assert person.client.post(f"{page_of(asked.user)}remind/").status_code == (302 if may else 403)
    assert Reminder.objects.exists() is may


def test_who_is_left_stands_on_the_company_s_page_and_leads_to_the_list(administrator, asked, make_user, company):
    make_user("lea", first_name="Lea", last_name="Ohm", email="", two_factor_enabled=True)
    User.objects.filter(pk=asked.user.pk).update(last_sign_in_at=timezone.now())
    remind(asked.user, actor=administrator.user)
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/").content.decode()

    assert ">2</a> are left" in page
    assert "Last login today · reminded today" in page
    assert "Never signed in · no e-mail address" in page
    assert f"{USERS}?company={company.pk}&amp;show=asked" in page
    shown = administrator.client.get(USERS, {"company": company.pk, "show": "asked"}).context["list"]
    assert {person.username for person in shown.page.people} == {"kim", "lea"}


def test_where_nobody_is_left_the_company_s_page_says_nothing_of_it(administrator, kim, company):
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/").content.decode()

    assert 'id="left"' not in page
    assert "Who is left" not in page


# --- Many at once ---


BULK = f"{USERS}bulk/"


@pytest.fixture
def crew(asked, make_user, admin):
    """Kim and Lea, who can be reminded, and others of the company who cannot, each for another reason."""
    now = timezone.now()
    people_here = {
        "lea": {},
        "nora": {"password": None},
        "olaf": {"email": ""},
        "pia": {"locked_at": now},
        "rosa": {},
    }
    crew = {name: make_user(name, two_factor_enabled=True, **fields) for name, fields in people_here.items()}
    remind(crew["rosa"], actor=admin)
    return crew


def press_remind_them(actor, company):
    """Press "Remind them" on the company's page; the page with the counts."""
    page = actor.client.get(f"/settings/administration/companies/{company.pk}/").content.decode()
    [action] = re.findall(r'action="([^"]*/bulk/[^"]*)"', page)
    assert "Remind them" in page
    return actor.client.post(unescape(action), {"act": "remind", "everyone": "on"}, follow=True)


def test_remind_them_counts_first_and_leaves_out_just_those_that_it_said(
    told, administrator, crew, company, django_capture_on_commit_callbacks
):
    counts = press_remind_them(administrator, company)
    said = words(counts)
    assert "Reminds 2 users, skips 4" in said
    for reason in (
        "Locked until an administrator has looked at the account",
        "Have not chosen a password yet: invite them again",
        "No e-mail address on record",
        "Reminded within the last 24 hours",
    ):
        assert f"1 : {reason}" in said
    assert Reminder.objects.count() == 1, "nothing is done yet"

    run = BulkRun.objects.get(owner=administrator.user.pk)
    mails = told(administrator.client.post, f"{BULK}{run.pk}/", {"shown": "2"})

    run.refresh_from_db()
    assert (run.changed, run.skipped) == (2, 4)
    assert sorted(mail.to[0] for mail in mails) == ["kim@acme.example", "lea@acme.example"]
    why = {User.objects.get(pk=each.person).username: each.why for each in run.people.filter(outcome="skipped")}
    assert why == {"nora": "no_password", "olaf": "no_address", "pia": "locked", "rosa": "today"}
    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action="many_acted_on")
    assert sentence(line) == "Petra Vogt reminded 2 users by e-mail"


def test_a_second_time_on_one_day_reminds_nobody(administrator, crew, company, django_capture_on_commit_callbacks):
    for _ in range(2):
        counts = press_remind_them(administrator, company)
        run = BulkRun.objects.latest("created_at")
        with django_capture_on_commit_callbacks(execute=True):
            administrator.client.post(f"{BULK}{run.pk}/", {"shown": "2"})

    assert "Reminds nobody, skips 6" in words(counts)
    assert AuditEvent.objects.filter(action="user_reminded").count() == 3


@pytest.mark.parametrize("rule_on", [False, True])
def test_whom_the_site_s_rule_asks_is_counted_as_the_login_asks(administrator, carla, company, rule_on, asked):
    if rule_on:
        site_rule.demand_factor(actor=administrator.user)
    ids = [str(person.pk) for person in (carla.user, asked.user)]

    said = words(administrator.client.post(BULK, {"act": "remind", "who": ids}, follow=True))

    assert ("Reminds 2 users" in said) is rule_on
    assert ("1 : Not asked for anything" in said) is not rule_on


def test_an_empty_budget_begins_no_reminders(administrator, asked, company):
    press_remind_them(administrator, company)
    run = BulkRun.objects.get()
    for lane in lanes.actor_lanes("mails", administrator.user):
        Budget.objects.create(key=lane.key, failures=400, blocked_until=time() + 600, last_at=time(), began_at=time())

    answer = administrator.client.post(f"{BULK}{run.pk}/", {"shown": "9"}, follow=True)

    assert "Too many attempts" in words(answer)
    run.refresh_from_db()
    assert run.begun_at is None


def test_the_list_of_those_who_are_asked_offers_it_and_an_auditor_is_offered_nothing(administrator, asked, make_person):
    viktor = make_person("viktor", role=Role.AUDITOR, company=None)
    viktor.sign_in()
    for show, offered in (("asked", True), ("set_up", False), ("", False)):
        page = administrator.client.get(USERS, {"show": show}).content.decode()
        assert ("Remind them" in page) is offered
        assert "Remind them" not in viktor.client.get(USERS, {"show": show}).content.decode()


# --- How many it reaches ---


def counted(admin, **asked):
    """What a reminder of all on this list would do, and the statements that ask of people what no kind tells."""
    run = BulkRun(owner=admin.pk, act="remind", asked=asked)
    with CaptureQueriesContext(connection) as noted:
        counts = count(run, admin)
    return counts, [each["sql"] for each in noted if "EXISTS" in each["sql"]]


def test_whom_a_reminder_leaves_out_is_counted_once_for_the_first_reason_by_one_statement(admin, make_user):
    for number, (password, email, today) in enumerate(product((True, False), repeat=3)):
        who = make_user(f"user{number}", email=f"u{number}@acme.example" if email else "", two_factor_enabled=True)
        if not password:
            User.objects.filter(pk=who.pk).update(password=make_password(None))
        if today:
            Reminder.objects.create(person=who.pk, at=timezone.now())
    make_user("not-asked", email="")

    counts, looked = counted(admin)

    assert counts.changes == 1
    assert counts.left_out == {Why.ONESELF: 1, Why.NOT_ASKED: 1, Why.NO_PASSWORD: 4, Why.NO_ADDRESS: 2, Why.TODAY: 1}
    assert len(looked) == 1


def test_whom_their_kind_leaves_out_is_not_looked_at(admin, make_user):
    make_user("not-asked", email="")

    counts, looked = counted(admin)

    assert (counts.changes, counts.left_out[Why.NOT_ASKED], looked) == (0, 1, [])
