"""The worker is killed in the middle of an act on many, of an import, and of a day's numbers: the next one does what is left, and nothing twice."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest
from django.db import connection

from tests.databases import a_database
from tests.server.site import Site, within

pytestmark = pytest.mark.timeout(600)  # a site is made, and served twice

MANY = 4000
IMPORTED = 300
COMPANIES = 40
# All have a password, and each hundredth an address: who has both is told by mail.
BEGIN = f"""
from django.contrib.auth.hashers import make_password
from accounts.models import Role, User
from companies.bulk import choosing, running
from companies.models import BulkPerson, BulkRun
nina = User.objects.create_user("nina", role=Role.ADMINISTRATOR)
address = lambda number: f"many{{number}}@acme.example" if number % 100 == 0 else ""
password = make_password("a very long walk by the sea")
people = (User(username=f"many{{number}}", email=address(number), password=password) for number in range({MANY}))
User.objects.bulk_create(people, batch_size=500)
them = User.objects.filter(username__startswith="many").values_list("pk", flat=True)
run = BulkRun.objects.create(owner=nina.pk, act="require", listed=True)
BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in them), batch_size=500)
running.begin(run, actor=nina, total={MANY}, signs_out=False)
"""
# Each tenth line has an address, so that its person is invited; one name comes twice.
IMPORT = f"""
from accounts.models import Role, User
from companies.importing import running
from companies.importing.reading import read
from companies.models import Company
olga = User.objects.create_user("olga", role=Role.ADMINISTRATOR)
Company.objects.create(name="Kepler")
lines = [f"new{{n}},{{f'new{{n}}@kepler.example' if n % 10 == 0 else ''}},Kepler" for n in range({IMPORTED})]
text = chr(10).join(["user name,e-mail,company", *lines, "new7,,Kepler"])
kept = running.keep(olga, "people.csv", text, read(text, "UTF-8"))
running.begin(kept, actor=olga, invites=True, requires=False)
"""
# Minutes of silence have gone by: a worker takes it up, and no claim on a mail holds any more.
SILENCE = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import OwedMail
from companies.models import BulkRun, Import
long_ago = timezone.now() - timedelta(minutes=5)
for model in (BulkRun, Import):
    model.objects.filter(ended_at=None).update(beat=long_ago, begun_at=long_ago)
OwedMail.objects.filter(ended_at=None).update(claimed_until=None)
"""
# Yesterday is to be kept again, of companies with somebody in each since long before.
FORGET = f"""
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from companies.models import Company, Snapshot
Snapshot.objects.all().delete()
there = Company.objects.bulk_create(Company(name=f"Snap {{number}}") for number in range({COMPANIES}))
long_ago = timezone.now() - timedelta(days=9)
User.objects.bulk_create(
    User(username=f"snap{{n}}", password="!", company=each, created_at=long_ago) for n, each in enumerate(there)
)
"""
# Whoever keeps a day stands still at half of its rows: on SQLite for as long as this is there, on PostgreSQL once.
STAND_STILL = {
    "sqlite": f"""
CREATE TRIGGER stands_still AFTER INSERT ON companies_snapshot
WHEN (SELECT count(*) FROM companies_snapshot) = {COMPANIES // 2} AND (
    SELECT count(*) FROM (
        WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 1e12) SELECT n FROM counted
    )
) BEGIN SELECT 1; END
""",
    "postgresql": f"""
CREATE SEQUENCE rows_of_days;
CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('rows_of_days') = {COMPANIES // 2} THEN PERFORM pg_sleep(3600); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stands_still AFTER INSERT ON companies_snapshot FOR EACH ROW EXECUTE FUNCTION stand_still()
""",
}
# PostgreSQL sees that nobody is there any more when it has something to say, which is in an hour here.
LET_GO = {
    "sqlite": "DROP TRIGGER stands_still",
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
}


