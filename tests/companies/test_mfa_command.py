"""`manage.py mfa`: what the pages do, from the server's command line; the audit says so, and every administrator is told."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.translation import gettext

from accounts import people
from accounts.models import Budget, Role, Session, User
from accounts.text import spoken
from audit.models import AuditEvent
from audit.sentences import sentence
from companies.access_passes import Validity, give_pass
from companies.forms import LetInForm, LostPhoneForm
from companies.management.commands.mfa import ACTS, report
from companies.models import Company
from mfa import services
from mfa.models import AccessPass
from tests.accounts.walk import everything
from tests.people import Person

ROOT = Path(__file__).resolve().parents[2]
WHY = "Called from the head office."


def run(*words, **options):
    said = StringIO()
    call_command("mfa", *words, stdout=said, **options)
    return said.getvalue()


def newest():
    return AuditEvent.objects.select_related("actor", "subject", "company").latest("pk")


def test_2fa_is_required_as_by_a_click(kim):
    said = run("require", "KIM", reason=WHY)

    assert said == "2FA is required of kim: without one set up, they are asked at the next login.\n"
    line = newest()
    assert (line.action, line.actor, line.subject, line.address) == ("two_factor_enabled", None, kim.user, None)
    assert line.details["reason"] == WHY
    assert sentence(line) == (
        "Someone on the server switched two-factor authentication on for Kim Hansen: “" + WHY + "”"
    )
    kim.sign_in()
    assert kim.asked_for == "/login/setup/two-factor/"


def test_all_that_somebody_holds_is_removed_and_what_is_demanded_stays(kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.sign_in()

    said = run("reset", "kim", reason=WHY, checked="in_person", sign_out=True)

    assert "authenticator apps: 1, recovery codes: 10, passkeys: 1." in said
    line = AuditEvent.objects.get(action="user_reset")
    assert (line.actor, line.details["reason"], line.details["checked"]) == (None, WHY, "in_person")
    assert not kim.is_in
    kim.enter_password()
    assert kim.asked_for == "/login/setup/two-factor/"


@pytest.mark.parametrize("act", ["reset", "stop"])
def test_where_there_is_nothing_to_remove_nothing_is_done_and_a_pass_is_demanded_still(kim, company, act):
    """The administrators are told of what is removed, so nothing else may go, nor end, under its name."""
    Company.objects.update(two_factor_enabled=True)
    run("pass", "kim", reason=WHY)
    before = everything()

    if act == "reset":
        with pytest.raises(CommandError, match="kim has set up nothing: there is nothing to remove"):
            run("reset", "kim", reason=WHY, sign_out=True)
    else:
        said = run("stop", "kim", reason=WHY, sign_out=True)
        assert said == "2FA of kim was off already, and nothing is set up: nothing was done.\n"

    assert everything() == before
    assert kim.enter_password().headers["Location"] == "/login/challenge/"


def test_asking_for_what_is_required_already_leaves_no_line(kim):
    run("require", "kim", reason=WHY)
    before = AuditEvent.objects.count()

    assert "already" in run("require", "kim", reason=WHY)
    assert AuditEvent.objects.count() == before


def test_2fa_is_stopped_and_what_was_set_up_is_removed(kim_with_app):
    kim_with_app.sign_in()

    assert "is off, and what was set up is removed" in run("stop", "kim@acme.example", reason=WHY, sign_out=True)

    assert not Session.objects.filter(user=kim_with_app.user).exists()
    assert Person(kim_with_app.user).sign_in().headers["Location"] == "/"
    done = AuditEvent.objects.filter(details__shell=True, details__reason=WHY).order_by("pk")
    assert list(done.values_list("action", flat=True)) == ["two_factor_disabled", "sessions_ended"]


def test_where_the_company_requires_it_the_command_says_that_they_are_asked_again(kim_with_app, company):
    Company.objects.update(two_factor_enabled=True)

    assert "The company requires it" in run("stop", "kim", reason=WHY)


def test_a_pass_is_printed_once_and_opens_the_set_up(kim):
    run("require", "kim", reason=WHY)

    said = run("pass", "kim", reason=WHY, checked="called_back", minutes="480")

    first, code = said.splitlines()
    assert first == "Access pass of kim, once, for 480 minutes:"
    assert code not in json.dumps(newest().details)
    assert (newest().details["checked"], newest().details["reason"]) == ("called_back", WHY)
    kim.enter_password()
    assert kim.client.post("/login/challenge/", {"code": code}).headers["Location"] == "/login/setup/two-factor/"


ENDED = "The access pass made by {} today, 09:30 opens nothing any more."


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["pass", "kim"], {}),
        (["pass", "kim"], {"sign_out": True}),
        (["require", "kim"], {"sign_out": True}),
        (["stop", "kim"], {}),
        (["stop", "kim"], {"sign_out": True}),
        (["reset", "kim"], {"checked": "in_person"}),
    ],
)
def test_an_act_that_ends_a_pass_says_which_as_the_page_does(kim_with_app, admin, clock, words, options):
    give_pass(kim_with_app.user, valid=Validity.AN_HOUR, checked="in_person", reason="Lost phone", actor=admin)

    assert run(*words, reason=WHY, **options).startswith(ENDED.format("Petra Vogt") + "\n")


def test_so_does_one_that_ends_a_pass_of_the_command_line(kim_with_app, clock):
    run("pass", "kim", reason=WHY)

    *said, code = run("pass", "kim", reason=WHY).splitlines()

    assert said == [ENDED.format("an administrator"), "Access pass of kim, once, for 60 minutes:"]
    assert AccessPass.objects.get().is_open
    assert " " not in code


def test_sessions_end_where_that_is_asked_for_though_2fa_was_required_already(kim_with_app):
    kim_with_app.sign_in()

    assert run("require", "kim", reason=WHY, sign_out=True) == "2FA was required of kim already.\n"
    assert not Session.objects.filter(user=kim_with_app.user).exists()


@pytest.mark.parametrize(("act", "options"), [("require", {}), ("unlock", {}), ("unlock", {"sign_out": True})])
def test_an_act_that_ends_no_pass_says_nothing_of_it(kim_with_app, admin, act, options):
    give_pass(kim_with_app.user, valid=Validity.AN_HOUR, checked="in_person", reason="Lost phone", actor=admin)

    assert "access pass" not in run(act, "kim", reason=WHY, **options)
    assert AccessPass.objects.get().is_open


def test_of_a_pass_that_is_over_nothing_is_said(kim_with_app, admin, clock):
    give_pass(kim_with_app.user, valid=Validity.TEN_MINUTES, checked="in_person", reason="Lost phone", actor=admin)
    clock.shift(601)

    assert run("stop", "kim", reason=WHY).startswith("2FA of kim is off")


def test_who_says_nothing_of_a_check_has_that_on_record(kim):
    run("require", "kim", reason=WHY)
    run("pass", "kim", reason=WHY)

    assert "who it is was checked: not said, on the server’s command line" in sentence(newest())


def test_a_wait_is_ended(kim):
    for _ in range(7):
        kim.enter_password("wrong")
    assert Budget.objects.filter(blocked_until__gt=0).exists()

    assert run("unlock", "kim", reason=WHY) == "kim can try again at once.\n"
    assert newest().action == "user_unlocked"
    assert run("unlock", "kim", reason=WHY) == "kim does not have to wait.\n"


def test_a_locked_account_is_not_let_in_by_it(kim, admin):
    people.lock_user(kim.user, actor=admin)

    assert "The account is locked: an administrator lets them in again." in run("unlock", "kim", reason=WHY)
    assert User.objects.get(pk=kim.user.pk).locked_at


@pytest.mark.parametrize(
    ("words", "options", "why"),
    [
        (["require", "kim"], {}, "Say why, with --reason: it is kept in the audit."),
        (["stop", "kim"], {"reason": "  "}, "Say why, with --reason"),
        (["require", "nobody"], {"reason": WHY}, "Nobody has the user name or e-mail address nobody."),
        (["require"], {"reason": WHY}, "Say whom it is about"),
        (["remove", "kim"], {"reason": WHY}, "“remove” is none of: require, stop, "),
        (["pass", "kim"], {"reason": WHY}, "User name and password are enough for kim: a pass opens nothing."),
        (["pass", "kim"], {"reason": WHY, "minutes": "61"}, "--minutes is one of: 10, 60, 480, 1440."),
        (["pass", "kim"], {"reason": WHY, "minutes": "an hour"}, "--minutes is one of"),
        (["pass", "kim"], {"reason": WHY, "checked": "by post"}, "--checked is one of: called_back, in_person"),
        (["report"], {"format": "xml"}, "--format is csv or json."),
        (["report"], {"company": "Nowhere"}, "No company is called Nowhere."),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(words, options, why, kim):
    kim.sign_in()
    before = everything()

    with pytest.raises(CommandError) as refused:
        run(*words, **options)

    assert str(refused.value).startswith(why)
    assert "\n" not in str(refused.value)
    assert everything() == before


def test_a_pass_that_cannot_be_given_signs_nobody_out(kim):
    kim.sign_in()

    with pytest.raises(CommandError):
        run("pass", "kim", reason=WHY, sign_out=True)

    assert kim.is_in


def test_whoever_is_shut_out_gets_no_pass(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    people.deactivate_user(kim.user, actor=admin)

    with pytest.raises(CommandError, match="kim is locked or deactivated"):
        run("pass", "kim", reason=WHY)
    assert not AccessPass.objects.exists()


def test_all_administrators_are_told_and_so_is_the_person(told, kim, admin, make_user):
    make_user("samir", role=Role.ADMINISTRATOR, company=None)
    make_user("gone", role=Role.ADMINISTRATOR, company=None, is_active=False)
    make_user("carla", role=Role.COMPANY_ADMINISTRATOR)

    mails = told(run, "require", "kim", reason=WHY)

    assert {mail.to[0] for mail in mails} == {"kim@acme.example", "petra@acme.example", "samir@acme.example"}
    by = {mail.to[0]: mail for mail in mails}
    assert by["kim@acme.example"].subject == "m2v: Two-factor authentication is required for your account"
    assert "Someone on the server switched two-factor authentication on for you." in (by["kim@acme.example"].body)
    to_petra = by["petra@acme.example"]
    assert to_petra.subject == "m2v: Something was done on the server’s command line"
    assert (
        "switched two-factor authentication on for Kim Hansen: “Called from the head office.”"
        in to_petra.body.replace("\n", " ")
    )


@pytest.mark.parametrize("act", [*ACTS, "report"])
def test_each_administrator_gets_one_mail_of_an_act_however_many_lines_it_leaves(
    told, kim_with_app, admin, make_user, act
):
    """Signing out everywhere, what is removed, and a pass that ends are lines of the same act."""
    make_user("samir", role=Role.ADMINISTRATOR, company=None)
    User.objects.bulk_create(User(username=f"p{n}", company=kim_with_app.user.company) for n in range(30))
    kim_with_app.sign_in()
    if act == "require":
        User.objects.update(two_factor_enabled=False)
    if act == "unlock":
        for _ in range(7):
            Person(kim_with_app.user).enter_password("wrong")
    words = ["report"] if act == "report" else [act, "kim"]

    mails = told(run, *words, reason=WHY, **({} if act == "report" else {"sign_out": True}))

    to = Counter(mail.to[0] for mail in mails if "command line" in mail.subject)
    assert to == {"petra@acme.example": 1, "samir@acme.example": 1}


def test_a_ticket_in_a_reason_is_read_in_the_mail_and_a_link_is_none(told, kim, admin):
    [_to_kim, mail] = sorted(told(run, "require", "kim", reason="Ticket: INC/2026/17, see a/b."), key=lambda m: m.to)
    assert "“Ticket: INC/2026/17, see a/b.”" in mail.body
    for reason in ("https://evil.example/x", "mailto:x", "//evil/x", "\\\\host\\share", "evil.example/x"):
        assert not re.search(r"://|mailto:|//evil|\\\\|evil\.example/", spoken(reason)), reason


@pytest.mark.parametrize("reason", ["x" * 201, "one\nline"])
def test_the_shell_takes_a_reason_as_a_page_does(kim, admin, company, reason):
    for command, words in (
        ("mfa", ["require", "kim"]),
        ("erase_person", ["kim", "--for-good"]),
        ("budgets", ["clear", "kim"]),
    ):
        with pytest.raises(CommandError, match="--reason"):
            call_command(command, *words, reason=reason)
    assert LostPhoneForm({"reason": reason, "checked": "in_person"}, factors=[], first=False, now="").errors["reason"]
    assert LetInForm({"reason": reason, "checked": "in_person"}, factors=[], now="").errors["reason"]
    assert not AuditEvent.objects.filter(details__reason=reason).exists()


def test_a_list_of_one_company_is_told_as_its(told, kim, admin, company):
    [mail] = told(run, "report", company=company.name)
    assert "exported the list “User” of Acme Machines as a file" in mail.body.replace("\n", " ")


def test_an_administrator_whom_it_is_about_is_told_as_its_person(told, admin, make_user):
    admin_too = make_user("samir", role=Role.ADMINISTRATOR, company=None)

    mails = told(run, "require", "petra", reason=WHY)

    assert sorted(mail.to[0] for mail in mails) == ["petra@acme.example", "samir@acme.example"]
    assert admin_too.email in {mail.to[0] for mail in mails}


def test_a_new_administrator_of_the_command_line_is_told_to_the_others(told, admin):
    def make():
        call_command("createsuperuser", interactive=False, username="rita", email="rita@acme.example", verbosity=0)

    [mail] = told(make)

    assert mail.to == ["petra@acme.example"]
    assert "The user rita was created on the command line." in mail.body


def test_what_is_done_on_pages_is_not_told_to_all_administrators(told, kim, admin, make_user):
    make_user("samir", role=Role.ADMINISTRATOR, company=None)

    assert [mail.to for mail in told(services.enable_two_factor, kim.user, actor=admin)] == [["kim@acme.example"]]


def test_the_history_on_the_page_says_where_it_was_done_and_why(administrator, kim):
    run("require", "kim", reason=WHY)

    page = administrator.client.get(f"/settings/administration/users/{kim.user.pk}/mfa/").content.decode()

    assert "Someone on the server switched two-factor authentication on for" in strip_tags(page)
    assert f"“{WHY}”" in strip_tags(page)


def test_the_status_says_what_somebody_has_and_changes_nothing(kim_with_app):
    kim_with_app.add_passkey()
    before = everything()

    said = run("status", "kim").splitlines()

    assert "user name: kim" in said
    assert "two-factor authentication: set up" in said
    assert "recovery codes left: 10" in said
    assert "passkeys: 1" in said
    assert everything() == before


# --- Report ---


def test_a_report_has_a_line_for_everybody_and_is_on_record(kim_with_app, admin, told):
    [mail] = told(run, "report")

    assert mail.to == ["petra@acme.example"]
    assert "exported the list “User” as a file" in mail.body
    rows = list(csv.DictReader(StringIO(run("report"))))
    assert [row["user name"] for row in rows] == ["kim", "petra"]
    assert rows[0] | {"created": ""} == {
        "user name": "kim", "first name": "Kim", "last name": "Hansen", "e-mail": "kim@acme.example",
        "company": "Acme Machines", "role": "Member", "language": "", "account": "active",
        "two-factor authentication": "set up", "required by": "person", "passkeys": "0", "passkey requested": "no",
        "last login": "", "created": "",
    }  # fmt: skip
    assert newest().details == {"shell": True, "name": "User", "filters": {"company": ""}}


def test_a_report_of_a_company_names_its_people_alone(kim, make_user, other_company):
    make_user("xaver", company=other_company)

    found = json.loads(run("report", company="ACME machines", format="json"))

    assert [(row["user_name"], row["e_mail"]) for row in found] == [("kim", "kim@acme.example")]
    assert newest().company == kim.user.company
    assert json.loads(run("report", company=str(Company.objects.create(name="Empty")), format="json")) == []


def test_no_cell_of_a_report_is_a_formula(make_user):
    make_user("mallory", first_name="=HYPERLINK", last_name="-1", email="+1@acme.example")

    [row] = csv.DictReader(StringIO(run("report")))

    assert (row["first name"], row["last name"], row["e-mail"]) == ("'=HYPERLINK", "'-1", "'+1@acme.example")


def test_a_report_is_read_in_parts(company):
    people_of_acme = [User(username=f"kim{n:04}", company=company) for n in range(1001)]
    User.objects.bulk_create(people_of_acme)

    with CaptureQueriesContext(connection) as asked:
        rows = run("report").splitlines()

    names = [row.split(",")[0] for row in rows[1:]]
    assert sorted(names) == [person.username for person in people_of_acme]
    assert names[:500] == sorted(names[:500])
    assert sum("LIMIT 500" in query["sql"] for query in asked) == 4


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_report_takes_no_memory_for_its_people(company, form):
    User.objects.bulk_create(User(username=f"kim{n:05}", first_name="Kim", company=company) for n in range(6000))

    def peak(company_name):
        tracemalloc.start()
        lines = sum(part.count("\n") for part in report(company_name, form))
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return lines, most

    Company.objects.create(name="Nobody’s")
    peak("Nobody’s")  # what is made once is made
    lines, most = peak("Acme Machines")
    assert lines >= 6000
    assert most < 6_000_000


def test_the_shell_gets_exit_status_1_and_one_line(tmp_path):
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "DJANGO_SETTINGS_MODULE": "m2v.settings"}

    def manage(*words):
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert manage("migrate", "--verbosity", "0").returncode == 0
    done = manage("mfa", "require", "nobody", "--reason", WHY)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == "CommandError: Nobody has the user name or e-mail address nobody."


def test_the_state_of_somebody_is_in_the_language_of_the_shell(kim, company):
    kim.set_up_app()
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=True)
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)
    said = StringIO()
    with translation.override("de"):
        call_command("mfa", "status", "kim", stdout=said)
        two_factor = gettext("two-factor authentication")

    lines = dict(line.split(": ", 1) for line in said.getvalue().splitlines())
    assert (lines["Rolle"], lines["Konto"]) == ("Mitglied", "aktiv")
    assert lines[two_factor] == "eingerichtet"
    assert (lines["verlangt durch"], lines["Passkey angefordert"]) == ("Person und Firma", "nein")
