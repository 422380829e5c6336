"""People as a login needs them: with what they hold, in the statement that finds them."""

from __future__ import annotations

from accounts.backends import PasswordBackend
from mfa.queries import with_holdings


class SignInBackend(PasswordBackend):
    people = with_holdings(PasswordBackend.people)
