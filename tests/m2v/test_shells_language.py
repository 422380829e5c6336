"""Commands speak the language of the shell that they are called in; what is for the log stays as it is."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_python
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.utils import translation
from django.utils.translation import gettext

from m2v.shell import language_of
from tests.catalogue import languages, read
from tests.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
# Words of a command, and the one option of Django's that cannot be left out.
ALIKE = ["require, stop, reset, pass, unlock, status, report", "Skip system checks."]
OURS = sorted((app, name) for name, app in get_commands().items() if app in ROOMS)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_AT@euro"}, "de"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "eo.UTF-8"}, "en"),  # which the site lacks
        ({"LANG": "../../etc"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "", "LC_ALL": ""}, "de"),
    ],
)
def test_the_first_variable_that_says_something_counts(variables, language):
    assert language_of(variables) == language


def called(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=120, env={"PATH": os.defpath, "PYTHONUTF8": "1", **variables},
    )  # fmt: skip


SAID = "The database is not of this version. Run `m2v upgrade`."


@pytest.mark.parametrize(
    ("command", "variables", "language"),
    [
        ("doctor", {"LANG": "de_DE.UTF-8"}, "de"),
        ("doctor", {"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ("work", {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_a_command_speaks_it_and_what_serves_does_not(command, variables, language, tmp_path):
    done = called(command, DATA_DIR=str(tmp_path), **variables)

    assert done.returncode == 1
    with translation.override(language):
        assert gettext(SAID) in done.stdout + done.stderr
    with translation.override("de"):
        assert gettext(SAID) != SAID


def test_the_doctor_is_german_to_whom_the_shell_is(admin):
    said = StringIO()
    with translation.override("de"):
        call_command("doctor", stdout=said)

        assert gettext("Keys and tables fit.") in said.getvalue()
    assert "Keys and tables fit." not in said.getvalue()
    assert "Mail: " not in said.getvalue()


WRONG = {"PORT": "0", "AUDIT_SIGNING_KEY": "none", "BASEURL": "https://m2v.example.com", "LANG": "de_DE.UTF-8"}
IN_GERMAN = """\
m2v MFA ist nicht richtig eingerichtet. Mehrere Einstellungen sind falsch:
- PORT muss eine Zahl zwischen 1 und 65535 sein. Angegeben ist '0'.
- AUDIT_SIGNING_KEY muss aus 32 Byte in Base64 bestehen.
- BASEURL ist keine Einstellung. Ist BASE_URL gemeint? Benennen Sie sie um oder entfernen Sie sie.
"""


def test_what_is_wrong_with_the_settings_is_said_in_it_before_django_can_translate(tmp_path):
    done = called("doctor", DATA_DIR=str(tmp_path), **WRONG)

    assert done.returncode == 1
    assert done.stderr == IN_GERMAN


def test_the_log_has_it_in_english(tmp_path):
    done = called("serve", DATA_DIR=str(tmp_path), **WRONG)

    assert done.returncode == 1
    assert "PORT must be a number between 1 and 65535. It is '0'." in done.stderr
    assert "muss" not in done.stderr


def test_somebody_who_asks_for_help_reads_it_in_it_even_of_what_serves(tmp_path):
    done = called("worker", "--help", DATA_DIR=str(tmp_path), LANG="de_DE.UTF-8")

    assert done.returncode == 0
    assert "Erledigt, was in der Warteschlange steht" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "german"),
    [
        (["backup"], "Fehler: diese Argumente fehlen: folder, --recipient"),
        (["doctor", "--all"], "Fehler: unbekannte Argumente: --all"),
        (["doctor", "-v", "9"], "Fehler: Argument -v/--verbosity: 9 ist nicht möglich (zur Wahl stehen: 0, 1, 2, 3)"),
        (
            ["doctor", "-v", "some"],
            "Fehler: Argument -v/--verbosity: 'some' ist kein gültiger Wert (int)",
        ),
        (["mfa", "status", "kim", "--minutes"], "Fehler: Argument --minutes: ein Wert wird erwartet"),
        (["mfa", "status", "kim", "--sign-out=yes"], "Fehler: Argument --sign-out: 'yes' ist hier zu viel"),
        (
            ["mfa", "status", "kim", "--m", "5", "--s"],
            "Fehler: --s ist nicht eindeutig; möglich sind: --",
        ),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, list) else "",
)
def test_what_is_wrong_with_the_arguments_is_said_in_it(arguments, german, tmp_path):
    done = called(*arguments, DATA_DIR=str(tmp_path), LANG="de_DE.UTF-8")

    assert done.returncode == 2
    assert done.stderr.startswith("Aufruf: ")
    assert german.replace("'", "") in done.stderr.replace("'", ""), "which Pythons set in different places"


# What only those read who write a command, and what no command here has.
PROGRAMMERS = re.compile(
    r"subparser|parser_name|\(default: |can't open|argument \"-\"|two groups|for positionals|invalid option string|dest= is"
    r"|conflict|must be optional|__call__|is deprecated|%\(heading\)s|not callable|unexpected option|subcommands|warning"
    r"|program's version"
)


def test_every_sentence_that_this_python_says_of_arguments_is_in_every_catalogue():
    code = BytesIO(inspect.getsource(argparse).encode())
    found = [message for *_place, message, _comments in extract_python(code, {"_": None, "ngettext": (1, 2)}, [], {})]
    said = {message if isinstance(message, str) else message[:2] for message in found if message}
    ours = {sentences for sentences in said if not PROGRAMMERS.search(str(sentences))}

    assert len(ours) > 15
    for language in languages():
        assert ours - {message.id for message in read(language)} == set(), language


@pytest.mark.parametrize("name", ["audit_export", "mfa", "worker"])
def test_help_has_no_english_but_names(name, tmp_path):
    """In two places that differ in nothing but their language, what is said alike is no sentence."""
    helps = [
        called(name, "--help", DATA_DIR=str(tmp_path), LANG=language, COLUMNS="1000").stdout
        for language in ("de", "en")
    ]
    german, english = [re.split(r"\n+ *| {2,}", said) for said in helps]

    assert german[0].startswith("Aufruf: ")
    assert [each for each in set(german) & set(english) if re.search(r"[a-z.] [a-z]", each) and each not in ALIKE] == []


def helps(app, name):
    """What `--help` says of a command, without the options that each command of Django has."""
    parser = load_command_class(app, name).create_parser("m2v", name)
    djangos = {action.dest for action in BaseCommand().create_parser("m2v", name)._actions}
    return [parser.description, *(each.help for each in parser._actions if each.dest not in djangos and each.help)]


@pytest.mark.parametrize(("app", "name"), OURS)
def test_what_each_command_says_of_itself_is_german_too(app, name):
    english = helps(app, name)
    with translation.override("de"):
        german = helps(app, name)

    assert english[0], "says what it does"
    assert [said for said in german if said in english and said not in ALIKE] == []


def test_a_backup_is_refused_in_german(tmp_path):
    with (
        translation.override("de"),
        pytest.raises(CommandError, match="ist der öffentliche Schlüssel einer age-Identität"),
    ):
        call_command("backup", str(tmp_path), recipient=["AGE-SECRET-KEY-1"])


def test_what_is_tidied_is_said_in_german(db):
    said = StringIO()
    with translation.override("de"):
        call_command("tidy", stdout=said)

    assert said.getvalue().startswith("Gelöscht: 0 Sitzungen, 0 gezählte Versuche, 0 Vermerke zu E-Mails, ")


AWAY = "postgres://m2v:Geheim@127.0.0.1:1/m2v"


@pytest.mark.parametrize(
    "arguments",
    [
        ["upgrade"],
        ["tidy"],
        ["budgets"],
        ["init-admin", "--name", "Petra Vogt", "--email", "petra@acme.example"],
        ["audit_verify"],
        ["mfa", "status", "kim"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_database_that_is_away_is_one_sentence(arguments, tmp_path):
    done = called(*arguments, DATA_DIR=str(tmp_path), DATABASE_URL=AWAY, LANG="de_DE.UTF-8")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Geheim" not in done.stderr
    assert "Die Datenbank ist gerade nicht erreichbar: " in done.stderr
