"""A locked account: nothing opens it, everybody who may sees it, and an administrator lets its person in again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import invitations, people
from accounts.authorization import OutOfReach, ShutOut
from accounts.backends import AccountLocked
from accounts.models import Role, Session, User
from audit.models import AuditEvent
from audit.sentences import sentence
from audit.vocabulary import Action
from companies.letting_in import Lock, let_in
from mfa import services
from mfa.models import Passkey
from tests.companies import USERS, press, read
from tests.mfa.pages import CHALLENGE, CREATE, SETUP, refusals_of, window_of, words
from tests.people import PASSWORD, Person, browser

LOCKED = "This account is locked"
INVITATION = re.compile(r"http://localhost:8000(/invitation/\S+/\S+/)")
RESET = re.compile(r"http://localhost:8000(/password-reset/\S+/\S+/)")
NEW = "four words in line"


def page_of(user):
    return f"{USERS}{user.pk}/let-in/"


def answers(page, **more):
    """What the form sends as it stands, with how the person was known."""
    chosen = {
        radio.attrs["name"]: radio.attrs["value"]
        for radio in page.all("input", type="radio")
        if "checked" in radio.attrs
    }
    return {"checked": "in_person", "reason": "Kim stands before me."} | chosen | more


@pytest.fixture
def locked_kim(kim, admin):
    """Kim with an app, recovery codes and a passkey, locked by an administrator."""
    kim.set_up_app()
    kim.add_passkey()
    people.lock_user(kim.user, actor=admin)
    return kim


# --- Nothing opens ---


def test_the_right_password_is_told_that_the_account_is_locked(locked_kim):
    answer = locked_kim.enter_password()

    assert answer.status_code == 403
    assert LOCKED in words(answer)
    assert not Session.objects.filter(user=locked_kim.user).exists()


def test_a_wrong_password_is_told_nothing_and_counts_as_before(locked_kim):
    for _ in range(5):
        assert LOCKED not in words(locked_kim.enter_password("wrong horse battery staple"))

    assert locked_kim.enter_password().status_code == 429
    assert LOCKED not in words(locked_kim.enter_password())


def test_the_right_password_of_a_locked_account_gives_no_guess_back(locked_kim):
    for _ in range(5):
        locked_kim.enter_password()

    assert locked_kim.enter_password().status_code == 429


def test_a_right_passkey_is_told_and_opens_nothing(locked_kim):
    answer = locked_kim.use_passkey()

    assert answer.status_code == 403
    assert answer.json()["error"] == "account_locked"
    assert LOCKED in answer.json()["message"]
    assert not locked_kim.is_in
    assert not Session.objects.filter(user=locked_kim.user).exists()
    assert Passkey.objects.get(user=locked_kim.user).last_used_at is None
    assert refusals_of(locked_kim.user) == ["AccountLocked"]


def test_a_wrong_signature_is_told_nothing(locked_kim):
    assert LOCKED not in str(locked_kim.use_passkey(origin="http://elsewhere.example").json())


@pytest.mark.parametrize("step", [CHALLENGE, SETUP, CREATE, "/portal/"])
def test_a_login_ends_wherever_it_stands(step, kim, admin):
    """Half-way at the code, at the set-up of an app or of a passkey, or all the way in."""
    if step == CHALLENGE:
        kim.set_up_app()
    elif step == SETUP:
        services.enable_two_factor(kim.user, actor=admin)
    elif step == CREATE:
        services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    assert kim.asked_for == step

    people.lock_user(kim.user, actor=admin)

    assert kim.asked_for == "/login/"
    for page in (CHALLENGE, SETUP, CREATE, "/confirm/", "/user-settings/password/"):
        answer = kim.client.post(page, {"code": kim.code() if kim.app_key else "123456", "password": PASSWORD})
        assert answer.status_code == 302, page
        assert not kim.is_in
    assert kim.json("/passkeys/registration/options/", {}).status_code == 401
    assert not Session.objects.filter(user=kim.user).exists()


def test_a_session_that_the_lock_did_not_see_opens_nothing_either(kim, admin):
    """It was begun by somebody who was looked up before the lock."""
    kim.sign_in()
    now = datetime.now(UTC)
    User.objects.filter(pk=kim.user.pk).update(locked_at=now)

    assert not kim.is_in
    assert kim.asked_for == "/login/"


@pytest.mark.django_db(transaction=True)
def test_a_login_that_was_on_its_way_when_the_account_was_locked_does_not_end_well(kim, admin, monkeypatch):
    """The password was looked at before, the session is made after."""
    looked_at = User.check_password

    def check_then_lock(person, raw):
        right = looked_at(person, raw)
        people.lock_user(person, actor=admin)
        return right

    monkeypatch.setattr(User, "check_password", check_then_lock)
    answer = kim.enter_password()
    monkeypatch.undo()

    assert answer.status_code != 200
    assert not kim.is_in
    assert not AuditEvent.objects.filter(subject=kim.user, action=Action.SIGNED_IN).exists()


def test_no_reset_is_mailed_and_an_earlier_link_is_dead(kim, admin, told, mailoutbox):
    [mail] = told(invitations.send_reset, kim.user.email)
    [path] = RESET.findall(mail.body)
    people.lock_user(kim.user, actor=admin)

    assert told(invitations.send_reset, kim.user.email) == []
    assert browser().get(path).status_code == 404


def test_a_reset_page_that_is_open_already_changes_nothing(kim, admin, told):
    [mail] = told(invitations.send_reset, kim.user.email)
    [path] = RESET.findall(mail.body)
    client = browser()
    page = client.get(path, follow=True).request["PATH_INFO"]
    people.lock_user(kim.user, actor=admin)

    assert client.post(page, {"new_password1": NEW, "new_password2": NEW}).status_code == 404
    kim.user.refresh_from_db()
    assert kim.user.check_password(PASSWORD)


def test_an_invitation_opens_nothing_while_the_account_is_locked(make_user, admin):
    ben = make_user("ben", password=None)
    path = invitations.invite(ben, actor=admin).removeprefix("http://localhost:8000")
    people.lock_user(ben, actor=admin)

    assert browser().get(path).status_code == 404
    with pytest.raises(people.ChangedMeanwhile):
        invitations.invite(ben, actor=admin)


def test_no_password_is_chosen_for_a_locked_account(locked_kim):
    locked_kim.user.refresh_from_db()

    with pytest.raises(people.ChangedMeanwhile):
        people.change_password(locked_kim.user, NEW, actor=None)


def test_django_itself_does_not_sign_a_locked_person_in(locked_kim):
    client = browser()
    with pytest.raises(AccountLocked):
        client.login(username="kim", password=PASSWORD)
    client.force_login(locked_kim.user)

    assert client.get("/portal/").status_code == 302


# --- A locked administrator acts no more ---


def test_a_locked_administrator_manages_nobody(admin, kim, make_user):
    other = make_user("olaf", role=Role.ADMINISTRATOR, company=None)
    people.lock_user(admin, actor=other)
    admin.refresh_from_db()

    assert not User.objects.managed_by(admin).exists()
    with pytest.raises(ShutOut):
        people.lock_user(kim.user, actor=admin)


def test_an_administrator_read_before_their_lock_locks_nobody(admin, make_user):
    """Two who lock each other at once: the second finds itself locked, and one remains."""
    other = make_user("olaf", role=Role.ADMINISTRATOR, company=None)
    as_read = User.objects.get(pk=other.pk)
    people.lock_user(other, actor=admin)

    with pytest.raises(ShutOut):
        people.lock_user(admin, actor=as_read)
    admin.refresh_from_db()
    assert admin.locked_at is None


# --- By hand ---


def test_an_administrator_locks_by_hand_after_confirming(administrator, kim, told):
    kim.sign_in()
    page = administrator.client.get(f"{USERS}{kim.user.pk}/lock/")
    assert "Lock the account of Kim Hansen?" in words(page)
    assert "1 session ends" in words(page)
    kim.user.refresh_from_db()
    assert kim.user.locked_at is None

    mails = told(press, administrator.client, page, "Confirm")

    kim.user.refresh_from_db()
    assert kim.user.locked_at is not None
    assert kim.user.locked_by == administrator.user
    assert not kim.is_in
    assert [(mail.to, mail.subject) for mail in mails] == [([kim.user.email], "m2v: Your account is locked")]


def test_nobody_locks_themselves(administrator):
    administrator.client.post(f"{USERS}{administrator.user.pk}/lock/")

    administrator.user.refresh_from_db()
    assert administrator.user.locked_at is None
    with pytest.raises(OutOfReach):
        people.lock_user(administrator.user, actor=administrator.user)


def test_a_company_administrator_locks_neither_administrators_nor_other_companies(
    company_admin, admin, make_user, other_company
):
    carla = Person(company_admin)
    carla.sign_in()
    stranger = make_user("sven", company=other_company)

    for person in (admin, stranger):
        assert carla.client.post(f"{USERS}{person.pk}/lock/").status_code == 404
        assert carla.client.get(page_of(person)).status_code == 404
        with pytest.raises(OutOfReach):
            people.lock_user(person, actor=company_admin)
        person.refresh_from_db()
        assert person.locked_at is None


# --- Where it is seen ---


def test_the_lock_is_seen_in_the_list_the_window_the_users_page_and_the_overview(administrator, locked_kim):
    there = page_of(locked_kim.user)

    listed = read(administrator.client.get(USERS, {"show": "locked"}))
    assert [row[0] for row in listed.rows] == ["KH Kim Hansen kim Locked Let kim in again"]
    assert "Locked 1" in listed.words
    for address in (window_of(locked_kim.user), f"{USERS}{locked_kim.user.pk}/", USERS):
        page = read(administrator.client.get(address))
        assert there in page.links.values(), address
        assert "locked" in page.words.lower()
    overview = read(administrator.client.get("/settings/"))
    assert overview.links["1 account is locked"] == f"{USERS}?show=locked"


def test_nothing_is_said_of_locks_where_there_are_none(administrator, kim):
    for address in (USERS, "/settings/", window_of(kim.user)):
        assert "locked" not in words(administrator.client.get(address)).lower(), address


def test_the_page_of_somebody_who_is_not_locked_goes_to_their_profile(administrator, kim):
    answer = administrator.client.get(page_of(kim.user))

    assert answer.headers["Location"] == f"{USERS}{kim.user.pk}/"


# --- In again ---


@pytest.fixture
def burgled_kim(kim, told, time_machine):
    """Kim, in whose account a stranger set up an app and a passkey, and who said "This wasn't me"."""
    start = datetime(2026, 5, 4, 9, 30, 15, tzinfo=UTC)
    time_machine.move_to(start, tick=False)
    kim.add_passkey()
    time_machine.move_to(start + timedelta(hours=1), tick=False)
    kim.use_passkey()  # surely Kim
    time_machine.move_to(start + timedelta(hours=2), tick=False)
    stranger = Person(kim.user)
    stranger.sign_in()
    stranger.set_up_app()
    [mail, *_] = told(stranger.add_passkey)
    [link] = re.findall(r"http://localhost:8000(/not-me/\S+)", mail.body)
    time_machine.move_to(start + timedelta(hours=3), tick=False)
    browser().post(link)
    kim.user.refresh_from_db()
    kim.stranger = stranger
    return kim


def test_this_wasnt_me_locks_for_strangers_and_their_factors_too(burgled_kim):
    assert burgled_kim.user.locked_at is not None
    assert not burgled_kim.stranger.is_in
    assert burgled_kim.stranger.use_passkey().json()["error"] == "account_locked"
    assert LOCKED in words(burgled_kim.stranger.enter_password())


def test_the_page_lists_each_factor_with_when_and_where_and_presets_the_new_ones_to_remove(
    burgled_kim, administrator, time_machine
):
    mine, theirs = Passkey.objects.filter(user=burgled_kim.user)

    page = read(administrator.client.get(page_of(burgled_kim.user)))

    assert "Locked, because Kim said “This wasn’t me”." in page.words
    chosen = answers(page)
    assert {key: chosen[key] for key in ("app", "codes", str(mine.pk), str(theirs.pk))} == {
        "app": "remove",
        "codes": "remove",
        str(mine.pk): "keep",
        str(theirs.pk): "remove",
    }
    [app, codes, first, second] = [item.words for item in page.all("form", method="post")[-1].all("li")]
    assert "Authenticator app New Set up" in app
    assert "10 recovery codes New Made" in codes
    assert "New" not in first
    assert "last used" in first
    assert "New" in second


def test_letting_in_keeps_what_was_kept_voids_the_password_and_invites(burgled_kim, administrator, told):
    mine, _theirs = Passkey.objects.filter(user=burgled_kim.user)
    address = page_of(burgled_kim.user)
    chosen = answers(read(administrator.client.get(address)))

    mails = told(administrator.client.post, address, chosen)

    burgled_kim.user.refresh_from_db()
    assert burgled_kim.user.locked_at is None
    assert not burgled_kim.user.has_usable_password()
    assert list(burgled_kim.user.passkeys.all()) == [mine]
    assert not burgled_kim.user.authenticator_apps.exists()
    assert not burgled_kim.user.recovery_codes.exists()
    assert Person(burgled_kim.user).enter_password().status_code == 400
    assert burgled_kim.stranger.use_passkey().status_code == 400
    [invitation] = [mail for mail in mails if INVITATION.search(mail.body)]
    assert invitation.to == [burgled_kim.user.email]
    client = browser()
    there = client.get(INVITATION.search(invitation.body)[1], follow=True).request["PATH_INFO"]
    client.post(there, {"new_password1": NEW, "new_password2": NEW})
    assert Person(burgled_kim.user).enter_password(NEW).status_code == 302
    line = AuditEvent.objects.get(action=Action.USER_LET_IN)
    assert line.actor == administrator.user
    assert line.details["reason"] == "Kim stands before me."
    assert line.details["checked"] == "in_person"
    assert line.details["removed"] == {"authenticator_apps": 1, "recovery_codes": 10, "passkeys": 1}


def test_a_passkey_that_was_kept_signs_in_again(burgled_kim, administrator):
    address = page_of(burgled_kim.user)
    administrator.client.post(address, answers(read(administrator.client.get(address)), app="remove"))
    User.objects.filter(pk=burgled_kim.user.pk).update(two_factor_enabled=False)

    assert burgled_kim.use_passkey().status_code == 200
    assert burgled_kim.is_in


def test_what_came_after_the_page_was_opened_is_not_kept(locked_kim, admin):
    """Kept is what was looked at, and nothing else."""
    kept = [factor.key for factor in Lock(User.objects.get(pk=locked_kim.user.pk), admin).factors()]
    Passkey.objects.create(user=locked_kim.user, name="Later", credential_id=b"later", public_key=b"key")

    let_in(locked_kim.user, kept=kept, checked="in_person", reason="It is Kim.", actor=admin)

    assert locked_kim.user.passkeys.count() == 1
    assert locked_kim.user.authenticator_apps.count() == 1
    assert locked_kim.user.recovery_codes.count() == 10


def test_sessions_and_half_way_logins_of_before_do_not_come_back(kim, admin):
    kim.sign_in()
    people.lock_user(kim.user, actor=admin)
    let_in(kim.user, kept=[], checked="in_person", reason="It is Kim.", actor=admin)

    assert not kim.is_in


@pytest.mark.parametrize(
    "wrong",
    [
        {"checked": ""},
        {"checked": "by_mail"},
        {"reason": ""},
        {"app": "maybe"},
        {"app": "remove", "codes": "keep"},
    ],
)
def test_bad_answers_change_nothing_and_say_why(wrong, administrator, locked_kim):
    address = page_of(locked_kim.user)
    chosen = answers(read(administrator.client.get(address)), app="keep", codes="keep") | wrong

    answer = administrator.client.post(address, chosen)

    assert read(answer, 400).notes
    locked_kim.user.refresh_from_db()
    assert locked_kim.user.locked_at is not None
    assert locked_kim.user.authenticator_apps.exists()


def test_letting_in_twice_says_that_it_was_done(administrator, locked_kim, admin):
    address = page_of(locked_kim.user)
    chosen = answers(read(administrator.client.get(address)))
    administrator.client.post(address, chosen)

    answer = administrator.client.post(address, chosen, follow=True)

    assert "Kim is not locked." in words(answer)
    assert AuditEvent.objects.filter(action=Action.USER_LET_IN).count() == 1


def test_an_address_that_changed_since_the_last_sure_login_is_pointed_out(burgled_kim, administrator):
    changed = User.objects.get(pk=burgled_kim.user.pk)
    changed.email = "stranger@elsewhere.example"
    people.change_user(changed, changed=["email"], actor=administrator.user)

    page = read(administrator.client.get(page_of(burgled_kim.user))).words

    assert "stranger@elsewhere.example" in page
    assert "kim@acme.example" in page
    assert "Changed since the last sure login" in page


def test_without_an_address_the_link_is_handed_over(administrator, locked_kim):
    User.objects.filter(pk=locked_kim.user.pk).update(email="", email_folded="")
    address = page_of(locked_kim.user)

    answer = administrator.client.post(address, answers(read(administrator.client.get(address))), follow=True)

    assert "http://localhost:8000/invitation/" in words(answer)


def test_the_administrators_mail_leads_to_the_page(told, kim, admin):
    [mail] = told(kim.add_passkey)
    [link] = re.findall(r"http://localhost:8000(/not-me/\S+)", mail.body)

    mails = told(browser().post, link)

    [theirs] = [mail for mail in mails if mail.to == [admin.email]]
    assert f"http://localhost:8000{page_of(kim.user)}" in theirs.body
    assert f"http://localhost:8000{page_of(kim.user)}" in theirs.alternatives[0].content


ASKED = "?q=hansen&show=locked"


@pytest.mark.parametrize("page", ["", "{user}/", "{user}/mfa/"])
def test_the_way_to_a_locked_person_and_back_keeps_what_was_asked_of_the_list(administrator, locked_kim, page):
    there = f"{page_of(locked_kim.user)}{ASKED}".replace("&", "&amp;")
    shown = administrator.client.get(f"{USERS}{page.format(user=locked_kim.user.pk)}{ASKED}").content.decode()
    assert f'href="{there}"' in shown

    back = f"{USERS}{locked_kim.user.pk}/{ASKED}".replace("&", "&amp;")
    assert administrator.client.get(page_of(locked_kim.user) + ASKED).content.decode().count(f'href="{back}"') == 2


@pytest.mark.parametrize("act", ["lock", "invite"])
def test_an_act_that_leads_to_a_locked_person_keeps_it_too(administrator, locked_kim, act):
    answer = administrator.client.post(f"{USERS}{locked_kim.user.pk}/{act}/{ASKED}")

    assert answer.headers["Location"] == page_of(locked_kim.user) + ASKED


def test_the_history_is_narrowed_by_links(administrator, locked_kim):
    locked_kim.client.post("/login/", {"username": "kim", "password": "wrong horse battery staple"})
    page = read(administrator.client.get(page_of(locked_kim.user) + ASKED))
    chips = page.one("nav", **{"aria-label": "Filter the history"}).all("a")
    assert "aria-current" in chips[0].attrs

    def lines_of(address):
        shown = read(administrator.client.get(page_of(locked_kim.user) + address.partition("#")[0]))
        [history] = [card for card in shown.all("section") if card.attrs.get("aria-labelledby") == "history"]
        current = [chip for chip in history.all("a") if "aria-current" in chip.attrs]
        return [item.words for item in history.all("li")], current[0].words

    names = ("All", "Last 24 hours", "Logins", "Failures", "Factors", "By an administrator")
    for chip, name in zip(chips, names, strict=True):
        lines, current = lines_of(chip.attrs["href"])
        assert current == chip.words == f"{name} {len(lines)}"
        if name == "Failures":
            assert ["with a password was refused" in line for line in lines] == [True]
        if name == "By an administrator":
            assert ["locked the account" in line for line in lines] == [True]
    assert lines_of("?history=odd")[1].startswith("All ")


def test_an_old_line_is_not_of_the_last_24_hours(administrator, kim, admin):
    line = AuditEvent.objects.create(
        action=Action.SIGNED_OUT, subject=kim.user, at=timezone.now() - timedelta(hours=25)
    )
    people.lock_user(kim.user, actor=admin)

    page = read(administrator.client.get(page_of(kim.user) + "?history=day")).words

    assert "All 2" in page
    assert "Last 24 hours 1" in page
    assert page.count("Kim Hansen signed out") == 0
    assert line.at < timezone.now() - timedelta(days=1)


def test_the_last_administrator_who_is_locked_is_told_what_to_do_and_let_in_by_the_next_one(told, admin, kim):
    petra = Person(admin)
    petra.sign_in()
    [mail] = told(petra.create_passkey)
    link = re.search(r"http://localhost:8000(/not-me/[\w:-]+/)", mail.body)[1]
    says = "On the server, “manage.py createsuperuser” makes one, who can let you in again."
    assert says in words(browser().get(link))

    [mail] = told(browser().post, link)

    assert User.objects.get(pk=admin.pk).locked_at is not None
    assert mail.subject == "m2v: Your account is locked, and no administrator is left"
    assert "“manage.py createsuperuser” makes one" in mail.body
    assert says in words(browser().get(link))
    assert says in words(petra.enter_password())
    assert says in petra.use_passkey().json()["message"]
    User.objects.create_superuser("rita", password=PASSWORD)
    assert "createsuperuser" not in words(petra.enter_password())
    rita = Person(User.objects.get(username="rita"))
    rita.sign_in()
    page = read(rita.client.get(page_of(admin)))

    assert rita.client.post(page_of(admin), answers(page)).status_code == 302
    assert User.objects.get(pk=admin.pk).locked_at is None


@pytest.mark.parametrize(
    ("kept", "more"), [("app", ""), ("", "; removed: the authenticator app and 10 recovery codes")]
)
def test_the_line_says_how_identity_was_checked_and_what_went(locked_kim, admin, kept, more):
    keys = [str(Passkey.objects.get().pk), *(["app", "codes"] if kept else [])]

    let_in(locked_kim.user, kept=keys, checked="video_call", reason="It was Kim", actor=admin)

    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action=Action.USER_LET_IN)
    assert sentence(line) == (
        "Petra Vogt let Kim Hansen in again after a lock: “It was Kim”; "
        f"who it is was checked: video call with an identity document{more}"
    )
