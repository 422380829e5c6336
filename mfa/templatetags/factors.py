"""Template filters about people's factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from mfa.queries import state_of

if TYPE_CHECKING:
    from mfa.queries import State

register = template.Library()


@register.filter
def two_factor_state(person: Any) -> State:
    """Where somebody from `queries.with_factors` stands."""
    return state_of(person, has_app=person.has_app)
