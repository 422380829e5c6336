"""`make bench`: a whole login, a passkey login and a signed-in page, ours and a bare Django project's, in one run.

With BENCH_PEERS=1 also those of the published packages in tests.bench.peers, installed into a scratch environment.
All are served by granian with two workers of four threads on the loopback address, ours as `make run` does, the others
over WSGI, from scratch folders, on SQLite, with the same hasher. A whole login is what a browser does: the sign-in
page, its form, the code's page and its form, and the page behind (tests/bench/projects/*/walk.py). Four browsers do so
in rounds that take turns, so that another load on the machine hits all alike; each figure is the median of the rounds.
What the login's middleware adds to a page is measured in one process, without a server: one percent counts there
(tests.bench.page).

The pages of Administration come last, on SQLite and on PostgreSQL, among BENCH_PEOPLE people (tests.bench.lists), and the
Activity page over BENCH_LINES lines of the audit (tests.bench.activity), and acts on BENCH_BULK people (tests.bench.bulk).

The logins end within two minutes, with BENCH_SHORT=1 within one, and with the peers in about twice that. Beside
a figure stands what is to be reached; a figure of ours that misses it makes the exit status 1. That a peer is below us
is said under the table, and is not an error.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from tests.bench import activity, bulk, lists
from tests.bench.peers import PEERS, installed
from tests.bench.serve import HERE, Project, Server, filled, served, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Acts = list[Callable[[], None]]

SHORT = bool(os.environ.get("BENCH_SHORT"))
WITH_PEERS = bool(os.environ.get("BENCH_PEERS"))
BROWSERS = 4
ROUNDS, LOGINS = (4, 20) if SHORT else (10, 40)
ROUNDS_WITH_HASH, LOGINS_WITH_HASH = (3, 12) if SHORT else (6, 12)
PAGE_ROUNDS, PAGES = (10, 60) if SHORT else (40, 60)
TURNS = 20 if SHORT else 80
WARM_UP = 40
NAMES = {"bare": "bare Django", "m2v": "m2v", **PEERS}

missed: list[str] = []


@dataclass
class Figure:
    """What one act costs: server CPU in milliseconds and acts per second, of each round."""

    project: str
    act: str
    statements: int
    most_statements: int | None = None
    most_cpu: float | None = None
    least_rate: float | None = None
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.project}, {self.act}" if self.act else self.project

    def measure(self, server: Server, acts: Acts, each: int = 1) -> None:
        """A round of `acts` by up to four browsers at once; in each the act happens `each` times."""
        cpu, start = server.cpu(), perf_counter()
        with ThreadPoolExecutor(BROWSERS) as pool:
            for done in [pool.submit(act) for act in acts]:
                done.result()
        number = len(acts) * each
        self.cpu.append(1000 * (server.cpu() - cpu) / number)
        self.rate.append(number / (perf_counter() - start))

    def show(self, base: Figure) -> None:
        """One line: beside each figure what is to be reached, and whether it is."""
        cpu, rate = self.ratio(base)
        sql = self.target(self.statements, self.most_statements, "≤ {}")
        by_cpu = self.target(cpu, self.most_cpu, "≤ {:.2f}")
        by_rate = self.target(rate, self.least_rate, "≥ {:.2f}", least=True)
        print(
            f"  {self.name:<44}{self.statements:>4}  {sql:<20}{median(self.cpu):>8.3f}{cpu:>8.3f}  {by_cpu:<22}"
            f"{median(self.rate):>8.1f}{rate:>8.3f}  {by_rate}".rstrip(),
            flush=True,
        )

    def ratio(self, base: Figure) -> tuple[float, float]:
        """CPU and acts per second beside `base`, round by round."""
        return (
            median(own / other for own, other in zip(self.cpu, base.cpu, strict=True)),
            median(own / other for own, other in zip(self.rate, base.rate, strict=True)),
        )

    def target(self, figure: float, limit: float | None, form: str, *, least: bool = False) -> str:
        """What is to be reached, and whether `figure` does."""
        if limit is None:
            return ""
        reached = figure >= limit if least else figure <= limit
        if not reached:
            missed.append(f"{self.name}: {form.format(limit)}")
        return f"{form.format(limit)} {'reached' if reached else 'NOT REACHED'}"


@dataclass
class Login:
    """One way into one project."""

    server: Server
    acts: Callable[[Server, int, int], Acts]
    figure: Figure


def passwords(server: Server, start: int, number: int) -> Acts:
    """A whole login of each of `number` people, from a fresh browser. A code counts once, so nobody comes twice."""
    people, walk = server.project.people[start : start + number], server.project.walk
    return [lambda person=person: walk.sign_in(server.visitor(), person) for person in people]


def passkeys(server: Server, start: int, number: int) -> Acts:
    """A passkey login of each."""
    people, walk = server.project.people[start : start + number], server.project.walk
    return [lambda person=person: walk.sign_in_with_passkey(server.visitor(), person) for person in people]


def pages(server: Server, cookies: dict[str, str]) -> Acts:
    """The same page, many times, by one signed-in person in one browser."""

    def one() -> None:
        visitor = server.visitor()
        visitor.cookies = dict(cookies)
        for _ in range(PAGES):
            visitor.open(server.project.walk.LANDING)

    return [one]


def logins(servers: list[Server], targets: dict[str, dict[str, float]]) -> list[Login]:
    """All ways into all projects; for ours, `targets` are the figures to be reached."""
    found = []
    for server in servers:
        project = server.project
        to_reach = targets if project.name == "m2v" else {"login": {}, "passkey": {}}
        way = "password" if project.name == "bare" else "password and code"
        figure = Figure(NAMES[project.name], way, project.statements["login"], **to_reach["login"])
        found.append(Login(server, passwords, figure))
        if project.has_passkeys:
            figure = Figure(NAMES[project.name], "passkey", project.statements["passkey"], **to_reach["passkey"])
            found.append(Login(server, passkeys, figure))
    return found


def measure_logins(ways: list[Login], rounds: int, number: int) -> None:
    """All in turns, the bare project's first."""
    for way in ways:
        Figure("", "", 0).measure(way.server, way.acts(way.server, 0, WARM_UP))
    for place in range(WARM_UP, WARM_UP + rounds * number, number):
        for way in ways:
            way.figure.measure(way.server, way.acts(way.server, place, number))
    for way in ways:
        way.figure.show(ways[0].figure)
    for server in {id(way.server): way.server for way in ways[1:]}.values():
        if not server.project.has_passkeys:
            print(
                f"  {NAMES[server.project.name] + ', passkey':<44}   –  a passkey signs nobody in: second factor only"
            )
    if WITH_PEERS:
        compare([way for way in ways if way.acts is passwords][1:])
        compare([way for way in ways if way.acts is passkeys])


