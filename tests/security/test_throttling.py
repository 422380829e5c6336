"""Guesses: one budget a person and one a network address (ASVS 6.1.1, 6.3.1; NIST SP 800-63B-4 section 3.2.2; CS-AUTH)."""

from __future__ import annotations

from itertools import chain
from time import time

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import people, refusals
from accounts.models import Budget, User
from accounts.throttle import budgets, lanes, rule
from audit import recording
from audit.models import AuditEvent
from companies.services import end_company_sessions
from mfa import services
from mfa.models import AuthenticatorApp, RecoveryCode
from mfa.policy import Method
from tests.documents import decision
from tests.mfa.pages import SAVE, confirm_setup, open_setup
from tests.people import PASSWORD, Person, browser

WAIT = "Too many attempts."
GOOD_RECOVERY_FORM = "ABCD-EFGH-JKMN-PQRS"


def guess(person: Person, times: int, **extra: str) -> list[int]:
    """The statuses of so many wrong passwords, each from a browser that nobody knows."""
    name = person.user.username
    return [
        browser().post("/login/", {"username": name, "password": f"wrong {n}"}, **extra).status_code
        for n in range(times)
    ]


# --- A clock that ran ahead ---

TEN_YEARS = 10 * 365 * 86400


@pytest.mark.parametrize("ahead", [1000, 86400, TEN_YEARS])
def test_a_clock_that_ran_ahead_and_was_put_right_leaves_no_wait_over_15_minutes(ahead, kim, clock):
    clock.shift(ahead)
    guess(kim, 30)
    clock.shift(-ahead)

    answer = kim.enter_password()
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= rule.LONGEST_DELAY

    clock.shift(rule.LONGEST_DELAY - 1)
    assert kim.enter_password().status_code == 429, "asking again does not begin the wait anew"
    clock.shift(1)
    assert kim.enter_password().headers["Location"] == "/"


def test_what_is_used_up_stays_used_up_whatever_the_clock_does(kim, clock):
    clock.shift(TEN_YEARS)
    Budget.objects.create(
        key=f"person:{kim.user.pk.hex}", failures=100, blocked_until=rule.FOREVER, last_at=time(), began_at=time()
    )
    clock.shift(-TEN_YEARS)

    assert kim.enter_password().status_code == 429
    assert budgets.blocked_until(kim.user) == rule.FOREVER


# --- The limits as documented ---


@pytest.mark.row("ASVS-6.1.1")
def test_the_limits_are_the_documented_ones():
    written = decision(10) + decision(11)
    lane = rule.Lane("x")
    with recording.origin("192.0.2.1", ""):
        (address,) = lanes.address_lanes()

    assert (lane.free, lane.ends, rule.LONGEST_DELAY, address.free) == (5, 100, 900, 50)
    for figure in (
        "Five guesses",
        "15 minutes",
        "100 in a row",
        "50 an hour",
        "Nobody is locked out by somebody who knows",
    ):
        assert figure in written, figure


@pytest.mark.row("ASVS-6.3.1")
def test_five_wrong_passwords_are_free_and_then_even_the_right_one_waits(kim, make_person, clock):
    assert guess(kim, 7) == [400] * 5 + [429] * 2
    answer = kim.enter_password()
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert f"{WAIT} Try again in 1 second." in answer.content.decode()
    assert not kim.is_in

    other = make_person("lee")
    assert other.enter_password().status_code == 302, "others are unaffected"

    clock.shift(1)
    assert kim.enter_password().status_code == 302


@pytest.mark.row("ASVS-6.3.1")
def test_the_delay_doubles_and_stops_at_a_quarter_of_an_hour(kim, clock):
    guess(kim, 5)
    delays = []
    for _time in range(12):
        answer = kim.enter_password("wrong")
        assert answer.status_code == 429
        delays.append(int(answer.headers["Retry-After"]))
        clock.shift(delays[-1])
        assert guess(kim, 1) == [400]

    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


@pytest.mark.row("ASVS-6.3.1")
def test_a_wait_costs_no_guess(kim, clock):
    guess(kim, 30)

    clock.shift(1)
    assert kim.enter_password().status_code == 302


