"""The ways to prove who one is beyond the password: a folder for each, with the same names in all of them.

`HELD`, `with_held`     what somebody holds of it, read with the person
`enrol`                 make it theirs
`looks_like_one`        is this typed text one of it? (methods that are typed)
`verify`                use it up, or raise NotProved
`disable`, `remove`     take it out of use, and away
`why_not`               what helps where it proved nothing

`ENTRY`                 what it is called, its icon, and what a proof by it is worth

`mfa.apps` hands `TABLE` down to `audit.methods`: whoever tells of methods (the audit's sentences, mails, "Where you are
signed in") reads it there, and nobody else names a method. One module for each third party; exceptions in our words
leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext_lazy as _

from audit.methods import Entry
from mfa.methods import access_pass, passkeys, recovery_codes, totp
from mfa.policy import Method

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from accounts.models import User
    from audit.vocabulary import Action
    from mfa.methods.errors import NotProved


class Factor(Protocol):
    """What people hold beyond the password."""

    @property
    def ENTRY(self) -> Entry: ...  # noqa: N802  # a constant of the folder

    @property
    def HELD(self) -> tuple[str, ...]: ...  # noqa: N802  # a constant of the folder

    def with_held[Rows: QuerySet[Any]](self, rows: Rows, to: str) -> Rows: ...


class Typed(Factor, Protocol):
    """One that is typed in."""

    def looks_like_one(self, typed: str) -> bool: ...
    def verify(self, person: User, held: Any, typed: str) -> None: ...
    def disable(self, person: User) -> Action | None: ...
    def why_not(self, trouble: NotProved) -> _StrOrPromise: ...


TYPED: dict[str, Typed] = {
    Method.TOTP: totp,
    Method.RECOVERY: recovery_codes,
    Method.ACCESS_PASS: access_pass,
}
FACTORS: dict[str, Factor] = {**TYPED, Method.PASSKEY: passkeys}
TABLE: dict[str, Entry] = {
    Method.PASSWORD: Entry(_("a password"), "key", guessed=True, beyond_password=False),
    **{name: method.ENTRY for name, method in FACTORS.items()},
}


def typed_as(text: str) -> str:
    """The method that `text` can only be meant for; "" where it is none."""
    return next((name for name, method in TYPED.items() if method.looks_like_one(text)), "")
