"""Who is asking: the person who finished every login step, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import time
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from accounts import login
from mfa.models import Passkey
from mfa.policy import Method, Step, pending_steps
from mfa.queries import Holdings, holdings_of, standing_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from accounts.login import Proof
    from accounts.models import User


@dataclass(frozen=True)
class Progress:
    """How far a claimant is: what they hold, and the steps left."""

    holdings: Holdings
    pending: tuple[Step, ...]


class People:
    """The two people of a request, one of whom is always nobody; worked out when first asked."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.progress: Progress | None = None

    @cached_property
    def pair(self) -> tuple[User | AnonymousUser, User | AnonymousUser]:
        """The one who is let in, and the one who claims to be somebody."""
        session = self.request.session
        person = get_user(self.request)
        if not person.is_authenticated or session.get(login.COMPLETE):
            return person, AnonymousUser()
        if not session.get(login.PROOFS):  # somebody else's login(), which counts as a first factor
            session[login.PROOFS] = [{"method": Method.PASSWORD, "at": time()}]
        proofs = login.proofs_of(session)
        if time() - proofs[-1].at > login.HALF_WAY_SECONDS or _names_nobody_now(person, proofs):
            session.flush()
            return AnonymousUser(), AnonymousUser()
        holdings = holdings_of(person)
        methods = {Method(proof.method) for proof in proofs}
        pending = pending_steps(standing_of(person, holdings, session), methods)
        if pending:
            self.progress = Progress(holdings, pending)
            return AnonymousUser(), person
        login.complete(self.request, person)
        return person, AnonymousUser()


def _names_nobody_now(person: User, proofs: tuple[Proof, ...]) -> bool:
    """Is the passkey that named `person` deleted or suspended by now?"""
    first = proofs[0]
    if first.method != Method.PASSKEY:
        return False
    return not Passkey.objects.filter(pk=first.by, user=person, suspended_at=None).exists()


class LoginStepsMiddleware:
    """Make `request.user` the person who finished every login step, or nobody.

    Someone part of the way through is `request.claimant`: named, not believed.
    We guard no views here; Django's LoginRequiredMiddleware does, and to it a
    claimant is as anonymous as any stranger. A finished login is marked in the
    session and costs no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        people = People(request)
        request.user = SimpleLazyObject(lambda: people.pair[0])  # type: ignore[assignment]
        request.claimant = SimpleLazyObject(lambda: people.pair[1])  # type: ignore[attr-defined]
        request.people = people  # type: ignore[attr-defined]

        async def auser() -> User | AnonymousUser:
            return await sync_to_async(lambda: people.pair[0])()

        request.auser = auser
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """A view that fails, with whatever status, leaves no proof behind: what it did was rolled back."""
        request.session.take_back()  # type: ignore[attr-defined]  # accounts.sessions.SessionStore
