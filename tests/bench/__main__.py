"""`make bench`: a whole login, a passkey login and a signed-in page, ours and a bare Django project's, in one run.

Both are served by granian with two workers of four threads on the loopback
address, ours as `make run` does, the bare one over WSGI, from scratch folders, on SQLite, with the same hasher. A whole login is what a
browser does: the sign-in page, its form, for us the code's page and its form,
and the page behind. Four browsers do so in rounds that take turns, so that
another load on the machine hits all alike; each figure is the median of the
rounds. What the login's middleware adds to a page is measured in one process,
without a server: one percent counts there (tests.bench.page).
It ends by itself, in about two minutes; with BENCH_SHORT=1 within one.
"""

from __future__ import annotations

import os
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.authenticator import Credential
from tests.bench import bare
from tests.bench.serve import Project, Server, filled, served, told

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = bool(os.environ.get("BENCH_SHORT"))
BROWSERS = 4
ROUNDS, LOGINS = (4, 20) if SHORT else (10, 40)
ROUNDS_WITH_HASH, LOGINS_WITH_HASH = (2, 8) if SHORT else (4, 12)
PAGE_ROUNDS, PAGES = (10, 60) if SHORT else (40, 60)
TURNS = 20 if SHORT else 80
WARM_UP = 40


@dataclass
class Figure:
    """What one act costs: server CPU in milliseconds and acts per second, of each round."""

    name: str
    statements: int
    most_statements: int | None = None
    most_cpu: float | None = None
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    def measure(self, server: Server, acts: list[Callable[[], None]], each: int = 1) -> None:
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
        ratio = median(own / other for own, other in zip(self.cpu, base.cpu, strict=True))
        sql = to_reach(self.statements, self.most_statements, "")
        print(
            f"  {self.name:<36}{self.statements:>4}  {sql:<20}{median(self.cpu):>8.3f}{ratio:>8.3f}  "
            f"{to_reach(ratio, self.most_cpu, '.2f'):<22}{median(self.rate):>8.1f}",
            flush=True,
        )


def to_reach(figure: float, most: float | None, form: str) -> str:
    """Whether `figure` is small enough."""
    return "" if most is None else f"≤ {most:{form}} {'reached' if figure <= most else 'NOT REACHED'}"


def credential_of(person: dict[str, str]) -> Credential:
    """The person's passkey."""
    key = load_der_private_key(b64decode(person["private"]), None)
    return Credential("localhost", bytes.fromhex(person["handle"]), bytes.fromhex(person["credential"]), key)


def logins(server: Server, start: int, number: int) -> list[Callable[[], None]]:
    """A whole login of each of `number` people, from a fresh browser. A code counts once, so nobody comes twice."""
    people = server.project.people[start : start + number]
    return [lambda person=person: server.visitor().sign_in(person) for person in people]


def passkeys(server: Server, start: int, number: int) -> list[Callable[[], None]]:
    """A passkey login of each."""
    people = server.project.people[start : start + number]
    return [
        lambda person=person: server.visitor().sign_in_with_passkey(person, credential_of(person)) for person in people
    ]


def pages(server: Server, cookies: dict[str, str]) -> list[Callable[[], None]]:
    """The same page, many times, by one signed-in person in one browser."""

    def one() -> None:
        visitor = server.visitor()
        visitor.cookies = dict(cookies)
        for _ in range(PAGES):
            visitor.page()

    return [one]


def measure_logins(theirs: Server, ours: Server, rounds: int, number: int, *, targets: bool) -> None:
    """Theirs, ours and ours with a passkey, in turns."""
    counted = ours.project.statements
    base = Figure("bare Django, password", theirs.project.statements["login"])
    code = Figure("m2v, password and code", counted["login"], 18, 2.8 if targets else None)
    passkey = Figure("m2v, passkey", counted["passkey"], 14, 2.0 if targets else None)
    for server in (theirs, ours):
        Figure("", 0).measure(server, logins(server, 0, WARM_UP))
    Figure("", 0).measure(ours, passkeys(ours, 0, WARM_UP))
    for place in range(WARM_UP, WARM_UP + rounds * number, number):
        base.measure(theirs, logins(theirs, place, number))
        code.measure(ours, logins(ours, place, number))
        passkey.measure(ours, passkeys(ours, place, number))
    for figure in (base, code, passkey):
        figure.show(base)


def measure_pages(theirs: Server, ours: Server) -> None:
    """A signed-in page as it is served, theirs and ours."""
    turns = [
        (Figure("bare Django", theirs.project.statements["page"]), theirs),
        (Figure("m2v", ours.project.statements["page"], 2, 1.25), ours),
    ]
    cookies = {}
    for _, server in turns:
        visitor = server.visitor()
        visitor.sign_in(server.project.people[-1])
        cookies[server.port] = visitor.cookies
        Figure("", 0).measure(server, pages(server, visitor.cookies) * BROWSERS, PAGES)
    for number in range(PAGE_ROUNDS):
        for figure, server in turns if number % 2 else turns[::-1]:
            figure.measure(server, pages(server, cookies[server.port]), PAGES)
    for figure, _ in turns:
        figure.show(turns[0][0])


def measure_middleware(project: Project) -> None:
    """The same page of ours in one process, with the login's middleware and with Django's own in its place."""
    taken = told(project.environment, "tests.bench.page", TURNS, PAGES, given=project.people[-2])
    counted = project.statements["page"]
    figures = {"off": Figure("login middleware off", counted), "on": Figure("login middleware on", counted, 2, 1.01)}
    for name, figure in figures.items():
        figure.cpu, figure.rate = [1000 * cpu for cpu in taken[name]], [1 / cpu for cpu in taken[name]]
        figure.show(figures["off"])


def head(title: str) -> None:
    print(f"\n{title:<38}{'SQL':>4}{'':<22}{'CPU ms':>8}{'ratio':>8}{'':<24}{'per s':>8}", flush=True)


def projects(scratch: Path, hashing: str, number: int) -> tuple[Project, Project]:
    """Theirs and ours, with this hasher and `number` people each."""
    folder = scratch / hashing
    bare.make(folder)
    return (
        filled("bare.settings", folder / "theirs", number, BENCH_HASH=hashing),
        filled("tests.bench.settings", folder / "ours", number, BENCH_HASH=hashing),
    )


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="m2v-bench-") as scratch:
        with ExitStack() as stack:
            bare_django, m2v = projects(Path(scratch), "none", WARM_UP + ROUNDS * LOGINS + 2)
            theirs, ours = (stack.enter_context(served(project)) for project in (bare_django, m2v))
            head("A whole login, without the hash")
            measure_logins(theirs, ours, ROUNDS, LOGINS, targets=True)
            head("A signed-in page")
            measure_pages(theirs, ours)
        head("The same page, in one process")
        measure_middleware(m2v)
        with ExitStack() as stack:
            both = projects(Path(scratch), "argon2", WARM_UP + ROUNDS_WITH_HASH * LOGINS_WITH_HASH)
            theirs, ours = (stack.enter_context(served(project)) for project in both)
            head("A whole login, with Argon2id")
            measure_logins(theirs, ours, ROUNDS_WITH_HASH, LOGINS_WITH_HASH, targets=False)


if __name__ == "__main__":
    main()