TO = re.compile(rb"^To: (\S+)", re.MULTILINE)
ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A site of the kind of database that the tests run on."""
    site = Site(tmp_path_factory.mktemp("killed"))
    with a_database() if connection.vendor == "postgresql" else nullcontext("") as url:
        site.environment["DATABASE_URL"] = url
        site.prepare()
        yield site


@pytest.fixture
def site(prepared):
    with prepared.served() as site:
        yield site


def opened(site, *, timeout=20):
    if url := site.environment["DATABASE_URL"]:
        return closing(psycopg.connect(url, autocommit=True))
    return closing(sqlite3.connect(site.folder / "data" / "m2v.sqlite3", timeout=timeout, isolation_level=None))


def asked(site, statement):
    with opened(site) as database:
        return database.execute(statement).fetchone()


def mails_to(site, name):
    """How many mails have gone to each address of this name: one that was on its way twice is known by its number."""
    wait_for(lambda: asked(site, "SELECT count(*) FROM accounts_owedmail WHERE ended_at IS NULL")[0] == 0, 60)
    sent = {}
    for path in (site.folder / "data" / "outbox").iterdir():
        text = path.read_bytes()
        for address, number in zip(TO.findall(text), ID.findall(text), strict=True):
            sent.setdefault(address.decode(), set()).add(number)
    return {address: len(numbers) for address, numbers in sent.items() if address.startswith(name)}


def acted_on(site):
    return asked(site, "SELECT changed, ended_at IS NOT NULL FROM companies_bulkrun WHERE act = 'require'")


def imported(site):
    return asked(site, "SELECT made, ended_at IS NOT NULL FROM companies_import")


def lines_about(site, action, name):
    """Lines about people of this name, and how many of them there are lines about."""
    return asked(
        site,
        "SELECT count(*), count(DISTINCT subject_id) FROM audit_auditevent e JOIN accounts_user u ON u.id = e.subject_id"
        f" WHERE action = '{action}' AND username LIKE '{name}%'",
    )


def people(site, condition):
    return asked(site, f"SELECT count(*) FROM accounts_user WHERE {condition}")[0]


def worker_of(site):
    """The one process that does what waits in the queue."""
    [pid] = [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdecimal() and is_worker(each, site.process.pid)
    ]
    return pid


def is_worker(process, server):
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
    return b"work" in command and str(server).encode() in command


def wait_for(what, seconds):
    end = monotonic() + within(seconds)
    while not what():
        assert monotonic() < end, f"not within {within(seconds):.0f} seconds"
        sleep(0.05)


def kill_worker(site):
    killed = worker_of(site)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{killed}").exists(), 10)
    return killed


def test_a_server_begins_without_an_error(site):
    """Its workers are forked: each has its own connections to the database, and none that another reads from too."""
    wait_for(lambda: site.log.read_text().count("the audit's public key") == 1 + int(site.environment["WORKERS"]), 30)

    sleep(0.5)  # what a worker finds wrong comes after that line
    assert [line for line in site.lines() if line["level"] not in {"INFO", "WARNING"}] == []


def test_an_act_on_many_whose_worker_is_killed_leaves_nothing_half_done_and_nothing_twice(site):
    site.manage("shell", "--no-imports", "-c", BEGIN)
    wait_for(lambda: acted_on(site)[0] > 0, 60)

    killed = kill_worker(site)

    done, ended = acted_on(site)
    assert 0 < done < MANY
    assert not ended
    assert lines_about(site, "two_factor_enabled", "many") == (done, done), "a step was done or not"
    assert people(site, "username LIKE 'many%' AND two_factor_enabled") == done

    site.manage("shell", "--no-imports", "-c", SILENCE)
    wait_for(lambda: acted_on(site)[1], 60)

    assert acted_on(site)[0] == MANY
    assert worker_of(site) != killed
    assert lines_about(site, "two_factor_enabled", "many") == (MANY, MANY)
    assert people(site, "username LIKE 'many%' AND two_factor_enabled") == MANY
    assert mails_to(site, "many") == {f"many{number}@acme.example": 1 for number in range(0, MANY, 100)}


def test_an_import_whose_worker_is_killed_makes_and_invites_everybody_once(site):
    site.manage("shell", "--no-imports", "-c", IMPORT)
    wait_for(lambda: imported(site)[0] > 0, 60)

    kill_worker(site)

    made, ended = imported(site)
    assert 0 < made < IMPORTED
    assert not ended
    assert people(site, "username LIKE 'new%'") == made
    assert lines_about(site, "user_created", "new") == (made, made), "a step was done or not"

    site.manage("shell", "--no-imports", "-c", SILENCE)
    wait_for(lambda: imported(site)[1], 60)

    assert imported(site)[0] == IMPORTED
    assert people(site, "username LIKE 'new%'") == IMPORTED
    assert lines_about(site, "user_created", "new") == (IMPORTED, IMPORTED)
    assert lines_about(site, "user_invited", "new") == (IMPORTED // 10, IMPORTED // 10)
    assert mails_to(site, "new") == {f"new{number}@kepler.example": 1 for number in range(0, IMPORTED, 10)}
    [mistakes] = asked(site, "SELECT mistakes FROM companies_import")
    assert str(mistakes).count("'line'") + str(mistakes).count('"line"') == 1


def days_kept(site):
    return asked(site, "SELECT count(*) FROM companies_snapshot")[0]


def stands_still(site):
    """Is somebody in the middle: on SQLite, is its one lock held for two seconds?"""
    if connection.vendor == "postgresql":
        return asked(site, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")[0]
    with opened(site, timeout=2) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
    return False


@pytest.fixture
def standing_still(prepared):
    """The site, whose worker stands still in the middle of yesterday: none that began before has kept it meanwhile."""
    prepared.manage("shell", "--no-imports", "-c", FORGET)
    with opened(prepared) as database:
        database.execute(STAND_STILL[connection.vendor])
    with prepared.served() as site:
        wait_for(lambda: stands_still(site), 60)
        yield site


def test_a_day_whose_worker_is_killed_is_kept_whole_and_once(standing_still):
    site = standing_still
    killed = kill_worker(site)
    with opened(site) as database:
        database.execute(LET_GO[connection.vendor])

    assert not days_kept(site), "half of a day is none"

    wait_for(lambda: days_kept(site), 60)

    assert worker_of(site) != killed
    of_companies = "FROM companies_snapshot s JOIN companies_company c ON c.id = s.company_id WHERE name LIKE 'Snap %'"
    assert asked(site, f"SELECT count(*), count(DISTINCT company_id) {of_companies}") == (COMPANIES, COMPANIES)
    assert asked(site, "SELECT count(*), count(DISTINCT day) FROM companies_snapshot WHERE whole") == (1, 1)
    assert "kept already" in site.manage("snapshot")
