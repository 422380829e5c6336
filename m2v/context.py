"""What every template knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from m2v import __version__

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from accounts.requests import SiteRequest


@dataclass(frozen=True)
class App:
    """One of the suite's apps, as the app switcher shows it."""

    key: str
    name: _StrOrPromise
    about: _StrOrPromise
    icon: str
    page: str

    @property
    def address(self) -> str:
        return reverse(self.page)


SETTINGS_APP = App("settings", _("Settings"), _("Users, companies, security"), "cog-6-tooth", "settings:home")
PORTAL = App("portal", _("Portal"), _("Your machines and documents"), "squares-2x2", "portal")
M2S = App("m2s", _("m2s"), _("Service on site"), "wrench-screwdriver", "m2s")


def site(request: SiteRequest) -> dict[str, Any]:
    """The version, and for signed-in people the apps they may open and the one they are in."""
    person = getattr(request, "user", None)
    known: dict[str, Any] = {"version": ".".join(__version__.split(".")[:2]), "rp_id": settings.PASSKEY_RP_ID}
    known["passkeys_refused"] = bool(settings.PASSKEYS_REFUSED)
    if person is None or not person.is_authenticated:
        return known
    apps = [SETTINGS_APP, PORTAL, M2S] if person.opens_settings else [PORTAL, M2S]
    match = request.resolver_match
    names = {*match.namespaces, match.url_name} if match else set()
    here = next((app for app in apps if app.key in names), apps[0])
    if person.opens_settings:
        known["own_pages"] = "settings/base.html"  # one's own settings keep the navigation of the app they belong to
    return known | {"apps": apps, "app": here, "session_left": request.session.left}