@pytest.mark.row("ASVS-6.3.1")
def test_a_network_address_has_a_budget_of_its_own(make_person, clock):
    people = [make_person(f"person{n}") for n in range(12)]
    statuses = [status for person in people for status in guess(person, 5)]
    assert statuses == [400] * 50 + [429] * 10
    assert guess(people[-1], 1, REMOTE_ADDR="192.0.2.7") == [400], "another network is not"
    assert people[0].enter_password(PASSWORD).status_code == 429

    clock.shift(3601)
    assert people[0].enter_password(PASSWORD).status_code == 302, "and an hour later it is forgotten"


@pytest.mark.row("ASVS-6.3.1")
def test_an_ipv6_network_is_one_address(make_person, clock):
    people = [make_person(f"person{n}") for n in range(11)]
    statuses = [guess(person, 5, REMOTE_ADDR=f"2001:db8:1:2::{n + 1:x}") for n, person in enumerate(people)]

    assert list(chain(*statuses)) == [400] * 50 + [429] * 5
    assert guess(people[10], 1, REMOTE_ADDR="2001:db8:1:3::1") == [400]


@pytest.mark.row("ASVS-15.3.4", "B-42")
def test_a_forged_forwarded_address_changes_nothing(make_person, clock):
    statuses = []
    for n in range(11):
        statuses += guess(make_person(f"person{n}"), 5, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}", HTTP_X_REAL_IP="192.0.2.1")

    assert statuses == [400] * 50 + [429] * 5


@pytest.mark.row("ASVS-2.4.1")
def test_questions_for_passkeys_are_bounded_by_address(db, clock):
    Budget.objects.create(key="questions:127.0.0.1", failures=2999, blocked_until=0, last_at=time(), began_at=time())
    client = browser()
    ask = {"path": "/passkeys/authentication/options/", "data": {}, "content_type": "application/json"}

    assert client.post(**ask).status_code == 200
    answer = client.post(**ask)
    assert answer.status_code == 429
    assert answer.json()["error"] == "too_many"
    assert WAIT in answer.json()["message"]


@pytest.mark.row("ASVS-2.4.1")
def test_requests_for_resets_are_bounded_by_address_and_by_person(kim, make_person, mailoutbox, clock):
    def ask(email: str, **extra: str) -> int:
        return browser().post("/password-reset/", {"email": email}, **extra).status_code

    assert [ask("kim@acme.example", REMOTE_ADDR=f"192.0.2.{n}") for n in range(6)] == [302] * 6
    assert [mail.to for mail in mailoutbox] == [["kim@acme.example"]] * 3, "and nobody is told"
    clock.shift(301)
    ask("kim@acme.example", REMOTE_ADDR="192.0.2.9")
    assert len(mailoutbox) == 4

    assert [ask(f"nobody{n}@acme.example") for n in range(21)] == [302] * 20 + [429]
    page = browser().post("/password-reset/", {"email": "nobody@acme.example"})
    assert WAIT in page.content.decode()


@pytest.mark.row("ASVS-2.4.1")
def test_invitations_are_bounded_by_person(administrator, make_user, clock):
    administrator.sign_in()
    invited = make_user("omar", password=None)
    page = f"/settings/administration/users/{invited.pk}/"
    for _time in range(4):
        answer = administrator.client.post(f"{page}invite/", follow=True)

    assert WAIT in answer.content.decode()
    assert AuditEvent.objects.filter(action="user_invited", subject=invited).count() == 3


# --- Codes ---


@pytest.mark.row("N-3.1.4.2-rate", "OTP-6")
def test_codes_count_in_the_same_budget_as_passwords(kim_with_app, clock):
    kim_with_app.enter_password("wrong")
    kim_with_app.enter_password()
    assert [kim_with_app.enter_code("000000").status_code for _time in range(4)] == [400, 400, 400, 429]
    assert kim_with_app.enter_code().status_code == 429, "the right one waits too"
    clock.shift(1)
    assert kim_with_app.enter_code().status_code == 302


@pytest.mark.row("N-3.2.2-nododge", "N-3.1.3-noreset", "B-07")
def test_another_login_session_or_address_starts_nothing_anew(kim_with_app, clock):
    statuses = []
    for n in range(3):
        attacker = Person(kim_with_app.user)
        attacker.client.defaults["REMOTE_ADDR"] = f"192.0.2.{n + 1}"
        statuses.append(attacker.enter_password().status_code)
        statuses.append(attacker.enter_code("000000").status_code)

    assert statuses == [302, 400, 302, 400, 302, 429]


