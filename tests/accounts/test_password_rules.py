"""What a password may be: length, lists, words about the person, Unicode; and what a refused one is told."""

from __future__ import annotations

import gzip
import re
import unicodedata
from contextlib import suppress
from io import StringIO
from pathlib import Path
from random import Random
from string import digits, printable
from time import process_time

import pytest
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.http import urlsafe_base64_encode
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from accounts import invitations
from accounts.guessing import Breached
from accounts.invitations import reset_tokens
from accounts.models import Budget, User
from tests.links import CHANGE, NEW, ask, chosen, form_of, link_in, signs_in
from tests.people import PASSWORD, browser

PAGES = Path(settings.ROOT) / "templates"
SCRIPTS = Path(settings.ROOT) / "m2v" / "static"


def sample():
    """Fifty published passwords of at least 8 characters, spread over both lists."""
    django = gzip.decompress(
        (Path(password_validation.__file__).parent / "common-passwords.txt.gz").read_bytes()
    ).decode()
    both = [[word for word in words if len(word) >= 8] for words in (FREQUENCY_LISTS["passwords"], django.split("\n"))]
    return [word for words in both for word in words[:: len(words) // 25][:25]]


SAMPLE = sample()


def change(person, password, old=PASSWORD, again=None):
    return person.client.post(CHANGE, {"old_password": old} | chosen(password, again))


def three_ways(person, mailbox, admin):
    """Where a password can be chosen: change, reset, invitation. Each answers what it makes of one."""
    person.sign_in()
    yield lambda password: change(person, password)
    reader = browser()
    ask(person.user.email)
    form = form_of(reader, link_in(mailbox.pop()))
    yield lambda password: reader.post(form, chosen(password))
    invited = User.objects.create_user("nadia", "nadia@acme.example", company=person.user.company)
    guest = browser()
    link = invitations.invite(invited, actor=admin).removeprefix("http://localhost:8000")
    entry = form_of(guest, link)
    yield lambda password: guest.post(entry, chosen(password))


@pytest.mark.row("ASVS-6.2.1", "N-3.1.1.2-15/8")
@pytest.mark.parametrize(("with_app", "fewest"), [(False, 15), (True, 8)])
def test_a_password_has_fifteen_characters_or_eight_beside_an_app(with_app, fewest, kim):
    if with_app:
        kim.set_up_app()
    kim.sign_in()
    long_enough = "qzvjx wkmpl gfbdt"[:fewest]

    refused = change(kim, long_enough[:-1])
    page = refused.content.decode()

    assert refused.status_code == 400
    assert f"This password is too short: it has {fewest - 1} characters and needs at least {fewest}" in page
    assert f"At least {fewest} characters." in kim.client.get(CHANGE).content.decode()
    assert change(kim, long_enough).status_code == 302


@pytest.mark.row("ASVS-6.2.1")
def test_an_app_that_is_not_confirmed_shortens_nothing(kim):
    kim.set_up_app()
    kim.user.authenticator_apps.update(confirmed=False)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=False)
    kim.sign_in()

    answer = change(kim, "qzvjx wk")

    assert "needs at least 15," in answer.content.decode()


@pytest.mark.row("ASVS-6.2.3")
@pytest.mark.parametrize("old", ["", "wrong", PASSWORD.upper(), f"{PASSWORD} ", NEW])
def test_a_change_needs_the_current_password(old, kim):
    kim.sign_in()

    assert change(kim, NEW, old=old).status_code == 400

    assert signs_in("kim", PASSWORD)


@pytest.mark.row("ASVS-6.2.4", "ASVS-6.2.12")
def test_no_published_password_is_taken_on_any_way(kim, admin, mailoutbox):
    for way in three_ways(kim, mailoutbox, admin):
        for password in SAMPLE:
            Budget.objects.all().delete()  # fifty are more than one may try in an hour
            answer = way(password)
            assert answer.status_code == 400, password
            assert "it is on lists of stolen passwords" in answer.content.decode(), password


@pytest.mark.row("ASVS-6.2.4")
def test_the_lists_have_more_than_3000_that_would_fit():
    assert len(SAMPLE) == 50
    assert sum(len(word) >= 8 for word in FREQUENCY_LISTS["passwords"]) > 3000


@pytest.mark.row("ASVS-6.2.12")
@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "qwertyuiopasdfgh", "abcdefghqrstuvwxyz", "x" * 128, "2026" * 25, "password12345678"],
)
def test_what_is_guessed_as_quickly_is_refused_with_the_reason(password, kim):
    kim.sign_in()

    answer = change(kim, password)

    assert answer.status_code == 400
    assert "This password is easy to guess" in answer.content.decode()


