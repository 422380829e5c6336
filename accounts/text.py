"""Text as people type it, made comparable; and as sentences say it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from accounts.models import User


# Without "@", a user name is never mistaken for an e-mail address.
USERNAME = RegexValidator(
    r"^[\w.+-]+\Z", _lazy("A user name has letters, digits, dots, hyphens and underscores, and no spaces.")
)


def fold(text: str) -> str:
    """`text` without case, Unicode form and outer space: what two spellings of one name share.

    NFKC before and after the case folding, which can undo the first
    (Unicode 16, section 3.13.5, "NFKC_Casefold" without its removals).
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())


def one_named(name: str, spelled: Callable[[str], Iterable[User]]) -> User | None:
    """The one, of those whose user name or e-mail address is `spelled` so, whom `name` means."""
    folded = fold(name)
    if not folded or "\x00" in folded:
        return None
    return min(spelled(folded), key=lambda user: user.username_folded != folded, default=None)


def methods_in_words(methods: list[str]) -> str:
    """How somebody signed in: "a password and a code", "a passkey"."""
    words = {
        "password": _("a password"),
        "totp": _("a code"),
        "recovery": _("a recovery code"),
        "passkey": _("a passkey"),
    }
    known = [words[method] for method in methods if method in words]
    return _("{first} and {last}").format(first=", ".join(known[:-1]), last=known[-1]) if known[1:] else "".join(known)


def plain(text: str) -> str:
    """`text` folded and without accents: "Ünsal" and "unsal" are one word."""
    apart = unicodedata.normalize("NFKD", fold(text))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


class FoldedField(models.TextField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A column that holds the folded text of other fields, a line each, at every save.

    The database compares and searches it: SQLite folds ASCII letters only.
    """

    def __init__(self, *sources: str, **options: object) -> None:
        self.sources = sources
        super().__init__(**{"editable": False, "default": "", **options})  # type: ignore[arg-type]  # of many kinds

    def deconstruct(self) -> tuple[str, str, list[object], dict[str, object]]:
        name, path, _sources, options = super().deconstruct()
        return name, path, list(self.sources), options

    def pre_save(self, instance: models.Model, add: bool) -> str:  # noqa: FBT001  # Django's signature
        folded = "\n".join(filter(None, (fold(getattr(instance, source) or "") for source in self.sources)))
        setattr(instance, self.attname, folded)
        return folded
