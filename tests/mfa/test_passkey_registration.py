"""Creating a passkey (WebAuthn Level 3, section 7.1): the question, what the browser says, who may."""

from __future__ import annotations

import json
from datetime import timedelta
from secrets import token_bytes

import cbor2
import pytest
import time_machine as clocks
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from audit.models import AuditEvent
from mfa import services
from mfa.models import Passkey
from tests.authenticator import IGNORED, b64, unb64
from tests.mfa.pages import CREATE, OWN, audit_of, words
from tests.mfa.passkey_registrations import (
    ANSWER,
    OPTIONS,
    assert_refused,
    attested,
    cose_ec,
    cose_ed25519,
    cose_rsa,
    question,
    retold,
    said_in,
    saved,
    send,
)
from tests.people import Person


@pytest.fixture
def kim(kim: Person) -> Person:
    """Kim just signed in with the password and has nothing: a passkey may be added."""
    kim.sign_in()
    return kim


# --- The good case ---


def test_a_passkey_is_created_and_signs_in(kim):
    answer = kim.create_passkey()

    assert answer.json() == {"next": OWN}
    made = Passkey.objects.get()
    assert bytes(made.credential_id) == kim.authenticator.credentials[0].id
    assert (made.user, made.sign_count, made.transports) == (kim.user, 0, ["internal"])
    assert (made.backup_eligible, made.backed_up) == (True, True)
    assert "Your passkey “Chrome on Linux” is ready. Next time, sign in with it." in words(kim.client.get(OWN))
    assert ("passkey_created", "kim") in audit_of(kim.user)
    kim.client.post("/logout/")
    assert kim.use_passkey().json() == {"next": "/"}
    assert kim.is_in


@pytest.mark.parametrize("cose", [cose_ed25519(), cose_rsa(2048), cose_ec(ec.SECP256R1())])
def test_each_kind_of_key_that_is_offered_is_accepted(kim, cose):
    assert kim.create_passkey(cose=cbor2.dumps(cose)).status_code == 200
    assert saved() == 1


# --- clientDataJSON ---


@pytest.mark.row("WR-01")
@pytest.mark.parametrize(
    "said", [b"", b"{", b"not json", b"\xff\xfe\xfd", [], [1], 5, "text", None, True, {}, b"[" * 20_000]
)
def test_client_data_that_is_no_json_object(kim, said):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, retold(answer, said)), answer)


@pytest.mark.row("WR-02")
def test_client_data_with_a_byte_order_mark_does_no_harm(kim):
    answer = kim.authenticator.create(question(kim))

    sent = send(kim, retold(answer, b"\xef\xbb\xbf" + unb64(answer["response"]["clientDataJSON"])))

    assert sent.status_code == 200
    assert saved() == 1


@pytest.mark.row("WR-03")
def test_of_repeated_names_none_hides_a_wrong_origin(kim):
    answer = kim.authenticator.create(question(kim))
    said = json.dumps(said_in(answer))[:-1] + ', "origin": "https://evil.example"}'

    assert_refused(kim, send(kim, retold(answer, said.encode())), answer)


@pytest.mark.row("WR-04")
@pytest.mark.parametrize("kind", ["webauthn.get", "", "webauthn.Create", None, 5, "payment.get"])
def test_another_type_of_ceremony(kim, kind):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, type=kind)), kim.authenticator.create(options))


@pytest.mark.row("WR-05")
@pytest.mark.parametrize("challenge", ["", "AAAA", "A" * 86, None, 5, [], {}, True, "ü"])
def test_another_challenge(kim, challenge):
    options = question(kim)

    assert_refused(
        kim, send(kim, kim.authenticator.create(options, challenge=challenge)), kim.authenticator.create(options)
    )


@pytest.mark.row("WR-06")
@pytest.mark.parametrize("bend", ["{}==", "{}=", " {}", "{}\n", "{}!", "=={}"])
def test_the_right_challenge_written_differently(kim, bend):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, challenge=bend.format(options["challenge"]))))


