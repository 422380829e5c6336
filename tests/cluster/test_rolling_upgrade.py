"""From the release before to this one and back, machine by machine, while people click and sign in."""

from __future__ import annotations

import re
from contextlib import ExitStack
from time import time
from typing import TYPE_CHECKING

import pytest

from tests.cluster import table
from tests.cluster.conftest import own_folder, three_machines
from tests.cluster.databases import NAME, Database, wait_until
from tests.cluster.machines import ROOT
from tests.upgrade.before import last_release, put_down

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.cluster.conftest import Site
    from tests.cluster.crowd import Answer

# While nothing is released: a version with four migrations less.
STAND_IN = "87c0dd8"
CLAIMED = 300  # seconds that a claim on a mail lasts


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The release before, or what stands in for it, under a number of its own as a release has."""
    release = last_release()
    older = put_down(release or STAND_IN, tmp_path / "older")
    if not release:
        (older / "m2v" / "__init__.py").write_text('__version__ = "5.4.0"\n')
    return older


@pytest.mark.timeout(900)
def test_an_upgrade_machine_by_machine_and_the_way_back(older: Path) -> None:
    with own_folder() as folder, ExitStack() as ends:
        database = Database(folder / "database")
        ends.callback(database.end)
        database.make()
        url = f"postgres://{NAME}@127.0.0.1:{database.port}/{NAME}"
        site = ends.enter_context(three_machines(folder, url, older))

        def asked() -> AbstractContextManager[table.Ask]:
            return table.postgresql(database.direct)

        with table.failing(
            site.crowd, "an upgrade with its migrations, machine by machine", asked, site.lines_of
        ) as up:
            migrated = upgrade_all(site)
            stops = restart_each(site, ROOT)
        with table.failing(site.crowd, "the way back, on the tables of the new version", asked, site.lines_of) as back:
            stops += restart_each(site, older)

        site.crowd.stop()
        wait_until(lambda: all(table.fates(asked).values()), CLAIMED)
        for row in (up, back):
            row.count_mails(table.fates(asked), set(site.message_ids()))
        print(table.HEAD, up.line(), back.line(), sep="\n")

        assert migrated > 0, "the version before is not one: its tables are the same"
        assert cut_off_by_nobody(site, stops, up.began) == []
        assert all(row.arrived == len(row.owed) for row in (up, back))


def upgrade_all(site: Site) -> int:
    """`m2v upgrade` of this version on each machine, while the version before serves; how many migrations there were."""
    said = []
    for machine in site.machines:
        machine.stands = ROOT
        said.append(machine.manage("upgrade"))
    found = re.search(r"The database is upgraded, by (\d+) migrations", said[0])
    assert all("The database is of this version already." in each for each in said[1:])
    return int(found[1]) if found else 0


def restart_each(site: Site, stands: Path) -> list[tuple[float, float]]:
    """One after the other, as what stands there; somebody signs in before the next. When each of them was stopping."""
    stops = []
    for machine in site.machines:
        began = time()
        machine.end()
        stops.append((began, time()))
        machine.stands = stands
        machine.start()
        machine.wait_until_ready()
        accepted = len(site.crowd.seen.accepted)
        wait_until(lambda accepted=accepted: len(site.crowd.seen.accepted) > accepted, 90, site.crowd.shown)
    return stops


def cut_off_by_nobody(site: Site, stops: list[tuple[float, float]], since: float) -> list[Answer]:
    """The requests that failed while no process was stopping."""
    failed = [answer for answer in list(site.crowd.seen.answers) if answer.failed and answer.began >= since]
    return [each for each in failed if not any(began <= each.ended and each.began <= end for began, end in stops)]
