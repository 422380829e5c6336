"""The cluster, made once: its parts fail one after the other."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from base64 import urlsafe_b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.cluster.crowd import FILL, Crowd
from tests.cluster.databases import NAME, Database, wait_until
from tests.cluster.machines import ROOT, Machine, Proxy, end_all
from tests.server.slow_mail import Manners, mail_server
from tests.with_postgres import nobody_special

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = 3


@dataclass
class Site:
    machines: list[Machine]
    crowd: Crowd
    mails: list[bytes]

    def lines_of(self, requests: set[str]) -> list[str]:
        return [line for machine in self.machines for line in machine.lines_of(requests)]

    def message_ids(self) -> list[str]:
        """Of the mails that arrived, each as often as it did."""
        found = (re.search(rb"(?im)^message-id:\s*(<[^>]+>)", mail) for mail in list(self.mails))
        return [one[1].decode() for one in found if one]


@dataclass
class Cluster(Site):
    primary: Database
    standby: Database


def key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


@contextmanager
def own_folder() -> Iterator[Path]:
    """For servers that are not root's. Fails where their programs are not installed."""
    if missing := [name for name in ("nginx", "pgbouncer") if not shutil.which(name)]:
        pytest.fail(f"Install them first, on Debian: apt-get install {' '.join(missing)}")
    with TemporaryDirectory(prefix="m2v-cluster-") as name:
        if who := nobody_special():
            os.chown(name, who["user"], who["group"])
        yield Path(name)


@contextmanager
def three_machines(folder: Path, database: str, stands: Path = ROOT) -> Iterator[Site]:
    """They serve the product that `stands` there behind nginx, and the crowd is at it."""
    with ExitStack() as ends:
        address, mails = ends.enter_context(mail_server(Manners(patience=0.05)))
        proxy = Proxy(folder / "proxy")
        ends.callback(proxy.end)
        environment = {
            "PATH": os.defpath,
            "BASE_URL": f"https://localhost:{proxy.port}",
            "BEHIND_PROXY": "1",
            "DATABASE_URL": database,
            "EMAIL_URL": address,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "MFA_ENCRYPTION_KEYS": f"k1:{key()}",
            "AUDIT_SIGNING_KEY": key(),
        }
        machines = [Machine(folder / f"machine{number}", environment, stands) for number in range(MACHINES)]
        machines[0].manage("upgrade")
        keys = [line.split()[1] for line in machines[0].manage("shell", "--no-imports", "-c", FILL).splitlines()]
        for machine in machines[1:]:
            shutil.copytree(machines[0].folder / "data" / "static", machine.folder / "data" / "static")
        ends.callback(end_all, machines)
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.wait_until_ready()
        proxy.start([machine.port for machine in machines])
        crowd = Crowd(environment["BASE_URL"], keys)
        ends.callback(crowd.stop)
        crowd.start()
        wait_until(crowd.is_at_it, 240, crowd.shown)
        yield Site(machines, crowd, mails)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_folder() as folder, ExitStack() as ends:
        primary, standby = Database(folder / "one"), Database(folder / "two")
        for database in (primary, standby):
            ends.callback(database.end)
        primary.make()
        standby.follow(primary)
        for database in (primary, standby):
            database.start_pool()
        hosts = ",".join(f"127.0.0.1:{database.pool_port}" for database in (primary, standby))
        url = f"postgres://{NAME}@{hosts}/{NAME}?target_session_attrs=read-write"
        site = ends.enter_context(three_machines(folder, url))
        yield Cluster(site.machines, site.crowd, site.mails, primary, standby)