@pytest.mark.row("WR-07")
def test_an_answer_to_another_session(kim):
    elsewhere = Person(kim.user, authenticator=kim.authenticator)
    elsewhere.sign_in()
    question(elsewhere)
    options = question(kim)

    assert_refused(elsewhere, send(elsewhere, kim.authenticator.create(options)))
    assert send(kim, kim.authenticator.create(options)).status_code == 200


@pytest.mark.row("WR-07")
def test_an_answer_in_a_session_that_was_asked_nothing(kim):
    options = question(kim)
    elsewhere = Person(kim.user)
    elsewhere.sign_in()

    assert_refused(elsewhere, send(elsewhere, kim.authenticator.create(options)))


@pytest.mark.row("WR-07", "B-44")
def test_an_answer_to_somebody_else_in_the_same_browser(kim, ada):
    """Login by another user between question and answer."""
    options = question(kim)
    ada.client = kim.client
    ada.sign_in()

    assert_refused(ada, send(ada, kim.authenticator.create(options)))


@pytest.mark.row("WR-07", "B-43")
def test_an_answer_after_signing_out_and_in_again(kim):
    options = question(kim)
    kim.client.post("/logout/")
    kim.sign_in()

    assert_refused(kim, send(kim, kim.authenticator.create(options)))


@pytest.mark.row("WR-07")
def test_an_answer_to_a_question_for_proof(kim):
    """The authentication's challenge is none of a registration."""
    kim.add_passkey()
    kim.use_passkey()
    options = question(kim)
    proof = kim.json("/passkeys/authentication/options/", {}).json()

    answer = kim.authenticator.create(options | {"challenge": proof["challenge"]})

    assert_refused(kim, send(kim, answer), had=1)


@pytest.mark.row("WR-07", "V3")
def test_an_answer_counts_once(kim):
    answer = kim.authenticator.create(question(kim))
    assert send(kim, answer).status_code == 200
    Passkey.objects.all().delete()

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WR-07", "V3")
def test_a_refused_answer_uses_the_question_up(kim):
    options = question(kim)
    assert_refused(kim, send(kim, None), kim.authenticator.create(options))


@pytest.mark.row("WR-07")
def test_a_new_question_takes_the_old_ones_place(kim):
    old = question(kim)
    question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(old)))


@pytest.mark.row("WR-07")
@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
def test_a_question_is_good_for_five_minutes(kim, clock, seconds, status):
    kim.client.post("/logout/")
    kim.sign_in()
    answer = kim.authenticator.create(question(kim))
    clock.shift(seconds)

    assert send(kim, answer).status_code == status


@pytest.mark.row("WR-07")
@pytest.mark.parametrize(("ahead", "status"), [(30, 200), (120, 400), (10 * 365 * 86400, 400)])
def test_a_question_that_was_asked_while_the_clock_ran_ahead_is_not_answered(kim, ahead, status):
    """It would be good for as long as the clock was ahead. Half a minute is what two servers' clocks may differ by."""
    answer = kim.authenticator.create(question(kim))
    session = kim.client.session
    session["passkey_questions"]["registration"]["at"] += ahead
    session.save()

    assert send(kim, answer).status_code == status
    assert kim.user.passkeys.count() == (status == 200)


@pytest.mark.row("WR-08")
@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:8000",
        "http://localhost",
        "http://localhost:8001",
        "http://localhost:8000/",
        "http://www.localhost:8000",
        "http://127.0.0.1:8000",
        "https://evil.example",
        "HTTP://LOCALHOST:8000",
        "null",
        "",
        None,
        [],
        ["http://localhost:8000"],
    ],
)
def test_another_origin(kim, origin):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, origin=origin)))


@pytest.mark.row("WR-08", "B-55")
def test_the_host_header_is_no_origin(kim):
    """Neither the question nor what is accepted follows the request's Host."""
    assert kim.client.post(OPTIONS, {}, content_type="application/json", headers={"host": "evil"}).status_code == 400
    options = question(kim)
    assert options["rp"]["id"] == "localhost"
    forwarded = kim.client.post(
        OPTIONS, {}, content_type="application/json", headers={"x-forwarded-host": "evil.example"}
    )
    assert forwarded.json()["rp"]["id"] == "localhost"


