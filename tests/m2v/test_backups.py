"""A site is backed up while it is in use, and restored where there is nothing: its people sign in, its audit is proved."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE
from uuid import uuid4

import pyrage
import pytest
from django.db import connection

from accounts.models import User
from m2v.backups import postgresql
from m2v.backups.age import FromParts, Nowhere, Trouble, encrypt, identities_in, opened, recipients_of, whole_or_none
from m2v.backups.embedded import Statements, read_embedded, within_this_file
from tests.databases import a_database

# Each of many processes starts in seconds where others are at work, too.
pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parent.parent.parent
MEGABYTE = 1024 * 1024

BEGIN = """
import json, sys, django
django.setup()
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
from accounts.models import Role, User
from tests.authenticator import Credential, ec
from tests.people import PASSWORD, Person
"""
FILL = """
user = User.objects.create_user("kim", first_name="Kim 'the; \\n--' Ünal", email="kim@acme.example", password=PASSWORD)
kim = Person(user)
kim.set_up_app()
passkey = kim.add_passkey()
assert kim.sign_in().status_code == 302 and kim.is_in
(made,) = kim.authenticator.credentials
print(json.dumps([kim.app_key.hex(), made.id.hex(), made.key.private_numbers().private_value]))
"""
SIGN_IN = """
from audit.models import AuditEvent
from accounts.models import Session
key, id, value = json.loads(sys.argv[1])
user = User.objects.get(username="kim")
before = [Session.objects.count(), AuditEvent.objects.filter(subject=user).exists()]
with_app = Person(user, app_key=bytes.fromhex(key))
said = [with_app.enter_password().headers["Location"], with_app.enter_code(with_app.code(1)).headers["Location"]]
with_passkey = Person(user)
with_passkey.authenticator.credentials.append(
    Credential("localhost", user.pk.bytes, bytes.fromhex(id), ec.derive_private_key(value, ec.SECP256R1()))
)
with_passkey.client.get("/login/")
answer = with_passkey.use_passkey()
print(json.dumps([*before, user.first_name, *said, with_app.is_in, answer.status_code, with_passkey.is_in]))
"""
TRY = """
import json, sys, django
django.setup()
from django.core.management import CommandError, call_command
said = []
for database, keys, identity in json.loads(sys.argv[1]):
    try:
        call_command("restore", database, keys, f"--identity={identity}")
    except CommandError as trouble:
        said.append(str(trouble))
print(json.dumps(said))
"""


@dataclass
class Installation:
    """A machine: its folder, and its settings."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments, fails=False):
        environment = {"PATH": os.defpath, "DATA_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "m2v.settings"}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments], cwd=ROOT, env=environment | self.settings,
            capture_output=True, text=True, check=False, timeout=170,
        )  # fmt: skip
        assert (done.returncode == 1) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def manage(self, *arguments, fails=False):
        return self.run("manage.py", *map(str, arguments), fails=fails)

    def files(self):
        return {path.name: path.read_bytes() for path in self.folder.glob("*_key*")}


@contextmanager
def machines(folder):
    """Gives machines without anything, each with an empty database of the kind that the tests run on."""
    with ExitStack() as stack:

        def make():
            made = Installation(folder / uuid4().hex)
            if connection.vendor == "postgresql":
                made.settings["DATABASE_URL"] = stack.enter_context(a_database())
            return made

        yield make


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("machines")) as make:
        yield make


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """A private key in a file, made by the command that docs/operations.md names; its public key."""
    (command,) = re.findall(r'python -c "([^"]+)"', (ROOT / "docs" / "operations.md").read_text())
    made = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    path = tmp_path_factory.mktemp("safe") / "backup.key"
    path.write_text(made)
    return path, re.search(r"# public key: (age1\w+)", made)[1]


@pytest.fixture(scope="module")
def backup(machine, identity, tmp_path_factory):
    """A site, what Kim has of it, and its backup."""
    site, to = machine(), tmp_path_factory.mktemp("backup") / "today"
    site.manage("migrate", "--verbosity", "0")
    held = site.run("-c", BEGIN + FILL)
    database, keys = site.manage("backup", to, "--recipient", identity[1]).split()
    return site, held, Path(database), Path(keys)