def compare(ways: list[Login]) -> None:
    """Whether the first, ours, is below all others."""
    own, *others = (way.figure for way in ways)
    for what, cost in (("statements", lambda it: it.statements), ("CPU", lambda it: median(it.cpu))):
        below = [other.project for other in others if cost(other) <= cost(own)]
        print(f"  {own.name}, {what}: " + (f"NOT below {', '.join(below)}" if below else "below every peer"))


def measure_pages(servers: list[Server]) -> None:
    """A signed-in page as it is served."""
    figures = {
        server.port: Figure(NAMES[server.project.name], "", server.project.statements["page"]) for server in servers
    }
    cookies = {}
    for server in servers:
        if server.project.name == "m2v":
            figures[server.port].most_statements, figures[server.port].most_cpu = 2, 1.25
        visitor = server.visitor()
        server.project.walk.sign_in(visitor, server.project.people[-1])
        cookies[server.port] = visitor.cookies
        Figure("", "", 0).measure(server, pages(server, visitor.cookies) * BROWSERS, PAGES)
    for number in range(PAGE_ROUNDS):
        for server in servers if number % 2 else servers[::-1]:
            figures[server.port].measure(server, pages(server, cookies[server.port]), PAGES)
    for figure in figures.values():
        figure.show(figures[servers[0].port])


def measure_middleware(project: Project) -> None:
    """The same page of ours in one process, with the login's middleware and with Django's own in its place."""
    taken = told(project.python, project.environment, "tests.bench.page", TURNS, PAGES, given=project.people[-2])
    counted = project.statements["page"]
    figures = {
        "off": Figure("login middleware off", "", counted),
        "on": Figure("login middleware on", "", counted, 2, 1.01),
    }
    for name, figure in figures.items():
        figure.cpu, figure.rate = [1000 * cpu for cpu in taken[name]], [1 / cpu for cpu in taken[name]]
        figure.show(figures["off"])


def head(title: str) -> None:
    print(f"\n{title:<46}{'SQL':>4}{'':<22}{'CPU ms':>8}{'ratio':>8}{'':<24}{'per s':>8}{'ratio':>8}", flush=True)


@contextmanager
def serving(scratch: Path, hashing: str, number: int, python: Path) -> Iterator[list[Server]]:
    """All projects with this hasher and `number` people each, theirs by `python`; the bare one first, then ours."""
    projects = [filled(name, scratch / hashing, number, hashing) for name in ("bare", "m2v")]
    if WITH_PEERS:
        projects += [filled(name, scratch / hashing, number, hashing, python) for name in PEERS]
    with ExitStack() as stack:
        yield [stack.enter_context(served(project)) for project in projects]


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="m2v-bench-") as folder:
        scratch = Path(folder)
        python = installed(scratch / "peers") if WITH_PEERS else HERE
        with serving(scratch, "none", WARM_UP + ROUNDS * LOGINS + 2, python) as servers:
            head("A whole login, without the hash")
            cheap = {
                "login": {"most_statements": 18, "most_cpu": 2.8},
                "passkey": {"most_statements": 14, "most_cpu": 2.0},
            }
            measure_logins(logins(servers, cheap), ROUNDS, LOGINS)
            head("A signed-in page")
            measure_pages(servers)
            m2v = servers[1].project
        head("The same page, in one process")
        measure_middleware(m2v)
        number = WARM_UP + ROUNDS_WITH_HASH * LOGINS_WITH_HASH
        with serving(scratch, "argon2", number, python) as servers:
            head("A whole login, with Argon2id")
            hashed = {"login": {"least_rate": 0.95}, "passkey": {}}
            measure_logins(logins(servers, hashed), ROUNDS_WITH_HASH, LOGINS_WITH_HASH)
    if not lists.main():
        missed.append("pages of Administration")
    if not activity.main():
        missed.append("Activity page")
    if not bulk.main():
        missed.append("acts on many")
    if missed:
        sys.exit("Not reached: " + "; ".join(missed))


if __name__ == "__main__":
    main()
