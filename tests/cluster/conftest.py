"""The cluster, made once: its parts fail one after the other."""

from __future__ import annotations

import os
import secrets
import shutil
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.cluster.crowd import FILL, Crowd
from tests.cluster.databases import NAME, Database, wait_until
from tests.cluster.machines import Machine, Proxy
from tests.server.slow_mail import Manners, mail_server
from tests.with_postgres import nobody_special

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = 3


@dataclass
class Cluster:
    machines: list[Machine]
    primary: Database
    standby: Database
    crowd: Crowd
    mails: list[bytes]


def key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if missing := [name for name in ("nginx", "pgbouncer") if not shutil.which(name)]:
        pytest.fail(f"Install them first, on Debian: apt-get install {' '.join(missing)}")
    with ExitStack() as ends:
        folder = Path(ends.enter_context(TemporaryDirectory(prefix="m2v-cluster-")))
        if who := nobody_special():
            os.chown(folder, who["user"], who["group"])
        address, mails = ends.enter_context(mail_server(Manners(patience=0.05)))
        primary, standby = Database(folder / "one"), Database(folder / "two")
        for database in (primary, standby):
            ends.callback(database.end)
        primary.make()
        standby.follow(primary)
        for database in (primary, standby):
            database.start_pool()
        proxy = Proxy(folder / "proxy")
        ends.callback(proxy.end)
        hosts = ",".join(f"127.0.0.1:{database.pool_port}" for database in (primary, standby))
        environment = {
            "PATH": os.defpath,
            "BASE_URL": f"https://localhost:{proxy.port}",
            "BEHIND_PROXY": "1",
            "DATABASE_URL": f"postgres://{NAME}@{hosts}/{NAME}?target_session_attrs=read-write",
            "EMAIL_URL": address,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "MFA_ENCRYPTION_KEYS": f"k1:{key()}",
            "AUDIT_SIGNING_KEY": key(),
        }
        machines = [Machine(folder / f"machine{number}", environment) for number in range(MACHINES)]
        machines[0].manage("upgrade")
        keys = [line.split()[1] for line in machines[0].manage("shell", "--no-imports", "-c", FILL).splitlines()]
        for machine in machines[1:]:
            shutil.copytree(machines[0].folder / "data" / "static", machine.folder / "data" / "static")
        for machine in machines:
            ends.callback(machine.end)
            machine.start()
        for machine in machines:
            machine.wait_until_ready()
        proxy.start([machine.port for machine in machines])
        crowd = Crowd(proxy.port, keys)
        ends.callback(crowd.stop)
        crowd.start()
        wait_until(crowd.is_at_it, 240, crowd.shown)
        yield Cluster(machines, primary, standby, crowd, mails)
