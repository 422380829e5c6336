"""The program: Django's command line under the site's settings. `m2v` where the package is installed, `manage.py` in a clone."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.utils import translation

from m2v.logs import take_over

if TYPE_CHECKING:
    from collections.abc import Mapping


SERVING = {"serve", "work", "worker", "metrics"}  # what they say is for the log, which is in one language
# Linux then gives large pages to the 100 MB of a password's hash, and a hash takes a third less time. glibc (2.35 and
# later) reads this when a process begins, and workers are forks of the server: so it is said before the server begins.
LARGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
SHELLS_LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that says something counts (POSIX, 8.2)


def language_of(variables: Mapping[str, str]) -> str:
    """The site's language that a shell with these variables speaks: `de_DE.UTF-8` is German, what the site lacks English."""
    said = next(filter(None, (variables.get(name) for name in SHELLS_LANGUAGE)), "")
    spoken = re.split(r"[_.@]", said)[0].lower()
    return spoken if spoken in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def begin_with_large_pages() -> None:
    """Begin this process anew with LARGE_PAGES, unless its variable says something already: that stays."""
    name, said = LARGE_PAGES
    if name not in os.environ:
        os.execve(sys.executable, sys.orig_argv, os.environ | {name: said})  # noqa: S606  # as it was called


def main() -> None:
    """Do what the arguments say. Settings that are wrong are one sentence, or a line of the server's log."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    sys.argv[1:2] = [word.replace("-", "_") if word[:1] != "-" else word for word in sys.argv[1:2]]  # init-admin
    serves = "serve" in sys.argv[1:2]
    if serves:
        begin_with_large_pages()
        take_over()
    try:
        if not SERVING.intersection(sys.argv[1:2]):
            django.setup()
            translation.activate(language_of(os.environ))
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as trouble:
        if serves:  # whose log it belongs into
            raise
        sys.exit(f"m2v MFA is not set up right. {trouble}")
