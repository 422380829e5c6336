"""The one way from a name and a password to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from accounts import throttle
from accounts.models import User
from accounts.passwords import LONGEST_TYPED

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

    from accounts.models import UserQuerySet


WITH_COMPANY = User.objects.get_queryset().select_related("company")


class PasswordBackend(BaseBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: object
    ) -> User | None:
        """The active person with this user name or e-mail address and this password, else None.

        Unknown, inactive and password-less people cost one guess and one hash
        as everybody does (ASVS 6.3.8: nobody can be told apart by time).
        Raises Throttled, whether the password is right or wrong.
        """
        if username is None or password is None or "\x00" in password or len(password) > LONGEST_TYPED:
            return None
        person = self.people().named(username)
        nobodys = [throttle.name_lane(username), *throttle.address_lanes()]
        throttle.claim(*(nobodys if person is None else throttle.guess_lanes(person)))
        if person is None or not person.is_active or not person.has_usable_password():
            User().set_password(password)
            return None
        return person if person.check_password(password) else None

    def people(self) -> UserQuerySet:
        """Whom a name is looked up among."""
        return WITH_COMPANY

    def get_user(self, user_id: UUID | str) -> User | None:
        """The active person of a session, with their company: one statement."""
        try:
            person = WITH_COMPANY.get(pk=user_id)
        except User.DoesNotExist:
            return None
        return person if person.is_active else None
