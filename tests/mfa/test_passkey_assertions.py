"""Proving with a passkey (WebAuthn Level 3, section 7.2): what the authenticator says, its counter, bodies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from accounts.models import Session
from audit.models import AuditEvent
from mfa import services
from mfa.models import Passkey
from tests.authenticator import AT, BE, BS, UP, UV, Credential, b64, unb64
from tests.mfa.pages import CHALLENGE, OWN, audit_of, refusals_of, window_of, words
from tests.mfa.passkey_answers import (
    ALL,
    ANSWER,
    ED,
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

Json = dict[str, Any]


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


# --- Authenticator data ---


@pytest.mark.row("WA-11")
@pytest.mark.parametrize("rp_id", ["evil.example", "127.0.0.1", "", "LOCALHOST"])
def test_used_for_another_site(kim, rp_id):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), rp_id=rp_id)))


@pytest.mark.row("N-B.3-UP", "N-B.3-UV", "WA-12", "WA-13", "WA-14", "B-47", "V16")
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
def test_flags_that_an_answer_may_have(kim, flags):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), flags=flags)))


@pytest.mark.row("WA-13", "B-47", "V16")
def test_a_passkey_without_verification_is_no_second_factor_either(kim):
    kim.set_up_app()
    kim.enter_password()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), flags=UP | BE | BS)))
    assert kim.asked_for == CHALLENGE


@pytest.mark.row("WA-15")
@pytest.mark.parametrize(("made", "used"), [(UP | UV, UP | UV | BE), (UP | UV | BE, UP | UV), (ALL, UP | UV)])
def test_the_backup_eligible_flag_never_changes(ada, made, used):
    ada.authenticator.flags = made
    ada.add_passkey()

    assert_refused(ada, send(ada, signed(question(ada), mine(ada), flags=used)), SUSPENDED)
    assert Passkey.objects.get(credential_id=mine(ada).id).backup_eligible is bool(made & BE)


@pytest.mark.row("WA-15")
def test_a_passkey_whose_eligibility_changed_is_refused_for_good(ada):
    """It never signs in again: page and window say to delete it and make it anew."""
    ada.authenticator.flags = UP | UV
    ada.add_passkey()
    assert_refused(ada, send(ada, signed(question(ada), mine(ada), flags=ALL)), SUSPENDED)
    assert_refused(ada, send(ada, signed(question(ada), mine(ada), flags=UP | UV)), SUSPENDED)

    assert Passkey.objects.get(credential_id=mine(ada).id).suspended_at
    assert AuditEvent.objects.filter(action="passkey_suspended").count() == 1
    ada.sign_in()
    assert "Delete it and create a new one." in words(ada.client.get(OWN))


@pytest.mark.row("N-B.3-BS", "WA-16")
@pytest.mark.parametrize("used", [UP | UV | BE, ALL])
@pytest.mark.parametrize("before", [UP | UV | BE, ALL])
def test_the_backup_state_follows_the_passkey(ada, before, used):
    ada.authenticator.flags = before
    ada.add_passkey()

    assert send(ada, signed(question(ada), mine(ada), flags=used)).status_code == 200
    assert Passkey.objects.get(credential_id=mine(ada).id).backed_up is bool(used & BS)


def raw_signature(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.row("WA-17")
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
def test_a_signature_that_is_none(kim, bend):
    answer = signed(question(kim), mine(kim))
    answer["response"]["signature"] = b64(bend(unb64(answer["response"]["signature"])))

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WA-17")
def test_a_signature_of_another_key(kim):
    other = ec.generate_private_key(ec.SECP256R1())

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), key=other)))


@pytest.mark.row("WA-17")
def test_a_signature_of_another_answer(kim):
    earlier = signed(question(kim), mine(kim))
    answer = signed(question(kim), mine(kim))
    answer["response"]["signature"] = earlier["response"]["signature"]

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


@pytest.mark.row("WA-19")
@pytest.mark.parametrize("count", [6, 7, 2**31, 2**32 - 1])
def test_a_counter_that_grows(counting, count):
    assert counting.use(count).status_code == 200
    assert counting.passkey.sign_count == count


@pytest.mark.row("WA-19")
@pytest.mark.parametrize("count", [5, 4, 1, 0])
def test_a_counter_that_does_not_grow_suspends_the_passkey(counting, administrator, count):
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
    assert (again.status_code, again.json()) == (400, SUSPENDED), "not even the rightful owner uses it any more"
    assert AuditEvent.objects.filter(action="passkey_suspended").count() == 1, "and nothing happens to it twice"

    kim.sign_in()
    for page in (kim.client.get(OWN), administrator.client.get(window_of(kim.user))):
        assert "Suspended" in words(page)
        assert "it may have been copied. Delete it and create a new one." in words(page)


@pytest.mark.row("WA-19")
def test_the_owner_sees_a_suspended_passkey_and_can_only_delete_it(counting):
    kim = counting.person
    counting.use(5)
    kim.sign_in()
    passkey = counting.passkey

    assert "The passkey “" in words(kim.client.get(OWN))
    assert "was suspended: it may have been copied" in words(kim.client.get(OWN))
    assert kim.client.post(f"{OWN}passkeys/{passkey.pk}/delete/").headers["Location"] == OWN
    assert not Passkey.objects.exists()


@pytest.mark.row("WA-19")
@pytest.mark.parametrize(
    "bent",
    [
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"said": {"challenge": "A" * 86}},
        {"said": {"origin": "https://evil.example"}},
        {"flags": UP | BE | BS},
        {"handle": b64(bytes(16))},
        {"handle": None},
    ],
    ids=["signature", "challenge", "origin", "unverified", "handle", "no_handle"],
)
def test_a_low_counter_without_a_right_signature_suspends_nothing(counting, bent):
    """Otherwise anybody who knows a passkey's id could take it out of use."""
    assert counting.use(1, **bent).json() == REFUSED
    assert counting.passkey.suspended_at is None
    assert counting.use(6).status_code == 200