@pytest.mark.row("ASVS-6.2.5")
@pytest.mark.parametrize(
    "password",
    [
        "gwplvuyzkcjrbmfqthox",
        "71904452386107925834",
        "🔑 🗝 🔒 🔐 🔏 🔓 📎 📌 🔨 🪛 ",
        "WQZKPLMVBXRTGHFD",
        "~`!@#%^&*()_+{}|:",
    ],
)
def test_no_kind_of_character_is_demanded_or_refused(password, kim):
    kim.sign_in()

    assert change(kim, password).status_code == 302
    assert signs_in("kim", password)


@pytest.mark.row("ASVS-6.2.6")
@pytest.mark.parametrize("path", ["/login/", CHANGE, "reset"])
def test_password_fields_hide_what_is_typed(path, kim, mailoutbox):
    kim.sign_in()
    client = browser() if path == "/login/" else kim.client
    if path == "reset":
        ask("kim@acme.example")
        client, path = (reader := browser()), form_of(reader, link_in(mailoutbox.pop()))
    fields = re.findall(r'<input[^>]*name="[^"]*password[^"]*"[^>]*>', client.get(path).content.decode())

    assert fields
    assert all('type="password"' in field for field in fields)


@pytest.mark.row("ASVS-6.2.7", "N-3.1.1.2-pm")
def test_nothing_keeps_password_managers_or_pasting_away(kim):
    kim.sign_in()
    fields = re.findall(r'<input[^>]*type="password"[^>]*>', kim.client.get(CHANGE).content.decode())

    assert [re.search(r'autocomplete="([^"]*)"', field)[1] for field in fields] == [
        "current-password",
        "new-password",
        "new-password",
    ]
    assert not any("maxlength" in field or "onpaste" in field for field in fields)
    for file in [*PAGES.rglob("*.html"), *SCRIPTS.rglob("*.js")]:
        assert not re.search(r"onpaste|[\"']paste[\"']|autocomplete=[\"']?off[\"']? [^>]*password", file.read_text()), (
            file
        )


@pytest.mark.row("ASVS-6.2.8", "N-3.1.1.2-comp")
def test_a_password_counts_exactly_as_it_is(kim):
    kim.sign_in()
    password = "  Every Space and Case Counts  "

    assert change(kim, password).status_code == 302

    assert signs_in("kim", password)
    for variant in (password.strip(), password.lower(), password[:-1], f"{password} ", password.replace("  ", " ")):
        assert not signs_in("kim", variant)


@pytest.mark.row("ASVS-6.2.9", "N-3.1.1.2-comp")
@pytest.mark.parametrize("length", [64, 128, 256])
def test_long_passwords_are_taken_whole(length, kim):
    kim.sign_in()
    password = ("the quick zebra counts violet lanterns under a paper moon and sings; " * 4)[: length - 1]

    assert change(kim, f"{password}!").status_code == 302

    assert signs_in("kim", f"{password}!")
    assert not signs_in("kim", f"{password}?")


@pytest.mark.row("ASVS-6.2.10")
def test_a_password_never_runs_out(kim, time_machine):
    time_machine.move_to(kim.user.created_at.timestamp() + 5 * 366 * 24 * 3600)

    assert kim.enter_password().headers["Location"] == "/"


