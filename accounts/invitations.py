"""Links by which people choose their own password: invitations and resets. Each works once, and for its own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.urls import resolve, reverse
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, int_to_base36, urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.authorization import hold
from accounts.clock import APART, is_ahead
from accounts.models import User
from accounts.owed import Draft, owe
from accounts.people import ChangedMeanwhile
from accounts.permissions import Permission
from accounts.text import AT, fold, fold_address, spoken
from accounts.throttle import budgets, lanes
from audit import recording
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

RESET_SECONDS = 3600
INVITATION_MAIL = ("mail/invitation.txt", "mail/invitation.html")
RESET_MAIL = ("mail/password-reset.txt", "mail/password-reset.html")
YEAR_2001 = 978_307_200  # where tokens count their seconds from


class LinkTokens:
    """The tokens of our links, each good for as long as it `lasts` from when it was made, which is not in the future.

    Like Django's own (PasswordResetTokenGenerator), they are derived from the account, so that another password or
    address ends them. A session keeps only a digest of the token it opened, which Django's cannot be checked against.
    """

    key_salt: str
    lasts: Callable[[], timedelta]

    def make_token(self, user: User) -> str:
        """A token for `user`, made now."""
        return self._token(user, int(time()) - YEAR_2001, settings.SECRET_KEY)

    def check_token(self, user: User, token: str) -> bool:
        """Was `token` made for `user` as they are now, and recently enough?"""
        return any(constant_time_compare(own, token) for own in self._tokens(user, token))

    def trace(self, token: str) -> str:
        """What a session keeps of `token`."""
        return (
            f"{token.partition('-')[0]}-{salted_hmac(f'{self.key_salt}.trace', token, algorithm='sha256').hexdigest()}"
        )

    def knows(self, user: User, trace: str) -> bool:
        """Does `trace` belong to a token that `user` could still open?"""
        return any(constant_time_compare(self.trace(own), trace) for own in self._tokens(user, trace))

    def _tokens(self, user: User, claimed: str) -> Iterator[str]:
        """The tokens, one per key, for `user` at the time that `claimed` begins with; none if that is too old or in
        the future."""
        try:
            made = base36_to_int(claimed.partition("-")[0])
        except ValueError:
            return
        if -APART <= int(time()) - YEAR_2001 - made <= self.lasts().total_seconds():
            for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
                yield self._token(user, made, secret)

    def _token(self, user: User, made: int, secret: str) -> str:
        of = f"{user.pk}{user.password}{made}{user.email}"
        return f"{int_to_base36(made)}-{salted_hmac(self.key_salt, of, secret=secret, algorithm='sha256').hexdigest()[::2]}"


def _invitations_last() -> timedelta:
    return timedelta(days=settings.INVITATION_DAYS)


class InvitationTokens(LinkTokens):
    """Good for INVITATION_DAYS, and until the password is chosen, another invitation is sent or this one is withdrawn."""

    key_salt = "accounts.invitation"
    lasts = staticmethod(_invitations_last)


class ResetTokens(LinkTokens):
    """Good for one hour, and until the password or the e-mail address changes."""

    key_salt = "accounts.password-reset"
    lasts = staticmethod(lambda: timedelta(seconds=RESET_SECONDS))


invitation_tokens = InvitationTokens()
reset_tokens = ResetTokens()


# --- Invitation ---


@transaction.atomic
def invite(person: User, *, actor: User) -> str:
    """Invite `person`, who has no password yet, by mail if they have an address; the link. Earlier ones end.

    Raises ChangedMeanwhile if they have just chosen one, or were shut out.
    """
    hold(person, actor=actor, needs=Permission.INVITE)
    link = _make_invitation(person, actor)
    if person.email:
        ends = timezone.now() + _invitations_last()
        owe([_invitation(person, actor, link)], cause=actor.pk, about="invitation", expires_at=ends)
    return link


def invite_all(invited: Iterable[User], *, actor: User) -> None:
    """The same for each of many who have an address, within the caller's transaction."""
    links = []
    for person in invited:
        hold(person, actor=actor, needs=Permission.INVITE)
        links.append((person, _make_invitation(person, actor)))
    drafts = (_invitation(person, actor, link) for person, link in links)
    ends = timezone.now() + _invitations_last()
    owe(drafts, cause=f"many {actor.pk}", about="invitation", expires_at=ends)


def link_to_hand_over(person: User) -> str:
    """A link for `person`, who has no password yet, for whoever is on the server's command line to hand over."""
    return _make_invitation(person, None)


def _make_invitation(person: User, actor: User | None) -> str:
    _void_links(person)
    link = _link("invitation", person, invitation_tokens)
    record(Action.USER_INVITED, actor=actor, subject=person)
    return link


@transaction.atomic
def withdraw(person: User, *, actor: User) -> None:
    """End the invitation of `person`, who has no password yet. Raises ChangedMeanwhile if they have just chosen one."""
    hold(person, actor=actor, needs=Permission.INVITE)
    _void_links(person)
    record(Action.INVITATION_WITHDRAWN, actor=actor, subject=person)


def _void_links(person: User) -> None:
    """End the links of `person`: give them another unusable password, from which no earlier link follows."""
    void = make_password(None)
    as_read = User.objects.get_queryset().opening().filter(pk=person.pk, password=person.password)
    if not as_read.update(password=void):
        raise ChangedMeanwhile
    person.password = void


