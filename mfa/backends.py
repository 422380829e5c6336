"""People as a login needs them: with what they hold, in the statement that finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.backends import PasswordBackend
from mfa.queries import with_holdings

if TYPE_CHECKING:
    from accounts.models import UserQuerySet


class SignInBackend(PasswordBackend):
    def people(self) -> UserQuerySet:
        return with_holdings(super().people())
