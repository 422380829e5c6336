"""The program in the hands of somebody who has never seen it: each failure is a sentence that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection, transaction

from m2v import __version__, program
from tests.m2v.test_settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
UPGRADE = "The database is not of this version. Run `m2v upgrade`."


@pytest.fixture
def m2v(tmp_path):
    """Call the program, with nothing set but where its data lies."""
    clean = {name: value for name, value in os.environ.items() if name not in {*VARIABLES, "LANG", "LC_ALL"}}

    def called(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **variables):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments], cwd=ROOT, check=False, timeout=120, text=True,
            encoding="utf-8", stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
            env=clean | {"DATA_DIR": str(tmp_path / "data")} | variables,
        )  # fmt: skip

    return called


@pytest.mark.parametrize(
    ("words", "variables"),
    [(["--version"], {"PORT": "eight"}), (["doctor", "--version"], {})],
)
def test_the_version_is_that_of_the_product(m2v, words, variables):
    done = m2v(*words, **variables)

    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize("words", ["budgets", "init-admin"])
def test_a_database_that_was_not_upgraded_is_one_sentence_with_its_place(m2v, tmp_path, words):
    done = m2v(*words.split())

    assert done.returncode == 1
    assert "Run `m2v upgrade`" in done.stderr
    assert str(tmp_path / "data" / "m2v.sqlite3") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("table", "column"), [("accounts_user", "none"), ("none", "id")])
def test_it_is_so_on_each_database(db, monkeypatch, table, column):
    """What is not there is a ProgrammingError of PostgreSQL, and an OperationalError of SQLite."""
    monkeypatch.setattr(program, "missing_migrations", lambda: ["accounts.0001_initial"])
    with pytest.raises(DatabaseError) as trouble, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} AS t")

    assert str(program.how_to_end(trouble.value)).startswith(UPGRADE)


def test_an_upgrade_that_something_else_ends_is_not_told_to_upgrade(db, monkeypatch):
    monkeypatch.setattr(program, "missing_migrations", lambda: ["accounts.0001_initial"])

    said = str(program.how_to_end(OperationalError("database or disk is full")))

    assert said.startswith("The database cannot be used now: database or disk is full")


def test_a_mistake_of_ours_keeps_its_traceback(db):
    assert program.how_to_end(ProgrammingError("syntax error")) is None


@pytest.mark.parametrize(
    ("trouble", "ending"),
    [(KeyboardInterrupt(), 130), (EOFError(), "\nNothing was entered: this is asked at a terminal.")],
)
def test_a_question_that_nobody_answers_ends_without_a_traceback(monkeypatch, trouble, ending):
    def asked(**_more):
        raise trouble

    monkeypatch.setattr(program, "_do", asked)
    monkeypatch.setattr("sys.argv", ["m2v", "changepassword", "kim"])

    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == ending


def test_a_full_disk_is_a_sentence(m2v):
    with Path("/dev/full").open("w") as full:
        done = m2v("help", stdout=full)

    assert done.returncode == 1
    assert done.stderr == "This cannot be done: No space left on device\n"


def test_whoever_reads_no_more_is_no_failure(m2v):
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = m2v("help", stdout=theirs)
    finally:
        os.close(theirs)

    assert done.stderr == ""


def test_a_terminal_that_lacks_a_letter_gets_the_others(m2v):
    done = m2v("doctor", PYTHONIOENCODING="ascii")

    assert "machine\\u2019s clock" in done.stdout
    assert "Traceback" not in done.stderr
