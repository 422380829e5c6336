"""A new e-mail address counts once the link that was sent there is opened; until then the old one stays in use.

Otherwise a member could make the site write to strangers, and a typo or a thief could receive somebody's resets.
People without a password have an invitation on its way, which confirms its own address; so have locked people, once
they are let in again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import resolve, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.address_models import LINK_DAYS
from accounts.authorization import hold
from accounts.clock import APART, signed_lately
from accounts.models import PendingAddress, User
from accounts.owed import Draft, owe
from accounts.permissions import Permission
from accounts.text import fold_address
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from django.db.models import QuerySet

ADDRESS_MAIL = ("mail/address.txt", "mail/address.html")
SALT = "accounts.address"
SECONDS = LINK_DAYS * 24 * 3600
SPACED = 60  # seconds between two mails with the link of one address: only the last link works


class Gone(Exception):
    """The link is not one of ours, or no longer works."""


class Taken(Exception):
    """Somebody else has taken this address in the meantime."""


def needs_confirmation(person: User, email: str) -> bool:
    """Does `email`, entered for `person`, have to be confirmed before it counts?"""
    another = bool(email) and fold_address(email) != fold_address(person.email)
    return another and person.has_usable_password() and person.locked_at is None


def enter(person: User, email: str, *, actor: User) -> None:
    """Set `email` aside for `person`, replacing any other, and send its link there. Call it in a transaction.

    Raises IntegrityError, as saving it would, if somebody else has just taken it.
    """
    if User.objects.exclude(pk=person.pk).filter(email_folded=fold_address(email)).exists():
        raise IntegrityError("This address is taken.")
    PendingAddress.objects.filter(user=person).delete()
    pending = PendingAddress.objects.create(user=person, email=email, entered_by=actor)
    record(Action.ADDRESS_ENTERED, actor=actor, subject=person, name=email)
    _owe_link(pending, person, actor)


def waiting_for(person: User) -> PendingAddress | None:
    """The address that `person` still has to confirm, while its link works."""
    return _good(PendingAddress.objects.filter(user=person)).first()


@transaction.atomic
def withdraw(person: User, *, actor: User) -> bool:
    """Drop the address that `person` has not confirmed; its link stops working. False if there was none."""
    hold(person, actor=actor, needs=Permission.PROFILE)
    pending = PendingAddress.objects.filter(user=person).first()
    if pending is None:
        return False
    pending.delete()
    record(Action.ADDRESS_WITHDRAWN, actor=actor, subject=person, name=pending.email)
    return True


def forget(people: QuerySet[User]) -> None:
    """Drop the unconfirmed addresses of `people`, because somebody else may have entered them."""
    PendingAddress.objects.filter(user__in=people).delete()


def forget_ended() -> int:
    """Delete those whose link confirms nothing any more; how many."""
    good = _good(PendingAddress.objects.all()).values("pk")
    return PendingAddress.objects.exclude(pk__in=good).delete()[0]


def read(token: str) -> PendingAddress:
    """What the link with this `token` confirms. Raises Gone."""
    try:
        found = PendingAddress.objects.select_related("user", "entered_by")
        pending = _good(found).get(pk=signed_lately(token, salt=SALT, seconds=SECONDS))
    except (signing.BadSignature, PendingAddress.DoesNotExist) as trouble:
        raise Gone from trouble
    if not _still_theirs(pending):
        raise Gone
    return pending


def opens(link: str) -> bool:
    """Does `link` confirm an address still?"""
    try:
        read(resolve(urlsplit(link).path).kwargs["token"])
    except Gone:
        return False
    return True


def confirm(token: str) -> User:
    """Give the address that `token` confirms to its person. Raises Gone, or Taken."""
    try:
        with transaction.atomic():
            pending = read(token)
            person = User.objects.get_queryset().select_for_update(no_key=True).get(pk=pending.user_id)
            if not PendingAddress.objects.filter(pk=pending.pk).delete()[0] or not _still_theirs(pending):
                raise Gone
            before, person.email = person.email, pending.email
            person.save(update_fields=["email", "email_folded", "search_text"])
            changes = {"email": [before, person.email]}
            record(Action.USER_CHANGED, actor=pending.entered_by, subject=person, changes=changes, confirmed=True)
    except IntegrityError as trouble:
        raise Taken from trouble
    return person


def _good(pending: QuerySet[PendingAddress]) -> QuerySet[PendingAddress]:
    now = timezone.now()
    return pending.filter(
        entered_at__gt=now - timedelta(seconds=SECONDS), entered_at__lte=now + timedelta(seconds=APART)
    )


def _still_theirs(pending: PendingAddress) -> bool:
    """Is the account open, and was the address entered by the person, or by somebody who still administers them?"""
    opening = User.objects.get_queryset().opening().filter(pk=pending.user_id)
    if pending.entered_by_id == pending.user_id:
        return opening.exists()
    actor = User.objects.get(pk=pending.entered_by_id)
    if Permission.PROFILE not in actor.permissions:
        return False
    return User.objects.managed_by(actor).opening().filter(pk=pending.user_id).exists()


def _owe_link(pending: PendingAddress, person: User, actor: User) -> None:
    """The mail to an address that may be a stranger's: but for the user name, it holds nothing that anybody typed."""
    token = signing.dumps(str(pending.pk), salt=SALT)
    words = {
        "username": person.username,
        "site": urlsplit(settings.BASE_URL).netloc,
        "link": settings.BASE_URL + reverse("address", args=[token]),
    }
    with translation.override(person.mail_language):
        subject = _("Confirm your e-mail address")
    mail = Draft(pending.email, subject, ADDRESS_MAIL, person.mail_language, words)
    about = f"address {person.pk} {pending.email}"
    owe([mail], cause=actor.pk, about=about, spaced=SPACED, expires_at=pending.until)
