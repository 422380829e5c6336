"""Every bit of what is signed or sealed, turned one by one: an assertion is refused; a registration is refused, or made
of what it says now.

An attestation of the format "none" signs nothing, so that whoever registers may say what they like about their own
new key (WebAuthn Level 3, section 8.7). Which bits they may turn is written down in `MAY_DIFFER`, and nothing else does.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import cbor2
import pytest

from accounts.models import User
from accounts.sealing import Purpose, Unreadable, seal, unseal
from mfa.methods import passkeys
from mfa.methods.passkeys.ceremonies import Refused
from mfa.models import Passkey
from tests.authenticator import b64, unb64
from tests.fuzz.keys import KINDS, Device
from tests.fuzz.profiles import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTH_DATA = {
    "rp id": range(32),
    "flags": range(32, 33),
    "counter": range(33, 37),
    "aaguid": range(37, 53),
    "id length": range(53, 55),
    "id": range(55, 71),
    "key": range(71, 1000),
}
# Of an unsigned registration, what may differ and still be kept, as it says itself: the counter that it begins with, the
# kind of device that it claims, a bit that stands for nothing yet (RFU), and a key that is another key.
MAY_DIFFER = {"flags", "counter", "aaguid", "key"}


def flips(raw: bytes, every: int = 1) -> Iterator[tuple[int, int, bytes]]:
    """`raw` with one bit turned: each bit in the long run, one of each byte (another each time) in the short one."""
    for place in range(0, len(raw), every):
        for bit in range(8) if LONG or len(raw) < 120 else [place % 8]:
            turned = bytearray(raw)
            turned[place] ^= 1 << bit
            yield place, bit, bytes(turned)


@pytest.fixture
def person() -> User:
    return User(username="kim")


@pytest.fixture(params=KINDS)
def device(request: Any, person: User) -> Device:
    return Device(request.param, person.pk.bytes)


def kept(person: User, device: Device) -> Passkey:
    return Passkey(user=person, credential_id=device.id, public_key=device.pair.cose)


def asked(person: User, device: Device) -> tuple[Any, Passkey, dict[str, Any]]:
    """A question, the passkey, and its right answer."""
    question, options = passkeys.start_authentication(person)
    return question, kept(person, device), device.get(options)


def with_part(answer: dict[str, Any], name: str, raw: bytes) -> dict[str, Any]:
    bent = deepcopy(answer)
    bent["response"][name] = b64(raw)
    return bent


@pytest.mark.row("WA-18")
@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
def test_every_turned_bit_of_an_assertion_is_refused(part, device, person):
    question, passkey, right = asked(person, device)
    handle = person.pk.bytes
    assert passkeys.finish_authentication([question], person, passkey, right, handle)
    let_through = []

    for place, bit, raw in flips(unb64(right["response"][part])):
        try:
            passkeys.finish_authentication([question], person, passkey, with_part(right, part, raw), handle)
        except Refused:
            continue
        let_through.append((place, bit))

    assert let_through == []


@pytest.mark.row("WA-27")
def test_every_turned_bit_of_the_kept_key_is_refused(device, person):
    """A damaged database lets nobody in."""
    question, passkey, right = asked(person, device)
    let_through = []

    for place, bit, raw in flips(device.pair.cose):
        passkey.public_key = raw
        try:
            passkeys.finish_authentication([question], person, passkey, right, person.pk.bytes)
        except Refused:
            continue
        let_through.append((place, bit))

    assert let_through == []


@pytest.mark.row("WA-03")
def test_every_turned_bit_of_the_user_handle_is_refused(device, person):
    question, passkey, right = asked(person, device)

    for _, _, raw in flips(person.pk.bytes):
        with pytest.raises(Refused):
            passkeys.finish_authentication(
                [question], person, passkey, with_part(right, "userHandle", raw), person.pk.bytes
            )


def registered(device: Device, person: User) -> tuple[Any, dict[str, Any]]:
    question, options = passkeys.start_registration(person, [], person.pk.bytes)
    return question, device.create(options)


@pytest.mark.row("WR-41")
def test_a_turned_bit_of_what_the_browser_said_at_registration_is_refused(device, person):
    question, right = registered(device, person)
    expected = passkeys.finish_registration(question, person, right)
    said = unb64(right["response"]["clientDataJSON"])

    for place, bit, raw in flips(said):
        try:
            made = passkeys.finish_registration(question, person, with_part(right, "clientDataJSON", raw))
        except Refused:
            continue
        told = json.loads(raw)
        without = {"type", "challenge", "origin"}
        assert {name: told.get(name) for name in without} == {name: json.loads(said)[name] for name in without}
        assert told.get("crossOrigin", False) is False, (place, bit)
        assert made == expected


def part_of(place: int) -> str:
    return next(name for name, places in AUTH_DATA.items() if place in places)


@pytest.mark.row("WR-41")
def test_a_turned_bit_of_the_authenticators_data_is_refused_or_said_by_the_new_passkey(device, person):
    question, right = registered(device, person)
    expected = passkeys.finish_registration(question, person, right)
    attested = cbor2.loads(unb64(right["response"]["attestationObject"]))
    differ = set()

    for place, bit, raw in flips(attested["authData"]):
        bent = with_part(right, "attestationObject", cbor2.dumps(attested | {"authData": raw}))
        try:
            made = passkeys.finish_registration(question, person, bent)
        except Refused:
            continue
        differ.add(part_of(place))
        assert made.credential_id == expected.credential_id == raw[55:71], (place, bit)
        assert made.public_key == raw[71:], (place, bit)
        assert made.sign_count == int.from_bytes(raw[33:37])
        assert made.aaguid.bytes == raw[37:53]
        assert (made.backup_eligible, made.backed_up) == (bool(raw[32] & 8), bool(raw[32] & 16))
        assert raw[32] & 0b1000101 == 0b1000101, "present, verified, and with a key"
        assert raw[:32] == attested["authData"][:32]
        assert made.backup_eligible or not made.backed_up

    assert differ <= MAY_DIFFER
    assert "counter" in differ, "the test would not notice otherwise"


@pytest.mark.row("WR-41")
def test_a_turned_bit_of_the_attestations_frame_is_refused_or_makes_the_same(device, person):
    question, right = registered(device, person)
    expected = passkeys.finish_registration(question, person, right)
    frame = unb64(right["response"]["attestationObject"])
    inner = frame.index(cbor2.loads(frame)["authData"])

    for place, bit, raw in flips(frame):
        if place < inner:
            try:
                made = passkeys.finish_registration(question, person, with_part(right, "attestationObject", raw))
            except Refused:
                continue
            assert made == expected, (place, bit)


@pytest.mark.row("WA-22")
@pytest.mark.parametrize("cut", ["front", "back", "doubled", "longer"])
def test_parts_that_are_cut_or_longer_are_refused(cut, device, person):
    question, passkey, right = asked(person, device)
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        raw = unb64(right["response"][part])
        lengths = range(1, len(raw), 1 if LONG else 7)
        bent = {
            "front": [raw[number:] for number in lengths],
            "back": [raw[:number] for number in lengths],
            "doubled": [raw + raw],
            "longer": [raw + bytes([number]) for number in range(256)],
        }[cut]
        for odd in bent:
            with pytest.raises(Refused):
                passkeys.finish_authentication(
                    [question], person, passkey, with_part(right, part, odd), person.pk.bytes
                )


def test_every_turned_bit_of_a_sealed_secret_is_unreadable(person):
    sealed = seal(b"a secret of twenty b", person.pk, Purpose.APP)
    assert unseal(sealed, person.pk, Purpose.APP) == b"a secret of twenty b"

    for place in range(len(sealed)):
        for bit in range(8):
            turned = bytearray(sealed)
            turned[place] ^= 1 << bit
            with pytest.raises(Unreadable):
                unseal(bytes(turned), person.pk, Purpose.APP)


def test_every_shortened_or_longer_sealed_secret_is_unreadable(person):
    sealed = seal(b"a secret", person.pk, Purpose.APP)

    for number in range(len(sealed)):
        for odd in (sealed[:number], sealed[number + 1 :], sealed + bytes([number])):
            with pytest.raises(Unreadable):
                unseal(odd, person.pk, Purpose.APP)
