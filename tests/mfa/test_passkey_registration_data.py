"""Creating a passkey (WebAuthn Level 3, section 7.1): what the authenticator says, its key and id."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from mfa.models import Passkey
from tests.authenticator import AT, BE, BS, UP, UV, Credential, b64, unb64
from tests.mfa.pages import OWN, words
from tests.mfa.passkey_registrations import (
    ED,
    GOOD_EC,
    OPTIONS,
    assert_refused,
    attestation_in,
    attested,
    cose_ec,
    cose_ed25519,
    cose_rsa,
    question,
    saved,
    send,
    with_data,
    without,
)

if TYPE_CHECKING:
    from tests.people import Person

Cose = dict[int, Any]


@pytest.fixture
def kim(kim: Person) -> Person:
    """Kim just signed in with the password and has nothing: a passkey may be added."""
    kim.sign_in()
    return kim


# --- attestationObject and authenticator data ---


@pytest.mark.row("WR-11")
@pytest.mark.parametrize(
    "raw", [b"", b"\xa3", b"\xff", b"\x00", b"\x80", b"\xa0", b"\x81" * 20_000, cbor2.dumps("text"), cbor2.dumps(None)]
)
def test_an_attestation_that_is_no_cbor_map(kim, raw):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, raw)), answer)


@pytest.mark.row("WR-12", "WR-26")
@pytest.mark.parametrize("more", [{"x": 1}, {"attStmt": {"unheard-of": 1}}])
def test_what_is_added_to_an_attestation_is_refused_or_does_no_harm(kim, more):
    """Nothing is signed there, so the strictness is optional; what is saved is the one passkey that was made."""
    answer = kim.authenticator.create(question(kim))

    assert send(kim, attested(answer, attestation_in(answer) | more)).status_code in {200, 400}
    assert {bytes(made.credential_id) for made in Passkey.objects.all()} <= {kim.authenticator.credentials[0].id}


@pytest.mark.row("WR-11")
@pytest.mark.parametrize("length", [1, 10, 30, 100, 150])
def test_a_truncated_attestation(kim, length):
    answer = kim.authenticator.create(question(kim))
    raw = unb64(answer["response"]["attestationObject"])

    assert_refused(kim, send(kim, attested(answer, raw[:length])))


@pytest.mark.row("WR-13")
def test_repeated_cbor_keys(kim):
    answer = kim.authenticator.create(question(kim))
    raw = unb64(answer["response"]["attestationObject"])
    twice = b"\xa4" + raw[1:] + cbor2.dumps("fmt") + cbor2.dumps("none")

    assert_refused(kim, send(kim, attested(answer, twice)))


@pytest.mark.row("WR-14")
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
def test_authenticator_data_of_the_wrong_length(kim, edit):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, edit)))


@pytest.mark.row("WR-15")
@pytest.mark.parametrize("rp_id", ["evil.example", "localhost.evil.example", "127.0.0.1", "", "LOCALHOST"])
def test_made_for_another_site(kim, rp_id):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, lambda data: sha256(rp_id.encode()).digest() + data[32:])))


@pytest.mark.row("WR-19")
@pytest.mark.parametrize(
    ("flags", "eligible", "backed_up", "says"),
    [
        (UP | UV | BE | BS, True, True, "Synced"),
        (UP | UV | BE, True, False, "Synced"),
        (UP | UV, False, False, "On this device only"),
    ],
)
def test_what_kind_of_passkey_it_is_is_kept_and_said(kim, flags, eligible, backed_up, says):
    """No policy of ours asks for device-bound passkeys: both kinds are accepted."""
    kim.authenticator.flags = flags
    kim.create_passkey()

    made = Passkey.objects.get()
    assert (made.backup_eligible, made.backed_up) == (eligible, backed_up)
    assert says in words(kim.client.get(OWN))


@pytest.mark.row("WR-20")
@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data[:32] + bytes([data[32] & ~AT]) + data[33:37],
        lambda data: data[:32] + bytes([data[32] & ~AT]) + data[33:],
        lambda data: data[:53] + b"\x00\x00" + data[55 + 32 :],
        lambda data: data[:53] + b"\xff\xff" + data[55:],
    ],
)
def test_no_credential_in_it(kim, edit):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, with_data(answer, edit)))


# --- The key ---


@pytest.mark.row("ASVS-11.6.1", "WR-21")
@pytest.mark.parametrize("algorithm", [-35, -36, -37, -38, -39, -47, -53, -65535, -258, -259, 0, 7, 1])
def test_an_algorithm_that_was_not_offered(kim, algorithm):
    for cose in (GOOD_EC | {3: algorithm}, cose_rsa(2048, algorithm)):
        answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))
        assert_refused(kim, send(kim, answer))


def off_curve() -> Cose:
    return GOOD_EC | {-3: bytes([GOOD_EC[-3][0] ^ 1]) + GOOD_EC[-3][1:]}


@pytest.mark.row("ASVS-11.6.1", "WR-22")
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
def test_weak_impossible_and_mislabelled_keys(kim, cose):
    answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WR-23")
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
def test_a_key_that_is_none(kim, cose):
    answer = kim.authenticator.create(question(kim), cose=cbor2.dumps(cose))

    assert_refused(kim, send(kim, answer))


# --- Attestation statements ---


UNVERIFIABLE = ["tpm", "android-key", "android-safetynet", "apple", "compound", "unheard-of", "", "None"]


@pytest.mark.row("WR-24")
@pytest.mark.parametrize("fmt", [5, None, [], {}, b"none", ["none"]])
def test_an_unknown_format(kim, fmt):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, attestation_in(answer) | {"fmt": fmt})))


@pytest.mark.row("WR-24")
@pytest.mark.parametrize("fmt", UNVERIFIABLE)
@pytest.mark.parametrize("statement", [{}, {"ver": "2.0", "sig": b"x", "x5c": [b"x"]}, [{"fmt": "tpm", "attStmt": {}}]])
def test_an_attestation_that_cannot_be_verified_counts_as_none(kim, fmt, statement):
    """None was asked for: a device that gives one all the same makes as good a passkey."""
    answer = kim.authenticator.create(question(kim))

    assert send(kim, attested(answer, attestation_in(answer) | {"fmt": fmt, "attStmt": statement})).status_code == 200
    kim.client.post("/logout/")
    assert kim.use_passkey().status_code == 200


@pytest.mark.row("WR-24")
@pytest.mark.parametrize("statement", [None, 5, "text", b"bytes"])
def test_an_attestation_without_a_statement(kim, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, attestation_in(answer) | {"fmt": "tpm", "attStmt": statement})))


BENT = {
    "another site's": lambda data: bytes(32) + data[32:],
    "not present": lambda data: data[:32] + bytes([data[32] & ~1]) + data[33:],
    "not verified": lambda data: data[:32] + bytes([data[32] & ~4]) + data[33:],
    "backed up, not eligible": lambda data: data[:32] + bytes([data[32] & ~8]) + data[33:],
    "no credential": lambda data: data[:32] + bytes([data[32] & ~64]) + data[33:37],
    "leftover": lambda data: data + b"x",
    "id of nothing": lambda data: data[:53] + bytes(2) + data[87:],
}


@pytest.mark.row("WR-24")
@pytest.mark.parametrize("fmt", UNVERIFIABLE)
@pytest.mark.parametrize("bend", BENT.values(), ids=BENT)
def test_whatever_its_attestation_the_rest_of_a_passkey_is_verified(kim, fmt, bend):
    answer = kim.authenticator.create(question(kim))
    attestation = attestation_in(answer)

    assert_refused(
        kim, send(kim, attested(answer, {"fmt": fmt, "attStmt": {}, "authData": bend(attestation["authData"])}))
    )


@pytest.mark.row("WR-25")
@pytest.mark.parametrize("statement", [{"sig": b"x"}, {"x5c": [b"x"]}, {"alg": -7, "sig": b"x"}])
def test_a_statement_where_there_is_none(kim, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, attestation_in(answer) | {"attStmt": statement})))


@pytest.mark.row("WR-27")
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
def test_a_self_attestation_that_does_not_hold(kim, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, {**attestation_in(answer), "fmt": "packed", "attStmt": statement})))


@pytest.mark.row("WR-27")
def test_a_self_attestation_of_another_key(kim):
    answer = kim.authenticator.create(question(kim))
    attestation = attestation_in(answer)
    signed = attestation["authData"] + sha256(unb64(answer["response"]["clientDataJSON"])).digest()
    signature = ec.generate_private_key(ec.SECP256R1()).sign(signed, ec.ECDSA(SHA256()))
    statement = {"alg": -7, "sig": signature}

    assert_refused(kim, send(kim, attested(answer, {**attestation, "fmt": "packed", "attStmt": statement})))


@pytest.mark.row("WR-28")
@pytest.mark.parametrize("fmt", ["packed", "fido-u2f"])
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
def test_statements_full_of_garbage(kim, fmt, statement):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, attested(answer, {**attestation_in(answer), "fmt": fmt, "attStmt": statement})))


@pytest.mark.row("N-B.3-att", "WR-29")
def test_no_attestation_is_asked_for(kim):
    assert question(kim)["attestation"] == "none"


# --- The credential's id ---


@pytest.mark.row("WR-30")
@pytest.mark.parametrize(("length", "status"), [(1, 200), (16, 200), (1023, 200), (1024, 400), (5000, 400)])
def test_an_id_has_at_most_1023_bytes(kim, length, status):
    options = question(kim)
    made = Credential(options["rp"]["id"], unb64(options["user"]["id"]), id=token_bytes(length))

    assert send(kim, kim.authenticator.create(options, made=made)).status_code == status
    if status == 200:
        kim.client.post("/logout/")
        assert kim.use_passkey().status_code == 200, "and it signs in"
    else:
        assert saved() == 0


@pytest.mark.row("WR-30")
def test_an_id_of_65535_bytes_is_too_much(kim):
    options = question(kim)
    made = Credential(options["rp"]["id"], unb64(options["user"]["id"]), id=token_bytes(65535))

    assert send(kim, kim.authenticator.create(options, made=made)).status_code in {400, 413}
    assert saved() == 0


@pytest.mark.row("WR-31", "B-45")
def test_somebody_elses_passkey_cannot_be_registered(kim, ada):
    theirs = ada.add_passkey()
    before = Passkey.objects.filter(pk=theirs.pk).values().get()
    options = question(kim)
    stolen = Credential("localhost", unb64(options["user"]["id"]), id=bytes(theirs.credential_id))

    answer = send(kim, kim.authenticator.create(options, made=stolen))

    assert_refused(kim, answer, had=1)
    assert Passkey.objects.filter(pk=theirs.pk).values().get() == before
    assert ada.use_passkey().status_code == 200


@pytest.mark.row("WR-31")
def test_ones_own_passkey_cannot_be_registered_twice(kim):
    kim.create_passkey()
    kim.use_passkey()
    options = question(kim)

    answer = send(kim, kim.authenticator.create(options, made=kim.authenticator.credentials[0]))

    assert_refused(kim, answer, had=1)


@pytest.mark.row("WR-32")
@pytest.mark.parametrize("bent", [{"rawId": b64(bytes(32))}, {"rawId": ""}, {"rawId": None}, {"id": None}, {"id": ""}])
def test_id_and_raw_id_differ(kim, bent):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, answer | bent))


@pytest.mark.row("WR-33")
def test_the_stated_id_is_not_the_one_in_the_data(kim):
    answer = kim.authenticator.create(question(kim))
    other = b64(token_bytes(32))

    assert_refused(kim, send(kim, answer | {"id": other, "rawId": other}))


@pytest.mark.row("WR-34")
@pytest.mark.parametrize("kind", ["password", "", None, 5, "Public-Key"])
def test_another_type_of_credential(kim, kind):
    answer = kim.authenticator.create(question(kim))

    assert_refused(kim, send(kim, answer | {"type": kind}))


@pytest.mark.row("WR-34")
@pytest.mark.parametrize("field", ["id", "rawId", "type", "response"])
def test_a_part_is_missing(kim, field):
    answer = kim.authenticator.create(question(kim))
    del answer[field]

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WR-34")
@pytest.mark.parametrize("field", ["clientDataJSON", "attestationObject"])
def test_a_part_of_the_response_is_missing(kim, field):
    answer = kim.authenticator.create(question(kim))
    del answer["response"][field]

    assert_refused(kim, send(kim, answer))


@pytest.mark.row("WR-35")
@pytest.mark.parametrize(
    "extensions", [{"appid": True}, {"credProps": {"rk": False}}, {"prf": {"results": {}}}, [], None, "x", 5]
)
def test_extensions_nobody_asked_for_are_ignored(kim, extensions):
    answer = kim.authenticator.create(question(kim))

    assert send(kim, answer | {"clientExtensionResults": extensions}).status_code == 200


@pytest.mark.row("WR-36")
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
def test_only_known_transports_are_kept(kim, transports, kept):
    answer = kim.authenticator.create(question(kim))
    answer["response"]["transports"] = transports

    assert send(kim, answer).status_code == 200
    assert Passkey.objects.get().transports == kept


@pytest.mark.row("WR-37", "V8", "V19")
def test_the_body_does_not_say_whose_passkey_it_is(kim, ada):
    for field in ("user", "username", "user_id", "person", "owner"):
        answer = kim.authenticator.create(kim.json(OPTIONS, {field: str(ada.user.pk)}).json())
        assert send(kim, answer, **{field: str(ada.user.pk), "sign_count": 99, "name": "x"}).status_code == 200
        kim.use_passkey()

    assert not ada.user.passkeys.exists()
    assert kim.user.passkeys.count() == 5
    assert set(kim.user.passkeys.values_list("sign_count", flat=True)) == {0}