@pytest.mark.row("N-3.1.4.2-rate", "N-3.2.2-100", "N-4.2.1.1-throttle", "OTP-6")
@pytest.mark.parametrize("code", ["000000", GOOD_RECOVERY_FORM])
def test_a_hundred_wrong_codes_disable_what_they_were_guesses_at(code, kim_with_app, clock):
    person = kim_with_app.user
    app = code == "000000"
    refused = 0
    for _time in range(100):
        attacker = Person(person)
        budgets.unlock(person)  # the delays are another matter
        clock.shift(rule.HOUR + 1)
        attacker.enter_password()
        refused += attacker.enter_code(code).status_code == 400

    assert refused == 100
    assert (AuthenticatorApp.objects.get(user=person).disabled_at is not None) is app
    assert RecoveryCode.objects.filter(user=person).exists() is app
    assert AuditEvent.objects.filter(action="app_disabled" if app else "recovery_codes_disabled").count() == 1


def disabled(person: Person) -> Person:
    services.disable_factor(person.user, Method.TOTP)
    return person


@pytest.mark.row("N-3.2.2-rebind")
def test_a_disabled_app_takes_no_code_and_is_set_up_anew_after_another_proof(kim_with_app):
    disabled(kim_with_app).enter_password()
    page = kim_with_app.client.get("/login/challenge/").content.decode()
    assert "Your authenticator app is locked" in page
    assert kim_with_app.enter_code().status_code == 400, "the right code counts no more"

    assert kim_with_app.enter_code(kim_with_app.codes[0]).headers["Location"] == "/login/setup/two-factor/"
    assert not kim_with_app.is_in
    assert kim_with_app.asked_for == "/login/setup/two-factor/"


@pytest.mark.row("N-3.2.2-rebind")
def test_after_the_new_set_up_codes_count_again(kim_with_app, clock):
    disabled(kim_with_app)
    Budget.objects.create(
        key=lanes.factor_lane(kim_with_app.user, "totp").key,
        failures=100,
        blocked_until=rule.FOREVER,
        last_at=time(),
    )
    kim_with_app.set_up_app()

    kim_with_app.sign_in()
    assert kim_with_app.is_in


@pytest.mark.row("N-3.2.2-rebind")
def test_a_password_does_not_confirm_who_has_a_disabled_app(kim_with_app, clock):
    kim_with_app.sign_in()
    disabled(kim_with_app)
    clock.shift(16 * 60)
    page = kim_with_app.client.get("/confirm/").content.decode()

    assert "use a passkey or a recovery code" in page
    assert 'type="password"' not in page
    assert kim_with_app.client.post("/confirm/", {"password": PASSWORD}).status_code == 400


@pytest.mark.row("N-3.2.2-rebind")
def test_without_any_other_method_an_administrator_lets_them_in(kim_with_app, administrator):
    disabled(kim_with_app)
    RecoveryCode.objects.all().delete()
    kim_with_app.enter_password()
    page = kim_with_app.client.get("/login/challenge/").content.decode()
    assert "Ask your administrator to remove" in page
    assert 'name="code"' not in page
    window = f"/settings/administration/users/{kim_with_app.user.pk}/mfa/"
    assert "Switch 2FA off to let Kim in" in administrator.client.get(window).content.decode()

    administrator.client.post(f"{window}two-factor/off/")
    kim_with_app.sign_in()
    assert kim_with_app.is_in


@pytest.mark.row("N-3.2.2-100")
def test_a_hundred_wrong_passwords_end_the_password_until_somebody_acts(kim, administrator, clock):
    lane = rule.Lane(f"person:{kim.user.pk.hex}")
    Budget.objects.create(key=lane.key, failures=99, blocked_until=0, last_at=time())
    assert guess(kim, 1) == [400]
    clock.shift(400 * 24 * 3600)

    answer = kim.enter_password()
    assert answer.status_code == 429
    assert "ask an administrator to unlock you" in answer.content.decode()

    administrator.sign_in()
    page = f"/settings/administration/users/{kim.user.pk}/"
    assert "Unlock" in administrator.client.get(page).content.decode()
    assert administrator.client.post(f"{page}unlock/", follow=True).status_code == 200
    assert AuditEvent.objects.get(action="user_unlocked").details == {"failures": 100}
    assert "Unlock" not in administrator.client.get(page).content.decode()
    assert kim.enter_password().status_code == 302