@pytest.mark.row("WA-20")
def test_an_authenticator_that_does_not_count_signs_in_again_and_again(kim):
    for _ in range(3):
        assert kim.use_passkey().status_code == 200
        kim.client.post("/logout/")
    assert Passkey.objects.get().sign_count == 0


@pytest.mark.row("WA-20")
def test_an_authenticator_may_begin_to_count(kim):
    assert Counting(kim).use(1).status_code == 200
    assert Counting(kim).use(0).json() == SUSPENDED


@pytest.mark.row("WA-21")
def test_of_two_answers_on_their_way_the_later_one_keeps_the_counter_up(counting):
    kim = counting.person
    kim.client.post("/logout/")
    elsewhere = Person(kim.user)
    slow, fast = question(kim), question(elsewhere)
    assert send(elsewhere, signed(fast, mine(kim), count=7)).status_code == 200

    assert send(kim, signed(slow, mine(kim), count=6)).status_code == 400
    assert counting.passkey.sign_count == 7


@pytest.mark.row("WA-22")
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
def test_authenticator_data_of_the_wrong_length(kim, bent):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim), **bent)))


@pytest.mark.row("WA-23")
def test_a_new_key_in_an_answer_changes_nothing(kim):
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


@pytest.mark.row("WA-24")
@pytest.mark.parametrize(
    "part", ["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature"]
)
def test_a_part_is_missing(kim, part):
    assert_refused(kim, send(kim, without(signed(question(kim), mine(kim)), part)))


@pytest.mark.row("WA-24")
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
    ],
)
def test_a_part_is_another(kim, bent):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim)) | bent))


@pytest.mark.row("WA-24")
@pytest.mark.parametrize("attachment", ["telepathic", "", "PLATFORM", None, 5, [], {}])
def test_an_attachment_that_nobody_knows_is_ignored(kim, attachment):
    """Browsers may learn new ones (§5.4.5): it says nothing about the signature."""
    answer = send(kim, signed(question(kim), mine(kim)) | {"authenticatorAttachment": attachment})

    assert answer.status_code == 200
    assert kim.is_in


@pytest.mark.row("WA-24")
@pytest.mark.parametrize("stated", [None, "", 5, [], {}, "ü", "A", "\ud800", "\x00", "A" * 1368])
def test_an_id_that_is_none(kim, stated):
    assert_refused(kim, send(kim, signed(question(kim), mine(kim)) | {"id": stated, "rawId": stated}))


@pytest.mark.row("WA-24")
@pytest.mark.parametrize("credential", [None, [], "", "text", 5, True, [{}], {}])
def test_an_answer_that_is_none(kim, credential):
    question(kim)

    assert_refused(kim, send(kim, credential))


@pytest.mark.row("WA-24")
def test_the_id_of_another_of_ones_own_passkeys(kim):
    kim.add_passkey()
    first, second = kim.authenticator.credentials
    answer = signed(question(kim), first) | {"id": b64(second.id), "rawId": b64(second.id)}

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WA-26")
def test_a_later_check_that_fails_leaves_the_passkey_as_it_was(kim):
    """The signature is right, the counter grew, the passkey was backed up: and the handle is somebody else's."""
    before = Passkey.objects.values().get()
    sessions = Session.objects.exclude(user=None).count()

    assert_refused(kim, send(kim, signed(question(kim), mine(kim), count=9, flags=UP | UV | BE, handle=b64(bytes(16)))))
    assert Passkey.objects.values().get() == before
    assert Session.objects.exclude(user=None).count() == sessions


@pytest.mark.row("WA-27")
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
def test_a_stored_key_that_is_damaged(kim, stored):
    Passkey.objects.update(public_key=stored)

    assert_refused(kim, send(kim, signed(question(kim), mine(kim))))


@pytest.mark.row("WA-29")
def test_only_the_owners_pages_tell_the_browser_which_passkeys_exist(kim, administrator):
    services.suspend_passkey(kim.add_passkey(), "a test")
    login = kim.client.get("/login/").content.decode()
    assert "data-signals" not in login
    assert "data-signals" not in administrator.client.get(window_of(kim.user)).content.decode()

    kim.sign_in()
    page = kim.client.get(OWN)

    signals = json.loads(page.context["window"].signals_json)
    assert signals["allAcceptedCredentialIds"] == [b64(kim.authenticator.credentials[0].id)]
    assert unb64(signals["userId"]) == kim.authenticator.credentials[0].user_handle
    assert 'data-rp-id="localhost"' in page.content.decode()


# --- Bodies and methods ---


@pytest.mark.row("B-56")
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
def test_bodies_that_are_no_json_object(kim, address, body, kind, status):
    assert kim.client.generic("POST", address, body, content_type=kind).status_code == status


@pytest.mark.row("B-56")
def test_ten_thousand_names(kim):
    question(kim)

    answer = kim.json(ANSWER, {f"name{n}": n for n in range(3_000)} | {"__proto__": {"credential": 1}})

    assert (answer.status_code, answer.json()) == (400, REFUSED)


@pytest.mark.row("H-06")
@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_no_cache_keeps_what_was_asked_or_answered(kim, address):
    assert "no-store" in kim.json(address, {}).headers["Cache-Control"]
