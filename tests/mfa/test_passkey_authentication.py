"""Proving with a passkey (WebAuthn Level 3, section 7.2): a test for each row of the table WA in STANDARDS.md.

Row WA-25 cannot arise: no passkey is ever made without user verification (WR-17).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client

from accounts import people
from accounts.models import AuditEvent, Session
from mfa import services
from mfa.models import Passkey
from tests.authenticator import AT, BE, BS, UP, UV, Credential, b64, unb64
from tests.mfa.pages import CHALLENGE, CREATE, OWN, OWN_SETUP, SETUP, audit_of, refusals_of, window_of, words
from tests.people import Person

Json = dict[str, Any]

OPTIONS = "/passkeys/authentication/options/"
ANSWER = "/passkeys/authentication/"
ED = 128
ALL = UP | UV | BE | BS

REFUSED = {
    "error": "passkey_refused",
    "message": "This passkey was not accepted. Try again, or use another way to sign in.",
}
UNKNOWN = {
    "error": "unknown_passkey",
    "message": "This passkey is not known here (any more). Use another way to sign in.",
}
SUSPENDED = {
    "error": "passkey_suspended",
    "message": "This passkey may have been copied and was taken out of use. Use another way to sign in.",
}


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


def question(person: Person) -> Json:
    answer: Any = person.json(OPTIONS, {})
    assert answer.status_code == 200, answer.content
    options: Json = answer.json()
    return options


def send(person: Person, credential: object, /, **more: object) -> Any:
    return person.json(ANSWER, {"credential": credential, **more})


def signed(options: Json, used: Credential, **bent: Any) -> Json:
    """An assertion with its parts bent before they are signed, so that the signature is right."""
    flags, count, more = bent.get("flags", ALL), bent.get("count", 0), bent.get("more", b"")
    data = bent.get("data") or (
        sha256(bent.get("rp_id", "localhost").encode()).digest() + bytes([flags]) + count.to_bytes(4, "big") + more
    )
    said = bent.get("said")
    if not isinstance(said, bytes):
        honest = {"type": "webauthn.get", "challenge": options["challenge"], "origin": "http://localhost:8000"}
        said = json.dumps(honest | {"crossOrigin": False} | (said or {})).encode()
    signature = bent.get("key", used.key).sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
    response = {
        "clientDataJSON": b64(said),
        "authenticatorData": b64(data),
        "userHandle": bent.get("handle", b64(used.user_handle)),
        "signature": b64(signature),
    }
    return {"id": b64(used.id), "rawId": b64(used.id), "type": "public-key", "response": response}


def mine(person: Person) -> Credential:
    return person.authenticator.credentials[-1]


def assert_refused(person: Person, answer: Any, expected: Json = REFUSED) -> None:
    """400 in general words, nobody signed in, and nothing written to the passkey."""
    assert (answer.status_code, answer.json()) == (400, expected)
    assert not person.is_in
    assert set(Passkey.objects.values_list("sign_count", "last_used_at")) <= {(0, None)}


# --- The good case ---


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


def test_v26_an_address_that_no_browser_can_go_to_breaks_no_step(kim, administrator):
    """Half a surrogate pair, which JSON can say and UTF-8 cannot, comes out of no redirect."""
    services.request_passkey(kim.user, actor=administrator.user)
    send(kim, kim.authenticator.get(question(kim)), next="/\ud800")

    assert kim.client.post(CREATE, {"later": "yes"}).status_code == 302
    assert kim.is_in


# --- Whose passkey it is ---


def test_wa01_only_ones_own_usable_passkeys_are_asked_for(kim, ada):
    kim.set_up_app()
    kim.add_passkey()
    services.suspend_passkey(Passkey.objects.filter(user=kim.user)[0], "a test")
    kim.enter_password()

    allowed = [unb64(known["id"]) for known in question(kim)["allowCredentials"]]

    assert allowed == [mine(kim).id]


def test_wa02_v18_somebody_elses_passkey_is_no_second_factor(kim, ada):
    kim.set_up_app()
    kim.enter_password()
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(ada))))
    assert kim.asked_for == CHALLENGE


def test_wa02_v18_somebody_elses_passkey_confirms_nothing(kim, ada, clock):
    kim.use_passkey()
    clock.shift(15 * 60)
    Passkey.objects.update(last_used_at=None)

    answer = send(kim, signed(question(kim), mine(ada)))

    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert kim.client.get(OWN_SETUP).headers["Location"].startswith("/confirm/")


def test_b03_the_body_does_not_say_who_signs_in(kim, ada):
    kim.set_up_app()
    kim.enter_password()
    options = kim.json(OPTIONS, {"username": "ada", "user": str(ada.user.pk)}).json()
    assert [unb64(known["id"]) for known in options["allowCredentials"]] == [mine(kim).id]

    send(kim, signed(options, mine(kim)), username="ada", user=str(ada.user.pk), user_id=str(ada.user.pk))

    assert kim.is_in
    assert AuditEvent.objects.get(action="signed_in").subject == kim.user


def test_wa03_the_user_handle_of_somebody_else(kim, ada):
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(kim), handle=b64(ada.user.pk.bytes))))


def test_wa03_the_user_handle_of_somebody_else_at_the_second_step(kim, ada):
    kim.set_up_app()
    kim.enter_password()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=b64(ada.user.pk.bytes))))


@pytest.mark.parametrize("handle", [None, ""])
def test_wa04_a_sign_in_without_user_handle(kim, handle):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=handle)))


def test_wa04_a_sign_in_whose_user_handle_is_left_out(kim):
    answer = signed(question(kim), mine(kim))
    del answer["response"]["userHandle"]

    assert_refused(kim, send(kim, answer))


def test_wa04_the_second_step_may_leave_the_user_handle_out(kim):
    """Some authenticators send none where they were told which passkey to use."""
    kim.set_up_app()
    kim.enter_password()

    assert send(kim, signed(question(kim), mine(kim), handle=None)).json() == {"next": "/"}


def test_wa05_an_unknown_passkey(kim):
    answer = signed(question(kim), Credential("localhost", kim.user.pk.bytes))

    assert_refused(kim, send(kim, answer), UNKNOWN)


def test_wa05_b46_a_deleted_passkey(kim):
    options = question(kim)
    services.delete_passkey(Passkey.objects.get(), actor=kim.user)

    assert_refused(kim, send(kim, signed(options, mine(kim))), UNKNOWN)


def test_wa05_b46_a_suspended_passkey(kim):
    options = question(kim)
    services.suspend_passkey(Passkey.objects.get(), "a test")

    assert_refused(kim, send(kim, signed(options, mine(kim))))


def test_wa05_b46_v33_the_passkey_of_somebody_deactivated_lets_nobody_in(kim, admin):
    options = question(kim)
    people.deactivate_user(kim.user, actor=admin)

    answer = send(kim, signed(options, mine(kim)))

    assert answer.status_code == 400
    assert not kim.is_in
    assert Passkey.objects.get().last_used_at is None


def test_wa05_the_passkey_of_somebody_deactivated_is_not_called_unknown(kim, admin):
    """A browser that hears "unknown" forgets the passkey for good (Signal API), but Kim may be activated again."""
    options = question(kim)
    people.deactivate_user(kim.user, actor=admin)

    assert send(kim, signed(options, mine(kim))).json() == REFUSED


@pytest.mark.parametrize("handle", ["!", "ü", "\ud800", 5, [], {}, True, "A", "=", "AAAA" * 500])
def test_wa06_a_user_handle_that_is_no_base64url(kim, handle):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), handle=handle)))


# --- clientDataJSON ---


@pytest.mark.parametrize("kind", ["webauthn.create", "", "webauthn.Get", None, 5, "payment.get"])
def test_wa07_another_type_of_ceremony(kim, kind):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"type": kind})))


@pytest.mark.parametrize("challenge", ["", "AAAA", "A" * 86, None, 5, [], {}, True])
def test_wa08_another_challenge(kim, challenge):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"challenge": challenge})))


@pytest.mark.parametrize("bend", ["{}==", "{}=", " {}", "{}\n", "{}!"])
def test_wa08_the_right_challenge_written_differently(kim, bend):
    options = question(kim)

    assert_refused(kim, send(kim, signed(options, mine(kim), said={"challenge": bend.format(options["challenge"])})))


def test_wa08_v3_b43_an_answer_counts_once(kim):
    answer = kim.authenticator.get(question(kim))
    assert send(kim, answer).status_code == 200
    kim.client.post("/logout/")

    assert send(kim, answer).json() == REFUSED
    assert not kim.is_in


def test_wa08_f8_an_answer_counts_once_in_the_session_that_it_opened(kim, clock):
    """Not even to confirm again, with a counter that never moves."""
    answer = kim.authenticator.get(question(kim))
    send(kim, answer)
    clock.shift(15 * 60)

    assert send(kim, answer).json() == REFUSED


def test_wa08_v3_a_refused_answer_uses_the_question_up(kim):
    answer = kim.authenticator.get(question(kim))
    assert send(kim, answer | {"type": "password"}).json() == REFUSED

    assert send(kim, answer).json() == REFUSED
    assert not kim.is_in


def test_wa08_an_answer_to_another_session(kim):
    elsewhere = Person(kim.user)
    question(elsewhere)
    answer = kim.authenticator.get(question(kim))

    assert_refused(elsewhere, send(elsewhere, answer))
    assert send(kim, answer).status_code == 200


def test_wa08_an_answer_in_a_session_that_was_asked_nothing(kim):
    answer = kim.authenticator.get(question(kim))
    elsewhere = Person(kim.user)

    assert_refused(elsewhere, send(elsewhere, answer))


def test_wa08_an_answer_to_a_question_for_a_new_passkey(kim):
    kim.use_passkey()
    options = kim.json("/passkeys/registration/options/", {}).json()

    answer = send(kim, signed(options, mine(kim)))

    assert (answer.status_code, answer.json()) == (400, REFUSED)


def test_wa08_a_question_asked_before_the_password_is_not_answered_after_it(kim):
    kim.set_up_app()
    options = question(kim)
    kim.enter_password()

    assert_refused(kim, send(kim, signed(options, mine(kim))))


def test_wa08_b43_a_question_asked_before_signing_out_is_not_answered_after_it(kim):
    kim.set_up_app()
    kim.enter_password()
    options = question(kim)
    kim.client.post("/logout/")

    assert_refused(kim, send(kim, signed(options, mine(kim))))


def test_wa08_b04_a_question_to_one_person_is_not_answered_by_the_next(kim, ada):
    """Two first steps in one browser."""
    for person in (kim, ada):
        person.set_up_app()
    kim.enter_password()
    options = question(kim)
    ada.client = kim.client
    ada.enter_password()

    assert_refused(ada, send(ada, signed(options, mine(ada))))


def test_wa08_a_new_question_takes_the_old_ones_place(kim):
    old = question(kim)
    question(kim)

    assert_refused(kim, send(kim, signed(old, mine(kim))))


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
def test_wa08_a_question_is_good_for_five_minutes(kim, clock, seconds, status):
    answer = kim.authenticator.get(question(kim))
    clock.shift(seconds)

    assert send(kim, answer).status_code == status
    assert kim.is_in is (status == 200)


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
def test_wa09_another_origin(kim, origin):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"origin": origin})))


@pytest.mark.parametrize("value", [True, "true", 1, None, []])
def test_wa10_f1_used_in_another_sites_frame(kim, value):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"crossOrigin": value})))


@pytest.mark.parametrize("top", ["https://evil.example", "http://localhost:8000", "", 5])
@pytest.mark.parametrize("across", [True, False])
def test_wa10_f1_any_top_origin(kim, top, across):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said={"crossOrigin": across, "topOrigin": top})))


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 20_000, b"{}"])
def test_wa07_client_data_that_is_no_json_object(kim, said):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), said=said)))


# --- Authenticator data ---


@pytest.mark.parametrize("rp_id", ["evil.example", "127.0.0.1", "", "LOCALHOST"])
def test_wa11_used_for_another_site(kim, rp_id):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), rp_id=rp_id)))


@pytest.mark.parametrize(
    "flags",
    [
        UV | BE | BS,  # WA-12: nobody was there
        UP | BE | BS,  # WA-13: nobody was verified
        UP | UV | BS,  # WA-14: backed up, and not eligible
        BE | BS,
        UP,
        0,
    ],
)
def test_wa12_wa13_wa14_v16_b47_flags(kim, flags):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), flags=flags)))


def test_wa13_v16_a_passkey_without_verification_is_no_second_factor_either(kim):
    kim.set_up_app()
    kim.enter_password()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), flags=UP | BE | BS)))
    assert kim.asked_for == CHALLENGE


@pytest.mark.parametrize(("made", "used"), [(UP | UV, UP | UV | BE), (UP | UV | BE, UP | UV), (ALL, UP | UV)])
def test_wa15_the_backup_eligible_flag_never_changes(ada, made, used):
    ada.authenticator.flags = made
    ada.add_passkey()

    assert_refused(ada, send(ada, signed(question(ada), mine(ada), flags=used)))
    assert Passkey.objects.get(credential_id=mine(ada).id).backup_eligible is bool(made & BE)


@pytest.mark.parametrize("used", [UP | UV | BE, ALL])
@pytest.mark.parametrize("before", [UP | UV | BE, ALL])
def test_wa16_the_backup_state_follows_the_passkey(ada, before, used):
    ada.authenticator.flags = before
    ada.add_passkey()

    assert send(ada, signed(question(ada), mine(ada), flags=used)).status_code == 200
    assert Passkey.objects.get(credential_id=mine(ada).id).backed_up is bool(used & BS)


def raw_signature(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "bend",
    [
        lambda der: b"",
        lambda der: b"garbage",
        lambda der: b"\x30\x06\x02\x01\x00\x02\x01\x00",
        lambda der: raw_signature(der),
        lambda der: der[:-1],
        lambda der: der + b"\x00",
    ],
)
def test_wa17_a_signature_that_is_none(kim, bend):
    answer = signed(question(kim), mine(kim))
    answer["response"]["signature"] = b64(bend(unb64(answer["response"]["signature"])))

    assert_refused(kim, send(kim, answer))


def test_wa17_a_signature_of_another_key(kim):
    other = ec.generate_private_key(ec.SECP256R1())

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), key=other)))


def test_wa17_a_signature_of_another_answer(kim):
    earlier = signed(question(kim), mine(kim))
    answer = signed(question(kim), mine(kim))
    answer["response"]["signature"] = earlier["response"]["signature"]

    assert_refused(kim, send(kim, answer))


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
@pytest.mark.parametrize("place", range(1, 296, 43))
def test_wa18_one_flipped_bit(kim, part, place):
    answer = signed(question(kim), mine(kim))
    raw = bytearray(unb64(answer["response"][part]))
    raw[place // 8] ^= 1 << place % 8
    answer["response"][part] = b64(bytes(raw))

    assert_refused(kim, send(kim, answer))


# --- The counter ---


@dataclass
class Counting:
    """Kim's passkey with a counter, used up to 5."""

    person: Person

    def use(self, count: int, **bent: Any) -> Any:
        self.person.client.post("/logout/")
        return send(self.person, signed(question(self.person), mine(self.person), count=count, **bent))

    @property
    def passkey(self) -> Passkey:
        return Passkey.objects.get(user=self.person.user)


