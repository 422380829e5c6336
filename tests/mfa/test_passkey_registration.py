"""Creating a passkey (WebAuthn Level 3, section 7.1): a test for each row of the table WR in STANDARDS.md."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
import time_machine as clocks
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from mfa.models import Passkey
from tests.authenticator import AT, BE, BS, UP, UV, Credential, b64, unb64
from tests.mfa.pages import OWN, audit_of, words
from tests.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
Cose = dict[int, Any]

OPTIONS = "/passkeys/registration/options/"
ANSWER = "/passkeys/registration/"
ED = 128


@pytest.fixture
def kim(kim: Person) -> Person:
    """Kim just signed in with the password and has nothing: a passkey may be added."""
    kim.sign_in()
    return kim


def question(person: Person) -> Json:
    answer: Any = person.json(OPTIONS, {})
    assert answer.status_code == 200, answer.content
    options: Json = answer.json()
    return options


def send(person: Person, credential: object, /, **more: object) -> Any:
    return person.json(ANSWER, {"credential": credential, **more})


def saved() -> int:
    return Passkey.objects.count()


def assert_refused(person: Person, answer: Any, original: Json | None = None, had: int = 0) -> None:
    """400 in general words, nothing stored, and the question is gone: the right answer comes too late."""
    assert answer.status_code == 400, answer.content
    assert answer.json() == {"error": "passkey_refused", "message": "This passkey could not be saved. Try again."}
    assert saved() == had
    if original is not None:
        assert send(person, original).status_code == 400
        assert saved() == had


# --- Bending an answer ---


def retold(answer: Json, said: object) -> Json:
    """The same answer with another clientDataJSON, as bytes or to be written as JSON."""
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    return answer | {"response": answer["response"] | {"clientDataJSON": b64(raw)}}


def said_in(answer: Json) -> Json:
    said: Json = json.loads(unb64(answer["response"]["clientDataJSON"]))
    return said


def attested(answer: Json, attestation: object) -> Json:
    """The same answer with another attestationObject, as bytes or to be written as CBOR."""
    raw = attestation if isinstance(attestation, bytes) else cbor2.dumps(attestation)
    return answer | {"response": answer["response"] | {"attestationObject": b64(raw)}}


def attestation_in(answer: Json) -> Json:
    attestation: Json = cbor2.loads(unb64(answer["response"]["attestationObject"]))
    return attestation


def with_data(answer: Json, edit: Callable[[bytes], bytes]) -> Json:
    """The same answer with other authenticator data."""
    attestation = attestation_in(answer)
    return attested(answer, attestation | {"authData": edit(attestation["authData"])})


def cose_ec(curve: ec.EllipticCurve) -> Cose:
    at = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    number = {"secp256r1": 1, "secp384r1": 2, "secp521r1": 3, "secp256k1": 8}[curve.name]
    return {1: 2, 3: -7, -1: number, -2: at.x.to_bytes(size, "big"), -3: at.y.to_bytes(size, "big")}


@cache
def modulus_of(bits: int) -> bytes:
    """Of an RSA key. Nobody makes keys of 512 bits any more: that one is an odd number of the right length."""
    if bits < 1024:
        return bytes(255 for _ in range(bits // 8))
    return rsa.generate_private_key(65537, bits).public_key().public_numbers().n.to_bytes(bits // 8, "big")


def cose_rsa(bits: int, algorithm: int = -257) -> Cose:
    return {1: 3, 3: algorithm, -1: modulus_of(bits), -2: b"\x01\x00\x01"}


def cose_ed25519(algorithm: int = -8) -> Cose:
    return {1: 1, 3: algorithm, -1: 6, -2: ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()}


GOOD_EC = cose_ec(ec.SECP256R1())


def without(cose: Cose, *labels: int) -> Cose:
    return {label: value for label, value in cose.items() if label not in labels}


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


@pytest.mark.parametrize(
    "said", [b"", b"{", b"not json", b"\xff\xfe\xfd", [], [1], 5, "text", None, True, {}, b"[" * 20_000]
)
def test_wr01_client_data_that_is_no_json_object(kim, said):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, retold(answer, said)), answer)


def test_wr02_client_data_with_a_byte_order_mark_does_no_harm(kim):
    answer = kim.authenticator.create(question(kim))

    sent = send(kim, retold(answer, b"\xef\xbb\xbf" + unb64(answer["response"]["clientDataJSON"])))

    assert sent.status_code == 200
    assert saved() == 1


def test_wr03_of_repeated_names_none_hides_a_wrong_origin(kim):
    answer = kim.authenticator.create(question(kim))
    said = json.dumps(said_in(answer))[:-1] + ', "origin": "https://evil.example"}'

    assert_refused(kim, send(kim, retold(answer, said.encode())), answer)


@pytest.mark.parametrize("kind", ["webauthn.get", "", "webauthn.Create", None, 5, "payment.get"])
def test_wr04_another_type_of_ceremony(kim, kind):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, type=kind)), kim.authenticator.create(options))


@pytest.mark.parametrize("challenge", ["", "AAAA", "A" * 86, None, 5, [], {}, True, "ü"])
def test_wr05_another_challenge(kim, challenge):
    options = question(kim)

    assert_refused(
        kim, send(kim, kim.authenticator.create(options, challenge=challenge)), kim.authenticator.create(options)
    )


@pytest.mark.parametrize("bend", ["{}==", "{}=", " {}", "{}\n", "{}!", "=={}"])
def test_wr06_the_right_challenge_written_differently(kim, bend):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, challenge=bend.format(options["challenge"]))))


def test_wr07_an_answer_to_another_session(kim):
    elsewhere = Person(kim.user, authenticator=kim.authenticator)
    elsewhere.sign_in()
    question(elsewhere)
    options = question(kim)

    assert_refused(elsewhere, send(elsewhere, kim.authenticator.create(options)))
    assert send(kim, kim.authenticator.create(options)).status_code == 200


def test_wr07_an_answer_in_a_session_that_was_asked_nothing(kim):
    options = question(kim)
    elsewhere = Person(kim.user)
    elsewhere.sign_in()

    assert_refused(elsewhere, send(elsewhere, kim.authenticator.create(options)))


def test_wr07_b44_an_answer_to_somebody_else_in_the_same_browser(kim, ada):
    """Login by another user between question and answer."""
    options = question(kim)
    ada.client = kim.client
    ada.sign_in()

    assert_refused(ada, send(ada, kim.authenticator.create(options)))


def test_wr07_b43_an_answer_after_signing_out_and_in_again(kim):
    options = question(kim)
    kim.client.post("/logout/")
    kim.sign_in()

    assert_refused(kim, send(kim, kim.authenticator.create(options)))


def test_wr07_an_answer_to_a_question_for_proof(kim):
    """The authentication's challenge is none of a registration."""
    kim.add_passkey()
    kim.use_passkey()
    options = question(kim)
    proof = kim.json("/passkeys/authentication/options/", {}).json()

    answer = kim.authenticator.create(options | {"challenge": proof["challenge"]})

    assert_refused(kim, send(kim, answer), had=1)


