"""People as a login needs them: with what they hold, in the statement that finds them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from accounts.backends import PasswordBackend
from accounts.models import best_named
from audit.prepared import Prepared
from mfa.queries import held, with_holdings

if TYPE_CHECKING:
    from accounts.models import User, UserQuerySet


class SignInBackend(PasswordBackend):
    people = with_holdings(PasswordBackend.people)

    def named(self, name: str) -> User | None:
        return best_named(name, _spelled(self.people).ask)


@cache
def _spelled(people: UserQuerySet) -> Prepared[User]:
    return Prepared(people.spelled, "company", more=held())