@pytest.mark.row("ASVS-6.2.11")
@pytest.mark.parametrize(
    ("password", "what"),
    [
        ("my m2v secret sauce", "the product’s name"),
        ("M2V! plum violet tree", "the product’s name"),
        ("plum localhost violet", "the site’s address"),
        ("björn.wagner plum tree", "your user name"),
        ("BJORN plum violet tree", "your user name"),
        ("plum b.wagner42 violet", "your user name"),
        ("plumb-wandering x42mail", "your e-mail address"),
        ("violet Öztürk lantern", "your name"),
        ("violet OZTURK lantern", "your name"),
        ("acme machines 2026 plum", "your company’s name"),
        ("plum ACMEMACHINES violet", "your company’s name"),
        ("plum Ma.chi.nes violet", "your company’s name"),
        ("plum lanterns count violets", None),
    ],
)
def test_what_everybody_knows_of_the_person_is_refused_with_the_reason(password, what, make_person):
    bjorn = make_person(
        "bjorn.wagner", email="x42mail@acme.example", first_name="Ann", last_name="Öztürk", password=PASSWORD
    )
    bjorn.sign_in()

    answer = change(bjorn, password)

    assert answer.status_code == (400 if what else 302)
    if what:
        assert f"which is {what}." in answer.content.decode()


@pytest.fixture
def ann(make_person):
    """Of Acme Machines; her names have three and seven letters."""
    ann = make_person("a.o", first_name="Ann", last_name="Hartman", email="q@acme.example")
    ann.sign_in()
    return ann


@pytest.mark.row("ASVS-6.2.11")
@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("ann counts plum trees", 400),
        ("42ann-counts plum trees", 400),
        ("planning every channel", 302),
        ("a.n.n counts plum trees", 302),
    ],
)
def test_a_name_of_three_letters_counts_where_it_stands_alone(password, status, ann):
    assert change(ann, password).status_code == status


@pytest.mark.row("ASVS-6.2.11")
@pytest.mark.parametrize(
    ("password", "status"),
    [("plumacmeviolet lantern", 400), ("plum a.c.m.e violet", 302), ("plum hart.man violet", 302)],
)
def test_a_word_of_four_letters_counts_inside_another(password, status, ann):
    assert change(ann, password).status_code == status


@pytest.mark.row("ASVS-6.2.11")
@pytest.mark.parametrize(
    ("password", "status"),
    [("plum m a c h i n e s violet", 400), ("plumma.chi-nesviolet", 400), ("plum ma1chi2nes violet", 302)],
)
def test_a_word_of_eight_letters_counts_across_spaces_and_dots(password, status, ann):
    assert change(ann, password).status_code == status


@pytest.mark.row("ASVS-6.2.11")
def test_a_part_of_a_known_word_is_none_either(make_person):
    long = make_person("maximilian.von.oppersdorff", email="q@acme.example")
    long.set_up_app()
    long.sign_in()

    assert change(long, "von.oppersdorff").status_code == 400
    assert change(long, "milian.von").status_code == 400


class Prompt(StringIO):
    """A terminal."""

    def isatty(self):
        return True


@pytest.fixture
def typed(monkeypatch):
    """What is typed at the prompts: passwords, each twice, one after the other; and "no" to whether it may be weak."""

    def typed(*passwords):
        waiting = [password for password in passwords for _twice in range(2)]
        monkeypatch.setattr("getpass.getpass", lambda *_, **__: waiting.pop(0))
        monkeypatch.setattr("builtins.input", lambda *_: "n")
        return waiting

    return typed


@pytest.mark.row("ASVS-6.2.12")
def test_the_rules_hold_on_the_command_line_too(typed, db):
    waiting, said = typed("iloveyou", "petra counts plum trees", PASSWORD), StringIO()

    call_command("createsuperuser", username="petra", email="p@acme.example", stdin=Prompt(), stdout=said, stderr=said)

    assert not waiting, "asked again each time"
    assert "lists of stolen passwords" in said.getvalue()
    assert "which is your user name" in said.getvalue()
    assert User.objects.get(username="petra").check_password(PASSWORD)


@pytest.mark.row("ASVS-6.2.12")
def test_a_password_changed_on_the_command_line_keeps_the_rules(typed, kim):
    for refused, why in (
        ("iloveyou", "is on lists"),
        ("kim counts plum trees", "which is your user name"),
        ("too short", "at least 15"),
    ):
        typed(refused)
        with pytest.raises(CommandError, match=why):
            call_command("changepassword", "kim", stdout=StringIO(), stderr=StringIO())
    assert User.objects.get(username="kim").check_password(PASSWORD)

    typed(NEW)
    call_command("changepassword", "kim", stdout=StringIO(), stderr=StringIO())
    assert User.objects.get(username="kim").check_password(NEW)