@pytest.mark.row("N-3.2.2-both")
@pytest.mark.parametrize(("method", "wrong"), [("totp", "000000"), ("recovery", GOOD_RECOVERY_FORM)])
def test_a_hundred_wrong_codes_leave_the_other_factors_alone(method, wrong, kim_with_app, clock):
    """The documented reading: what was guessed at is disabled, nothing else."""
    kim = kim_with_app
    kim.add_passkey()
    lane = lanes.factor_lane(kim.user, method)
    Budget.objects.create(key=lane.key, failures=99, blocked_until=0, last_at=time())
    kim.enter_password()
    assert kim.enter_code(wrong).status_code == 400, "the hundredth"

    assert (AuthenticatorApp.objects.get(user=kim.user).disabled_at is not None) is (method == "totp")
    assert RecoveryCode.objects.filter(user=kim.user, used_at=None).count() == (10 if method == "totp" else 0)
    of_the_app, of_the_paper = kim.code(), kim.codes[0]
    assert kim.enter_code(of_the_app if method == "totp" else of_the_paper).status_code == 429, "looked at no more"
    assert kim.enter_code(of_the_paper if method == "totp" else of_the_app).status_code == 302
    assert Person(kim.user, authenticator=kim.authenticator).use_passkey().status_code == 200


@pytest.mark.row("N-3.2.2-reset")
def test_success_forgets_what_was_wrong_before(kim_with_app, clock):
    for _time in range(3):
        kim_with_app.enter_password("wrong")
    kim_with_app.sign_in()

    assert set(Budget.objects.values_list("failures", flat=True)) == {0, 3}, "the network's own are not forgotten"
    assert Budget.objects.get(failures=3).key == "address:127.0.0.1"


@pytest.mark.row("N-3.2.2-reset", "B-07")
def test_a_right_password_alone_forgets_no_wrong_code(kim_with_app, clock):
    for _time in range(2):
        kim_with_app.enter_password()
        kim_with_app.enter_code("000000")

    lane = lanes.factor_lane(kim_with_app.user, "totp")
    assert Budget.objects.get(pk=lane.key).failures == 2


@pytest.mark.row("B-07", "V15")
def test_a_success_of_ones_own_does_not_clear_the_networks_budget(kim, make_person, clock):
    attacker = make_person("mallory")
    for n in range(11):
        guess(make_person(f"person{n}"), 4)
        attacker.enter_password()
        attacker.client.post("/logout/")

    assert Budget.objects.get(pk="address:127.0.0.1").failures == 44


NETWORK = "address:127.0.0.1"


def network_with(failures: int, wait: float) -> Budget:
    """The network's budget after so many failures, the last of them now."""
    row = {"failures": failures, "blocked_until": time() + wait, "last_at": time(), "began_at": time()}
    return Budget.objects.update_or_create(key=NETWORK, defaults=row)[0]


@pytest.mark.row("V15")
def test_a_success_ends_no_wait_that_others_began(make_person, clock):
    """Half-way in before the others' failures, done with a passkey after them."""
    mallory = make_person("mallory")
    mallory.set_up_app()
    mallory.add_passkey()
    mallory.enter_password()
    clock.shift(1)
    others = network_with(58, 256)
    assert mallory.use_passkey().status_code == 200

    row = Budget.objects.get(pk=NETWORK)
    assert (row.failures, row.blocked_until) == (57, others.blocked_until)


@pytest.mark.row("V15")
def test_a_success_ends_the_wait_that_it_began(kim, clock):
    network_with(58, 0)
    clock.shift(1)

    assert kim.enter_password().status_code == 302
    row = Budget.objects.get(pk=NETWORK)
    assert (row.failures, row.blocked_until) == (58, 0)


@pytest.mark.row("V15")
def test_setting_up_gives_back_no_more_than_was_taken(kim, administrator, clock):
    services.enable_two_factor(kim.user, actor=administrator.user)
    network_with(10, 0)
    kim.enter_password()
    confirm_setup(kim, open_setup(kim))
    assert kim.client.post(SAVE, {"saved": "on"}).status_code == 302

    assert kim.is_in
    assert Budget.objects.get(pk=NETWORK).failures == 10


