""" "This wasn't me": the link in a mail, its page, and what its button does."""

from __future__ import annotations

import re

import pytest
from django.core import signing
from django.test import Client

from accounts import invitations, not_me, people
from accounts.models import Role, Session, User
from audit import sentences
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies.letting_in import let_in
from notices.recipients import the_administrators
from tests.accounts.steps import CHALLENGE
from tests.accounts.walk import everything
from tests.mfa.pages import words
from tests.people import PASSWORD, Person, browser

LINK = re.compile(r"http://localhost:8000(/not-me/[\w:-]+/)")
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": ""}
NEW = "four words in line"


def path_in(mail):
    [path] = LINK.findall(mail.body)
    return path


@pytest.fixture
def intruder(kim):
    """Somebody who knows Kim's password, signed in."""
    person = Person(kim.user)
    person.sign_in()
    return person


@pytest.fixture
def path(told, intruder):
    """The link in Kim's mail about the passkey that somebody added."""
    [mail] = told(intruder.create_passkey)
    return path_in(mail)


@pytest.fixture
def line(path):
    return AuditEvent.objects.get(action=Action.PASSKEY_CREATED)


# --- The page ---


def test_the_page_says_what_it_is_about_and_what_will_happen(path, admin):
    page = words(browser().get(path))

    assert "This wasn’t you?" in page
    assert "“A passkey was added to your account”, user name kim , today, " in page
    assert "All sessions end" in page
    assert "Nothing opens your account any more" in page
    assert "Your administrators are told" in page
    assert "Lock my account" in page


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_following_the_link_changes_nothing(method, path, intruder):
    """Mail scanners follow links."""
    before = everything()

    for _ in range(3):
        getattr(browser(), method)(path)

    assert everything() == before
    assert intruder.is_in


def test_the_page_is_not_kept_by_caches_and_needs_no_script(path):
    answer = browser().get(path)

    assert "no-store" in answer.headers["Cache-Control"]
    assert re.search(r'<form method="post">\s*<input type="hidden" name="csrfmiddlewaretoken"', answer.content.decode())


def test_the_button_needs_its_forms_token(path, intruder):
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")

    assert strict.post(path).status_code == 403
    assert intruder.is_in


# --- The button ---


def test_all_sessions_end_half_way_ones_too_and_nothing_opens(path, kim, intruder):
    kim.sign_in()
    kim.set_up_app()
    half_way = Person(kim.user)
    assert half_way.enter_password().headers["Location"] == CHALLENGE

    answer = browser().post(path)

    assert (answer.status_code, answer.headers["Location"]) == (302, path)
    assert not Session.objects.filter(user=kim.user).exists()
    assert not intruder.is_in
    assert not kim.is_in
    assert half_way.asked_for == "/login/"
    assert Person(kim.user).enter_password().status_code == 403
    assert intruder.use_passkey().json()["error"] == "account_locked"
    kim.user.refresh_from_db()
    assert kim.user.locked_at is not None
    assert kim.user.locked_by is None


def test_a_request_that_is_on_its_way_meets_another_epoch(path, kim):
    before = kim.user.session_epoch

    browser().post(path)

    kim.user.refresh_from_db()
    assert kim.user.session_epoch > before


def test_nothing_else_is_removed(path, kim):
    kim.set_up_app()

    browser().post(path)

    assert kim.user.passkeys.filter(suspended_at=None).count() == 1
    assert kim.user.authenticator_apps.count() == 1
    assert kim.user.recovery_codes.count() == 10
    kim.user.refresh_from_db()
    assert kim.user.email == "kim@acme.example"
    assert kim.user.is_active


def test_it_leaves_one_line_in_the_audit(path, line, kim):
    browser().post(path)

    report = AuditEvent.objects.latest("pk")
    assert (report.action, report.actor, report.subject) == ("reported_not_me", None, kim.user)
    assert report.details == {
        "event": line.pk,
        "to": "kim@acme.example",
        "name": "A passkey was added to your account",
        "sessions": 1,
        "changes": {"locked": [False, True]},  # for whoever looks at a past day
    }
    assert sentences.sentence(report) == (
        "Kim Hansen said “This wasn’t me” of “A passkey was added to your account”: "
        "the account was locked and all sessions ended"
    )


def test_a_second_click_says_that_it_is_done_and_does_nothing(path, told):
    browser().post(path)
    before = everything()
    sent = told(browser().post, path)
    page = words(browser().get(path))

    assert everything() == before
    assert sent == []
    assert "This account was locked" in page
    assert "There is nothing more to do here." in page
    assert "Lock my account" not in page