def test_every_refusal_says_what_to_do_and_shows_no_password(kim):
    kim.sign_in()

    page = change(kim, "qwertyuiop").content.decode()

    assert "Choose another." in page
    assert "qwertyuiop" not in page


SIGNS = "4@8({[<369&#!1|0$5+7%2"
DICE = Random(7)  # the same passwords every time
SLOW = [
    (SIGNS * 15)[:255] + "é",
    "ab" * 32,
    "a" * 256,
    "17" * 32,
    "1.1.1991 " * 8,
    "p4$$w0rd|dr4g0n7ru5tn01l0v3 4dm1n@(!$+%" * 5,
    "passwordpassword1" * 8,
    *("".join(DICE.choices(drawn, k=64)) for drawn in (SIGNS, digits, printable, SIGNS + "aeiost") for _ in range(4)),
]


def quickest(act):
    """The time that `act` takes this thread, whatever else goes on."""
    times = []
    for _turn in range(3):
        began = process_time()
        act()
        times.append(process_time() - began)
    return min(times)


def test_the_slowest_password_is_judged_in_a_quarter_of_the_time_that_one_hash_takes(kim):
    hashing = quickest(lambda: Argon2PasswordHasher().encode("four words in line", "0123456789abcdef"))

    def judge(password):
        with suppress(ValidationError):
            Breached().validate(password, kim.user)

    slowest = max(quickest(lambda one=one: judge(one)) for one in SLOW)

    assert slowest < hashing / 4


def test_no_rule_is_looked_at_before_the_old_password_held(kim, monkeypatch):
    kim.sign_in()
    judged = []
    looked_at = Breached.validate
    monkeypatch.setattr(Breached, "validate", lambda *one: judged.append(one) or looked_at(*one))

    page = kim.client.post(
        CHANGE, {"old_password": "wrong", "new_password1": "iloveyou", "new_password2": "iloveyou"}
    ).content.decode()

    assert not judged
    assert "This is not your current password." in page
    assert "lists of stolen passwords" not in page


@pytest.mark.parametrize("by", ["current password", "link"])
def test_passwords_that_are_judged_are_counted_for_their_person(by, clock, kim, make_person, monkeypatch):
    """By whoever knows the current one, and by whoever holds a link."""
    kim.sign_in()
    judged = []
    looked_at = Breached.validate
    monkeypatch.setattr(Breached, "validate", lambda *one: judged.append(one) or looked_at(*one))
    client, path = kim.client, CHANGE
    if by == "link":
        client, token = browser(), reset_tokens.make_token(kim.user)
        path = client.get(
            reverse("password_reset_confirm", args=[urlsafe_base64_encode(str(kim.user.pk).encode()), token])
        ).headers["Location"]
    asked = {"old_password": PASSWORD, "new_password1": "iloveyou", "new_password2": "iloveyou"}

    answers = [client.post(path, asked) for _turn in range(25)]

    assert len(judged) == 20
    assert [answer.status_code for answer in answers] == [400] * 20 + [429] * 5
    assert "Retry-After" in answers[-1].headers
    assert "Too many attempts" in answers[-1].content.decode()
    other = make_person("ann")
    other.sign_in()
    assert change(other, "violet plum lantern").status_code == 302


@pytest.mark.row("B-56")
@pytest.mark.parametrize("length", [257, 5000, 60_000])
def test_a_password_that_is_too_long_is_refused_before_it_is_hashed(length, kim, monkeypatch):
    kim.sign_in()
    monkeypatch.setattr("accounts.models.User.set_password", lambda *_: pytest.fail("hashed"))

    answer = change(kim, "ö" * length if length < 60_000 else "x" * length)

    assert answer.status_code == 400
    assert f"it has {length} characters, and 256 is the most" in answer.content.decode()


