"""The language of the shell, for what is read there while Django cannot translate yet: what is wrong with its settings."""

from __future__ import annotations

import re
from gettext import NullTranslations, translation
from typing import TYPE_CHECKING

from m2v.installed import LOCALES

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELLS_LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that says something counts (POSIX, 8.2)


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
        self._catalogue = translation("django", LOCALES, [language], fallback=True)

    def __call__(self, sentence: str) -> str:
        return self._catalogue.gettext(sentence)


in_the_shells_words = ShellsSentences()