@dataclass(frozen=True)
class Invited:
    """How somebody's last invitation stands, which they have not used."""

    at: datetime
    withdrawn: bool
    changed: bool  # address, role, company or access were, and the link died

    @property
    def until(self) -> datetime:
        return self.at + _invitations_last()

    @property
    def expired(self) -> bool:
        return timezone.now() > self.until

    @property
    def ahead(self) -> bool:
        """Was it sent while the server's clock ran ahead? The link does not work, and a new one does."""
        return is_ahead(self.at.timestamp())

    @property
    def works(self) -> bool:
        """Can the link still be used?"""
        return not (self.withdrawn or self.changed or self.expired or self.ahead)


def invited(person: User) -> Invited | None:
    """How `person`'s last invitation stands; None if there was none, or a password was chosen."""
    if person.has_usable_password():
        return None
    changed = Q(action=Action.USER_CHANGED, details__changes__has_any_keys=("email", "role", "company"))
    changed |= Q(action=Action.USER_DEACTIVATED)
    ends = Q(action__in=(Action.INVITATION_WITHDRAWN, Action.REPORTED_NOT_ME)) | changed
    lines = AuditEvent.objects.filter(Q(action=Action.USER_INVITED) | ends, subject=person).order_by("-pk")
    since: set[str] = set()
    for line in lines:
        if line.action == Action.USER_INVITED:
            withdrawn = Action.INVITATION_WITHDRAWN in since
            return Invited(line.at, withdrawn, changed=bool(since - {Action.INVITATION_WITHDRAWN}))
        if line.action == Action.REPORTED_NOT_ME:  # that was the end of a password
            return None
        since.add(line.action)
    return None


def can_choose_password(person: User) -> bool:
    """Does the link of an invitation that was sent to `person` still work?"""
    last = invited(person)
    return last is not None and last.works


def _invitation(person: User, actor: User, link: str) -> Draft:
    with translation.override(person.mail_language):
        return _draft(person, actor, _("Your m2v account"), INVITATION_MAIL, link)


# --- Reset ---


def send_reset(name: str) -> None:
    """Send whoever has this user name or address, in any spelling, and has a password, a link to choose another one.

    Three are free, then the waits grow; earlier links still work.
    """
    named = Q(email_folded=fold_address(name)) if "@" in name.translate(AT) else Q(username_folded=fold(name))
    for person in User.objects.get_queryset().opening().filter(named).exclude(email_folded=""):
        if person.has_usable_password() and _may_be_written_to(person):
            with transaction.atomic():
                record(Action.PASSWORD_RESET_REQUESTED, actor=None, subject=person)
                _owe_reset(person)


@transaction.atomic
def start_reset(person: User, *, actor: User) -> None:
    """Send `person`, who has a password and an address, such a link at `actor`'s wish. Nothing else changes."""
    hold(person, actor=actor, needs=Permission.PASSWORD_RESET)
    record(Action.PASSWORD_RESET_REQUESTED, actor=actor, subject=person)
    _owe_reset(person, actor)


def _owe_reset(person: User, actor: User | None = None) -> None:
    link = _link("password_reset_confirm", person, reset_tokens)
    with translation.override(person.mail_language):
        draft = _draft(person, actor, _("Your new m2v password"), RESET_MAIL, link)
    cause = actor.pk if actor else recording.current_address() or person.pk
    ends = timezone.now() + timedelta(seconds=RESET_SECONDS)
    owe([draft], cause=cause, about="reset", expires_at=ends)


def _may_be_written_to(person: User) -> bool:
    """Does the budget of mails to `person` allow another? Whoever asked is not told (ASVS 6.3.8)."""
    try:
        budgets.claim(lanes.mail_lane("reset", person))
    except budgets.Throttled:
        return False
    return True


def person_behind(uidb64: str) -> User | None:
    """The person whom a link names, if their account is open."""
    try:
        found = User.objects.get_queryset().opening().select_related("company")
        return found.filter(pk=UUID(urlsafe_base64_decode(uidb64).decode())).first()
    except ValueError:
        return None


def invitation_opens(link: str) -> bool:
    """Can somebody still choose their first password by `link`?"""
    return _opens(link, invitation_tokens)


def reset_opens(link: str) -> bool:
    """The same of another password."""
    return _opens(link, reset_tokens)


def _opens(link: str, tokens: LinkTokens) -> bool:
    parts = resolve(urlsplit(link).path).kwargs
    person = person_behind(parts["uidb64"])
    return person is not None and tokens.check_token(person, parts["token"])


def _link(page: str, person: User, tokens: LinkTokens) -> str:
    """The address, at the site's own host, of `page` for `person`."""
    parts = {"uidb64": urlsafe_base64_encode(force_bytes(person.pk)), "token": tokens.make_token(person)}
    return f"{settings.BASE_URL}{reverse(page, kwargs=parts)}"


def _draft(person: User, actor: User | None, subject: str, templates: tuple[str, str], link: str) -> Draft:
    words = {
        "name": spoken(person.get_short_name()),
        "username": person.username,
        "by": spoken(actor.get_full_name()) if actor else "",
        "link": link,
    }
    return Draft(person.email, subject, templates, person.mail_language, words)