@pytest.mark.row("V15")
def test_a_browser_that_stops_being_known_gives_back_what_it_never_took(kim, administrator, clock):
    """With the cookie the password takes nothing from the network; without it the last step gives nothing back."""
    services.request_passkey(kim.user, actor=administrator.user)
    kim.sign_in()
    kim.client.post("/login/setup/passkey/", {"later": "yes"})
    kim.client.post("/logout/")
    others = network_with(58, 256)
    kim.enter_password()
    del kim.client.cookies[settings.KNOWN_BROWSER_COOKIE_NAME]
    clock.shift(1)
    kim.client.post("/login/setup/passkey/", {"later": "yes"})

    assert kim.is_in
    row = Budget.objects.get(pk=NETWORK)
    assert (row.failures, row.blocked_until) == (58, others.blocked_until)


@pytest.mark.row("V15")
def test_each_network_gets_back_its_own(kim_with_app, clock):
    """Begun at home, finished on the train."""
    network_with(10, 0)
    kim_with_app.enter_password()
    kim_with_app.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    kim_with_app.enter_code()

    assert kim_with_app.is_in
    assert Budget.objects.get(pk=NETWORK).failures == 10
    assert Budget.objects.get(pk="address:192.0.2.7").failures == 0


@pytest.mark.row("V24")
def test_a_success_throttles_nothing(kim, clock):
    for _time in range(60):
        assert kim.enter_password().status_code == 302
        kim.client.post("/logout/")


# --- Not to be turned against its owner ---


@pytest.mark.row("ASVS-6.1.1")
def test_a_network_in_which_somebody_always_signs_in_is_forgotten_every_hour(make_person, clock):
    """An office: a wrong password every ten minutes, all day, never adds up to a wait."""
    people = [make_person(f"person{n}") for n in range(12)]
    statuses = []
    for n in range(72):
        statuses += guess(people[n % 12], 1)
        clock.shift(600)
        budgets.unlock(people[n % 12].user)

    assert statuses == [400] * 72


@pytest.mark.row("ASVS-6.1.1")
def test_a_login_page_left_open_does_not_use_up_its_networks_passkeys(db, clock):
    client = browser()
    lane = rule.Lane("questions:127.0.0.1", free=3, forgets=3600, renewed=True)
    for _question in range(60):
        budgets.claim(lane)
        clock.shift(1800)

    assert client.post("/passkeys/authentication/options/", {}, content_type="application/json").status_code == 200


@pytest.mark.row("ASVS-6.1.1")
def test_a_clock_that_jumped_ahead_and_back_keeps_no_network_waiting(db, clock):
    lane = rule.Lane("address:192.0.2.1", free=3, forgets=3600, renewed=True)
    clock.shift(7 * 24 * 3600)
    budgets.claim(lane)
    clock.shift(-7 * 24 * 3600)
    budgets.claim(lane)
    clock.shift(3601)

    assert budgets.claim(lane) == {lane.key: 1}


@pytest.mark.row("V24")
def test_a_right_password_makes_nobody_wait_in_a_network_that_has_used_up_its_guesses(kim, make_person, clock):
    for n in range(11):
        guess(make_person(f"person{n}"), 5)
    clock.shift(2)
    assert Budget.objects.get(pk="address:127.0.0.1").failures == 50

    assert kim.enter_password().status_code == 302
    assert make_person("lee").enter_password().status_code == 302


@pytest.mark.row("CS-AUTH-2")
def test_a_neighbour_in_the_same_network_locks_no_known_browser_out(kim_with_app, make_person, clock):
    kim_with_app.sign_in()
    kim_with_app.client.post("/logout/")
    clock.shift(60)
    for n in range(11):
        guess(make_person(f"person{n}"), 5)
    assert make_person("lee").enter_password().status_code == 429

    kim_with_app.sign_in()
    assert kim_with_app.is_in


@pytest.mark.row("CS-AUTH-2")
def test_a_neighbour_in_the_same_network_locks_no_passkey_out(kim, make_person, clock):
    kim.add_passkey()
    for n in range(11):
        guess(make_person(f"person{n}"), 5)

    assert kim.use_passkey().status_code == 200


@pytest.mark.row("ASVS-6.3.1")
def test_wrong_passkeys_count_as_guesses_of_the_network_and_wait_themselves(kim, clock):
    kim.add_passkey()
    wrong = [kim.use_passkey(origin="https://elsewhere.example").status_code for _time in range(52)]

    assert wrong == [400] * 50 + [429] * 2
    assert Budget.objects.get(pk="address:127.0.0.1").failures == 50