@pytest.mark.row("B-56")
@pytest.mark.parametrize("path", ["/login/", CHANGE])
def test_a_megabyte_is_refused_unread(path, kim, monkeypatch):
    kim.sign_in()
    client = browser() if path == "/login/" else kim.client
    monkeypatch.setattr("django.contrib.auth.hashers.make_password", lambda *_: pytest.fail("hashed"))
    long = "x" * 1024 * 1024

    answer = client.post(path, {"username": "kim", "password": long, "old_password": PASSWORD, "new_password1": long})

    assert answer.status_code == 413


EMOJI = "🔑🗝🔒🔐🔏🔓📎📌🔨🪛🔧🪚🧰🧲🪜🧵"


@pytest.mark.row("N-3.1.1.2-15/8")
def test_a_passkey_shortens_nothing(kim):
    """Who has one can still sign in with the password alone."""
    kim.add_passkey()
    kim.use_passkey()

    assert change(kim, "qzvjx wk").status_code == 400


@pytest.mark.row("N-3.1.1.2-64")
def test_code_points_are_counted_not_bytes(kim):
    kim.sign_in()
    sixty_four = "".join(chr(0x1F300 + 7 * number) for number in range(64))

    assert change(kim, EMOJI[:14]).status_code == 400
    assert change(kim, sixty_four).status_code == 302
    assert signs_in("kim", sixty_four)


@pytest.mark.row("N-3.1.1.2-64")
@pytest.mark.parametrize("chosen_as", ["NFC", "NFD"])
@pytest.mark.parametrize("typed_as", ["NFC", "NFD"])
def test_both_unicode_forms_of_a_password_log_in(chosen_as, typed_as, kim):
    kim.sign_in()
    password = "Äpfel für Zoë, Åse und Ñandú"

    assert change(kim, unicodedata.normalize(chosen_as, password)).status_code == 302

    assert signs_in("kim", unicodedata.normalize(typed_as, password))
    assert not signs_in("kim", "Apfel fur Zoe, Ase und Nandu")


@pytest.mark.row("N-3.1.1.2-64")
def test_the_length_is_that_of_the_one_form(kim):
    """Fourteen letters with their accents apart are fourteen, not twenty-eight."""
    kim.sign_in()

    answer = change(kim, unicodedata.normalize("NFD", "äöüéèêñåçõàìòù"))

    assert "it has 14 characters and needs at least 15" in answer.content.decode()


def test_signs_that_look_alike_are_not_the_same_password(kim):
    """NFC only: NFKC would make fewer passwords of many."""
    kim.sign_in()
    change(kim, "ﬁve ﬁgs ﬁll ﬁelds")

    assert not signs_in("kim", "five figs fill fields")
    assert signs_in("kim", "ﬁve ﬁgs ﬁll ﬁelds")


@pytest.mark.row("N-3.1.1.2-64")
def test_every_accent_apart_of_a_longest_password_still_logs_in(kim):
    kim.sign_in()
    longest = "".join(chr(0x1EA0 + number % 90) for number in range(0, 256 * 7, 7))

    assert change(kim, unicodedata.normalize("NFD", longest)).status_code == 302
    assert signs_in("kim", unicodedata.normalize("NFD", longest))


@pytest.mark.row("N-3.1.1.2-block")
@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("iloveyou", "it is on lists of stolen passwords"),
        ("aaaaaaaaaaaaaaaa", "a common password, a repetition, a row of keys or a date"),
        ("hansen hansen hansen", "which is your name"),
        ("too short", "too short: it has 9 characters and needs at least 15"),
    ],
)
def test_a_refusal_gives_its_reason_and_helps_on(password, because, kim):
    kim.sign_in()

    page = change(kim, password).content.decode()

    assert because in page
    assert "A few words in a row are easy to remember and hard to guess." in page


@pytest.mark.parametrize("name", ["set_password", "check_password"])
def test_a_password_that_nobody_types_is_not_even_normalised(name, kim):
    """A megabyte of accents takes minutes to put in order."""
    endless = "a" + "̧́" * 500_000

    if name == "check_password":
        assert not kim.user.check_password(endless)
        assert not kim.user.check_password(None)
    else:
        with pytest.raises(ValueError, match="never this long"):
            kim.user.set_password(endless)