def test_a_link_about_what_was_before_the_report_locks_nobody_again(told, intruder, kim, admin):
    first, second = (path_in(told(intruder.add_passkey)[0]) for _ in range(2))
    browser().post(second)
    let_in(kim.user, kept=[], checked="in_person", reason="It is Kim.", actor=admin)
    kim.user.refresh_from_db()
    people.change_password(kim.user, NEW, actor=kim.user)

    browser().post(first)

    assert browser().post("/login/", {"username": "kim", "password": NEW}).status_code == 302


def test_a_link_about_what_came_after_a_report_works_again(path, told, kim, admin):
    browser().post(path)
    let_in(kim.user, kept=[], checked="in_person", reason="It is Kim.", actor=admin)
    kim.user.refresh_from_db()
    [mail] = told(people.change_password, kim.user, NEW, actor=kim.user)

    browser().post(path_in(mail))

    assert browser().post("/login/", {"username": "kim", "password": NEW}).status_code == 403
    assert AuditEvent.objects.filter(action=Action.REPORTED_NOT_ME).count() == 2


def test_in_the_browser_that_is_signed_in_the_page_says_it_is_done(path, intruder):
    answer = intruder.client.post(path, follow=True)

    assert answer.status_code == 200
    assert "This account was locked" in words(answer)
    assert not intruder.is_in


def test_somebody_else_who_is_signed_in_stays_signed_in(path, administrator, intruder):
    answer = administrator.client.post(path, follow=True)

    assert "This account was locked" in words(answer)
    assert administrator.is_in
    assert not intruder.is_in


# --- Coming back ---


def test_no_link_of_before_and_no_reset_gives_a_new_password(path, kim, told, mailoutbox):
    browser().post("/password-reset/", {"email": "kim@acme.example"})
    reset = re.search(r"http://localhost:8000(/password-reset/\S+)", mailoutbox[-1].body)[1]
    browser().post(path)

    assert browser().get(reset).status_code == 404
    assert told(browser().post, "/password-reset/", {"email": "kim@acme.example"}) == []


def test_an_invitation_of_before_gives_no_new_password(told, kim, admin):
    link = invitations.invite(kim.user, actor=admin).removeprefix("http://localhost:8000")
    event = record(Action.PASSKEY_CREATED, actor=kim.user, subject=kim.user, name="x")
    browser().post(not_me.not_me_link(event, kim.user.email).removeprefix("http://localhost:8000"))

    assert browser().get(link).status_code == 404


def test_an_administrator_sees_it_until_they_are_let_in_again(path, kim, administrator, admin):
    page = f"/settings/administration/users/{kim.user.pk}/"
    before = words(administrator.client.get(page))
    browser().post(path)
    seen = words(administrator.client.get(page))
    let_in(kim.user, kept=[], checked="in_person", reason="It is Kim.", actor=admin)
    invited = words(administrator.client.get(page))

    assert ["Locked, because Kim said “This wasn’t me”" in text for text in (before, seen, invited)] == [
        False,
        True,
        False,
    ]
    assert "Kim is locked and cannot sign in until an administrator lets them in again." in seen
    assert "Invited today" in invited


def test_an_invitation_that_was_used_long_ago_is_not_shown_as_unused(path, kim, administrator, admin):
    record(Action.USER_INVITED, actor=admin, subject=kim.user)
    report_about = not_me.read(path.split("/")[2])
    people.report_not_me(report_about, about="A passkey was added to your account")

    assert "Invited " not in words(administrator.client.get(f"/settings/administration/users/{kim.user.pk}/"))


def test_no_invitation_goes_around_the_page_that_lets_in_again(path, kim, administrator, told):
    browser().post(path)

    page = administrator.client.get(f"/settings/administration/users/{kim.user.pk}/").content.decode()
    answer = administrator.client.post(f"/settings/administration/users/{kim.user.pk}/invite/")

    assert "Invite again" not in page
    assert answer.headers["Location"] == f"/settings/administration/users/{kim.user.pk}/let-in/"
    kim.user.refresh_from_db()
    assert kim.user.locked_at is not None


def test_they_choose_a_new_password_once_they_are_let_in_again(path, kim, admin, told):
    browser().post(path)

    mails = told(let_in, kim.user, kept=[], checked="in_person", reason="It is Kim.", actor=admin)
    [mail] = [mail for mail in mails if "/invitation/" in mail.body]
    link = re.search(r"http://localhost:8000(/invitation/\S+)", mail.body)[1]
    reader = browser()
    form = reader.get(link).headers["Location"]
    reader.post(form, {"new_password1": NEW, "new_password2": NEW})

    assert browser().post("/login/", {"username": "kim", "password": NEW}).status_code == 302


# --- Who is told ---


@pytest.fixture
def report(path, told):
    """Kim says so; the mails that this sends."""
    return lambda: {mail.to[0]: mail for mail in told(browser().post, path)}