@pytest.fixture
def counting(kim) -> Counting:
    at_five = Counting(kim)
    assert at_five.use(5).status_code == 200
    assert at_five.passkey.sign_count == 5
    return at_five


@pytest.mark.parametrize("count", [6, 7, 2**31, 2**32 - 1])
def test_wa19_a_counter_that_grows(counting, count):
    assert counting.use(count).status_code == 200
    assert counting.passkey.sign_count == count


@pytest.mark.parametrize("count", [5, 4, 1, 0])
def test_wa19_a_counter_that_does_not_grow_suspends_the_passkey(counting, administrator, count):
    kim = counting.person
    answer = counting.use(count)

    assert (answer.status_code, answer.json()) == (400, SUSPENDED)
    assert not kim.is_in
    assert counting.passkey.sign_count == 5
    assert counting.passkey.suspended_at
    assert ("passkey_suspended", None) in audit_of(kim.user)
    assert refusals_of(kim.user) == [f"5 was followed by {count}."]
    assert AuditEvent.objects.get(action="passkey_suspended").details["reason"] == f"5 was followed by {count}."
    again = counting.use(9)
    assert (again.status_code, again.json()) == (400, REFUSED), "not even the rightful owner uses it any more"

    kim.sign_in()
    for page in (kim.client.get(OWN), administrator.client.get(window_of(kim.user))):
        assert "Suspended" in words(page)
        assert "it may have been copied. Delete it and create a new one." in words(page)


