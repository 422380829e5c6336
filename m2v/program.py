"""The program: Django's command line under the site's settings. `m2v` where the package is installed, `manage.py` in a clone."""

from __future__ import annotations

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.away import is_away
from m2v import __version__
from m2v.logs import take_over
from m2v.shell import in_the_shells_words, language_of

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
    """Do what the arguments say. Settings that are wrong, and a database that is away, are one sentence, or a line of the
    server's log.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    if sys.argv[1:] in (["--version"], ["version"]):
        print(__version__)  # Django would say its own
        return
    sys.argv[1:2] = [word.replace("-", "_") if word[:1] != "-" else word for word in sys.argv[1:2]]  # init-admin
    serves = not SERVING.isdisjoint(sys.argv[1:2])
    if "serve" in sys.argv[1:2]:
        begin_with_large_pages()
    if serves:
        take_over()
    try:
        if not serves or {"-h", "--help"}.intersection(sys.argv):
            language = language_of(os.environ)
            in_the_shells_words.speak(language)  # what is wrong with the settings
            django.setup()
            translation.activate(language)
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as trouble:
        if serves:  # whose log it belongs into
            raise
        sys.exit(in_the_shells_words("m2v MFA is not set up right. {why}").format(why=trouble))
    except (DatabaseError, InterfaceError) as trouble:
        if serves or not is_away(trouble):
            raise
        sys.exit(_("The database cannot be used now: {why}").format(why=str(trouble).strip()))
