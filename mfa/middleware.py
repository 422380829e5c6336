"""Who is asking: the person who finished every login step, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import time
from typing import TYPE_CHECKING, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from accounts import login
from accounts.clock import is_ahead
from mfa.models import Passkey
from mfa.policy import Method, Step, pending_steps
from mfa.queries import Holdings, holdings_of, standing_of

if TYPE_CHECKING:
    from accounts.login import Proof
    from accounts.models import User
    from accounts.requests import SiteRequest


@dataclass(frozen=True)
class Progress:
    """How far a claimant is: what they hold, and the steps left."""

    holdings: Holdings
    pending: tuple[Step, ...]


class People:
    """The two people of a request, one of whom is always nobody; worked out when first asked."""

    def __init__(self, request: SiteRequest) -> None:
        self.request = request
        self.progress: Progress | None = None

    def user(self) -> User | AnonymousUser:
        """The one who is let in."""
        return self._pair[0]

    def claimant(self) -> User | AnonymousUser:
        """The one who claims to be somebody."""
        return self._pair[1]

    async def auser(self) -> User | AnonymousUser:
        """The one who is let in, for views that do not wait."""
        return await sync_to_async(self.user)()

    @cached_property
    def _pair(self) -> tuple[User | AnonymousUser, User | AnonymousUser]:
        session = self.request.session
        person = get_user(self.request)
        if not person.is_authenticated or session.get(login.COMPLETE):
            return person, AnonymousUser()
        if not session.get(login.PROOFS):  # somebody else's login(), which counts as a first factor
            session[login.PROOFS] = [{"method": Method.PASSWORD, "at": time()}]
        proofs = login.proofs_of(session)
        late = time() - proofs[-1].at > login.HALF_WAY_SECONDS or is_ahead(proofs[-1].at)
        if late or _names_nobody_now(person, proofs):
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


class LoginStepsMiddleware(AuthenticationMiddleware):
    """Make `request.user` the person who finished every login step, or nobody.

    Someone part of the way through is `request.claimant`: named, not believed.
    We guard no views here; Django's LoginRequiredMiddleware does, and to it a
    claimant is as anonymous as any stranger. A finished login is marked in the
    session and costs no query. It stands where Django's AuthenticationMiddleware
    would, which takes the first factor for the whole login.
    """

    def process_request(self, request: SiteRequest) -> None:  # type: ignore[override]  # ours, not any HttpRequest
        people = People(request)
        request.people = people
        request.user = cast("User | AnonymousUser", SimpleLazyObject(people.user))
        request.claimant = cast("User | AnonymousUser", SimpleLazyObject(people.claimant))
        request.auser = people.auser

    def process_exception(self, request: SiteRequest, exception: Exception) -> None:
        """A view that fails, with whatever status, leaves no proof behind: what it did was rolled back."""
        request.session.take_back()