def test_wa19_the_owner_sees_a_suspended_passkey_and_can_only_delete_it(counting):
    kim = counting.person
    counting.use(5)
    kim.sign_in()
    passkey = counting.passkey

    assert "The passkey “" in words(kim.client.get(OWN))
    assert "was suspended: it may have been copied" in words(kim.client.get(OWN))
    assert kim.client.post(f"{OWN}passkeys/{passkey.pk}/delete/").headers["Location"] == OWN
    assert not Passkey.objects.exists()


@pytest.mark.parametrize(
    "bent",
    [
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"said": {"challenge": "A" * 86}},
        {"said": {"origin": "https://evil.example"}},
        {"flags": UP | BE | BS},
        {"handle": b64(bytes(16))},
        {"handle": None},
        {"flags": UP | UV},
    ],
    ids=["signature", "challenge", "origin", "unverified", "handle", "no_handle", "backup_eligible"],
)
def test_wa19_a_low_counter_without_a_right_signature_suspends_nothing(counting, bent):
    """Otherwise anybody who knows a passkey's id could take it out of use."""
    assert counting.use(1, **bent).json() == REFUSED
    assert counting.passkey.suspended_at is None
    assert counting.use(6).status_code == 200


def test_wa20_an_authenticator_that_does_not_count_signs_in_again_and_again(kim):
    for _ in range(3):
        assert kim.use_passkey().status_code == 200
        kim.client.post("/logout/")
    assert Passkey.objects.get().sign_count == 0