def test_v3_wr07_an_answer_counts_once(kim):
    answer = kim.authenticator.create(question(kim))
    assert send(kim, answer).status_code == 200
    Passkey.objects.all().delete()

    assert_refused(kim, send(kim, answer))


def test_v3_wr07_a_refused_answer_uses_the_question_up(kim):
    options = question(kim)
    assert_refused(kim, send(kim, None), kim.authenticator.create(options))


def test_wr07_a_new_question_takes_the_old_ones_place(kim):
    old = question(kim)
    question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(old)))


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
def test_wr07_a_question_is_good_for_five_minutes(kim, clock, seconds, status):
    kim.client.post("/logout/")
    kim.sign_in()
    answer = kim.authenticator.create(question(kim))
    clock.shift(seconds)

    assert send(kim, answer).status_code == status


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
def test_wr08_another_origin(kim, origin):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, origin=origin)))


def test_wr08_b55_the_host_header_is_no_origin(kim):
    """Neither the question nor what is accepted follows the request's Host."""
    assert kim.client.post(OPTIONS, {}, content_type="application/json", headers={"host": "evil"}).status_code == 400
    options = question(kim)
    assert options["rp"]["id"] == "localhost"
    forwarded = kim.client.post(
        OPTIONS, {}, content_type="application/json", headers={"x-forwarded-host": "evil.example"}
    )
    assert forwarded.json()["rp"]["id"] == "localhost"


@pytest.mark.parametrize("value", [True, "true", 1, None, []])
def test_wr09_made_in_another_sites_frame(kim, value):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, crossOrigin=value)))


