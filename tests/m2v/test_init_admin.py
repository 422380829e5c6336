"""`m2v init-admin`: the first administrator is made on the command line, and chooses their password by a link."""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts import site_rule
from accounts.models import Role, User
from audit.models import AuditEvent
from audit.sentences import sentence
from companies.listing import upkeep
from tests.people import browser

pytestmark = pytest.mark.django_db

PASSWORD = "a very long walk by the sea"


class Terminal(StringIO):
    def isatty(self):
        return True


def init_admin(typed=None, **options):
    out = StringIO()
    stdin = StringIO() if typed is None else Terminal(typed)
    call_command("init_admin", stdin=stdin, stdout=out, **options)
    return out.getvalue()


def test_the_first_administrator_chooses_a_password_by_the_link_and_is_asked_for_a_factor():
    said = init_admin(name="Petra Vogt", email="petra.vogt@acme.example")
    [link] = re.findall(r"http://localhost:8000(/invitation/\S+)", said)
    petra = User.objects.get()
    visitor = browser()

    assert "Petra Vogt is an administrator once they have chosen a password" in said
    assert (petra.username, petra.get_full_name(), petra.role) == ("petra.vogt", "Petra Vogt", Role.ADMINISTRATOR)
    assert not petra.has_usable_password()
    assert site_rule.current().factor_demanded
    page = visitor.get(link, follow=True)
    visitor.post(page.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    petra.refresh_from_db()
    assert petra.check_password(PASSWORD)
    login = browser().post("/login/", {"username": "petra.vogt", "password": PASSWORD})
    assert login.headers["Location"] == "/login/setup/two-factor/"


def test_the_audit_says_that_it_was_done_on_the_command_line_and_holds_no_link():
    said = init_admin(name="Petra Vogt", email="petra@acme.example")
    lines = list(AuditEvent.objects.order_by("pk"))

    assert [line.action for line in lines] == ["user_created", "site_rule_enabled", "user_invited"]
    assert all(line.details["shell"] and line.actor is None for line in lines)
    assert sentence(lines[2]) == "Someone on the server invited Petra Vogt"
    token = re.search(r"/invitation/\S+/(\S+?)/?\n", said)[1]
    assert not any(token in str(line.details) for line in lines)


def test_it_asks_on_a_terminal_for_what_is_left_out():
    said = init_admin("Petra Vogt\npetra@acme.example\n", username="root")

    assert said.startswith("Name: E-mail: ")
    assert (User.objects.get().username, User.objects.get().email) == ("root", "petra@acme.example")


def test_where_nobody_can_be_asked_it_says_what_is_missing():
    with pytest.raises(CommandError, match="--name and --email"):
        init_admin(name="Petra Vogt")

    assert not User.objects.exists()


def test_where_somebody_administers_it_makes_nobody_and_says_how_to_go_on(admin):
    before = AuditEvent.objects.count()

    with pytest.raises(CommandError, match="There is an administrator who can sign in already"):
        init_admin(name="Paul Neu", email="paul@acme.example")

    assert User.objects.get() == admin
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Petra Vogt", "email": "petra"}, "Enter an e-mail address"),
        ({"name": "www.acme.example", "email": "petra@acme.example"}, "A name cannot contain an address"),
        ({"name": "Petra", "email": "petra!@acme.example"}, "A user name has letters, digits"),
        ({"name": "Petra", "email": "kim@acme.example"}, "is taken"),
    ],
)
def test_what_no_form_would_take_it_does_not_take(make_user, fields, said):
    make_user("kim")

    with pytest.raises(CommandError, match=said):
        init_admin(**fields)

    assert User.objects.count() == 1


def test_a_link_that_was_lost_keeps_nobody_from_making_another_administrator():
    init_admin(name="Petra Vogt", email="petra@acme.example")

    assert "/invitation/" in init_admin(name="Petra Vogt", email="petra.vogt@acme.example")
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 2


def test_whoever_lost_the_link_is_told_how_to_get_in_all_the_same(monkeypatch):
    init_admin(name="Petra Vogt", email="petra@acme.example")

    with pytest.raises(CommandError, match=r"lost the link, `m2v changepassword USER` gives them a password\.$"):
        init_admin(name="Petra Vogt", email="petra@acme.example")

    monkeypatch.setattr("getpass.getpass", lambda _prompt: PASSWORD)
    call_command("changepassword", "petra", stdout=StringIO())
    login = browser().post("/login/", {"username": "petra", "password": PASSWORD})
    assert login.headers["Location"] == "/login/setup/two-factor/"


def test_before_the_upgrade_it_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "init-admin", "--name", "Petra Vogt", "--email", "petra@acme.example"],
        cwd=Path(settings.ROOT), env={"DATA_DIR": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == (
        "CommandError: The database is not of this version. Run `m2v upgrade` first. "
        f"It is {tmp_path / 'm2v.sqlite3'}. If the service has another one, run this with the settings of the service.\n"
    )


def test_after_an_upgrade_that_did_not_come_to_its_end_it_says_so_and_makes_nobody():
    upkeep.take_away()

    with pytest.raises(CommandError, match=r"The database is not of this version. Run `m2v upgrade` first"):
        init_admin(name="Petra Vogt", email="petra@acme.example")

    assert not User.objects.exists()