def test_wa20_an_authenticator_may_begin_to_count(kim):
    assert Counting(kim).use(1).status_code == 200
    assert Counting(kim).use(0).json() == SUSPENDED


def test_wa21_of_two_answers_on_their_way_the_later_one_keeps_the_counter_up(counting):
    kim = counting.person
    kim.client.post("/logout/")
    elsewhere = Person(kim.user)
    slow, fast = question(kim), question(elsewhere)
    assert send(elsewhere, signed(fast, mine(kim), count=7)).status_code == 200

    assert send(kim, signed(slow, mine(kim), count=6)).status_code == 400
    assert counting.passkey.sign_count == 7


@pytest.mark.parametrize(
    "bent",
    [
        {"more": b"\x00"},
        {"more": bytes(40)},
        {"more": cbor2.dumps({"a": 1})},
        {"flags": ALL | ED},
        {"flags": ALL | ED, "more": b"\xff"},
        {"flags": ALL | AT},
        {"data": bytes(30)},
        {"data": b"\x00"},
    ],
)
def test_wa22_authenticator_data_of_the_wrong_length(kim, bent):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), **bent)))


def test_wa23_a_new_key_in_an_answer_changes_nothing(kim):
    before = Passkey.objects.values("credential_id", "public_key", "aaguid", "user").get()
    other = Credential("localhost", kim.user.pk.bytes)
    data = bytes(range(16)) + len(other.id).to_bytes(2, "big") + other.id + other.cose()

    send(kim, signed(question(kim), mine(kim), flags=ALL | AT, more=data))

    assert Passkey.objects.values("credential_id", "public_key", "aaguid", "user").get() == before
    kim.client.post("/logout/")
    assert send(kim, signed(question(kim), other)).json() == UNKNOWN