def test_wr09_a_browser_that_does_not_say_is_believed(kim):
    answer = kim.authenticator.create(question(kim))
    said = said_in(answer)
    del said["crossOrigin"]

    assert send(kim, retold(answer, said)).status_code == 200


@pytest.mark.parametrize("top", ["https://evil.example", "http://localhost:8000", "", 5])
@pytest.mark.parametrize("across", [True, False])
def test_wr10_any_top_origin(kim, top, across):
    options = question(kim)

    assert_refused(kim, send(kim, kim.authenticator.create(options, crossOrigin=across, topOrigin=top)))


# --- attestationObject and authenticator data ---


@pytest.mark.parametrize(
    "raw", [b"", b"\xa3", b"\xff", b"\x00", b"\x80", b"\xa0", b"\x81" * 20_000, cbor2.dumps("text"), cbor2.dumps(None)]
)
def test_wr11_an_attestation_that_is_no_cbor_map(kim, raw):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, raw)), answer)


@pytest.mark.parametrize("more", [{"x": 1}, {"attStmt": {"unheard-of": 1}}])
def test_wr12_wr26_what_is_added_to_an_attestation_is_refused_or_does_no_harm(kim, more):
    """Nothing is signed there, so the strictness is optional; what is saved is the one passkey that was made."""
    answer = kim.authenticator.create(question(kim))

    assert send(kim, attested(answer, attestation_in(answer) | more)).status_code in {200, 400}
    assert {bytes(made.credential_id) for made in Passkey.objects.all()} <= {kim.authenticator.credentials[0].id}


@pytest.mark.parametrize("length", [1, 10, 30, 100, 150])
def test_wr11_a_truncated_attestation(kim, length):
    answer = kim.authenticator.create(question(kim))
    raw = unb64(answer["response"]["attestationObject"])

    assert_refused(kim, send(kim, attested(answer, raw[:length])))


def test_wr13_repeated_cbor_keys(kim):
    answer = kim.authenticator.create(question(kim))
    raw = unb64(answer["response"]["attestationObject"])
    twice = b"\xa4" + raw[1:] + cbor2.dumps("fmt") + cbor2.dumps("none")

    assert_refused(kim, send(kim, attested(answer, twice)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data + b"\x00",
        lambda data: data + cbor2.dumps({"credProtect": 1}),
        lambda data: data[:32] + bytes([data[32] | ED]) + data[33:],
        lambda data: data[:36],
        lambda data: data[:37],
        lambda data: data[:55],
        lambda data: b"",
    ],
)
def test_wr14_authenticator_data_of_the_wrong_length(kim, edit):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, edit)))


@pytest.mark.parametrize("rp_id", ["evil.example", "localhost.evil.example", "127.0.0.1", "", "LOCALHOST"])
def test_wr15_made_for_another_site(kim, rp_id):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, lambda data: sha256(rp_id.encode()).digest() + data[32:])))


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        (UP | UV | BE | BS, 200),
        (UP | UV | BE, 200),
        (UP | UV, 200),
        (UV | BE | BS, 400),  # WR-16: nobody was there
        (UP | BE | BS, 400),  # WR-17: nobody was verified
        (UP, 400),
        (BE | BS, 400),
        (0, 400),
        (UP | UV | BS, 400),  # WR-18: backed up, and not eligible
        (UP | BS, 400),
    ],
)
def test_wr16_wr17_wr18_v16_flags(kim, flags, status):
    kim.authenticator.flags = flags

    answer = kim.create_passkey()

    assert answer.status_code == status
    assert saved() == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("flags", "eligible", "backed_up", "says"),
    [
        (UP | UV | BE | BS, True, True, "Synced"),
        (UP | UV | BE, True, False, "Synced"),
        (UP | UV, False, False, "On this device only"),
    ],
)
def test_wr19_what_kind_of_passkey_it_is_is_kept_and_said(kim, flags, eligible, backed_up, says):
    """No policy of ours asks for device-bound passkeys: both kinds are accepted."""
    kim.authenticator.flags = flags
    kim.create_passkey()

    made = Passkey.objects.get()
    assert (made.backup_eligible, made.backed_up) == (eligible, backed_up)
    assert says in words(kim.client.get(OWN))


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data[:32] + bytes([data[32] & ~AT]) + data[33:37],
        lambda data: data[:32] + bytes([data[32] & ~AT]) + data[33:],
        lambda data: data[:53] + b"\x00\x00" + data[55 + 32 :],
        lambda data: data[:53] + b"\xff\xff" + data[55:],
    ],
)
def test_wr20_no_credential_in_it(kim, edit):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, edit)))