def test_many_cookies_of_known_browsers_are_few_budgets(kim, clock):
    """Somebody who had the password signed in with it many times; it was changed since."""
    browsers = [Person(kim.user) for _time in range(40)]
    for one in browsers:
        one.sign_in()
        one.client.post("/logout/")
    looked_at = sum(one.enter_password(f"wrong {n}").status_code == 400 for one in browsers for n in range(6))

    assert looked_at <= 8 * 5


@pytest.mark.row("ASVS-6.3.1")
@pytest.mark.parametrize("address", ["::ffff:192.0.2.1", "::FFFF:c000:0201"])
def test_ipv4_addresses_in_the_form_of_ipv6_are_not_one_network(address, kim, make_person, clock):
    for n in range(11):
        guess(make_person(f"person{n}"), 5, REMOTE_ADDR=address)
    assert guess(kim, 1, REMOTE_ADDR=address) == [429]

    assert guess(kim, 1, REMOTE_ADDR="::ffff:192.0.2.77") == [400]
    assert guess(kim, 1, REMOTE_ADDR="192.0.2.1") == [429]


@pytest.mark.row("ASVS-6.3.1")
@pytest.mark.parametrize(
    ("stated", "address"),
    [("192.0.2.1:4711", "192.0.2.1"), ("[2001:db8::1]:4711", "2001:db8::1"), ("2001:db8::1", "2001:db8::1")],
)
def test_a_proxy_that_states_ports_is_understood(stated, address, kim, clock, settings):
    settings.BEHIND_PROXY = True
    guess(kim, 1, HTTP_X_FORWARDED_FOR=f"203.0.113.9, {stated}")

    assert AuditEvent.objects.order_by("pk").last().address == address


@pytest.mark.row("ASVS-6.3.1")
def test_an_address_with_a_zone_is_kept_without_it(kim, clock):
    assert guess(kim, 1, REMOTE_ADDR="fe80::1%eth0") == [400]
    assert AuditEvent.objects.order_by("pk").last().address == "fe80::1"


@pytest.mark.row("ASVS-16.3.3")
def test_waits_fill_no_audit(kim, clock, monkeypatch):
    """What is not looked at costs whoever sends it nothing; a line of the audit stays for good."""
    monkeypatch.setattr("accounts.throttle.bucket.monotonic", lambda: 1000.0)
    refusals.waits.refill()
    guess(kim, 5)
    before = AuditEvent.objects.count()
    guess(kim, 40)
    for _time in range(40):
        browser().post("/login/", {"username": "nobody", "password": "wrong"})

    assert AuditEvent.objects.filter(details__reason="Throttled").count() == refusals.waits.most
    assert AuditEvent.objects.count() == before + 5 + refusals.waits.most


@pytest.mark.row("CS-AUTH-2", "V24")
def test_the_owner_gets_in_from_where_they_were_before(kim_with_app, clock):
    kim_with_app.sign_in()
    kim_with_app.client.post("/logout/")
    clock.shift(60)
    guess(kim_with_app, 30)
    assert Person(kim_with_app.user).enter_password().status_code == 429

    kim_with_app.sign_in()
    assert kim_with_app.is_in


@pytest.mark.row("CS-AUTH-2", "V24")
def test_the_owner_gets_in_with_a_passkey_from_anywhere(kim, clock):
    kim.add_passkey()
    guess(kim, 30)

    assert kim.use_passkey().status_code == 200
    assert kim.is_in


@pytest.mark.row("CS-AUTH-2")
def test_somebody_elses_cookie_is_no_known_browser(kim, make_person, clock):
    lee = make_person("lee")
    lee.sign_in()
    lee.client.post("/logout/")
    guess(kim, 6)

    answer = lee.client.post("/login/", {"username": "kim", "password": PASSWORD})
    assert answer.status_code == 429


@pytest.mark.row("ASVS-6.3.5")
def test_after_all_sessions_were_ended_a_browser_is_new_again(kim, admin, clock):
    kim.sign_in()
    kim.client.post("/logout/")
    kim.user.refresh_from_db()
    kim.sign_in()
    assert "new_browser" not in AuditEvent.objects.filter(action="signed_in").latest("pk").details

    people.end_sessions(kim.user, actor=admin)
    kim.sign_in()
    assert AuditEvent.objects.filter(action="signed_in").latest("pk").details["new_browser"] is True
    kim.client.post("/logout/")
    guess(kim, 6)
    assert kim.enter_password().status_code == 302, "its budget is still its own"