def without(answer: Json, part: str) -> Json:
    """The answer without one of its parts, or of its response's."""
    response = {name: value for name, value in answer["response"].items() if name != part}
    return {name: value for name, value in (answer | {"response": response}).items() if name != part}


@pytest.mark.parametrize(
    "part", ["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature"]
)
def test_wa24_a_part_is_missing(kim, part):
    assert_refused(kim, send(kim, without(signed(question(kim), mine(kim)), part)))


@pytest.mark.parametrize(
    "bent",
    [
        {"rawId": b64(bytes(32))},
        {"rawId": None},
        {"type": "password"},
        {"type": None},
        {"type": 5},
        {"response": None},
        {"response": []},
        {"response": "text"},
        {"response": {}},
        {"authenticatorAttachment": "telepathic"},
    ],
)
def test_wa24_a_part_is_another(kim, bent):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim)) | bent))


@pytest.mark.parametrize("stated", [None, "", 5, [], {}, "ü", "A", "\ud800", "\x00", "A" * 1368])
def test_wa24_an_id_that_is_none(kim, stated):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim)) | {"id": stated, "rawId": stated}))


@pytest.mark.parametrize("credential", [None, [], "", "text", 5, True, [{}], {}])
def test_wa24_an_answer_that_is_none(kim, credential):
    question(kim)

    assert_refused(kim, send(kim, credential))


def test_wa24_the_id_of_another_of_ones_own_passkeys(kim):
    kim.add_passkey()
    first, second = kim.authenticator.credentials
    answer = signed(question(kim), first) | {"id": b64(second.id), "rawId": b64(second.id)}

    assert_refused(kim, send(kim, answer))


