"""People as a login needs them: with what they hold, in the statement that finds them."""

from __future__ import annotations

from accounts.backends import WITH_COMPANY, PasswordBackend
from accounts.statements import Lookup, given
from mfa.queries import with_holdings


class SignInBackend(PasswordBackend):
    by_name = Lookup(lambda: with_holdings(WITH_COMPANY).spelled(given("name")))
