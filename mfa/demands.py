"""What the next login asks of somebody, in words that lines of the audit and mails keep."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mfa.forecast import Way, ways
from mfa.policy import Method, Step

if TYPE_CHECKING:
    from mfa.forecast import Circumstances


class Demand(StrEnum):
    """Something that the next login asks for. The values stand in the audit; `notices.asked` says them."""

    MISSING_PASS = "missing_pass"  # noqa: S105  # a name
    GIVEN_PASS = "given_pass"  # noqa: S105  # the same
    TWO_FACTOR = "two_factor"
    FACTOR = "factor"  # an app, because the site demands a factor and there is none
    PASSKEY = "passkey"


def asked_in(circumstances: Circumstances) -> list[Demand]:
    """What the next login asks somebody in these `circumstances` to set up, and the pass that comes before."""
    found = ways(circumstances)
    leading_in = [way for way in found if way.leads_in]
    standing = circumstances.standing
    if found and not leading_in:
        return [] if standing.has_app else [Demand.MISSING_PASS, Demand.TWO_FACTOR]
    asked = []
    if leading_in and not standing.has_app and all(Step.SET_UP_TWO_FACTOR in way.steps for way in leading_in):
        asked += [Demand.GIVEN_PASS] if _begins_with_pass(leading_in[0]) else []
        asked.append(Demand.TWO_FACTOR if standing.two_factor_required else Demand.FACTOR)
    if any(Step.SET_UP_PASSKEY in way.steps for way in leading_in):
        asked.append(Demand.PASSKEY)
    return asked


def _begins_with_pass(way: Way) -> bool:
    return way.proofs[:1] == (Method.ACCESS_PASS,)
