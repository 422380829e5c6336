"""The demo database of the last version before the house moved comes along: people, their factors and the audit.

`sqlite.sql` and `postgresql.sql` are what `create_demo`, a sign-in and
`audit_verify` of that version left. Everything in them was made at random.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from base64 import b32decode
from contextlib import closing, contextmanager
from pathlib import Path
from signal import SIGKILL
from time import time

import psycopg
import pytest
from django.db import connection

from m2v.upgrading import UPGRADE_LOCK
from mfa.methods import totp
from tests.databases import a_database
from tests.upgrade.before import put_down

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEY = "k1:qpiNuGThN1S5gUGGmM3ZmK75XztfQe5EAWcZJSXURgo="
# Of Samir his password, of Kim hers and the key of her authenticator app.
PEOPLE = {
    "postgresql": ("X45kq8z21A9dA68g", "EZ4qesH2-Wx1S_Uj", "C63FS6ZYLZ7CQWSNBLGPCJ5NRN3YU4YZ"),
    "sqlite": ("h7PqNDd4ViQTYgMr", "DT8_AzPIB3PNj4bR", "ZBH4JAOWWQQTNINMBF2FLAVE3MBVJLMZ"),
}
LINES = 81
# The last commit whose tables lack a column that is needed here. The one of a release, once there is one before.
BEFORE = "d4e80d4"

SIGN_IN = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
from companies.models import Company
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
browser = Client(SERVER_NAME="localhost", SERVER_PORT="8000")
said = [browser.post("/login/", {"username": "samir.haddad", "password": sys.argv[1]}).headers.get("Location")]
said += [browser.post("/settings/administration/companies/new/", {"name": "Nordwerk"}).status_code]
said += [Company.objects.filter(name="Nordwerk").count(), {field.name for field in Company._meta.fields} & {"name_plain"} == set()]
print(json.dumps(said))
"""

# Killed while the lists are filled, after all migrations.
KILLED = """
import os, signal
import django
django.setup()
from django.core.management import call_command
from companies.listing import upkeep
upkeep._fill = lambda connection: os.kill(os.getpid(), signal.SIGKILL)
call_command("upgrade")
"""

START = """
import django
django.setup()
from django.core.exceptions import ImproperlyConfigured
from m2v.start import fit
try:
    fit.look()
except ImproperlyConfigured as trouble:
    print(trouble)
"""

NEW_PERSON = """
import django
django.setup()
from accounts.models import User
from companies.models import Listing
from companies.listing import upkeep
new = User.objects.create(username="new")
print(Listing.objects.filter(person=new.pk).count(), sum(upkeep.differences().values()))
"""

SCRIPT = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from audit.models import AuditEvent
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
samir, kim, code = sys.argv[1:]

def browser():
    return Client(SERVER_NAME="localhost", SERVER_PORT="8000")

first = browser()
said = [first.post("/login/", {"username": "samir.haddad", "password": samir}).headers.get("Location")]
said += [first.get("/settings/administration/companies/").status_code]
acme = AuditEvent.objects.filter(action="company_two_factor_enabled").get().company
said += ["switched two-factor authentication on for Acme Machines" in
         first.get(f"/settings/administration/companies/{acme.pk}/").content.decode()]