@pytest.mark.row("WR-09")
@pytest.mark.parametrize("value", [True, "true", 1, 0, "", []])
def test_made_in_another_sites_frame(kim, value):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, crossOrigin=value)))


@pytest.mark.row("WR-09")
@pytest.mark.parametrize("more", IGNORED, ids=str)
def test_what_level_3_says_to_ignore_is_ignored(kim, more):
    assert send(kim, kim.authenticator.create(question(kim), **more)).status_code == 200
    assert saved() == 1


@pytest.mark.row("WR-09")
@pytest.mark.parametrize("attachment", ["telepathic", "", "PLATFORM", None, 5, [], {}])
def test_an_attachment_that_nobody_knows_is_ignored(kim, attachment):
    answer = kim.authenticator.create(question(kim)) | {"authenticatorAttachment": attachment}

    assert send(kim, answer).status_code == 200


@pytest.mark.row("WR-09")
def test_a_browser_that_does_not_say_is_believed(kim):
    answer = kim.authenticator.create(question(kim))
    said = said_in(answer)
    del said["crossOrigin"]

    assert send(kim, retold(answer, said)).status_code == 200


@pytest.mark.row("WR-10")
@pytest.mark.parametrize("top", ["https://evil.example", "http://localhost:8000", "", 5])
@pytest.mark.parametrize("across", [True, False])
def test_any_top_origin(kim, top, across):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, crossOrigin=across, topOrigin=top)))


# --- The question ---


@pytest.mark.row("N-B.3-UV", "WR-38", "WA-25")
def test_what_is_asked_for(kim, ada):
    mine, theirs = kim.add_passkey(), ada.add_passkey()
    kim.use_passkey()

    options = question(kim)

    assert options["rp"] == {"id": "localhost", "name": "m2v"}
    assert [unb64(known["id"]) for known in options["excludeCredentials"]] == [bytes(mine.credential_id)]
    assert b64(bytes(theirs.credential_id)) not in json.dumps(options)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [offered["alg"] for offered in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["timeout"] == 300_000
    assert options["user"]["name"] == "kim"
    assert options["user"]["displayName"] == "Kim Hansen"
    assert options["extensions"] == {"credProps": True}


@pytest.mark.row("WR-38")
def test_the_user_handle_is_stable_and_says_nothing_about_the_person(kim, ada):
    ada.sign_in()
    first, second, other = (question(person)["user"]["id"] for person in (kim, kim, ada))

    assert first == second != other
    assert 16 <= len(unb64(first)) <= 64
    assert b"kim" not in unb64(first).lower()


@pytest.mark.row("WR-40")
@pytest.mark.parametrize("credential", [None, [], "", "text", 5, True, [{}], {}, {"response": None}, {"response": []}])
def test_an_answer_that_is_none(kim, credential):
    options = question(kim)

    assert_refused(kim, send(kim, credential), kim.authenticator.create(options))


@pytest.mark.row("WR-40")
def test_a_credential_written_as_text(kim):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, json.dumps(answer)), answer)


@pytest.mark.row("WR-40", "B-56")
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b" ", "application/json", 400),
        (b"{", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"credential":' * 4_000, "application/json", 400),
        (b'{"a":"' + b"x" * 70_000 + b'"}', "application/json", 413),
        (b'{"a":"' + b"x" * 1_000_000 + b'"}', "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/json", 415),
        (b"{}", "", 415),
    ],
)
@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_bodies_that_are_no_json_object(kim, address, body, kind, status):
    answer = kim.client.generic("POST", address, body, content_type=kind)

    assert answer.status_code == status
    assert saved() == 0


def nested(depth):
    return b'{"credential":' * depth + b"1" + b"}" * depth


@pytest.mark.row("WR-40")
def test_a_deeply_nested_answer(kim):
    question(kim)

    assert_refused(kim, kim.client.generic("POST", ANSWER, nested(500), content_type="application/json"))


