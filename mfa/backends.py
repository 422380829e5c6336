"""People as a login needs them: with what they hold, in the statement that finds them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from accounts.backends import WITH_COMPANY, PasswordBackend
from mfa.queries import with_holdings

if TYPE_CHECKING:
    from accounts.models import UserQuerySet


@cache
def _people() -> UserQuerySet:
    return with_holdings(WITH_COMPANY)


class SignInBackend(PasswordBackend):
    def people(self) -> UserQuerySet:
        return _people()