def test_wa26_a_later_check_that_fails_leaves_the_passkey_as_it_was(kim):
    """The signature is right, the counter grew, the passkey was backed up: and the handle is somebody else's."""
    before = Passkey.objects.values().get()
    sessions = Session.objects.exclude(user=None).count()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), count=9, flags=UP | UV | BE, handle=b64(bytes(16)))))
    assert Passkey.objects.values().get() == before
    assert Session.objects.exclude(user=None).count() == sessions


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"garbage",
        b"\xff",
        b"\xa0",
        b"\x81" * 5_000,
        cbor2.dumps([]),
        cbor2.dumps(5),
        cbor2.dumps({1: 2}),
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}),
        cbor2.dumps({1: 2, 3: -7, -1: 99, -2: bytes(32), -3: bytes(32)}),
        cbor2.dumps({1: 3, 3: -257, -1: b"", -2: b""}),
    ],
)
def test_wa27_a_stored_key_that_is_damaged(kim, stored):
    Passkey.objects.update(public_key=stored)

    assert_refused(kim, send(kim, signed(question(kim), mine(kim))))


@pytest.mark.parametrize("who", ["nobody", "without", "with", "ada@acme.example"])
def test_wa28_b31_the_question_to_strangers_tells_nothing_about_anybody(kim, make_person, who):
    """For unknown people, known ones without and with passkeys the question looks alike, at every call."""
    make_person("without")
    make_person("with").add_passkey()
    stranger = Person(kim.user)
    plain = stranger.json(OPTIONS, {}).json()
    for _ in range(2):
        options = stranger.json(OPTIONS, {"username": who, "user": who}).json()
        assert options.pop("challenge") != plain["challenge"]
        assert options == {name: value for name, value in plain.items() if name != "challenge"}
    assert plain["allowCredentials"] == []
    assert plain["userVerification"] == "required"
    assert plain["rpId"] == "localhost"


def test_wa28_every_question_has_another_challenge(kim):
    challenges = {unb64(question(kim)["challenge"]) for _ in range(20)}

    assert len(challenges) == 20
    assert min(len(challenge) for challenge in challenges) >= 16


def test_wa29_only_the_owners_pages_tell_the_browser_which_passkeys_exist(kim, administrator):
    services.suspend_passkey(kim.add_passkey(), "a test")
    login = kim.client.get("/login/").content.decode()
    assert "data-signals" not in login
    assert "data-signals" not in administrator.client.get(window_of(kim.user)).content.decode()

    kim.sign_in()
    page = kim.client.get(OWN)

    signals = page.context["window"].signals
    assert signals["allAcceptedCredentialIds"] == [b64(kim.authenticator.credentials[0].id)]
    assert unb64(signals["userId"]) == kim.authenticator.credentials[0].user_handle
    assert 'data-rp-id="localhost"' in page.content.decode()


# --- Bodies and methods ---


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b" ", "application/json", 400),
        (b"{", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"a":"' + b"x" * 70_000 + b'"}', "application/json", 413),
        (b'{"a":"' + b"x" * 1_000_000 + b'"}', "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"credential=1", "application/x-www-form-urlencoded", 415),
    ],
)
@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_b56_bodies_that_are_no_json_object(kim, address, body, kind, status):
    assert kim.client.generic("POST", address, body, content_type=kind).status_code == status


def test_b56_ten_thousand_names(kim):
    question(kim)

    answer = kim.json(ANSWER, {f"name{n}": n for n in range(3_000)} | {"__proto__": {"credential": 1}})

    assert (answer.status_code, answer.json()) == (400, REFUSED)


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_v29_only_post_asks_and_answers(kim, address, method):
    assert getattr(kim.client, method)(address).status_code == 405


@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_b19_a_request_without_the_csrf_token_is_refused(kim, address):
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    answer = strict.post(address, {}, content_type="application/json", HTTP_ACCEPT="application/json")

    assert (answer.status_code, answer.json()) == (403, {"error": "form_out_of_date"})


@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_h06_no_cache_keeps_what_was_asked_or_answered(kim, address):
    assert "no-store" in kim.json(address, {}).headers["Cache-Control"]


# --- Steps, and what is proved ---


def test_b18_the_sessions_key_changes_when_a_passkey_signs_in_and_when_it_confirms(kim):
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


def test_b49_b46_a_login_with_a_passkey_that_is_deleted_half_way_ends(kim, administrator):
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
