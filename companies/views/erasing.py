"""Administration → User: erase what is kept of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.authorization import LastAdministrator
from accounts.guards import settings_app
from accounts.permissions import Permission
from companies.erasing import erase
from companies.views.back import back_to_user
from companies.views.users import find_person, last_administrator, page_behind
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest


@settings_app(Permission.ERASE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_erase(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Erase what is kept of a person; before that, say what goes and what stays."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    if person == request.user:
        messages.error(request, _("You cannot erase yourself. Another administrator can."))
        return back_to_user(request, user_id)
    if person.erased_at:
        messages.info(request, _("{name} is erased already.").format(name=name))
        return back_to_user(request, user_id)
    if request.method == "POST":
        try:
            pseudonym = erase(person, actor=request.user)
        except LastAdministrator:
            return last_administrator(request, person)
        messages.success(request, _("Erased. {pseudonym} stands in the place of the name.").format(pseudonym=pseudonym))
        return back_to_user(request, user_id)
    title = _("Erase {full} for good?").format(full=person.get_full_name())
    return confirmation(request, page_behind(request), title, _meaning(person))


def _meaning(person: User) -> list[Consequence]:
    name = person.get_short_name()
    lines = [
        Consequence("bad", "exclamation-triangle", _("This cannot be undone.")),
        Consequence(
            "bad",
            "identification",
            _("Name, user name, e-mail address and language go. A pseudonym stands in their place."),
        ),
        Consequence(
            "bad",
            "key",
            _(
                "Password, authenticator app, recovery codes and passkeys go, and so do sessions, invitations and links, the last login, counts of wrong guesses, and mails that wait for {name}."
            ).format(name=name),
        ),
        Consequence(
            "",
            "list-bullet",
            _(
                "What was done stays on record. Lines about {name} are sealed: they are shown with the pseudonym and without names, addresses and browsers, but the database, its backups and the signed export still hold these."
            ).format(name=name),
        ),
        Consequence("ok", "building-office-2", _("Company and role stay, so that past numbers stay true.")),
    ]
    if person.is_active:
        lines.insert(
            1,
            Consequence(
                "bad", "no-symbol", _("{name} is signed out everywhere at once and cannot sign in.").format(name=name)
            ),
        )
    return lines
