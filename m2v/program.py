"""The program: Django's command line under the site's settings. `m2v` where the package is installed, `manage.py` in a clone."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError, connection
from django.utils import translation

from accounts.away import is_away
from m2v import __version__
from m2v.logs import take_over
from m2v.shell import in_the_shells_words as _
from m2v.shell import language_of
from m2v.tables import lacks_something, missing_migrations, place_of_database, where_it_is

HELP = {"-h", "--help"}
STOPPED = 130  # as a shell says of what Ctrl-C ended
SERVING = {"serve", "work", "worker", "metrics"}  # what they say is for the log, which is in one language
# Linux then gives large pages to the 100 MB of a password's hash, and a hash takes a third less time. glibc (2.35 and
# later) reads this when a process begins, and workers are forks of the server: so it is said before the server begins.
LARGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")


def begin_with_large_pages() -> None:
    """Begin this process anew with LARGE_PAGES, unless its variable says something already: that stays."""
    name, said = LARGE_PAGES
    if name not in os.environ:
        os.execve(sys.executable, sys.orig_argv, os.environ | {name: said})  # noqa: S606  # as it was called


def main() -> None:
    """Do what the arguments say. What is wrong outside the program is a sentence, or a line of the server's log."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    if "--version" in sys.argv or sys.argv[1:] == ["version"]:
        print(__version__)  # Django would say its own
        return
    sys.argv[1:2] = [word.replace("-", "_") if word[:1] != "-" else word for word in sys.argv[1:2]]  # init-admin
    serves = not SERVING.isdisjoint(sys.argv[1:2])
    if "serve" in sys.argv[1:2]:
        begin_with_large_pages()
    if serves:
        take_over()
    try:
        _do(for_the_log=serves and not HELP.intersection(sys.argv))
    except (ImproperlyConfigured, DatabaseError, InterfaceError, OSError, EOFError, KeyboardInterrupt) as trouble:
        if serves or "--traceback" in sys.argv or (ending := how_to_end(trouble)) is None:
            raise
        sys.exit(ending)


def _do(*, for_the_log: bool) -> None:
    if not for_the_log:
        language = language_of(os.environ)
        _.speak(language)  # what is wrong with the settings
        if isinstance(sys.stdout, TextIOWrapper):  # a terminal may lack a letter of ours, or of somebody's name
            sys.stdout.reconfigure(errors="backslashreplace")
        django.setup()
        translation.activate(language)
    execute_from_command_line(sys.argv)
    sys.stdout.flush()  # what cannot be written is said here, and not by Python at its end


def how_to_end(trouble: BaseException) -> str | int | None:
    """What is said of `trouble`, or the exit code where nothing is; None of what is a mistake of ours."""
    if isinstance(trouble, ImproperlyConfigured):
        return _("m2v MFA is not set up right. {why}").format(why=trouble)
    if isinstance(trouble, DatabaseError | InterfaceError):
        return _said_of_database(trouble)
    if isinstance(trouble, KeyboardInterrupt):
        return STOPPED
    if isinstance(trouble, EOFError):
        return f"\n{_('Nothing was entered: this is asked at a terminal.')}"
    if isinstance(trouble, BrokenPipeError):  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    why = ": ".join(str(part) for part in (getattr(trouble, "strerror", None) or trouble, *_file_of(trouble)))
    return _("This cannot be done: {why}").format(why=why)


def _file_of(trouble: BaseException) -> list[object]:
    file = getattr(trouble, "filename", None)
    return [file] if file else []


def _said_of_database(trouble: DatabaseError | InterfaceError) -> str | None:
    try:
        if lacks_something(trouble) and missing_migrations():
            return f"{_('The database is not of this version. Run `m2v upgrade`.')} {where_it_is()}"
    except (DatabaseError, InterfaceError):  # it is away
        pass
    if not is_away(trouble):
        return None
    said = _("The database cannot be used now: {why}").format(why=str(trouble).strip())
    return f"{said} ({place_of_database()})" if connection.vendor == "sqlite" else said