@pytest.mark.row("CS-AUTH-2")
@pytest.mark.parametrize("bent", ["", "x", "W10:1:x", "%00"])
def test_a_forged_cookie_is_no_known_browser(bent, kim, clock):
    kim.sign_in()
    kim.client.post("/logout/")
    kim.client.cookies["known"] = bent or kim.client.cookies["known"].value[:-1]
    guess(kim, 6)

    assert kim.enter_password().status_code == 429


@pytest.mark.row("B-16")
def test_a_known_browser_skips_no_step(kim_with_app, clock):
    kim_with_app.sign_in()
    kim_with_app.client.post("/logout/")

    assert kim_with_app.enter_password().headers["Location"] == "/login/challenge/"


@pytest.mark.row("CS-AUTH-1", "B-32")
def test_a_name_that_nobody_has_waits_the_same_with_the_same_words(kim, clock):
    ways = {}
    for name in ("kim", "nobody"):
        answers = []
        for _time in range(7):
            answer = browser().post("/login/", {"username": name, "password": "wrong"})
            page = answer.content.decode().replace(name, "NAME")
            answers.append((answer.status_code, answer.headers.get("Retry-After"), WAIT in page))
        ways[name] = answers

    assert ways["kim"] == ways["nobody"]
    assert ways["kim"][-1] == (429, "1", True)


@pytest.mark.row("CS-AUTH-1")
def test_a_deactivated_person_waits_the_same(kim, make_person, clock):
    gone = make_person("gone", is_active=False)

    assert guess(gone, 6) == guess(kim, 6) == [400] * 5 + [429]


@pytest.mark.row("B-57")
@pytest.mark.parametrize("spelling", ["KIM", " kim ", "ｋｉｍ", "kim@acme.example", "KIM@ACME.example"])
def test_every_spelling_of_a_name_has_one_budget(spelling, kim, clock):
    guess(kim, 5)

    assert browser().post("/login/", {"username": spelling, "password": "wrong"}).status_code == 429


@pytest.mark.row("B-57")
def test_every_spelling_of_an_unknown_name_has_one_budget(db, clock):
    for spelling in ("nobody", "NOBODY", " nobody", "ｎｏｂｏｄｙ", "Nobody"):
        browser().post("/login/", {"username": spelling, "password": "wrong"})

    assert browser().post("/login/", {"username": "noBody", "password": "wrong"}).status_code == 429


@pytest.mark.row("CS-AUTH-3")
def test_a_megabyte_of_password_costs_no_hash_and_no_guess(kim, clock):
    answer = kim.enter_password("x" * 1_000_000)

    assert answer.status_code in {400, 413}
    assert not Budget.objects.exists()


@pytest.mark.row("B-06")
def test_a_thousand_codes_from_a_thousand_places_are_few_guesses(kim_with_app, clock):
    looked_at = 0
    for n in range(1000):
        attacker = Person(kim_with_app.user)
        attacker.client.defaults["REMOTE_ADDR"] = f"10.0.{n // 250}.{n % 250 + 1}"
        if attacker.enter_password().status_code == 302:
            looked_at += attacker.enter_code("000000").status_code == 400

    assert looked_at <= 5
    clock.shift(0)
    assert Person(kim_with_app.user).enter_password().status_code == 429


@pytest.mark.row("N-4.2.1.1-throttle", "B-30")
def test_recovery_codes_are_throttled_like_all_others(kim_with_app, clock):
    kim_with_app.enter_password()
    statuses = [kim_with_app.enter_code(GOOD_RECOVERY_FORM).status_code for _time in range(6)]

    assert statuses == [400] * 4 + [429] * 2
    assert kim_with_app.enter_code(kim_with_app.codes[0]).status_code == 429


def test_confirming_and_changing_the_password_take_from_the_same_budget(kim, clock):
    kim.sign_in()
    clock.shift(16 * 60)
    statuses = [kim.client.post("/confirm/", {"password": "wrong"}).status_code for _time in range(6)]
    assert statuses == [400] * 5 + [429]
    reasons = [line.details["reason"] for line in AuditEvent.objects.filter(action="refused").order_by("pk")]
    assert reasons == ["WrongPassword"] * 5 + ["Throttled"]
    clock.shift(2)
    assert kim.client.post("/confirm/", {"password": PASSWORD}).status_code == 302

    change = {"old_password": "wrong", "new_password1": "x", "new_password2": "x"}
    for _time in range(5):
        kim.client.post("/user-settings/password/", change)
    answer = kim.client.post("/user-settings/password/", change | {"old_password": PASSWORD})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert WAIT in answer.content.decode()