@pytest.mark.row("WR-40")
def test_an_answer_that_is_nested_more_deeply_than_some_pythons_read(kim):
    """It is read by 3.13, and is no JSON to 3.12."""
    question(kim)

    answer = kim.client.generic("POST", ANSWER, nested(4_000), content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["error"] in {"passkey_refused", "not_json"}
    assert saved() == 0


@pytest.mark.row("WR-41")
@pytest.mark.parametrize("place", range(3, 1500, 97))
def test_a_flipped_bit_never_breaks_anything(kim, place):
    answer = kim.authenticator.create(question(kim))
    raw = bytearray(unb64(answer["response"]["attestationObject"]))
    raw[place // 8] ^= 1 << place % 8

    assert send(kim, attested(answer, bytes(raw))).status_code in {200, 400}


@pytest.mark.row("ASVS-16.3.3")
def test_a_refused_passkey_leaves_a_line_in_the_audit(kim):
    before = AuditEvent.objects.count()
    send(kim, kim.authenticator.create(question(kim), origin="https://evil.example"))

    assert AuditEvent.objects.count() == before + 1
    assert AuditEvent.objects.latest("id").subject == kim.user


# --- Who may ---


def test_a_stranger_is_asked_to_sign_in(kim):
    stranger = Person(kim.user)
    for address in (OPTIONS, ANSWER):
        answer = stranger.json(address, {})
        assert answer.status_code == 401
        assert answer.json()["error"] == "sign_in_required"
        assert answer.json()["next"] == "/login/"


def test_without_a_recent_proof_one_confirms_first(kim):
    answer = kim.authenticator.create(question(kim))
    with clocks.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        for address, body in ((OPTIONS, {}), (ANSWER, {"credential": answer})):
            refused = kim.json(address, body)
            assert refused.status_code == 403
            assert refused.json()["error"] == "confirmation_required"
            assert refused.json()["next"] == "/user-settings/mfa/passkeys/new/"
    assert saved() == 0


@pytest.mark.row("CS-MFA-4")
@pytest.mark.parametrize(("half_way", "error"), [(False, "confirmation_required"), (True, "proof_required")])
def test_a_password_alone_adds_no_second_passkey(half_way, error, kim, admin):
    """Neither to whoever is in, nor at the step of the login that asks for a new one."""
    kim.create_passkey()
    if half_way:
        services.request_passkey(kim.user, actor=admin)
        kim.client.post("/logout/")
        kim.enter_password()
        assert kim.asked_for == CREATE

    for address in (OPTIONS, ANSWER):
        refused = kim.json(address, {})
        assert (refused.status_code, refused.json()["error"]) == (403, error)
    assert kim.use_passkey().status_code == 200
    assert saved() == 1
    assert kim.json(OPTIONS, {}).status_code == 200


@pytest.mark.parametrize("number", [19, 20])
def test_nobody_has_more_than_twenty_passkeys(kim, number):
    Passkey.objects.bulk_create(
        Passkey(user=kim.user, name=f"Passkey {n}", credential_id=token_bytes(16), public_key=b"x")
        for n in range(number - 1)
    )
    kim.add_passkey()
    kim.use_passkey()

    answer = kim.create_passkey()

    if number == 19:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]) == (400, "too_many_passkeys")
        assert answer.json()["message"] == "You have twenty passkeys. Delete one before you create another."
    assert saved() == 20


def test_a_passkey_of_ones_own_accord_meets_the_open_request(kim, administrator):
    administrator.client.post(f"/settings/administration/users/{kim.user.pk}/mfa/passkeys/request/")

    kim.create_passkey()

    assert "No request is open." in words(kim.client.get(OWN))


def test_what_a_browser_says_of_itself_is_written_down_harmlessly(kim):
    """16.4.1: what went wrong is one line of printable characters, whatever was sent."""
    kim.client.post("/logout/")
    kim.add_passkey()
    options = kim.json("/passkeys/authentication/options/", {}).json()
    answer = kim.authenticator.get(options, origin="http://evil\r\n\x00\x1b[31m.example/ü")
    kim.json("/passkeys/authentication/", {"credential": answer})

    reason = AuditEvent.objects.filter(action="refused").latest("id").details["reason"]
    assert reason.isascii()
    assert reason.isprintable()


def test_the_page_to_create_one_is_there_for_whoever_confirmed(kim):
    page = kim.client.get(f"{OWN}passkeys/new/")

    assert page.status_code == 200
    assert "Create a passkey" in words(page)
