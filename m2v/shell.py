"""The language of the shell, for what is read there while Django cannot translate yet: what is wrong with its settings."""

from __future__ import annotations

import re
from gettext import NullTranslations, bindtextdomain, textdomain, translation
from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand
from django.utils.translation import gettext_lazy, ngettext_lazy

from m2v.installed import LOCALES

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELLS_LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that says something counts (POSIX, 8.2)

# What Python's argparse says, from 3.12 to 3.14, to who calls a command: marked for the catalogues, in which it looks for them.
ARGPARSE = (
    gettext_lazy("usage: "),
    gettext_lazy("positional arguments"),
    gettext_lazy("options"),
    gettext_lazy("show this help message and exit"),
    gettext_lazy("%(prog)s: error: %(message)s\n"),
    gettext_lazy("argument %(argument_name)s: %(message)s"),
    gettext_lazy("the following arguments are required: %s"),
    gettext_lazy("one of the arguments %s is required"),
    gettext_lazy("not allowed with argument %s"),
    gettext_lazy("unrecognized arguments: %s"),
    gettext_lazy("ambiguous option: %(option)s could match %(matches)s"),
    gettext_lazy("ignored explicit argument %r"),
    gettext_lazy("expected one argument"),
    gettext_lazy("expected at most one argument"),
    gettext_lazy("expected at least one argument"),
    ngettext_lazy("expected %s argument", "expected %s arguments"),
    gettext_lazy("invalid %(type)s value: %(value)r"),
    gettext_lazy("invalid choice: %(value)r (choose from %(choices)s)"),
    gettext_lazy("invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)"),
)
# What Django says of these it says in English alone: elsewhere they are left out of what --help shows. They work.
DJANGOS_OPTIONS = {
    "--version",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",  # --skip-checks cannot be left out
}


def language_of(variables: Mapping[str, str]) -> str:
    """The site's language that a shell with these variables speaks: `de_DE.UTF-8` is German, what the site lacks English."""
    said = next(filter(None, (variables.get(name) for name in SHELLS_LANGUAGE)), "")
    spoken = re.split(r"[_.@]", said)[0].lower()
    return spoken if spoken in {folder.parent.name for folder in LOCALES.glob("*/LC_MESSAGES")} else "en"


class ShellsSentences:
    """Sentences in the language that `speak` was told, by Django's catalogues; until then in English, as the log is."""

    def __init__(self) -> None:
        self._catalogue = NullTranslations()

    def speak(self, language: str) -> None:
        """From now on; and so do argparse, whose gettext is Python's own, and each command's help."""
        self._catalogue = translation("django", LOCALES, [language], fallback=True)
        if language != "en":
            bindtextdomain("django", LOCALES)
            textdomain("django")
            BaseCommand.suppressed_base_arguments = DJANGOS_OPTIONS

    def __call__(self, sentence: str) -> str:
        return self._catalogue.gettext(sentence)


in_the_shells_words = ShellsSentences()
