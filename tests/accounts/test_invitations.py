"""How people get, lose and get back what they sign in with."""

from __future__ import annotations

import re
from pathlib import Path
from time import time

import pytest
from django.conf import settings

from accounts import invitations, people
from accounts.models import Role, User
from audit.models import AuditEvent
from tests.links import NEW, SITE, ask, choose, form_of, link_in, signs_in
from tests.people import Person, browser

USERS = "/settings/administration/users/"
INVITED_AT = "2026-05-04 09:30:15+00:00"


@pytest.fixture
def nadia(make_user):
    return make_user("nadia", first_name="Nadia", password=None)


@pytest.fixture
def link(nadia, admin):
    return invitations.invite(nadia, actor=admin).removeprefix(SITE)


def page_of(administrator, user):
    return administrator.client.get(f"{USERS}{user.pk}/").content.decode()


def withdraw(administrator, user):
    return administrator.client.post(f"{USERS}{user.pk}/invite/withdraw/", follow=True)


@pytest.mark.row("ASVS-6.4.1")
def test_an_invitation_is_random_works_once_and_lets_people_choose_their_own_password(nadia, link, admin):
    tokens = {invitations.invite(nadia, actor=admin).split("/")[-2] for _number in range(20)}
    assert len(tokens) == 20
    link = invitations.invite(nadia, actor=admin).removeprefix(SITE)

    assert choose(link).status_code == 302

    assert signs_in("nadia", NEW)
    assert choose(link, "another four words") is None
    assert signs_in("nadia", NEW)


@pytest.mark.row("ASVS-6.4.1")
@pytest.mark.parametrize(("days", "works"), [(0, True), (7, True), (7.01, False)])
def test_an_invitation_is_good_for_seven_days(days, works, nadia, admin, time_machine):
    time_machine.move_to(INVITED_AT, tick=False)
    link = invitations.invite(nadia, actor=admin).removeprefix(SITE)

    time_machine.shift(days * 24 * 3600)

    assert (choose(link) is not None) == works
    assert signs_in("nadia", NEW) == works


@pytest.mark.parametrize(("hours", "works"), [(47, True), (49, False)])
def test_an_invitation_is_good_for_as_many_days_as_is_said(hours, works, nadia, admin, settings, time_machine, told):
    settings.INVITATION_DAYS = 2
    time_machine.move_to(INVITED_AT, tick=False)
    petra = Person(admin)
    petra.sign_in()
    [mail] = told(invitations.invite, nadia, actor=admin)
    assert "the link works once, for 2 days:" in mail.body
    assert "the link is good until 6 May 2026, 09:30" in page_of(petra, nadia)
    link = link_in(mail)

    time_machine.shift(hours * 3600)

    assert (choose(link) is not None) == works
    if not works:
        assert "is older than 2 days, or was withdrawn" in browser().get(link).content.decode()


@pytest.mark.row("ASVS-6.4.1")
def test_an_invitation_can_be_withdrawn(nadia, link, administrator):
    reader = browser()
    open_form = form_of(reader, link)

    page = withdraw(administrator, nadia).content.decode()

    assert "The invitation is withdrawn: its link no longer works." in page
    assert "the invitation was withdrawn." in page
    assert "Withdraw invitation" not in page
    dead = browser().get(link)
    assert dead.status_code == 404
    assert "or was withdrawn. Ask your administrator for a new one." in dead.content.decode()
    assert reader.post(open_form, {"new_password1": NEW, "new_password2": NEW}).status_code == 404
    line = AuditEvent.objects.latest("pk")
    assert (line.action, line.actor, line.subject) == ("invitation_withdrawn", administrator.user, nadia)


def test_a_withdrawn_invitation_can_be_sent_again(nadia, link, administrator, admin):
    withdraw(administrator, nadia)
    nadia.refresh_from_db()

    again = invitations.invite(nadia, actor=admin).removeprefix(SITE)

    assert "Withdraw invitation" in page_of(administrator, nadia)
    assert choose(link) is None
    assert choose(again).status_code == 302