second = browser()
said += [second.post("/login/", {"username": "kim.hansen", "password": kim}).headers.get("Location")]
said += [second.post("/login/challenge/", {"code": code}).headers.get("Location"), second.get("/portal/").status_code]
said += [AuditEvent.objects.count()]
print(json.dumps(said))
"""


@pytest.fixture
def environment(tmp_path):
    """The variables of a site on the database of before."""
    environment = {
        "PATH": os.defpath, "DATA_DIR": str(tmp_path), "MFA_ENCRYPTION_KEYS": KEY, "DJANGO_SETTINGS_MODULE": "m2v.settings",
    }  # fmt: skip
    sql = (HERE / f"{connection.vendor}.sql").read_text()
    if connection.vendor == "postgresql":
        with a_database() as environment["DATABASE_URL"]:
            with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as fresh:
                fresh.execute(sql)
            yield environment
    else:
        fresh = sqlite3.connect(tmp_path / "m2v.sqlite3")
        fresh.executescript(sql)
        fresh.close()
        yield environment


@pytest.fixture
def site(environment):
    """Run `manage.py`, or a script, on the database of before."""
    return runner(environment)


@pytest.fixture
def site_of_before(environment, tmp_path):
    """The same, of the version before, with the packages of this one."""
    return runner(environment, put_down(BEFORE, tmp_path / "before"))


@contextmanager
def another_upgrade(environment):
    """Within, the lock of an upgrade is held, as by another machine."""
    if "DATABASE_URL" in environment:
        with psycopg.connect(environment["DATABASE_URL"]) as elsewhere:
            elsewhere.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            yield
    else:
        with closing(
            sqlite3.connect(f"{environment['DATA_DIR']}/m2v.sqlite3-upgrade", isolation_level=None)
        ) as elsewhere:
            elsewhere.execute("BEGIN EXCLUSIVE")
            yield


def runner(environment, where=ROOT):
    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments], cwd=where, env=environment,
            capture_output=True, text=True, check=False, timeout=170,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, done.stderr

    return run


def test_a_database_of_before_is_migrated_people_sign_in_and_the_audit_is_sealed_anew(site):
    samir, kim, key = PEOPLE[connection.vendor]

    _out, told = site("manage.py", "upgrade")
    assert f"The audit's {LINES} lines are sealed anew, as they were found." in told

    code = totp.code_at(b32decode(key), time())
    out, _err = site("-c", SCRIPT, samir, kim, code)
    assert json.loads(out) == ["/", 200, True, "/login/challenge/", "/", 200, LINES + 3]

    out, _err = site("manage.py", "audit_verify")
    # One checkpoint of the upgrade's own, and another where the sign-ins took long enough to be sealed.
    assert re.search(rf"Lines looked at: {LINES + 3}, checkpoints: [12]\.", out)
    out, _err = site("manage.py", "migrate", "--plan")
    assert "No planned migration operations." in out


def test_the_version_before_signs_people_in_on_the_tables_of_this_one_and_makes_companies(site, site_of_before):
    site("manage.py", "upgrade")

    out, _err = site_of_before("-c", SIGN_IN, PEOPLE[connection.vendor][0])

    assert json.loads(out) == ["/", 302, 1, True]


def test_of_two_machines_that_upgrade_at_once_one_migrates(environment, site):
    def begin():
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "manage.py", "upgrade"], cwd=ROOT, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    with another_upgrade(environment):
        both = [begin(), begin()]
        waiting = [one.stdout.readline() for one in both]
        planned, _err = site("manage.py", "migrate", "--plan")
    said = [one.communicate(timeout=170)[0] for one in both]

    assert waiting == ["Another upgrade of this database is going on: waiting for its end.\n"] * 2
    assert "No planned migration operations." not in planned
    assert [one.returncode for one in both] == [0, 0], said
    assert sorted("The database is of this version already." in one for one in said) == [False, True]
    assert sorted(bool(re.search(r"The database is upgraded, by \d+ migrations", one)) for one in said) == [False, True]
    assert all("The static files of this version are in place." in one for one in said)
    out, _err = site("manage.py", "upgrade")
    assert "of this version already" in out


def test_an_upgrade_that_was_killed_while_it_filled_the_lists_is_ended_by_the_next(environment, site):
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, check=False, timeout=170)
    assert killed.returncode == -SIGKILL
    planned, _err = site("manage.py", "migrate", "--plan")
    assert "No planned migration operations." in planned
    assert site("-c", START)[0] == "The lists of people are not of this version. Run `m2v upgrade`.\n"

    said, _err = site("manage.py", "upgrade")

    assert "The lists are filled, and kept from here on." in said
    assert site("-c", START)[0] == ""
    assert site("-c", NEW_PERSON)[0] == "1 0\n"
    said, _err = site("manage.py", "upgrade")
    assert "of this version already" in said
