"""What reads what a browser or a person says, given anything at all: an answer, or its own refusal and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from hashlib import sha256
from typing import Any
from unicodedata import normalize
from urllib.parse import urlsplit

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from webauthn import base64url_to_bytes

from accounts.login import local_path
from accounts.models import User
from mfa.forms import CodeForm, SetUpForm
from mfa.methods import passkeys, recovery_codes, totp
from mfa.methods.passkeys import answers, enrolment
from mfa.methods.passkeys.ceremonies import Refused
from mfa.methods.typed import as_meant
from mfa.models import CREDENTIAL_ID_BYTES, Passkey, RecoveryCode
from tests.authenticator import b64, unb64
from tests.fuzz.keys import KINDS, Device
from tests.fuzz.profiles import examples
from tests.fuzz.site import json_value, text

KEY = b"a key of twenty byte"
NOW = 1_700_000_000.0
SITE = "http://localhost:8000"
# What word processors put between the characters of a code.
between = st.text("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u200b\u200e\u2066\u2069\u3000\ufeff ", max_size=3)
anything = st.one_of(text, st.text(), st.text("0123456789 \n٣３+-_.", max_size=9))


@st.composite
def dressed(draw: Any, code: str) -> str:
    """`code` as it may come out of a document: something between its characters, some of them full-width."""
    letters = [draw(st.sampled_from([letter, chr(ord(letter) + 0xFEE0)])) for letter in code]
    return "".join(draw(between) + letter for letter in letters) + draw(between)


def bare(typed: str) -> str:
    """The ASCII letters and digits of `typed`, read independently: what a code is made of."""
    return "".join(letter for letter in normalize("NFKC", typed) if letter.isascii() and letter.isalnum())


# --- Codes of the app ---


@examples(300)
@given(anything)
def test_no_text_but_the_code_itself_is_a_code(typed):
    right = {totp.code_at(KEY, NOW + 30 * steps) for steps in (-1, 0, 1)}
    try:
        step = totp.check(KEY, typed, NOW)
    except totp.WrongCode:
        assert typed not in right
    else:
        assert typed in right
        assert abs(step - int(NOW) // 30) <= 1


@examples(150)
@given(st.integers(0, 2**40), st.integers(-20, 20), st.binary(min_size=16, max_size=64))
def test_a_code_counts_within_one_step_and_no_further(now, away, key):
    then = now + 30 * away
    if then < 0:
        return
    code = totp.code_at(key, then)
    step = totp.matching_step(key, code, now)

    if abs(away) <= 1:
        assert step is not None
    if step is not None:
        assert abs(step - now // 30) <= 1
        assert totp.code_at(key, step * 30) == code


@examples(200)
@given(st.data(), st.integers(0, 2**33))
def test_a_code_counts_however_it_is_dressed(data, now):
    code = totp.code_at(KEY, now)
    typed = data.draw(dressed(code))

    assert as_meant(typed) == code
    assert CodeForm({"code": typed}).is_valid()
    assert SetUpForm({"code": typed}).is_valid()


@examples(300)
@given(anything)
def test_what_a_form_takes_as_a_code_is_one(typed):
    form = CodeForm({"code": typed})
    if form.is_valid():
        code = form.cleaned_data["code"]
        assert totp.looks_like_one(code) or recovery_codes.looks_like_one(code)
        assert bare(typed) == code


# --- Recovery codes ---


@examples(200)
@given(st.data(), st.text(recovery_codes.ALPHABET, min_size=16, max_size=16))
def test_a_recovery_code_is_read_however_it_is_dressed(data, code):
    typed = data.draw(dressed(code))

    assert recovery_codes.read(typed) == code
    assert CodeForm({"code": typed}).is_valid()
    assert not SetUpForm({"code": typed}).is_valid()


@examples(300)
@given(anything)
def test_reading_a_recovery_code_is_done_once(typed):
    read = recovery_codes.read(typed)

    assert recovery_codes.read(read) == read
    if recovery_codes.looks_like_one(typed):
        assert len(read) == recovery_codes.LENGTH
        assert set(read) <= set(recovery_codes.ALPHABET)


@pytest.mark.django_db
def test_no_text_but_a_code_itself_is_spent(make_user):
    kim = make_user("kim")
    recovery_codes.enrol(kim, codes := recovery_codes.draw())
    right = {recovery_codes.read(code) for code in codes}

    @examples(100)
    @given(st.one_of(anything, st.text(recovery_codes.ALPHABET, min_size=16, max_size=16)))
    def spend(typed: str) -> None:
        try:
            recovery_codes.spend(kim, typed)
        except recovery_codes.WrongRecoveryCode:
            assert recovery_codes.read(typed) not in right
        else:
            raise AssertionError(typed)

    spend()
    assert RecoveryCode.objects.filter(used_at=None).count() == recovery_codes.HOW_MANY


# --- Passkeys ---


def person() -> User:
    return User(username="kim")


@examples(200)
@given(st.one_of(json_value, st.fixed_dictionaries({"id": st.one_of(json_value, st.text("AZaz09-_=+/", max_size=40))})))
def test_a_credential_id_is_bytes_of_its_length_or_refused(answer):
    try:
        raw = answers.credential_id_of(answer)
    except Refused:
        return
    assert 0 < len(raw) <= CREDENTIAL_ID_BYTES


@examples(150)
@given(json_value)
def test_no_json_is_an_answer(answer):
    kim = person()
    asked, _ = passkeys.start_authentication(kim)
    passkey = Passkey(user=kim, credential_id=b"x", public_key=b"x")
    with pytest.raises(Refused):
        passkeys.finish_authentication([asked], kim, passkey, answer, b"x")
    making, _ = passkeys.start_registration(kim, [], kim.pk.bytes)
    with pytest.raises(Refused):
        passkeys.finish_registration(making, kim, answer)


# What browsers and password managers have been seen to send, in places where little else comes.
odd_value = st.sampled_from(
    [
        *(None, True, False, "", "not-supported", "cross-platform", "telepathic"),
        *({}, [], {"status": "present", "id": "AAAA"}, {"status": "not-supported"}),
        *(["internal", "internal"], ["hybrid", "telepathy", None]),
    ]
)


@st.composite
def changes(draw: Any) -> list[tuple[str, str, Any]]:
    """One to three things to do to an answer: take a part away, put something in its place, or write it differently."""
    place = st.sampled_from(["id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment"])
    inner = st.sampled_from(
        ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject", "transports"]
    )
    name = draw(
        st.one_of(place, inner.map(lambda part: f"response.{part}"), inner.map(lambda part: f"response.{part}"))
    )
    how = draw(
        st.sampled_from(["gone", "other", "doubled", "listed", "padded", "standard", "spaced", "upper", "nested"])
    )
    return [
        (name, how, draw(st.one_of(json_value, odd_value))),
        *(draw(changes()) if draw(st.integers(0, 3)) == 0 else []),
    ]


def changed(answer: dict[str, Any], todo: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """`answer` with all of it done, as far as there is something to do it to."""
    bent: Any = deepcopy(answer)
    for name, how, other in todo:
        holder = bent.get("response") if name.startswith("response.") else bent
        part = name.rpartition(".")[2]
        if not isinstance(holder, dict):
            continue
        before = holder.pop(part, "")
        if how != "gone":
            said = before if isinstance(before, str) else json.dumps(before)
            holder[part] = {
                "other": other,
                "doubled": said + said,
                "listed": [before],
                "padded": said + "=" * (-len(said) % 4),
                "standard": said.replace("-", "+").replace("_", "/"),
                "spaced": f" {said}\n",
                "upper": said.upper(),
                "nested": {part: before},
            }[how]
    return bent


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_answer_is_refused_or_says_the_same(kind):
    kim = person()
    device = Device(kind, kim.pk.bytes)
    asked, options = passkeys.start_authentication(kim)
    right = device.get(options)
    passkey = Passkey(user=kim, credential_id=device.id, public_key=device.pair.cose)
    expected = passkeys.finish_authentication([asked], kim, passkey, right, kim.pk.bytes)

    @examples(200)
    @given(changes())
    def bend(todo: list[tuple[str, str, Any]]) -> None:
        bent = changed(right, todo)
        try:
            used = passkeys.finish_authentication([asked], kim, passkey, bent, kim.pk.bytes)
        except Refused:
            return
        assert used == expected
        for part in ("clientDataJSON", "authenticatorData", "signature"):
            assert base64url_to_bytes(bent["response"][part]) == unb64(right["response"][part])

    bend()


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_registration_is_refused_or_makes_the_same(kind):
    kim = person()
    device = Device(kind, kim.pk.bytes)
    asked, options = passkeys.start_registration(kim, [], kim.pk.bytes)
    right = device.create(options)
    expected = passkeys.finish_registration(asked, kim, right)

    @examples(200)
    @given(changes())
    def bend(todo: list[tuple[str, str, Any]]) -> None:
        try:
            made = passkeys.finish_registration(asked, kim, changed(right, todo))
        except Refused:
            return
        assert (made.credential_id, made.public_key) == (expected.credential_id, expected.public_key)
        assert set(made.transports) <= enrolment.TRANSPORTS

    bend()


TOLD = ["type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding", "androidPackageName", "x"]


@examples(200)
@given(st.dictionaries(st.sampled_from(TOLD), st.one_of(json_value, odd_value)))
@example({})
@example({"challenge": "\ud800"})
def test_what_the_browser_says_about_itself_is_believed_in_one_form_only(more):
    """Signed by the right key, but of another page, question or act."""
    kim = person()
    device = Device("EdDSA", kim.pk.bytes)
    asked, options = passkeys.start_authentication(kim)
    answer = device.authenticator.get(options, used=device.counter, **more)
    told = json.loads(unb64(answer["response"]["clientDataJSON"]))
    message = unb64(answer["response"]["authenticatorData"])
    answer["response"]["signature"] = b64(
        device.pair.sign(message + sha256(unb64(answer["response"]["clientDataJSON"])).digest())
    )
    passkey = Passkey(user=kim, credential_id=device.id, public_key=device.pair.cose)
    honest = (told["type"], told["challenge"], told["origin"]) == ("webauthn.get", options["challenge"], SITE)
    honest = honest and (told.get("crossOrigin") is None or told["crossOrigin"] is False)
    honest = honest and told.get("topOrigin") is None
    try:
        passkeys.finish_authentication([asked], kim, passkey, answer, kim.pk.bytes)
    except Refused:
        assert not honest
    else:
        assert honest


@examples(200)
@given(
    st.one_of(st.sampled_from(["tpm", "android-key", "android-safetynet", "apple", "compound"]), st.text(), json_value),
    st.one_of(st.just({}), json_value),
)
def test_a_registration_with_any_attestation_is_refused_or_makes_the_same(fmt, statement):
    kim = person()
    device = Device("ES256", kim.pk.bytes)
    asked, options = passkeys.start_registration(kim, [], kim.pk.bytes)
    right = device.create(options)
    expected = passkeys.finish_registration(asked, kim, right)
    data = cbor2.loads(unb64(right["response"]["attestationObject"]))["authData"]
    try:
        attestation = cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": data})
    except (ValueError, UnicodeEncodeError):
        return  # a lone surrogate is nothing that CBOR can say
    right["response"]["attestationObject"] = b64(attestation)
    try:
        made = passkeys.finish_registration(asked, kim, right)
    except Refused:
        assert not isinstance(fmt, str) or not isinstance(statement, dict | list) or fmt in answers.VERIFIED
    else:
        assert made == expected


# --- Where to go on ---

SPECIAL = ("http:", "https:", "ws:", "wss:", "ftp:")


def as_browsers_go(there: str) -> str:
    """The origin that a browser on our site reaches by `there` (WHATWG URL, sections 4.1 and 4.4), read independently."""
    there = there.strip("".join(map(chr, range(33))))
    for dropped in "\t\n\r":
        there = there.replace(dropped, "")
    there = there.replace("\\", "/")
    scheme, colon, rest = there.partition(":")
    if colon and scheme and scheme[0].isascii() and scheme[0].isalpha() and "/" not in scheme:
        if f"{scheme.lower()}:" not in SPECIAL:
            return "another scheme"
        return f"{scheme.lower()}://{urlsplit('//' + rest.lstrip('/')).netloc}"
    if there.startswith("//"):
        return f"http://{urlsplit('//' + there.lstrip('/')).netloc}"
    return SITE


PIECES = ["/", "\\", "//", "\t", "\n", "\r", " ", ".", "..", "@", ":", "evil.example", "http", "https:", "javascript:", "?",
          "#", "%2f", "%5c", "%09", "portal/", "\x00", "\u2028", "\u3002", "／", "[", "]", "\ud800", "é"]  # fmt: skip


@examples(600)
@given(st.one_of(text, st.lists(st.sampled_from(PIECES), max_size=7).map("".join)))
@example("/\t/evil.example")
@example("/\\evil.example")
@example("\t//evil.example")
@example("//")
@example("///evil.example")
@example("/portal/")
@example("/\ud800")
def test_next_stays_on_the_site_as_a_browser_resolves_it(there):
    kept = local_path(there)

    assert kept in {"", there}
    if kept:
        assert as_browsers_go(kept) == SITE
        assert kept.startswith("/")
        kept.encode()


@pytest.mark.parametrize("there", ["/", "/portal/", "/settings/?q=a&page=2", "/a//b", "/x#y", "/é"])
def test_next_to_a_page_of_ours_is_kept(there):
    assert local_path(there) == there


@pytest.mark.parametrize(
    "there", ["//evil.example", "/\\evil.example", "https:evil.example", "\t//e", "/\t/e", "http:///e"]
)
def test_the_reading_above_knows_a_way_out_when_it_sees_one(there):
    assert as_browsers_go(there) != SITE
    assert local_path(there) == ""
