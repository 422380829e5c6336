"""A forgotten password, and the ways around that begin at a reset."""

from __future__ import annotations

import re
from statistics import median
from time import perf_counter

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections

from accounts import invitations, people
from accounts.models import Session, User
from accounts.views import PasswordReset
from audit.models import AuditEvent
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import everything
from tests.addresses import confirm_address
from tests.links import CHANGE, NEW, ask, choose, chosen, form_of, link_in, signs_in
from tests.people import PASSWORD, Person, browser
from tests.post import deliver_owed

ADDRESSES = ("kim@acme.example", "nobody@acme.example", "inga@acme.example", "ines@acme.example")


@pytest.fixture
def others(make_user):
    make_user("inga", is_active=False)
    make_user("ines", password=None)


@pytest.fixture
def connection_stays():
    """The end of an answer closes no connection, as with Django's test client."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def link(kim, mailoutbox):
    ask("kim@acme.example")
    return link_in(mailoutbox.pop())


@pytest.mark.row("CS-RST-1")
@pytest.mark.parametrize("email", ADDRESSES)
def test_nobody_is_looked_for_and_nothing_sent_before_the_answer_is(
    email, kim, others, rf, mailoutbox, connection_stays, django_assert_num_queries
):
    """What the request does is the same for everybody, and so is its time: the rest begins when the answer is sent."""
    with django_assert_num_queries(0):
        answer = PasswordReset.as_view()(rf.post("/password-reset/", {"email": email}))

    assert answer.status_code == 302
    assert mailoutbox == []
    answer.close()
    assert len(mailoutbox) == (email == "kim@acme.example")
    answer.close()
    assert len(mailoutbox) == (email == "kim@acme.example"), "once"


@pytest.mark.row("B-32")
def test_the_request_takes_the_same_time_for_everybody(kim, rf, monkeypatch):
    sent = []
    monkeypatch.setattr(invitations, "send_reset", lambda email: sent.append(email))
    times = {"kim@acme.example": [], "nobody@acme.example": []}
    for _round in range(20):
        for email, taken in times.items():
            start = perf_counter()
            PasswordReset.as_view()(rf.post("/password-reset/", {"email": email}))
            taken.append(perf_counter() - start)

    known, unknown = (median(taken) for taken in times.values())
    assert abs(known - unknown) < 0.02
    assert sent == []


@pytest.mark.row("CS-RST-1")
def test_what_fails_after_the_answer_is_logged_without_the_link(kim, settings, caplog):
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1},
        }
    }

    assert ask("kim@acme.example").status_code == 302
    deliver_owed()

    assert "A mail was not delivered, and is tried again." in caplog.text
    assert "password-reset/" not in caplog.text


@pytest.mark.row("CS-RST-1")
def test_a_fault_after_the_answer_breaks_nothing(kim, monkeypatch, caplog):
    def fault(_email):
        raise RuntimeError("a fault")

    monkeypatch.setattr(invitations, "send_reset", fault)

    assert ask("kim@acme.example").status_code == 302
    assert "What was to be done after an answer failed." in caplog.text


@pytest.mark.row("CS-RST-1")
@pytest.mark.parametrize(("minutes", "works"), [(0, True), (60, True), (61, False), (24 * 60, False)])
def test_a_link_is_good_for_an_hour(minutes, works, kim, mailoutbox, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    ask("kim@acme.example")
    link = link_in(mailoutbox.pop())

    time_machine.shift(minutes * 60)

    assert (choose(link) is not None) == works


@pytest.mark.row("CS-RST-1")
def test_a_link_works_once(kim, link):
    assert choose(link).status_code == 302

    dead = browser().get(link)

    assert dead.status_code == 404
    assert "This link was used already" in dead.content.decode()
    assert "Ask for a new link" in dead.content.decode()


@pytest.mark.row("CS-RST-1")
def test_of_two_who_send_the_form_at_once_one_chooses(kim, link):
    """Both have read the person before either writes."""
    first, second = User.objects.get(pk=kim.user.pk), User.objects.get(pk=kim.user.pk)

    people.change_password(first, NEW, actor=first)
    with pytest.raises(people.ChangedMeanwhile):
        people.change_password(second, "another four words", actor=second)

    assert signs_in("kim", NEW)
    assert AuditEvent.objects.filter(action="password_changed").count() == 1


@pytest.mark.row("CS-RST-1")
def test_the_second_of_two_is_told_that_the_link_is_gone(kim, link, monkeypatch):
    reader = browser()
    form = form_of(reader, link)

    def used_just_now(*_args, **_more):
        raise people.ChangedMeanwhile

    monkeypatch.setattr(people, "change_password", used_just_now)

    assert reader.post(form, chosen()).status_code == 404


def test_a_change_of_ones_own_that_comes_second_says_so(kim, monkeypatch):
    kim.sign_in()

    def used_just_now(*_args, **_more):
        raise people.ChangedMeanwhile

    monkeypatch.setattr(people, "change_password", used_just_now)
    answer = kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen())

    assert answer.status_code == 400
    assert "The password was changed meanwhile. Open this page again." in answer.content.decode()


@pytest.mark.row("CS-RST-1")
@pytest.mark.parametrize("change", ["e-mail", "password", "deactivated", "invited anew", "another link"])
@pytest.mark.parametrize("opened", [False, True], ids=["not opened", "form open"])
def test_a_link_dies_when_what_it_was_sent_for_changes(change, opened, kim, admin, link, mailoutbox):
    reader = browser()
    form = form_of(reader, link) if opened else None
    if change == "e-mail":
        kim.user.email = "new@acme.example"
        people.change_user(kim.user, changed=["email"], actor=kim.user)
        assert confirm_address(kim.user).status_code == 302
    elif change == "password":
        people.change_password(kim.user, "another four words", actor=kim.user)
    elif change == "deactivated":
        people.deactivate_user(kim.user, actor=admin)
    elif change == "invited anew":
        invitations.invite(kim.user, actor=admin)
    else:
        ask("kim@acme.example")
        choose(link_in(mailoutbox.pop()), "another four words")

    if form:
        assert reader.post(form, chosen()).status_code == 404
    assert choose(link) is None
    assert not signs_in("kim", NEW)


@pytest.mark.row("ASVS-3.4.5", "CS-RST-1")
def test_the_token_leaves_the_address_before_a_page_is_shown(kim, link):
    reader = browser()
    token = link.split("/")[-2]

    answer = reader.get(link)

    assert answer.status_code == 302
    assert answer.content == b""
    assert token not in answer.headers["Location"]
    page = reader.get(answer.headers["Location"])
    assert token not in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]


ELSEWHERE = "Open the link in the mail again, in this browser."


def test_a_second_page_opened_in_another_browser_says_how_to_go_on_there(kim, link):
    """The address was copied after the token had left it: the link in the mail is as good as before."""
    page = form_of(browser(), link)
    other = browser()
    answer = other.get(page)

    assert answer.status_code == 404
    assert ELSEWHERE in answer.content.decode()
    assert "Ask for a new" not in answer.content.decode()
    assert other.post(page, chosen(NEW)).status_code == 404
    assert not signs_in("kim", NEW)
    assert choose(link, client=other).status_code == 302
    assert signs_in("kim", NEW)


def test_a_second_page_says_the_same_of_everybody(kim, link):
    """Whether there is somebody of that id is not to be seen."""
    page = form_of(browser(), link)
    nobody = page.replace(page.split("/")[2], "MDAw")

    assert browser().get(nobody).content.count(ELSEWHERE.encode()) == 1


def test_a_link_that_was_used_says_so_in_any_browser(kim, link):
    assert choose(link).status_code == 302
    answer = browser().get(link)

    assert ELSEWHERE not in answer.content.decode()
    assert "This link was used already" in answer.content.decode()


@pytest.mark.row("CS-RST-1")
def test_the_session_keeps_a_trace_that_opens_nothing(kim, link):
    reader = browser()
    token = link.split("/")[-2]
    form_of(reader, link)

    kept = Session.objects.get(user=None).get_decoded()["set-password"]

    assert token not in kept
    assert kept.split("-")[1] not in token
    assert choose(link.replace(token, kept)) is None


@pytest.mark.parametrize("trace", ["", "-", "x", "zz zz-00", "c5q3yx-0123456789abcdef", "0-" + "0" * 64, "é-1"])
def test_no_other_trace_is_known(trace, kim):
    assert not invitations.reset_tokens.knows(kim.user, trace)


def test_a_form_that_is_open_survives_a_new_secret_key(kim, link, settings):
    trace = invitations.reset_tokens.trace(link.split("/")[-2])

    assert invitations.reset_tokens.knows(kim.user, trace)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key of this site" * 3
    assert choose(link) is not None


@pytest.mark.row("CS-RST-1", "B-42")
@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_REFERER": "https://evil.example/"},
        {"HTTP_HOST": "localhost"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_the_link_leads_to_the_sites_own_address(headers, kim, mailoutbox):
    browser().post("/password-reset/", {"email": "kim@acme.example"}, **headers)

    assert link_in(mailoutbox[0])


@pytest.mark.row("B-55")
def test_a_request_for_another_host_sends_nothing(kim, mailoutbox):
    answer = browser().post("/password-reset/", {"email": "kim@acme.example"}, HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert mailoutbox == []


@pytest.mark.row("ASVS-7.4.3", "CS-RST-2", "B-51", "V22")
def test_a_reset_signs_nobody_in_and_ends_every_session(kim, link):
    phone, reader = Person(kim.user), browser()
    phone.sign_in()

    choose(link, client=reader)

    assert reader.get("/portal/").status_code == 302
    assert not phone.is_in
    assert not Session.objects.filter(user=kim.user).exists()


@pytest.mark.row("V22")
@pytest.mark.parametrize("step", HALF_WAY)
def test_a_half_way_login_dies_with_the_reset(step, kim, admin, mailoutbox):
    go_half_way(kim, step, admin)
    ask("kim@acme.example")

    choose(link_in(mailoutbox.pop()))

    assert kim.asked_for == "/login/"
    kim.client.post("/login/challenge/", {"code": kim.code() if kim.app_key else "000000"})
    assert not kim.is_in


@pytest.mark.row("CS-RST-3")
def test_asking_for_a_link_changes_nothing_but_the_audit(kim, others):
    kim.sign_in()
    before = everything("AuditEvent")
    lines = AuditEvent.objects.count()

    for email in ADDRESSES:
        ask(email)

    assert everything("AuditEvent") == before
    assert kim.is_in
    assert signs_in("kim", PASSWORD)
    asked = list(AuditEvent.objects.filter(action="password_reset_requested"))
    assert [(line.actor, line.subject, line.address) for line in asked] == [(None, kim.user, "127.0.0.1")]
    assert AuditEvent.objects.count() > lines


@pytest.mark.row("CS-RST-1")
def test_nobody_fills_somebody_elses_mailbox_or_the_audit(kim, others, mailoutbox, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    answers = {(answer.status_code, answer.headers["Location"]) for answer in (ask(ADDRESSES[0]) for _ in range(15))}

    assert len(answers) == 1, "nobody can tell"
    assert len(mailoutbox) == AuditEvent.objects.filter(action="password_reset_requested").count() == 3
    assert all(form_of(browser(), link_in(mail)) for mail in mailoutbox), "who asks for many does not void the owner's"
    time_machine.shift(3601)
    ask(ADDRESSES[0])
    assert len(mailoutbox) == 4


@pytest.mark.row("ASVS-6.4.3", "B-14")
def test_opening_a_link_signs_nobody_in_and_deletes_no_factor(kim, mailoutbox):
    kim.set_up_app()
    kim.add_passkey()
    before = everything("User", "AuditEvent")
    ask("kim@acme.example")
    link, reader = link_in(mailoutbox.pop()), browser()

    form = form_of(reader, link)
    assert reader.get("/portal/").status_code == 302
    reader.post(form, chosen())

    assert everything("User", "AuditEvent") == before
    assert kim.enter_password(NEW).headers["Location"] == "/login/challenge/"


@pytest.mark.row("B-29")
def test_no_page_offers_a_way_round_a_lost_app(kim):
    kim.set_up_app()
    kim.enter_password()

    page = kim.client.get("/login/challenge/").content.decode()

    for link in re.findall(r'href="(/[^"]*)"', page):
        kim.client.get(link)
    assert not kim.is_in


@pytest.mark.row("H-09")
@pytest.mark.parametrize("with_app", [False, True])
def test_password_managers_find_the_page_that_changes_a_password(with_app, kim):
    """The login takes the signed-out there."""
    if with_app:
        kim.set_up_app()
    stranger = kim.client.get("/.well-known/change-password", follow=True)
    assert stranger.request["PATH_INFO"] == "/login/"
    answer = kim.enter_password(next="/user-settings/password/")
    if with_app:
        answer = kim.enter_code()

    assert answer.headers["Location"] == "/user-settings/password/"
    page = kim.client.get("/.well-known/change-password", follow=True)
    assert page.request["PATH_INFO"] == "/user-settings/password/"
    assert browser().get("/.well-known/resource-that-should-not-exist").status_code == 404


@pytest.mark.row("N-4.2.2.2")
def test_a_mailbox_and_a_recovery_code_are_two_different_methods(kim, mailoutbox):
    """Whoever forgot the password still needs the second factor, or the paper that stands for it."""
    kim.set_up_app()
    ask("kim@acme.example")
    choose(link_in(mailoutbox.pop()))
    kim.enter_password(NEW)
    assert not kim.is_in

    kim.enter_code(kim.codes[0])

    assert kim.is_in


@pytest.mark.row("N-4.1-record", "CS-RST-2")
def test_a_reset_and_what_came_of_it_are_on_record(kim, mailoutbox):
    ask("kim@acme.example")
    choose(link_in(mailoutbox.pop()))

    lines = AuditEvent.objects.filter(subject=kim.user).order_by("pk")
    assert [(line.action, line.address) for line in lines] == [
        ("password_reset_requested", "127.0.0.1"),
        ("password_changed", "127.0.0.1"),
    ]
    assert all(line.browser for line in lines)


@pytest.mark.row("N-4.5")
@pytest.mark.parametrize("half_way", [False, True])
def test_the_end_of_an_account_ends_links_passwords_and_sessions(half_way, kim, admin, mailoutbox):
    ask("kim@acme.example")
    link = link_in(mailoutbox.pop())
    if half_way:
        kim.set_up_app()
        kim.enter_password()
    else:
        kim.sign_in()

    people.deactivate_user(kim.user, actor=admin)

    assert choose(link) is None
    assert not signs_in("kim", PASSWORD)
    assert not kim.is_in
    assert not Session.objects.filter(user=kim.user).exists()
    people.activate_user(kim.user, actor=admin)
    assert not kim.is_in, "sessions of before do not come back"