# --- The key ---


@pytest.mark.parametrize("algorithm", [-35, -36, -37, -38, -39, -47, -53, -65535, -258, -259, 0, 7, 1])
def test_wr21_an_algorithm_that_was_not_offered(kim, algorithm):
    for cose in (GOOD_EC | {3: algorithm}, cose_rsa(2048, algorithm)):
        answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))
        assert_refused(kim, send(kim, answer))


def off_curve() -> Cose:
    return GOOD_EC | {-3: bytes([GOOD_EC[-3][0] ^ 1]) + GOOD_EC[-3][1:]}


@pytest.mark.parametrize(
    "cose",
    [
        GOOD_EC | {3: -257},  # EC labelled RS256
        GOOD_EC | {3: -8},  # EC labelled EdDSA
        cose_rsa(2048, -7),  # RSA labelled ES256
        cose_rsa(2048, -8),
        cose_ed25519(-7),  # Ed25519 labelled ES256
        cose_ed25519(-257),
        off_curve(),
        GOOD_EC | {-2: bytes(32), -3: bytes(32)},
        GOOD_EC | {-2: b"\xff" * 32},
        cose_ec(ec.SECP384R1()),
        cose_ec(ec.SECP521R1()),
        cose_ec(ec.SECP256K1()),
        GOOD_EC | {-1: 2},
        GOOD_EC | {-1: 99},
        GOOD_EC | {-1: 6},
        cose_rsa(512),
        cose_rsa(1024),
        cose_rsa(2048) | {-2: b"\x01"},
        cose_rsa(2048) | {-2: b""},
        cose_rsa(2048) | {-1: b""},
        cose_ed25519() | {-2: bytes(31)},
        cose_ed25519() | {-2: b""},
        cose_ed25519() | {-1: 7},
    ],
)
def test_wr22_f5_weak_impossible_and_mislabelled_keys(kim, cose):
    answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))

    assert_refused(kim, send(kim, answer))


@pytest.mark.parametrize(
    "cose",
    [
        without(GOOD_EC, 1),
        without(GOOD_EC, 3),
        without(GOOD_EC, -1),
        without(GOOD_EC, -2),
        without(GOOD_EC, -3),
        GOOD_EC | {-2: 5},
        GOOD_EC | {-2: None, -3: "text"},
        GOOD_EC | {1: "EC2"},
        GOOD_EC | {3: "ES256"},
        GOOD_EC | {3: None},
        GOOD_EC | {3: [-7]},
        {},
        [],
        5,
        "text",
        None,
        b"bytes",
    ],
)
def test_wr23_a_key_that_is_none(kim, cose):
    answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))

    assert_refused(kim, send(kim, answer))


# --- Attestation statements ---


@pytest.mark.parametrize("fmt", ["unheard-of", "", "None", 5, None, [], {}, b"none", ["none"]])
def test_wr24_an_unknown_format(kim, fmt):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, attestation_in(answer) | {"fmt": fmt})))


@pytest.mark.parametrize("statement", [{"sig": b"x"}, {"x5c": [b"x"]}, {"alg": -7, "sig": b"x"}])
def test_wr25_a_statement_where_there_is_none(kim, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, attestation_in(answer) | {"attStmt": statement})))


@pytest.mark.parametrize(
    "statement",
    [
        {"alg": -7, "sig": b"garbage"},
        {"alg": -7, "sig": b""},
        {"alg": -7},
        {"sig": b"garbage"},
        {"alg": -257, "sig": b"garbage"},
        {"alg": "ES256", "sig": 5},
        {},
        None,
        [],
        "text",
    ],
)
def test_wr27_a_self_attestation_that_does_not_hold(kim, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, {**attestation_in(answer), "fmt": "packed", "attStmt": statement})))


def test_wr27_a_self_attestation_of_another_key(kim):
    answer = kim.authenticator.create(question(kim))
    attestation = attestation_in(answer)
    signed = attestation["authData"] + sha256(unb64(answer["response"]["clientDataJSON"])).digest()
    signature = ec.generate_private_key(ec.SECP256R1()).sign(signed, ec.ECDSA(SHA256()))
    statement = {"alg": -7, "sig": signature}

    assert_refused(kim, send(kim, attested(answer, {**attestation, "fmt": "packed", "attStmt": statement})))


