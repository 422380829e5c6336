"""Proving with a passkey (WebAuthn Level 3, section 7.2): whose it is, what the browser says, the login."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accounts import people
from audit.models import AuditEvent
from mfa import services
from mfa.models import Passkey
from tests.authenticator import IGNORED, Credential, b64, unb64
from tests.mfa.pages import CHALLENGE, CREATE, OWN_SETUP, SETUP, audit_of, refusals_of, window_of
from tests.mfa.passkey_answers import (
    OPTIONS,
    REFUSED,
    SUSPENDED,
    UNKNOWN,
    assert_refused,
    mine,
    question,
    send,
    signed,
)
from tests.people import Person

REGISTRATION = "/passkeys/registration/options/"


@pytest.fixture
def kim(kim: Person) -> Person:
    """Kim has a passkey and is signed out."""
    kim.add_passkey()
    return kim


@pytest.fixture
def ada(ada: Person) -> Person:
    """So has Ada."""
    ada.add_passkey()
    return ada


# --- The good case ---


@pytest.mark.row("ASVS-16.3.1")
def test_a_passkey_signs_in_without_password_and_code(kim):
    kim.set_up_app()

    assert kim.use_passkey().json() == {"next": "/"}
    assert kim.is_in
    assert Passkey.objects.get().last_used_at is not None
    assert [line for line in audit_of(kim.user) if line[0] in {"proved", "signed_in"}] == [("signed_in", "kim")]
    assert AuditEvent.objects.get(action="signed_in").details["methods"] == ["passkey"]


def test_a_passkey_answers_the_second_step(kim):
    kim.set_up_app()
    kim.enter_password()

    assert kim.use_passkey().json() == {"next": "/"}
    assert kim.is_in
    assert AuditEvent.objects.get(action="signed_in").details["methods"] == ["password", "passkey"]


def test_next_survives_a_passkey_and_leads_to_this_site_only(kim):
    for wanted, there in (
        ("/m2s/", "/m2s/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        (5, "/"),
        (["/m2s/"], "/"),
        (None, "/"),
        ("", "/"),
    ):
        kim.client.post("/logout/")
        assert send(kim, kim.authenticator.get(question(kim)), next=wanted).json() == {"next": there}


@pytest.mark.row("V26")
def test_an_address_that_no_browser_can_go_to_breaks_no_step(kim, administrator):
    """Half a surrogate pair, which JSON can say and UTF-8 cannot, comes out of no redirect."""
    services.request_passkey(kim.user, actor=administrator.user)
    send(kim, kim.authenticator.get(question(kim)), next="/\ud800")

    assert kim.client.post(CREATE, {"later": "yes"}).status_code == 302
    assert kim.is_in


# --- Whose passkey it is ---


@pytest.mark.row("WA-01")
def test_only_ones_own_usable_passkeys_are_asked_for(kim, ada):
    kim.set_up_app()
    kim.add_passkey()
    services.suspend_passkey(Passkey.objects.filter(user=kim.user)[0], "a test")
    kim.enter_password()

    allowed = [unb64(known["id"]) for known in question(kim)["allowCredentials"]]

    assert allowed == [mine(kim).id]


@pytest.mark.row("WA-02", "V18")
def test_somebody_elses_passkey_is_no_second_factor(kim, ada):
    kim.set_up_app()
    kim.enter_password()
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(ada))))
    assert kim.asked_for == CHALLENGE


@pytest.mark.row("WA-02", "V18")
def test_somebody_elses_passkey_confirms_nothing(kim, ada, clock):
    kim.use_passkey()
    clock.shift(15 * 60)
    Passkey.objects.update(last_used_at=None)

    answer = send(kim, signed(question(kim), mine(ada)))

    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert kim.client.get(OWN_SETUP).headers["Location"].startswith("/confirm/")


@pytest.mark.row("B-03")
def test_the_body_does_not_say_who_signs_in(kim, ada):
    kim.set_up_app()
    kim.enter_password()
    options = kim.json(OPTIONS, {"username": "ada", "user": str(ada.user.pk)}).json()
    assert [unb64(known["id"]) for known in options["allowCredentials"]] == [mine(kim).id]

    send(kim, signed(options, mine(kim)), username="ada", user=str(ada.user.pk), user_id=str(ada.user.pk))

    assert kim.is_in
    assert AuditEvent.objects.get(action="signed_in").subject == kim.user


@pytest.mark.row("WA-03")
def test_the_user_handle_of_somebody_else(kim, ada):
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(kim), handle=b64(ada.user.pk.bytes))))


@pytest.mark.row("WA-03")
def test_the_user_handle_of_somebody_else_at_the_second_step(kim, ada):
    kim.set_up_app()
    kim.enter_password()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=b64(ada.user.pk.bytes))))


@pytest.mark.row("WA-04")
@pytest.mark.parametrize("handle", [None, ""])
def test_a_sign_in_without_user_handle(kim, handle):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=handle)))


@pytest.mark.row("WA-04")
def test_a_sign_in_whose_user_handle_is_left_out(kim):
    answer = signed(question(kim), mine(kim))
    del answer["response"]["userHandle"]

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WA-04")
def test_the_second_step_may_leave_the_user_handle_out(kim):
    """Some authenticators send none where they were told which passkey to use."""
    kim.set_up_app()
    kim.enter_password()

    assert send(kim, signed(question(kim), mine(kim), handle=None)).json() == {"next": "/"}


@pytest.mark.row("WA-05")
def test_an_unknown_passkey(kim):
    answer = signed(question(kim), Credential("localhost", kim.user.pk.bytes))

    assert_refused(kim, send(kim, answer), UNKNOWN)


@pytest.mark.row("WA-01")
def test_transports_that_were_told_are_sent_back(ada):
    """So that the browser goes to the right device at once (§5.8.3)."""
    ada.add_passkey()
    assert ada.use_passkey().status_code == 200
    for ways in (["hybrid", "smart-card"], []):
        answer = ada.authenticator.create(ada.json(REGISTRATION, {}).json())
        answer["response"]["transports"] = [*ways, *ways]
        assert ada.json("/passkeys/registration/", {"credential": answer}).status_code == 200
    before, *rest = ({"type": "public-key", "id": b64(made.id)} for made in ada.authenticator.credentials)
    ways = ([["internal"]] * (len(rest) - 2)) + [["internal"], ["hybrid", "smart-card"]]
    expected = [each | {"transports": way} for each, way in zip([before, *rest[:-1]], ways, strict=True)] + rest[-1:]

    assert question(ada)["allowCredentials"] == expected
    assert ada.json(REGISTRATION, {}).json()["excludeCredentials"] == expected


@pytest.mark.row("WA-05", "B-46")
def test_a_deleted_passkey(kim):
    options = question(kim)
    services.delete_passkey(Passkey.objects.get(), actor=kim.user)

    assert_refused(kim, send(kim, signed(options, mine(kim))), UNKNOWN)


@pytest.mark.row("WA-05", "B-46")
def test_a_suspended_passkey(kim):
    options = question(kim)
    services.suspend_passkey(Passkey.objects.get(), "a test")

    assert_refused(kim, send(kim, signed(options, mine(kim))), SUSPENDED)


@pytest.mark.row("WA-05")
def test_a_passkey_is_called_suspended_to_nobody_but_its_holder(kim):
    """Who knows its id alone learns nothing about it."""
    options = question(kim)
    services.suspend_passkey(Passkey.objects.get(), "a test")

    forged = signed(options, mine(kim), key=ec.generate_private_key(ec.SECP256R1()))
    assert_refused(kim, send(kim, forged))


@pytest.mark.row("WA-05", "B-46", "V33")
def test_the_passkey_of_somebody_deactivated_lets_nobody_in(kim, admin):
    options = question(kim)
    people.deactivate_user(kim.user, actor=admin)

    answer = send(kim, signed(options, mine(kim)))

    assert answer.status_code == 400
    assert not kim.is_in
    assert Passkey.objects.get().last_used_at is None


@pytest.mark.row("WA-05")
def test_the_passkey_of_somebody_deactivated_is_not_called_unknown(kim, admin):
    """A browser that hears "unknown" forgets the passkey for good (Signal API), but Kim may be activated again."""
    options = question(kim)
    people.deactivate_user(kim.user, actor=admin)

    assert send(kim, signed(options, mine(kim))).json() == REFUSED


@pytest.mark.row("WA-06")
@pytest.mark.parametrize("handle", ["!", "ü", "\ud800", 5, [], {}, True, "A", "=", "AAAA" * 500])
def test_a_user_handle_that_is_no_base64url(kim, handle):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=handle)))


# --- clientDataJSON ---


@pytest.mark.row("WA-07")
@pytest.mark.parametrize("kind", ["webauthn.create", "", "webauthn.Get", None, 5, "payment.get"])
def test_another_type_of_ceremony(kim, kind):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"type": kind})))


@pytest.mark.row("WA-08")
@pytest.mark.parametrize("challenge", ["", "AAAA", "A" * 86, None, 5, [], {}, True])
def test_another_challenge(kim, challenge):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"challenge": challenge})))


@pytest.mark.row("WA-08")
@pytest.mark.parametrize("bend", ["{}==", "{}=", " {}", "{}\n", "{}!"])
def test_the_right_challenge_written_differently(kim, bend):
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(kim), said={"challenge": bend.format(options["challenge"])})))


@pytest.mark.row("N-2.2.2-replay", "WA-08", "B-43", "V3")
def test_an_answer_counts_once(kim):
    answer = kim.authenticator.get(question(kim))
    assert send(kim, answer).status_code == 200
    kim.client.post("/logout/")

    assert send(kim, answer).json() == REFUSED
    assert not kim.is_in


@pytest.mark.row("WA-08")
def test_an_answer_counts_once_in_the_session_that_it_opened(kim, clock):
    """Not even to confirm again, with a counter that never moves."""
    answer = kim.authenticator.get(question(kim))
    send(kim, answer)
    clock.shift(15 * 60)

    assert send(kim, answer).json() == REFUSED


@pytest.mark.row("WA-08", "V3")
def test_a_refused_answer_uses_the_question_up(kim):
    answer = kim.authenticator.get(question(kim))
    assert send(kim, answer | {"type": "password"}).json() == REFUSED

    assert send(kim, answer).json() == REFUSED
    assert not kim.is_in


@pytest.mark.row("WA-08", "B-43")
def test_an_answer_to_another_session(kim):
    elsewhere = Person(kim.user)
    question(elsewhere)
    answer = kim.authenticator.get(question(kim))

    assert_refused(elsewhere, send(elsewhere, answer))
    assert send(kim, answer).status_code == 200


@pytest.mark.row("WA-08")
def test_an_answer_in_a_session_that_was_asked_nothing(kim):
    answer = kim.authenticator.get(question(kim))
    elsewhere = Person(kim.user)

    assert_refused(elsewhere, send(elsewhere, answer))


@pytest.mark.row("WA-08", "B-43")
def test_an_answer_to_a_question_for_a_new_passkey(kim):
    kim.use_passkey()
    options = kim.json("/passkeys/registration/options/", {}).json()

    answer = send(kim, signed(options, mine(kim)))

    assert (answer.status_code, answer.json()) == (400, REFUSED)


@pytest.mark.row("WA-08")
def test_a_question_asked_before_the_password_is_not_answered_after_it(kim):
    kim.set_up_app()
    options = question(kim)
    kim.enter_password()

    assert_refused(kim, send(kim, signed(options, mine(kim))))


@pytest.mark.row("WA-08", "B-43")
def test_a_question_asked_before_signing_out_is_not_answered_after_it(kim):
    kim.set_up_app()
    kim.enter_password()
    options = question(kim)
    kim.client.post("/logout/")

    assert_refused(kim, send(kim, signed(options, mine(kim))))


@pytest.mark.row("WA-08", "B-04")
def test_a_question_to_one_person_is_not_answered_by_the_next(kim, ada):
    """Two first steps in one browser."""
    for person in (kim, ada):
        person.set_up_app()
    kim.enter_password()
    options = question(kim)
    ada.client = kim.client
    ada.enter_password()

    assert_refused(ada, send(ada, signed(options, mine(ada))))


@pytest.mark.row("WA-08")
@pytest.mark.parametrize("asked_after", [0, 1, 4])
def test_each_of_five_tabs_may_answer_its_own_question(kim, asked_after):
    asked = question(kim)
    for _ in range(asked_after):
        question(kim)

    assert send(kim, signed(asked, mine(kim))).status_code == 200
    assert kim.is_in


@pytest.mark.row("WA-08")
def test_a_sixth_question_takes_the_firsts_place(kim):
    first = question(kim)
    for _ in range(5):
        question(kim)

    assert_refused(kim, send(kim, signed(first, mine(kim))))


@pytest.mark.row("WA-08")
def test_a_refused_answer_uses_up_what_other_tabs_were_asked(kim):
    first, second = question(kim), question(kim)

    assert_refused(kim, send(kim, signed(second, mine(kim), said={"origin": "https://evil.example"})))
    assert_refused(kim, send(kim, signed(first, mine(kim))))


@pytest.mark.row("WA-08", "B-43")
@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
def test_a_question_is_good_for_five_minutes(kim, clock, seconds, status):
    answer = kim.authenticator.get(question(kim))
    clock.shift(seconds)

    assert send(kim, answer).status_code == status
    assert kim.is_in is (status == 200)


@pytest.mark.row("WA-08")
@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (120, 400), (10 * 365 * 86400, 400)])
def test_a_question_that_was_asked_while_the_clock_ran_ahead_is_not_answered(kim, ahead, status):
    """It would be good for as long as the clock was ahead. Half a minute is what two servers' clocks may differ by."""
    answer = kim.authenticator.get(question(kim))
    session = kim.client.session
    for asked in session["passkey_questions"]["authentication"]:
        asked["at"] += ahead
    session.save()

    assert send(kim, answer).status_code == status
    assert kim.is_in is (status == 200)


