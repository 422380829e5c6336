"""The only way from a name and a password to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from accounts.models import User
from accounts.passwords import LONGEST_TYPED, is_short
from accounts.sessions.current import current_person
from accounts.throttle import budgets, lanes

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest


class AccountLocked(Exception):
    """The proof was right, but the account is locked until an administrator lets its person in again."""

    def __init__(self, person: User) -> None:
        super().__init__(person.pk)
        self.person = person


class PasswordBackend(BaseBackend):
    people = User.objects.get_queryset().select_related("company")  # everybody, with what a login needs to know of them

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: object
    ) -> User | None:
        """The active person with this user name or e-mail address and this password, else None.

        Unknown, inactive and password-less people cost one guess and one hash like everybody else, so that the time
        tells nobody apart (ASVS 6.3.8). Raises Throttled, whether the password is right or wrong; AccountLocked only
        if it is right, so that nobody else learns of the lock.
        """
        if username is None or password is None or "\x00" in password or len(password) > LONGEST_TYPED:
            return None
        person = self.named(username)
        nobodys = [lanes.name_lane(username), *lanes.address_lanes()]
        budgets.claim(*(nobodys if person is None else lanes.guess_lanes(person)))
        if person is None or not person.is_active or not person.has_usable_password():
            User().set_password(password)
            return None
        if not person.check_password(password):
            return None
        if person.is_shut_out:
            raise AccountLocked(person)
        if person.password_is_short is None:
            person.password_is_short = is_short(password)
            unknown = User.objects.filter(pk=person.pk, password=person.password, password_is_short=None)
            unknown.update(password_is_short=person.password_is_short)
        return person

    def named(self, name: str) -> User | None:
        """The one of `people` with this user name or e-mail address."""
        return self.people.named(name)

    def get_user(self, user_id: UUID | str) -> User | None:
        """The person a session belongs to, with their company, if their account is open.

        Of the acting session they were read together with it.
        """
        person = current_person(user_id)
        if person is None:
            person = next(iter(User.objects.select_related("company").filter(pk=user_id)), None)
        return None if person is None or person.is_shut_out else person
