"""Sentences about the access pass that somebody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from accounts.dates import moment

if TYPE_CHECKING:
    from accounts.models import User
    from mfa.models import AccessPass


def is_there(given: AccessPass, *, viewer: User) -> str:
    """That it is open, by whom it was made, and until when."""
    text = _("{name} has an open access pass: made by {who} {made}, good until {until}.")
    return _said(text, given, viewer)


def has_ended(given: AccessPass, *, viewer: User | None) -> str:
    """That an act ended it; without a viewer, one of the command line."""
    return _said(_("The access pass made by {who} {made} opens nothing any more."), given, viewer)


def _said(text: str, given: AccessPass, viewer: User | None) -> str:
    by = given.created_by
    who = _("an administrator") if by is None else _("you") if by == viewer else by.get_full_name()
    name, until = given.user.get_short_name(), moment(given.until) if given.until else ""
    return text.format(name=name, made=moment(given.created_at), who=who, until=until)