@pytest.mark.parametrize("fmt", ["packed", "tpm", "fido-u2f", "android-safetynet", "android-key", "apple"])
@pytest.mark.parametrize(
    "statement",
    [
        {"alg": -7, "sig": b"x", "x5c": [b"garbage"]},
        {"alg": -7, "sig": b"x", "x5c": []},
        {"alg": -7, "sig": b"x", "x5c": [5]},
        {"alg": -7, "sig": 5, "x5c": 5},
        {"ver": "2.0", "alg": -65535, "sig": 5, "x5c": [5], "certInfo": 5, "pubArea": 5},
        {"ver": 5, "response": 5},
        {"ver": "1", "response": b"a.b.c"},
    ],
)
def test_wr28_statements_full_of_garbage(kim, fmt, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, {**attestation_in(answer), "fmt": fmt, "attStmt": statement})))


def test_wr29_no_attestation_is_asked_for(kim):
    assert question(kim)["attestation"] == "none"


# --- The credential's id ---


@pytest.mark.parametrize(("length", "status"), [(1, 200), (16, 200), (1023, 200), (1024, 400), (5000, 400)])
def test_wr30_f2_an_id_has_at_most_1023_bytes(kim, length, status):
    options = question(kim)
    made = Credential(options["rp"]["id"], unb64(options["user"]["id"]), id=token_bytes(length))

    assert send(kim, kim.authenticator.create(options, made=made)).status_code == status
    if status == 200:
        kim.client.post("/logout/")
        assert kim.use_passkey().status_code == 200, "and it signs in"
    else:
        assert saved() == 0


def test_wr30_an_id_of_65535_bytes_is_too_much(kim):
    options = question(kim)
    made = Credential(options["rp"]["id"], unb64(options["user"]["id"]), id=token_bytes(65535))

    assert send(kim, kim.authenticator.create(options, made=made)).status_code in {400, 413}
    assert saved() == 0


def test_wr31_b45_somebody_elses_passkey_cannot_be_registered(kim, ada):
    theirs = ada.add_passkey()
    before = Passkey.objects.filter(pk=theirs.pk).values().get()
    options = question(kim)
    stolen = Credential("localhost", unb64(options["user"]["id"]), id=bytes(theirs.credential_id))

    answer = send(kim, kim.authenticator.create(options, made=stolen))

    assert_refused(kim, answer, had=1)
    assert Passkey.objects.filter(pk=theirs.pk).values().get() == before
    assert ada.use_passkey().status_code == 200


def test_wr31_ones_own_passkey_cannot_be_registered_twice(kim):
    kim.create_passkey()
    kim.use_passkey()
    options = question(kim)

    answer = send(kim, kim.authenticator.create(options, made=kim.authenticator.credentials[0]))

    assert_refused(kim, answer, had=1)


@pytest.mark.parametrize("bent", [{"rawId": b64(bytes(32))}, {"rawId": ""}, {"rawId": None}, {"id": None}, {"id": ""}])
def test_wr32_id_and_raw_id_differ(kim, bent):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, answer | bent))


def test_wr33_f6_the_stated_id_is_not_the_one_in_the_data(kim):
    answer = kim.authenticator.create(question(kim))
    other = b64(token_bytes(32))

    assert_refused(kim, send(kim, answer | {"id": other, "rawId": other}))


@pytest.mark.parametrize("kind", ["password", "", None, 5, "Public-Key"])
def test_wr34_another_type_of_credential(kim, kind):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, answer | {"type": kind}))


@pytest.mark.parametrize("field", ["id", "rawId", "type", "response"])
def test_wr34_a_part_is_missing(kim, field):
    answer = kim.authenticator.create(question(kim))
    del answer[field]

    assert_refused(kim, send(kim, answer))


@pytest.mark.parametrize("field", ["clientDataJSON", "attestationObject"])
def test_wr34_a_part_of_the_response_is_missing(kim, field):
    answer = kim.authenticator.create(question(kim))
    del answer["response"][field]

    assert_refused(kim, send(kim, answer))


@pytest.mark.parametrize(
    "extensions", [{"appid": True}, {"credProps": {"rk": False}}, {"prf": {"results": {}}}, [], None, "x", 5]
)
def test_wr35_extensions_nobody_asked_for_are_ignored(kim, extensions):
    answer = kim.authenticator.create(question(kim))

    assert send(kim, answer | {"clientExtensionResults": extensions}).status_code == 200


