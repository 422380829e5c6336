"""No secret lies where a thief could read it."""

from __future__ import annotations

import json
import logging
import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from django.db import connection

from accounts.models import Session, User
from tests.accounts.steps import begin_set_up
from tests.accounts.walk import pages
from tests.links import CHANGE, LINK, SITE, ask, chosen, form_of, link_in
from tests.people import PASSWORD, Person, browser

USERS = "/settings/administration/users/"
FIRST, SECOND, THIRD = "violet lanterns hum softly", "seven otters paint bridges", "quiet gravel sings at noon"
WRONG = "typed into the wrong field"
RECOVERY_CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b")


def as_text(value):
    """Every way in which somebody would read a value of the database."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return f"{raw.hex()} {raw.decode('latin-1')}"
    return str(value)


def dump():
    """The whole database, with the contents of its sessions."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table} {' '.join(map(as_text, row))}" for row in cursor.fetchall()]
    found += [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join(found)


def spellings(secret):
    """A secret as text, and in the forms in which it could lie somewhere."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    forms = {raw.hex(), b64encode(raw).decode().rstrip("="), urlsafe_b64encode(raw).decode().rstrip("=")}
    if isinstance(secret, bytes):
        return forms | {raw.decode("latin-1"), b32encode(raw).decode(), b32encode(raw).decode().lower()}
    return forms | {secret, quote(secret), secret.replace("-", ""), secret.replace(" ", "+"), json.dumps(secret)[1:-1]}


class Thief:
    """Who reads everything after every act, and remembers every secret that people held."""

    def __init__(self):
        self.read, self.secrets, self.codes, self.links = "", {}, [], {}

    def looks(self, *clients):
        self.read += dump()
        for client in clients:
            self.knows("session key", client.cookies["session"].value)

    def knows(self, name, *secrets):
        for secret in secrets:
            if secret:
                self.secrets[secret] = name

    def finds(self, text):
        found = {
            name for secret, name in self.secrets.items() if any(spelling in text for spelling in spellings(secret))
        }
        return found | {f"code {code}" for code in self.codes if re.search(rf"(?<![\w.]){code}(?!\w)", text)}


@pytest.fixture
def thief():
    return Thief()


@pytest.fixture
def life(thief, administrator, company, mailoutbox, caplog, capfd, django_capture_on_commit_callbacks):
    """Nadia is invited, chooses, signs in, sets up, loses, resets; what the thief read, the logs, the mails."""
    caplog.set_level(logging.DEBUG)
    admin = administrator.client
    form = {"username": "nadia", "email": "nadia@acme.example", "role": "member", "company": company.pk}
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(f"{USERS}new/", form)
    admin.post(f"{USERS}new/", form | {"username": "omar", "email": ""})
    thief.looks(admin)
    omar = User.objects.get(username="omar")
    handed_over = LINK.search(admin.get(f"{USERS}{omar.pk}/").content.decode())[0].removeprefix(SITE)
    invitation = link_in(mailoutbox[0])

    nadia, guest = Person(User.objects.get(username="nadia")), browser()
    for link in (handed_over, invitation):
        entry = form_of(guest, link)
        thief.looks(guest)
    guest.post(entry, chosen("short", "short"))
    guest.post(entry, chosen(FIRST))
    thief.looks(admin)

    nadia.enter_password(WRONG)
    User.objects.filter(pk=nadia.user.pk).update(two_factor_enabled=True)
    nadia.enter_password(FIRST)
    thief.looks(nadia.client)
    setup = begin_set_up(nadia)
    thief.looks(nadia.client)
    nadia.client.post("/login/setup/two-factor/", setup | {"code": "123456"})
    nadia.client.post("/login/setup/two-factor/", setup | {"code": nadia.code()})
    thief.looks(nadia.client)
    codes = RECOVERY_CODE.findall(nadia.client.get("/login/setup/recovery-codes/").content.decode())
    thief.looks(nadia.client)
    nadia.client.post("/login/setup/recovery-codes/", {"saved": "on"})
    assert nadia.is_in
    nadia.create_passkey()
    thief.looks(nadia.client)
    nadia.client.post("/logout/")

    nadia.enter_password(FIRST)
    nadia.enter_code("654321")
    nadia.enter_code(codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1"))
    nadia.enter_code(codes[0])
    thief.looks(nadia.client)
    nadia.client.post("/logout/")
    nadia.use_passkey()
    thief.looks(nadia.client)
    nadia.client.post(CHANGE, {"old_password": FIRST} | chosen(SECOND))
    thief.looks(nadia.client)

    ask("nadia@acme.example")
    reset, reader = link_in(mailoutbox[-1]), browser()
    entry = form_of(reader, reset)
    thief.looks(reader)
    reader.post(entry, chosen(THIRD))
    again = Person(nadia.user)
    again.enter_password(THIRD)
    again.enter_code(nadia.code(1))
    assert again.is_in
    thief.looks(again.client)

    thief.knows("password", PASSWORD, FIRST, SECOND, THIRD, WRONG)
    thief.knows("app's key", nadia.app_key)
    assert len(codes) == 10
    thief.knows("recovery code", *codes)
    thief.codes += [nadia.code(steps) for steps in (0, 1)] + ["654321"]
    thief.links = {path: path.split("/")[-2] for path in (invitation, handed_over, reset)}
    thief.knows("link", *thief.links.values())
    written = capfd.readouterr()
    logs = "\n".join([caplog.text, *(str(record.__dict__) for record in caplog.records), written.out, written.err])
    mails = [mail.subject + str(mail.recipients()) + mail.body + mail.alternatives[0].content for mail in mailoutbox]
    return thief, logs, mails


@pytest.mark.row("ASVS-14.2.4")
def test_no_secret_is_in_the_database_or_the_logs(life):
    thief, logs, _mails = life

    assert len(thief.secrets) > 25
    assert thief.finds(thief.read) == set()
    assert thief.finds(logs) == set()
    assert "Bad Request" in logs, "there was something to search"
    assert "nadia@acme.example" in thief.read


@pytest.mark.row("ASVS-16.2.5")
def test_a_mail_holds_no_secret_but_the_one_link_it_brings(life):
    thief, _logs, mails = life

    for number, mail in enumerate(mails):
        without_links = LINK.sub("", mail)
        assert thief.finds(without_links) == set(), number
    for path, token in thief.links.items():
        assert sum(token in mail for mail in mails) <= 1, path


def test_the_thief_finds_what_lies_open(life, kim):
    """The search itself: each kind of secret would be found."""
    thief, _logs, _mails = life
    key = next(secret for secret, name in thief.secrets.items() if name == "app's key")
    recovery = next(secret for secret, name in thief.secrets.items() if name == "recovery code")

    for open_secret in (FIRST, key.hex(), b32encode(key).decode(), recovery, recovery.replace("-", "")):
        User.objects.filter(pk=kim.user.pk).update(first_name=open_secret)
        assert thief.finds(dump()), open_secret
    User.objects.filter(pk=kim.user.pk).update(first_name=f"code {thief.codes[0]}")
    assert thief.finds(dump()) == {f"code {thief.codes[0]}"}


@pytest.mark.row("ASVS-14.2.1")
def test_no_address_of_a_page_holds_a_secret(kim, mailoutbox):
    """What remains in an address is a link, which leads on to one without it, or signs nobody in; codes are posted."""
    assert not [
        page.name
        for page in pages()
        if "token" in page.pattern and page.name not in {"password_reset_confirm", "invitation", "not_me", "address"}
    ]
    kim.set_up_app()
    kim.enter_password()

    assert kim.client.get("/login/challenge/", {"code": kim.code()}).status_code == 200
    assert not kim.is_in
    ask("kim@acme.example")
    assert "set-password" in form_of(browser(), link_in(mailoutbox.pop()))


@pytest.mark.row("ASVS-14.2.6")
def test_the_link_to_hand_over_is_shown_once(administrator, make_user):
    omar = make_user("omar", email="", password=None)
    administrator.client.post(f"{USERS}{omar.pk}/invite/")

    shown = [LINK.search(administrator.client.get(f"{USERS}{omar.pk}/").content.decode()) for _time in range(2)]

    assert shown[0]
    assert shown[1] is None
