"""Requests as our middleware leaves them, for type annotations only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django_htmx.middleware import HtmxDetails

    from accounts.models import User
    from accounts.sessions.store import SessionStore


class SiteRequest(HttpRequest):
    """Anybody's request. `user` is signed in; `claimant` was named by a first factor and is not believed yet."""

    user: User | AnonymousUser
    claimant: User | AnonymousUser
    htmx: HtmxDetails
    session: SessionStore
    LANGUAGE_CODE: str
    progress: Any  # mfa.steps.Progress of the claimant's login, which lies above; None where there is no claimant
    failure_is_logged: bool  # by m2v.outage, so that Django's own line is none (m2v.logs)
    known_browser: (
        str  # the cookie that the answer carries, where there is a new one (accounts.throttle.known_browsers)
    )


class ClaimantRequest(SiteRequest):
    """One that a step of the login let through (mfa.steps.login_step)."""

    claimant: User


class SignedInRequest(SiteRequest):
    """One that passed SignInRequiredMiddleware."""

    user: User