@pytest.mark.parametrize(
    ("transports", "kept"),
    [
        (["usb", "nfc", "hybrid"], ["usb", "nfc", "hybrid"]),
        (["internal", "telepathy", "<script>"], ["internal"]),
        ([1, None, ["usb"], {"usb": 1}, "ble"], ["ble"]),
        ("usb", []),
        ({"usb": 1}, []),
        ([], []),
        (None, []),
        (5, []),
        (True, []),
        (1.5, []),
    ],
)
def test_wr36_only_known_transports_are_kept(kim, transports, kept):
    answer = kim.authenticator.create(question(kim))
    answer["response"]["transports"] = transports

    assert send(kim, answer).status_code == 200
    assert Passkey.objects.get().transports == kept


def test_wr37_v8_v19_the_body_does_not_say_whose_passkey_it_is(kim, ada):
    for field in ("user", "username", "user_id", "person", "owner"):
        answer = kim.authenticator.create(kim.json(OPTIONS, {field: str(ada.user.pk)}).json())
        assert send(kim, answer, **{field: str(ada.user.pk), "sign_count": 99, "name": "x"}).status_code == 200
        kim.use_passkey()

    assert not ada.user.passkeys.exists()
    assert kim.user.passkeys.count() == 5
    assert set(kim.user.passkeys.values_list("sign_count", flat=True)) == {0}


# --- The question ---


def test_wr38_what_is_asked_for(kim, ada):
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


def test_wr38_the_user_handle_is_stable_and_says_nothing_about_the_person(kim, ada):
    ada.sign_in()
    first, second, other = (question(person)["user"]["id"] for person in (kim, kim, ada))

    assert first == second != other
    assert 16 <= len(unb64(first)) <= 64
    assert b"kim" not in unb64(first).lower()


def test_wr39_every_question_has_another_challenge(kim):
    challenges = {unb64(question(kim)["challenge"]) for _ in range(20)}

    assert len(challenges) == 20
    assert min(len(challenge) for challenge in challenges) >= 16


@pytest.mark.parametrize("credential", [None, [], "", "text", 5, True, [{}], {}, {"response": None}, {"response": []}])
def test_wr40_an_answer_that_is_none(kim, credential):
    options = question(kim)

    assert_refused(kim, send(kim, credential), kim.authenticator.create(options))


def test_wr40_a_credential_written_as_text(kim):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, json.dumps(answer)), answer)


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
def test_wr40_b56_bodies_that_are_no_json_object(kim, address, body, kind, status):
    answer = kim.client.generic("POST", address, body, content_type=kind)

    assert answer.status_code == status
    assert saved() == 0


def test_wr40_a_deeply_nested_answer(kim):
    question(kim)
    nested = b'{"credential":' * 4_000 + b"1" + b"}" * 4_000

    assert_refused(kim, kim.client.generic("POST", ANSWER, nested, content_type="application/json"))


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("address", [OPTIONS, ANSWER])
def test_v29_only_post_asks_and_answers(kim, address, method):
    assert getattr(kim.client, method)(address).status_code == 405


@pytest.mark.parametrize("place", range(3, 1500, 97))
def test_wr41_a_flipped_bit_never_breaks_anything(kim, place):
    answer = kim.authenticator.create(question(kim))
    raw = bytearray(unb64(answer["response"]["attestationObject"]))
    raw[place // 8] ^= 1 << place % 8

    assert send(kim, attested(answer, bytes(raw))).status_code in {200, 400}


def test_16_3_3_a_refused_passkey_leaves_a_line_in_the_audit(kim):
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
            assert refused.json()["next"] == "/confirm/?next=/user-settings/mfa/passkeys/new/"
    assert saved() == 0


def test_cs_mfa4_a_password_alone_adds_no_second_passkey(kim):
    kim.create_passkey()

    refused = kim.json(OPTIONS, {})

    assert (refused.status_code, refused.json()["error"]) == (403, "confirmation_required")
    kim.use_passkey()
    assert kim.create_passkey().status_code == 200


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


def test_b19_a_request_without_the_csrf_token_is_refused(kim):
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    strict.cookies = kim.client.cookies
    for address in (OPTIONS, ANSWER):
        answer = strict.post(address, {}, content_type="application/json", HTTP_ACCEPT="application/json")
        assert (answer.status_code, answer.json()) == (403, {"error": "form_out_of_date"})