def test_a_refusal_for_too_many_is_in_the_audit_and_in_the_owners_list(kim, clock):
    guess(kim, 6)
    assert AuditEvent.objects.order_by("pk").last().details == {"methods": ["password"], "reason": "Throttled"}
    clock.shift(60)
    kim.sign_in()

    assert "refused: too many attempts" in kim.client.get("/portal/").content.decode()


def test_what_nobody_guesses_at_any_more_is_forgotten(kim, clock):
    guess(kim, 1)
    browser().post("/login/", {"username": "nobody", "password": "wrong"})
    assert Budget.objects.count() == 3
    clock.shift(31 * 24 * 3600)

    assert budgets.forget_old(30 * 24 * 3600) == 1
    assert not Budget.objects.filter(pk__startswith="address:").exists()


def test_a_clock_that_goes_back_locks_nobody_out(kim, clock):
    guess(kim, 2)
    clock.shift(-5)

    assert kim.enter_password().status_code == 302


def test_a_company_administrator_unlocks_only_their_own(company_admin, make_person, other_company, kim, clock):
    stranger = make_person("stranger", company=other_company)
    for person in (stranger, kim):
        guess(person, 6)
    carla = Person(company_admin)
    carla.sign_in()

    assert carla.client.post(f"/settings/administration/users/{stranger.user.pk}/unlock/").status_code == 404
    assert budgets.blocked_until(stranger.user) is not None
    carla.client.post(f"/settings/administration/users/{kim.user.pk}/unlock/")
    assert budgets.blocked_until(kim.user) is None


def test_unlocking_somebody_who_is_not_locked_says_so(administrator, kim):
    page = administrator.client.post(f"/settings/administration/users/{kim.user.pk}/unlock/", follow=True)

    assert "Kim does not have to wait." in page.content.decode()
    assert not AuditEvent.objects.filter(action="user_unlocked").exists()


def test_every_user_keeps_the_budget_they_have_when_renamed(kim, clock):
    guess(kim, 5)
    User.objects.filter(pk=kim.user.pk).update(username="kimberly", username_folded="kimberly")
    kim.user.refresh_from_db()

    assert guess(kim, 1) == [429]


def test_two_statements_decide_for_all_budgets_at_once(db):
    with CaptureQueriesContext(connection) as asked:
        budgets.claim(rule.Lane("a"), rule.Lane("b"))

    assert len([query for query in asked if "accounts_budget" in query["sql"]]) == 2


def test_a_guess_that_is_refused_leaves_no_row(db):
    budgets.claim(rule.Lane("a", free=1))
    with pytest.raises(budgets.Throttled):
        budgets.claim(rule.Lane("a", free=1), rule.Lane("b"))

    assert dict(Budget.objects.values_list("key", "failures")) == {"a": 1}


@pytest.mark.parametrize("act", ["by an administrator", "for the whole company", "everywhere else, by the owner"])
def test_signing_out_everywhere_makes_the_other_browsers_unknown(act, kim, admin, company):
    """A lost laptop keeps its cookie, and from then on guesses as strangers do."""
    kim.sign_in()
    laptop = Person(kim.user)
    laptop.sign_in()
    assert known_in(laptop)

    if act == "by an administrator":
        people.end_sessions(kim.user, actor=admin)
    elif act == "for the whole company":
        end_company_sessions(company, actor=admin)
    else:
        kim.client.post("/user-settings/sessions/end-others/")
        assert kim.is_in
        assert known_in(kim)

    assert not laptop.is_in
    assert not known_in(laptop)
    laptop.sign_in()
    assert known_in(laptop)


def known_in(person):
    """Has the person a budget of their own in this browser?"""
    person.user.refresh_from_db()
    cookie = person.client.cookies[settings.KNOWN_BROWSER_COOKIE_NAME].value
    with recording.origin("127.0.0.1", "", cookie):
        return lanes.person_lane(person.user).key != f"person:{person.user.pk.hex}"