def test_a_site_comes_back_on_an_empty_machine(machine, identity, backup):
    site, held, database, keys = backup
    there = machine()

    said = there.manage("restore", database, keys, "--identity", identity[0])

    assert "Restored as of" in said
    assert re.search(r"Public key: (\S+)\.", site.manage("audit_verify"))[1] in said
    assert {name: there.files()[name] for name in site.files()} == site.files()
    assert {S_IMODE(path.stat().st_mode) for path in there.folder.glob("*_key*")} == {0o600}
    there.manage("audit_verify")
    name = "Kim 'the; \n--' Ünal"
    assert json.loads(there.run("-c", BEGIN + SIGN_IN, held)) == [
        0, True, name, "/login/challenge/", "/", True, 200, True,
    ]  # fmt: skip
    there.manage("audit_verify")
    assert "No planned migration operations." in there.manage("migrate", "--plan")
    assert "The lists of people are right." in there.manage("doctor")


def test_a_backup_is_two_files_that_only_their_owner_can_open_and_nothing_else(backup):
    site, _held, database, keys = backup

    assert set(database.parent.iterdir()) == {database, keys}
    assert S_IMODE(database.parent.stat().st_mode) == 0o700
    for path in (database, keys):
        assert S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
        assert b"kim@acme.example" not in path.read_bytes()
        assert not any(key in path.read_bytes() for key in site.files().values())


def test_nothing_is_restored_over_something(identity, backup):
    site, _held, database, keys = backup
    before = site.files()

    said = site.manage("restore", database, keys, "--identity", identity[0], fails=True)

    assert "There are tables in this database. A backup is restored into an empty one only." in said
    assert site.files() == before


def test_what_is_not_whole_or_not_ours_is_refused_before_anything_is_written(machine, identity, backup, tmp_path):
    site, _held, database, keys = backup
    there, whole = machine(), database.read_bytes()
    there.manage("base_url")
    before = there.files()
    other_key = tmp_path / "other.key"
    other_key.write_text(str(pyrage.x25519.Identity.generate()))
    nothing = tmp_path / "nothing"
    cut, changed = tmp_path / "cut", tmp_path / "changed"
    cut.write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    changed.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    another, _its_keys = site.manage("backup", tmp_path, "--recipient", identity[1]).split()

    attempts = [
        ((cut, keys), identity[0], "It is not as it was written."),
        ((changed, keys), identity[0], "It is not as it was written."),
        ((another, keys), identity[0], "are not of one backup."),
        ((database, database), identity[0], "is not the keys’ file of a backup."),
        ((database, keys), other_key, "is encrypted to a recipient other than"),
        ((database, keys), database, "cannot be read as an age identity"),
        ((nothing, keys), identity[0], "nothing cannot be opened: No such file or directory."),
        ((database, nothing), identity[0], "nothing cannot be opened: No such file or directory."),
        ((database, keys), nothing, "nothing cannot be opened: No such file or directory."),
        ((tmp_path, keys), identity[0], "cannot be opened: Is a directory."),
    ]
    said = json.loads(there.run("-c", TRY, json.dumps([[*map(str, files), str(key)] for files, key, _why in attempts])))

    for (_files, _key, why), heard in zip(attempts, said, strict=True):
        assert why in heard
    assert there.files() == before
    there.manage("restore", database, keys, "--identity", identity[0])


def test_a_folder_that_cannot_be_written_to_is_a_sentence_and_the_next_try_succeeds(machine, identity, backup):
    _site, _held, database, keys = backup
    there = machine()
    there.manage("base_url")
    in_the_way = there.folder / "secret_key.before-restore"
    in_the_way.mkdir()
    arguments = ("restore", database, keys, "--identity", identity[0])

    said = there.manage(*arguments, fails=True)

    assert "Is a directory" in said
    assert "Traceback" not in said
    in_the_way.rmdir()
    assert "Restored as of" in there.manage(*arguments)


def test_keys_that_settings_say_are_those_of_the_backup_or_nothing_is_restored(machine, identity, backup):
    site, _held, database, keys = backup
    there = machine()
    ours = {name.upper(): content.decode() for name, content in site.files().items()}
    there.settings |= {"SECRET_KEY": ours["SECRET_KEY"], "AUDIT_SIGNING_KEY": ours["AUDIT_SIGNING_KEY"]}
    other = {"MFA_ENCRYPTION_KEYS": "k1:" + "A" * 43 + "="}
    arguments = ("restore", database, keys, "--identity", identity[0])

    elsewhere = Installation(there.folder, there.settings | other)
    assert "MFA_ENCRYPTION_KEYS is another key than the backup’s." in elsewhere.manage(*arguments, fails=True)
    there.settings["MFA_ENCRYPTION_KEYS"] = ours["MFA_ENCRYPTION_KEY"]
    there.manage(*arguments)

    assert there.files() == {}
    there.manage("audit_verify")


