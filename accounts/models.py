"""People and their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.address_models import PendingAddress
from accounts.domains import shown_if_one
from accounts.hashers import salt_of
from accounts.key_models import KeyInUse, SigningKey
from accounts.mail_models import OwedMail
from accounts.passwords import LONGEST_TYPED, typed_alike
from accounts.permissions import OF_ROLE, Permission
from accounts.roles import Role, seen_roles, sees_everybody, serves_site
from accounts.rule_models import SiteRule
from accounts.sessions.models import Session
from accounts.text import (
    FoldedAddressField,
    FoldedField,
    PlainField,
    check_username,
    clean_address,
    composed,
    fold,
    fold_address,
    plain,
    trim,
)
from accounts.throttle.models import Budget
from audit.recording import in_the_shell, record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID


__all__ = ["Budget", "KeyInUse", "OwedMail", "PendingAddress", "Role", "Session", "SigningKey", "SiteRule", "User"]


def best_named(name: str, spelled: Callable[[str], Iterable[User]]) -> User | None:
    """Of those whose name or address is `spelled` as `name` is, folded, the one whose user name it is, else the other."""
    folded = fold_address(name)
    if not folded or "\x00" in folded:
        return None
    return min(spelled(folded), key=lambda user: user.username_folded != folded, default=None)


def language_spoken() -> str:
    """That of whoever is being answered: a person who is created is written to in it until they have signed in."""
    return get_language() or settings.LANGUAGE_CODE


PROFILE = ("username", "first_name", "last_name", "email", "language", "role", "company")


class UserQuerySet(models.QuerySet["User"]):
    def managed_by(self, actor: User) -> Self:
        """Those whom `actor` may see: of their scope, and of no higher role. Nobody else exists for `actor`.

        What may be done to them is in `accounts.permissions`; auditors see those above them too, and do nothing.
        """
        if not actor.opens_settings or actor.is_shut_out:
            return self.none()
        if sees_everybody(actor):
            return self
        if serves_site(actor):
            return self.filter(role__in=seen_roles(actor))
        if actor.company_id is not None:
            return self.filter(company_id=actor.company_id, role__in=seen_roles(actor))
        return self.none()

    def opening(self) -> Self:
        """Those whose account is open: neither deactivated nor locked."""
        return self.filter(is_active=True, locked_at=None)

    def named(self, name: str) -> User | None:
        """The one person with the user name or e-mail address `name`, in any case and Unicode form."""
        return best_named(name, self.spelled)

    def spelled(self, folded: str) -> Self:
        """Those whose user name or e-mail address, folded, is this."""
        return self.filter(Q(username_folded=folded) | Q(email_folded=folded))[:2]

    def search(self, words: str) -> Self:
        """Those in whose user name, name, e-mail address or company's name every one of `words` occurs."""
        found = self
        for word in (plain(shown_if_one(each)) for each in fold(words.replace("\x00", "")).split()[:8]):
            found = found.filter(Q(search_text__contains=word) | Q(company__name_plain__contains=word))
        return found


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model)

    def managed_by(self, actor: User) -> UserQuerySet:
        return self.get_queryset().managed_by(actor)

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: object) -> User:
        """A new user, saved. Without a password nobody can sign in as them until they choose one."""
        user = self.model(username=username.strip(), email=(email or "").strip(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: object) -> User:
        """A new administrator, for `createsuperuser`, with the line of the audit.

        The first person of all brings the rule for those who administer along (accounts.site_rule). Raises ValidationError for a name or an address that is taken, or is none.
        """
        username = composed(trim(username))
        check_username(username)
        address = clean_address(email) if trim(email or "") else ""
        if any(self.get_queryset().named(name) for name in (username, address)):
            raise ValidationError(_("This user name or e-mail address is taken. Choose another one."))
        person = self.model(**{"role": Role.ADMINISTRATOR, "username": username, "email": address, **fields})
        person.set_password(password)
        with in_the_shell(), transaction.atomic():
            is_first = not self.get_queryset().exists()
            person.save()
            person.record_creation(actor=None)
            if is_first:
                SiteRule.objects.update_or_create(defaults={"factor_demanded": True, "changed_at": timezone.now()})
                record(Action.SITE_RULE_ENABLED, actor=None, changes={"factor_demanded": [False, True]})
        return person


class User(AbstractBaseUser):
    """A person who signs in.

    `two_factor_enabled` is the person's own switch; what they have set up is in `mfa`. Raising `session_epoch` ends
    all sessions, which are signed with it. While `locked_at` is set, no factor, link or session opens the account;
    `locked_by` is None if the person said "This wasn’t me". Of somebody erased there is a pseudonym, and no act is
    about them any more (companies.erasing).
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    username = models.CharField(_("user name"), max_length=150)
    username_folded = FoldedField("username")
    email = models.EmailField(_("e-mail"), blank=True)
    email_folded = FoldedAddressField("email")
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    search_text = PlainField("first_name", "last_name", "username", "email")
    company = models.ForeignKey(
        "companies.Company", models.PROTECT, null=True, blank=True, related_name="users", verbose_name=_("company")
    )
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.MEMBER)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")  # "": as the browser says
    browser_language = models.CharField(max_length=10, null=True, default=language_spoken, editable=False)  # noqa: DJ001  # None: of before it was kept
    is_active = models.BooleanField(_("active"), default=True)
    password_is_short = models.BooleanField(null=True, default=False, editable=False)  # None: seen when it is typed
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_login = None  # Django would write it at the first factor
    last_sign_in_at = models.DateTimeField(null=True, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    locked_at = models.DateTimeField(null=True, editable=False)
    locked_by = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="+")
    erased_at = models.DateTimeField(null=True, editable=False)

    two_factor_enabled = models.BooleanField(default=False)
    two_factor_changed_at = models.DateTimeField(null=True, editable=False)
    two_factor_changed_by = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="+")

    objects: ClassVar[UserManager] = UserManager()

    company_id: UUID | None

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["username_folded"],
                name="one_user_a_name",
                violation_error_message=_("This user name is taken. Choose another one."),
            ),
            models.UniqueConstraint(
                fields=["email_folded"],
                condition=~Q(email_folded=""),
                name="one_user_an_address",
                violation_error_message=_("This e-mail address belongs to another account. Enter a different one."),
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        )
        indexes = (
            models.Index(fields=["company", "username_folded"], name="users_of_a_company"),
            models.Index(fields=["-last_sign_in_at"], name="users_by_last_sign_in"),
        )

    def set_password(self, raw_password: str | None) -> None:
        """Store the hash of the password in NFC. Raises ValueError if it is too long to be one."""
        if raw_password is not None and len(raw_password) > LONGEST_TYPED:
            raise ValueError("A password is never this long.")
        super().set_password(None if raw_password is None else typed_alike(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Is this the password, whichever keyboard it was typed on? Anything too long is wrong without being hashed."""
        if raw_password is None or len(raw_password) > LONGEST_TYPED:
            return False
        return check_password(typed_alike(raw_password), self.password, self._renew_hash)

    def _renew_hash(self, typed: str) -> None:
        """Hash the same password again with today's settings. The salt stays, and with it all sessions."""
        old = self.password
        self.password = make_password(typed, salt=identify_hasher(old).decode(old)["salt"])
        # Whoever set another one meanwhile is right.
        User.objects.filter(pk=self.pk, password=old).update(password=self.password)

    def record_creation(self, *, actor: User | None) -> None:
        """Record that this person was created, with every field of their profile."""
        began = type(self).objects.get_queryset().filter(pk=self.pk).values(*PROFILE).get()
        changes = {field: ["", str(value or "")] for field, value in began.items()}
        record(Action.USER_CREATED, actor=actor, subject=self, role=self.role, changes=changes)

    def get_full_name(self) -> str:
        """First and last name, or the user name where none is on record."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    def get_short_name(self) -> str:
        """How sentences name this person."""
        return self.first_name or self.get_full_name()

    @property
    def mail_language(self) -> str:
        """What mails to them are written in: their choice, or what their browser spoke at the last sign-in."""
        return self.language or self.browser_language or settings.LANGUAGE_CODE

    @property
    def is_shut_out(self) -> bool:
        """Is the account deactivated or locked?"""
        return not self.is_active or self.locked_at is not None

    @property
    def opens_settings(self) -> bool:
        """May this person open the Settings app?"""
        return Permission.LOOK in self.permissions

    @property
    def permissions(self) -> frozenset[Permission]:
        """What this person may do to those whom they see."""
        return OF_ROLE.get(self.role, frozenset())

    @property
    def serves_site(self) -> bool:
        """Is their scope the whole site, rather than one company?"""
        return serves_site(self)

    @property
    def sees_everybody(self) -> bool:
        """Do they see all people of the site, administrators included?"""
        return sees_everybody(self)

    @property
    def required_by_company(self) -> bool:
        return self.company is not None and self.company.two_factor_enabled

    @property
    def two_factor_required(self) -> bool:
        """Must this person use 2FA, because their own switch or their company's is on?"""
        return self.two_factor_enabled or self.required_by_company

    @property
    def pass_demanded_by_company(self) -> bool:
        """Does a first set-up need an access pass, because the company says so?"""
        return self.company is not None and self.company.pass_demanded

    def get_session_auth_hash(self) -> str:
        """What a session is tied to: the password, by its salt, and the epoch."""
        return self._signed(salt_of(self.password))

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """What sessions were tied to: under earlier keys, and by the whole hash in place of its salt."""
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._signed(salt_of(self.password), secret)
        yield self._signed(self.password)
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._signed(self.password, secret)

    def _signed(self, of_password: str, secret: str | None = None) -> str:
        seen = f"{of_password}:{self.session_epoch}"
        return salted_hmac("accounts.User.session", seen, secret=secret, algorithm="sha256").hexdigest()