@pytest.mark.row("WA-09")
@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:8000",
        "http://localhost",
        "http://localhost:8000/",
        "http://www.localhost:8000",
        "http://127.0.0.1:8000",
        "https://evil.example",
        "null",
        "",
        None,
        [],
    ],
)
def test_another_origin(kim, origin):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"origin": origin})))


@pytest.mark.row("WA-10")
@pytest.mark.parametrize("value", [True, "true", 1, 0, "", []])
def test_used_in_another_sites_frame(kim, value):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"crossOrigin": value})))


@pytest.mark.row("WA-10")
@pytest.mark.parametrize("more", IGNORED, ids=str)
def test_what_level_3_says_to_ignore_is_ignored(kim, more):
    assert send(kim, signed(question(kim), mine(kim), said=more)).status_code == 200
    assert kim.is_in


@pytest.mark.row("WA-10")
@pytest.mark.parametrize("top", ["https://evil.example", "http://localhost:8000", "", 5])
@pytest.mark.parametrize("across", [True, False])
def test_any_top_origin(kim, top, across):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"crossOrigin": across, "topOrigin": top})))


@pytest.mark.row("WA-07")
@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 20_000, b"{}"])
def test_client_data_that_is_no_json_object(kim, said):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said=said)))


# --- Steps, and what is proved ---


