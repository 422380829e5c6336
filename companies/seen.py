"""The words for what a page of an administrator showed of somebody, as `mfa.seen` has them, with the pass that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from companies.access_passes import open_pass_of
from mfa.seen import factors, word_for

if TYPE_CHECKING:
    from accounts.models import User


def holdings(person: User) -> str:
    """The word for what `person` holds, and for the pass of theirs that is open."""
    return word_for(factors(person), open_pass(person))


def open_pass(person: User) -> str:
    """The word for the pass of `person` that is open."""
    given = open_pass_of(person)
    return word_for(given and given.created_at)