@pytest.mark.parametrize("recipient", ["", "age1nothing", "AGE-SECRET-KEY-1"])
def test_only_to_a_public_key(recipient):
    with pytest.raises(Trouble, match="A recipient is the public key"):
        recipients_of([recipient])


def test_a_file_takes_its_place_when_it_is_whole_or_not_at_all(identity, tmp_path):
    place = tmp_path / "it.age"

    def breaks():
        yield b"a" * MEGABYTE
        raise OSError("the disk broke")

    with pytest.raises(Trouble, match="the disk broke"), whole_or_none(place) as file:
        encrypt(FromParts(breaks()), file, recipients_of([identity[1]]))

    assert list(tmp_path.iterdir()) == []


def test_what_is_larger_than_the_memory_goes_through_as_it_comes(identity, tmp_path):
    """Of 64 megabytes, no more than one is here at a time."""
    public, private = recipients_of([identity[1]]), identities_in(identity[0])
    made, written = 0, 0

    def parts():
        nonlocal made
        for _part in range(64):
            made += MEGABYTE
            yield b"m" * MEGABYTE

    class Watched(Nowhere):
        def write(self, data):
            nonlocal written
            written += len(data)
            assert made - written <= 2 * MEGABYTE
            return len(data)

    encrypt(FromParts(parts()), Watched(), public)
    assert written > 64 * MEGABYTE

    with whole_or_none(tmp_path / "it.age") as file:
        encrypt(FromParts(parts()), file, public)
    made = written = 0
    assert opened(tmp_path / "it.age", Watched(), private) == file.hexdigest()
    assert written == 64 * MEGABYTE


on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="of the embedded default")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_the_embedded_default_is_read_as_it_was_at_one_moment(make_user):
    make_user("before")

    with read_embedded() as source:
        source.read(1)
        make_user("meanwhile")
        User.objects.filter(username="before").update(username="another")
        text = b"".join(iter(lambda: source.read(MEGABYTE), b"")).decode()

    assert "before@acme.example" in text
    assert "meanwhile" not in text
    assert "another" not in text


def test_sql_is_done_statement_by_statement_and_writes_no_other_file(tmp_path):
    database = sqlite3.connect(tmp_path / "it", isolation_level=None)
    database.set_authorizer(within_this_file)
    statements = Statements(database)
    text = "CREATE TABLE t (x);\nINSERT INTO t VALUES('a;\n;\n--é');\nINSERT INTO t VALUES(X'00ff');\n".encode()

    for at in range(len(text)):
        statements.write(text[at : at + 1])
    statements.end()

    assert database.execute("SELECT x FROM t").fetchall() == [("a;\n;\n--é",), (b"\x00\xff",)]
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        statements.write(f"ATTACH '{tmp_path}/other' AS other;\n".encode())
    cut = Statements(database)
    cut.write(b"INSERT INTO t VALUES('\n")
    with pytest.raises(Trouble, match="in the middle of a statement"):
        cut.end()
    database.close()


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Only these programs of PostgreSQL are installed."""
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")

    def install(version, does):
        path = tmp_path / str(version) / "bin" / "pg_dump"
        path.parent.mkdir(parents=True)
        path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {version}.1 (Debian)" && exit\n{does}\n'
        )
        path.chmod(0o700)

    return install


@on_postgresql
def test_the_oldest_program_that_is_not_older_than_the_server_is_taken(programs, db):
    server = connection.get_database_version()[0]

    def found():
        with postgresql.read_server() as source:
            return source.read()

    with pytest.raises(Trouble, match=f"Install PostgreSQL’s client programs of version {server} or newer."):
        found()
    programs(9, "echo 9")
    with pytest.raises(Trouble, match=f"The server is PostgreSQL {server}, and pg_dump is of version 9: too old."):
        found()
    programs(server + 2, "echo newest")
    programs(server, "echo fits")
    assert found() == b"fits\n"


@on_postgresql
def test_a_dump_that_breaks_off_is_no_backup(programs, identity, tmp_path, db):
    programs(connection.get_database_version()[0], "echo half; echo 'the server went away' >&2; exit 1")
    place = tmp_path / "it.age"

    with (
        pytest.raises(Trouble, match="pg_dump ended with 1: the server went away"),
        whole_or_none(place) as file,
        postgresql.read_server() as source,
    ):
        encrypt(source, file, recipients_of([identity[1]]))

    assert not list(tmp_path.glob("*it.age*"))
