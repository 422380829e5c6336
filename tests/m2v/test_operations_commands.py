"""Every command in docs/operations.md: ours is run, here or by the tests that are named; the others are, or the page says why not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from accounts.models import Budget
from accounts.throttle.rule import FOREVER
from m2v import environment
from tests.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
OURS = re.compile(r"(?:manage\.py|(?:/opt/m2v[\d.-]*/bin/)?m2v) (?=[a-z])")
# What each does for real, with these words in the place of those that the page leaves open.
WORDS = {"USER": "kim", "NAME": "kim", "ACT": "status", "FILE": "audit.jsonl", "…": "They asked for it."}
RUN = {
    "audit_export", "audit_verify", "base_url", "budgets", "check", "doctor", "export_person", "mfa", "rotate_mfa_keys",
    "snapshot", "tidy",
}  # fmt: skip
# What serves, asks, or needs a site of its own: the tests that run it.
RUN_BY = {
    "backup": "tests/m2v/test_backups.py",
    "changepassword": "tests/accounts/test_names.py",
    "create_demo": "tests/m2v/test_create_demo.py",
    "createsuperuser": "tests/companies/test_locking.py",
    "erase_person": "tests/companies/test_erasing.py",
    "init_admin": "tests/m2v/test_init_admin.py",
    "metrics": "m2v/worker.py",  # beside `serve`
    "refill_lists": "tests/companies/listing/test_upkeep.py",
    "restore": "tests/m2v/test_backups.py",
    "serve": "tests/server/site.py",
    "upgrade": "tests/server/test_installed.py",
    "work": "tests/m2v/test_killed_work.py",
    "worker": "tests/server/test_work.py",
}
# Other programs that tests run: where.
OTHERS_RUN_BY = {
    "nginx -t": "tests/m2v/test_contrib.py",
    "pg_basebackup": "tests/cluster/databases.py",
    "promtool check config": "tests/m2v/test_monitoring_files.py",
    "psql": "tests/cluster/databases.py",
    "python3 docs/check_audit.py": "tests/audit/test_export.py",
    "systemd-analyze verify": "tests/m2v/test_contrib.py",
}
PROGRAMS = re.compile(
    r"(?:make|nginx|pg_ctl|pg_basebackup|psql|python3|pip|/opt/m2v[\d.-]*/bin/pip|age|age-keygen|timedatectl|systemctl|journalctl|"
    r"systemd-analyze|systemd-run|useradd|install|ln|echo|umask|sha256sum|docker|promtool|createuser|createdb) "
)
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^( *)```\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def lines_of(page: str) -> list[str]:
    """What stands in blocks and between backquotes, without the comments behind it."""
    blocks = [line for _indent, block in FENCE.findall(page) for line in block.splitlines()]
    spans = SPAN.findall(FENCE.sub("", page))
    return list(dict.fromkeys(re.sub(r"\s{2,}# .*", "", line).strip() for line in [*blocks, *spans]))


def ours(page: str) -> list[list[str]]:
    """Our commands, each with its words."""
    found = []
    for line in lines_of(page):
        if line.startswith("systemd-run "):
            line = line[line.index("/opt/m2v") :]
        if line.startswith("docker compose ") and " site m2v " in line:
            line = line[line.index("m2v ", line.index(" site ")) :]
        if OURS.match(line):
            name, *words = shlex.split(OURS.sub("", line, count=1))
            found.append([name.replace("-", "_"), *words])
    return found


def others(page: str) -> list[str]:
    return [line for line in lines_of(page) if PROGRAMS.match(line)]


def not_run() -> list[str]:
    """What each row of the page's own table begins with."""
    section = PAGE.split("## What of this page no test runs\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| \S", section, re.MULTILINE)
    return [span for row in rows for span in SPAN.findall(row)]


def parser(name: str):
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def said_of(command: list[str]):
    return " ".join(command)


def test_the_page_has_commands_in_blocks_and_in_sentences():
    assert ["upgrade"] in ours(PAGE)
    assert ["mfa", "ACT", "USER", "--reason", "…"] in ours(PAGE)
    assert ["init_admin"] in ours(PAGE)
    assert len(ours(PAGE)) > 25
    assert "psql -h /run/postgresql -p 6432 -U pgbouncer pgbouncer -c RECONNECT" in others(PAGE)


@pytest.mark.parametrize("command", ours(PAGE), ids=said_of)
def test_a_command_is_taken_with_its_words(command):
    name, *words = command

    assert parser(name).parse_args([WORDS.get(word, word) for word in words])


@pytest.mark.parametrize("command", [["tidy", "--no-such"], ["restore"], ["budgets", "a", "b", "c"]], ids=said_of)
def test_a_command_that_is_not_so_would_be_found(command):
    with pytest.raises(CommandError):
        parser(command[0]).parse_args(command[1:])


def test_every_option_is_one_of_a_command_of_its_section():
    """As `--minutes`, in the section of `manage.py mfa`."""
    seen = 0
    for section in PAGE.split("\n## ")[1:]:
        commands = {name for name, *_words in ours(section)}
        has = {option for name in commands for action in parser(name)._actions for option in action.option_strings}
        named = {span.split()[0] for span in SPAN.findall(FENCE.sub("", section)) if re.match(r"--[a-z]", span)}
        seen += len(named)
        assert named <= has, section.splitlines()[0]
    assert seen > 12


@pytest.mark.parametrize("command", [each for each in ours(PAGE) if each[0] in RUN], ids=said_of)
def test_a_command_that_changes_little_is_run(command, kim, admin, tmp_path, monkeypatch):
    Budget.objects.create(key=f"person:{kim.user.pk.hex}", failures=7, blocked_until=FOREVER, last_at=0)
    monkeypatch.chdir(tmp_path)
    said = StringIO()

    call_command(command[0], *[WORDS.get(word, word) for word in command[1:]], stdout=said, stderr=said)

    assert said.getvalue() or (tmp_path / "audit.jsonl").is_file()


def test_every_command_is_run_here_or_by_tests_that_are_named():
    named = {name for name, *_words in ours(PAGE)}

    assert named == RUN | RUN_BY.keys()
    assert {name for name, app in get_commands().items() if app in ROOMS} <= named
    for name, path in RUN_BY.items():
        assert re.search(rf"""["' ]{name}["',\]]""", (ROOT / path).read_text()), name


def test_every_other_program_is_run_or_the_page_says_why_not():
    elsewhere = tuple(OTHERS_RUN_BY)
    left = [line for line in others(PAGE) if not line.startswith((*elsewhere, "python3 -c "))]

    assert [line for line in left if not line.startswith(tuple(not_run()))] == []
    assert [row for row in not_run() if not any(line.startswith(row) for line in left)] == []
    for program, path in OTHERS_RUN_BY.items():
        word = program.split()[-1].removeprefix("docs/")
        assert any(line.startswith(program) for line in others(PAGE)), program
        assert word in (ROOT / path).read_text(), program


def test_the_commands_that_make_keys_make_keys():
    made = [
        subprocess.run(
            [sys.executable, *shlex.split(line)[1:]], capture_output=True, text=True, check=True
        ).stdout.strip()
        for line in lines_of(PAGE)
        if line.startswith("python3 -c ")
    ]

    secret, key = sorted(made, key=len, reverse=True)
    assert environment.secret_key("SECRET_KEY", secret)
    assert environment.encryption_keys(f"k1:{key}")
    assert environment.signing_key(key)
