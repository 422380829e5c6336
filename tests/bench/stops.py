"""Follow a login by foot: which functions of ours are entered between the password and the portal. `python -m tests.bench.stops`.

A stop is a function of the product that the path enters; one that is entered again at once, as in a loop, is the same
stop. A return is a step into a file that the path had left before. The first line counts everything that these three
requests pass; the second the sign-in alone: `mfa/`, and how the floor knows people. `-v` lists the stops.
"""

from __future__ import annotations

import os
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import django

from tests.rooms import ROOMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = tuple(str(ROOT / app) + os.sep for app in ROOMS)

SIGN_IN = ("mfa/", "accounts/login.py", "accounts/backends.py")
PORTAL = ("m2v/views.py", "portal")

Stop = tuple[str, str]  # file and function


def stops_of(act: Callable[[], object]) -> list[Stop]:
    """The functions of ours that `act` enters, in order."""
    found: list[Stop] = []
    known: dict[CodeType, Stop | None] = {}

    def follow(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in known:
            ours = code.co_filename.startswith(PRODUCT) and code.co_name not in {"<genexpr>", "<lambda>", "<module>"}
            file = str(Path(code.co_filename).relative_to(ROOT)) if ours else ""
            known[code] = (file, code.co_qualname.replace(".<locals>", "")) if ours else None
        stop = known[code]
        if stop and (not found or found[-1] != stop):
            found.append(stop)

    sys.setprofile(follow)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


def returns_of(stops: list[Stop]) -> int:
    """How often the path comes back to a file that it had left."""
    files = [file for file, _function in stops]
    seen: set[str] = set()
    returns = 0
    for before, file in zip(["", *files], files, strict=False):
        returns += file != before and file in seen
        seen.add(file)
    return returns


def login() -> list[Stop]:
    """Password and code of somebody with an authenticator app, and the way to the portal's page."""
    from accounts.models import User
    from tests.people import PASSWORD, Person

    def go() -> None:
        person.enter_password()
        assert person.enter_code(code).headers["Location"] == "/"
        assert person.is_in

    for name in ("lee", "kim"):  # what happens only once in a process happens to the first
        person = Person(User.objects.create_user(name, email=f"{name}@acme.example", password=PASSWORD))
        person.set_up_app()
        code = person.code()
        stops = stops_of(go)
    return stops[: stops.index(PORTAL)]


def main() -> None:
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        stops = login()
    finally:
        connection.creation.destroy_test_db("", verbosity=0)
        teardown_test_environment()
    if "-v" in sys.argv:
        for file, function in stops:
            print(f"{file}: {function}")
    print("everything:", counted(stops))
    print("the sign-in:", counted(joined(stop for stop in stops if stop[0].startswith(SIGN_IN))))


def joined(stops: Iterable[Stop]) -> list[Stop]:
    """`stops`, those that follow one another at once as one."""
    return [stop for stop, _again in groupby(stops)]


def counted(stops: list[Stop]) -> str:
    files = {file for file, _function in stops}
    return f"{len(stops)} stops, {len(set(stops))} functions, {len(files)} files, {returns_of(stops)} returns"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    main()