@pytest.mark.row("B-18")
def test_the_sessions_key_changes_when_a_passkey_signs_in_and_when_it_confirms(kim):
    options = question(kim)
    before = kim.client.cookies["session"].value
    send(kim, signed(options, mine(kim)))
    after = kim.client.cookies["session"].value
    kim.use_passkey()

    assert len({before, after, kim.client.cookies["session"].value}) == 3
    old = Person(kim.user)
    for key in (before, after):
        old.client.cookies["session"] = key
        assert not old.is_in


def test_a_passkey_is_two_factors_but_a_pending_set_up_is_asked_for(kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")

    assert kim.use_passkey().json() == {"next": SETUP}
    assert not kim.is_in
    assert kim.asked_for == SETUP


def test_a_passkey_in_the_middle_of_a_set_up_proves_and_skips_nothing(kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    kim.use_passkey()

    assert kim.use_passkey().json() == {"next": SETUP}
    assert not kim.is_in


@pytest.mark.row("B-46", "B-49")
def test_a_login_with_a_passkey_that_is_deleted_half_way_ends(kim, administrator):
    """The phone was stolen, and the administrator deletes its passkey while the thief is at a set-up page."""
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    kim.use_passkey()
    assert kim.asked_for == SETUP
    administrator.client.post(f"{window_of(kim.user)}passkeys/{Passkey.objects.get().pk}/delete/")

    assert kim.asked_for == "/login/"


def test_a_proof_in_the_audit_says_what_was_not_accepted_and_whose_it_was(kim):
    send(kim, signed(question(kim), mine(kim), said={"crossOrigin": True}))
    send(Person(kim.user), None)

    assert refusals_of(kim.user) == ["The answer was given within another site's page."]
    nobodys = AuditEvent.objects.get(action="refused", subject=None)
    assert nobodys.details == {"methods": ["passkey"], "reason": "No question was asked."}