def test_the_page_of_a_person_says_how_their_invitation_stands(nadia, admin, make_user, time_machine):
    time_machine.move_to(INVITED_AT, tick=False)
    petra = Person(admin)
    petra.sign_in()
    invitations.invite(nadia, actor=admin)
    assert "Invited today, 09:30; the link is good until 11 May 2026, 09:30 and is not used yet." in page_of(
        petra, nadia
    )

    nadia.email = "n@acme.example"
    people.change_user(nadia, changed=["email"], actor=admin)
    assert "the link ended when the e-mail address, role, company or access was changed." in page_of(petra, nadia)
    invitations.invite(nadia, actor=admin)
    assert "is not used yet" in page_of(petra, nadia)

    time_machine.shift(8 * 24 * 3600)
    petra.sign_in()
    page = page_of(petra, nadia)
    assert "Invited 4 May 2026, 09:30; the link was good until yesterday, 09:30 and was not used." in page
    assert "Withdraw invitation" not in page
    assert "Invited" not in page_of(petra, make_user("lee"))


@pytest.mark.parametrize("state", ["has a password", "never invited", "withdrawn", "expired"])
def test_where_no_invitation_is_open_there_is_nothing_to_withdraw(state, nadia, admin, time_machine):
    time_machine.move_to(INVITED_AT, tick=False)
    if state != "never invited":
        invitations.invite(nadia, actor=admin)
    if state == "has a password":
        people.change_password(nadia, NEW, actor=nadia)
    elif state == "withdrawn":
        invitations.withdraw(nadia, actor=admin)
    elif state == "expired":
        time_machine.shift(8 * 24 * 3600)
    petra = Person(admin)
    petra.sign_in()
    before = AuditEvent.objects.count(), User.objects.get(pk=nadia.pk).password

    assert "Nadia has no open invitation." in withdraw(petra, nadia).content.decode()

    assert (AuditEvent.objects.count(), User.objects.get(pk=nadia.pk).password) == before


@pytest.mark.parametrize("act", [invitations.invite, invitations.withdraw])
def test_a_password_that_was_chosen_meanwhile_stays(act, nadia, link, admin):
    seen = User.objects.get(pk=nadia.pk)
    choose(link)

    with pytest.raises(people.ChangedMeanwhile):
        act(seen, actor=admin)

    assert signs_in("nadia", NEW)


@pytest.mark.parametrize("page", ["invite/", "invite/withdraw/"])
def test_the_administrator_is_told_that_a_password_was_chosen_meanwhile(page, nadia, link, administrator, monkeypatch):
    def used_just_now(*_args, **_more):
        raise people.ChangedMeanwhile

    monkeypatch.setattr(invitations, "invite", used_just_now)
    monkeypatch.setattr(invitations, "withdraw", used_just_now)

    answer = administrator.client.post(f"{USERS}{nadia.pk}/{page}", follow=True)

    assert "Nadia has just chosen a password." in answer.content.decode()


@pytest.mark.row("B-35")
def test_another_companys_administrator_withdraws_nothing(nadia, link, make_person, other_company):
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR, company=other_company)
    carla.sign_in()

    assert withdraw(carla, nadia).status_code == 404

    assert choose(link).status_code == 302


def test_withdrawing_asks_who_one_is_again_after_a_while(nadia, link, administrator, time_machine):
    time_machine.move_to(time() + 16 * 60)

    answer = administrator.client.post(f"{USERS}{nadia.pk}/invite/withdraw/")

    assert answer.headers["Location"].startswith("/confirm/")
    assert choose(link).status_code == 302


@pytest.mark.row("ASVS-6.4.2")
def test_there_are_no_hints_and_no_secret_questions():
    for file in [*Path(settings.ROOT).glob("*/*.py"), *Path(settings.ROOT, "templates").rglob("*.html")]:
        assert not re.search(
            r"password_?hint|secret.question|security.question|maiden", file.read_text(), re.IGNORECASE
        ), file