def test_the_companys_administrators_and_the_person_are_told(report, company_admin, admin):
    mails = report()

    assert set(mails) == {"kim@acme.example", "carla@acme.example"}
    mail = mails["carla@acme.example"]
    assert mail.subject == "m2v: A user says “This wasn’t me”: the account is locked"
    assert "Kim Hansen (kim) says of “A passkey was added to your account”: this wasn’t me." in mail.body
    for what in ("e-mail address", "each passkey and authenticator app", "let Kim Hansen in again", "/let-in/"):
        assert what in mail.body
    assert "Your account is locked" in mails["kim@acme.example"].subject
    assert not any(LINK.search(mail.body) for mail in mails.values())


def test_without_administrators_in_the_company_the_sites_are_told(report, admin, make_user):
    make_user("asleep", role=Role.COMPANY_ADMINISTRATOR, is_active=False)
    make_user("silent", role=Role.COMPANY_ADMINISTRATOR, email="")
    make_user("elsewhere", role=Role.COMPANY_ADMINISTRATOR, company=None)

    assert set(report()) == {"kim@acme.example", "petra@acme.example"}


@pytest.mark.parametrize(
    ("role", "in_company", "addresses"),
    [
        (Role.ADMINISTRATOR, True, {"petra@acme.example"}),
        (Role.ADMINISTRATOR, False, {"petra@acme.example"}),
        (Role.MEMBER, False, {"petra@acme.example"}),
        (Role.COMPANY_ADMINISTRATOR, True, {"carla@acme.example"}),
    ],
)
def test_who_can_help_whom(role, in_company, addresses, make_user, company, company_admin, admin):
    lee = make_user("lee", role=role, company=company if in_company else None)
    event = record(Action.REPORTED_NOT_ME, actor=None, subject=lee, name=lee.email)

    assert {recipient.address for recipient in the_administrators(event)} == addresses


# --- Links that are none ---


def expected_gone(path, before):
    answer = browser().get(path)
    page = words(answer)
    assert answer.status_code == 404
    assert "This link no longer works" in page
    assert "Tell your administrator" in page
    assert browser().post(path).status_code == 404
    assert everything() == before


def test_a_link_that_was_cut_off_bent_or_made_up_is_a_helpful_404(path, kim):
    before = everything()

    for token in ("x", "a:b:c", path.split("/")[2][:-3], path.split("/")[2].replace(":", "_", 1), str(kim.user.pk)):
        expected_gone(f"/not-me/{token}/", before)


def test_a_link_works_for_seven_days(path, time_machine, line):
    before = everything()
    start = line.at.timestamp()
    time_machine.move_to(start + 7 * 24 * 3600 - 60)
    assert browser().get(path).status_code == 200

    time_machine.move_to(start + 7 * 24 * 3600 + 60)
    expected_gone(path, before)


def test_a_token_signed_for_something_else_opens_nothing(path, line):
    before = everything()
    content = [str(line.subject_id), line.pk, "kim@acme.example"]

    for salt in ("accounts.invitation", "django.core.signing", "accounts.password-reset"):
        expected_gone(f"/not-me/{signing.dumps(content, salt=salt)}/", before)
    expected_gone(f"/not-me/{signing.dumps(content, salt=not_me.SALT, key='guessed')}/", before)


def test_a_link_locks_only_whom_its_event_is_about(path, line, make_user):
    ada = make_user("ada")
    before = everything()

    forged = signing.dumps([str(ada.pk), line.pk, "ada@acme.example"], salt=not_me.SALT)
    expected_gone(f"/not-me/{forged}/", before)


def test_a_link_signed_with_a_key_that_was_replaced_works_as_long_as_that_key_is_a_fallback(path, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = (
        "another key of fifty characters and more, for tests",
        [settings.SECRET_KEY],
    )
    assert browser().get(path).status_code == 200

    settings.SECRET_KEY_FALLBACKS = []
    assert browser().get(path).status_code == 404


# --- The old address ---


def test_the_mail_to_the_old_address_locks_the_account_too(told, intruder, kim):
    """The intruder changes the address first: the owner still reads the old one."""
    mails = told(intruder.client.post, "/user-settings/", PROFILE | {"email": "mallory@evil.example"})
    [old] = [mail for mail in mails if mail.to == ["kim@acme.example"]]

    answer = browser().post(path_in(old), follow=True)

    assert "This account was locked" in words(answer)
    assert not intruder.is_in
    report = AuditEvent.objects.get(action=Action.REPORTED_NOT_ME)
    assert report.details["to"] == "kim@acme.example"
    assert told(browser().post, "/password-reset/", {"email": "mallory@evil.example"}) == []


def test_somebody_deactivated_can_still_say_so(path, kim, admin, company_admin, told):
    people.deactivate_user(kim.user, actor=admin)

    mails = told(browser().post, path)

    assert [mail.to for mail in mails] == [["carla@acme.example"]]
    assert User.objects.get(pk=kim.user.pk).locked_at is not None
    assert Person(kim.user).enter_password(PASSWORD).status_code == 400