@pytest.mark.row("ASVS-6.4.3")
def test_a_reset_goes_round_no_second_factor(kim, mailoutbox):
    kim.set_up_app()
    ask("kim@acme.example")

    assert choose(link_in(mailoutbox.pop())).headers["Location"] == "/login/"

    assert kim.enter_password(NEW).headers["Location"] == "/login/challenge/"
    assert not kim.is_in
    assert kim.user.authenticator_apps.filter(confirmed=True).exists()
    assert kim.user.recovery_codes.filter(used_at=None).count() == 10
    kim.enter_code()
    assert kim.is_in


@pytest.mark.row("ASVS-6.4.4")
def test_a_password_and_a_mailbox_replace_no_lost_app(kim, mailoutbox):
    kim.set_up_app()
    ask("kim@acme.example")
    choose(link_in(mailoutbox.pop()))
    kim.enter_password(NEW)

    for path in ("/login/setup/two-factor/", "/login/setup/passkey/", "/user-settings/mfa/"):
        answer = kim.client.get(path)
        assert answer.status_code == 302, path
        assert "/login/" in answer.headers["Location"], path
    assert not kim.is_in


@pytest.mark.row("ASVS-6.4.6")
def test_an_administrator_starts_an_invitation_and_never_chooses_or_learns_a_password(
    nadia, link, administrator, company
):
    before = User.objects.get(pk=nadia.pk).password
    form = {"username": "nadia", "email": nadia.email, "role": "member", "company": company.pk}

    for more in ({"password": NEW}, {"new_password1": NEW, "new_password2": NEW}, {"is_active": ""}):
        administrator.client.post(f"{USERS}{nadia.pk}/", form | more)
        administrator.client.post(f"{USERS}{nadia.pk}/invite/withdraw/../", more)

    assert User.objects.get(pk=nadia.pk).password == before
    assert not signs_in("nadia", NEW)
    assert not re.search(r'<input[^>]*type="password"', page_of(administrator, nadia))


@pytest.mark.row("ASVS-6.4.6")
def test_an_administrator_starts_a_reset_and_never_sees_its_link(kim, administrator, told):
    kim.set_up_app()
    kim.sign_in()
    before = User.objects.filter(pk=kim.user.pk).values().get()
    answers = []

    [mail] = told(
        lambda: answers.append(
            administrator.client.post(f"{USERS}{kim.user.pk}/password-reset/", {"new_password1": NEW}, follow=True)
        )
    )

    link = link_in(mail)
    seen = answers[0].content.decode() + page_of(administrator, kim.user) + str(AuditEvent.objects.values_list())
    assert link not in seen
    assert link.split("/")[-2] not in seen
    assert User.objects.filter(pk=kim.user.pk).values().get() == before
    assert kim.is_in
    line = AuditEvent.objects.latest("pk")
    assert (line.action, line.actor, line.subject) == ("password_reset_requested", administrator.user, kim.user)
    assert choose(link).status_code == 302
    assert choose(link, "another four words") is None
    assert Person(kim.user).enter_password(NEW).headers["Location"] == "/login/challenge/"


@pytest.mark.row("ASVS-6.4.6")
def test_a_reset_that_an_administrator_started_is_good_for_an_hour(kim, admin, told, time_machine):
    time_machine.move_to(INVITED_AT, tick=False)
    petra = Person(admin)
    petra.sign_in()
    [mail] = told(petra.client.post, f"{USERS}{kim.user.pk}/password-reset/")

    time_machine.shift(3601)

    assert choose(link_in(mail)) is None


@pytest.mark.row("B-15")
def test_an_accepted_invitation_signs_nobody_in(nadia, link):
    guest = browser()

    choose(link, client=guest)

    assert guest.get("/portal/").status_code == 302
