"""The pages in German, whose words are longer: nothing reaches beyond the screen, and nothing is cut off."""

from __future__ import annotations

import pytest

from tests.browser.catalogue import STATES
from tests.browser.test_every_page import LOW, OUTSIDE, PHONE, to_a_desk

# Reached without pressing anything, whose names are English in the catalogue of pages.
SHOWN = (
    "login", "challenge-with-passkey", "setup-two-factor-or-passkey", "setup-passkey", "setup-password",
    "password-reset", "not-me", "portal-unprotected", "user-settings", "own-mfa", "own-mfa-confirm-off", "overview",
    "users", "user-edit", "user-lost-phone", "user-let-in", "user-mfa-requested", "user-import", "bulk-counts",
    "company", "activity", "past-day",
)  # fmt: skip
IN_GERMAN = [state for state in STATES if state.name in SHOWN]


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return browser_context_args | {"locale": "de-DE"}


def test_every_page_that_is_named_is_there():
    assert {state.name for state in IN_GERMAN} == set(SHOWN)


@pytest.mark.parametrize("state", IN_GERMAN, ids=str)
def test_in_german_all_fits_on_a_phone_and_at_a_desk(state, stage):
    stage.options = PHONE | {"reduced_motion": "reduce"}
    page = state.reach(stage)
    assert page.locator("html").get_attribute("lang") == "de"

    found = {"360": page.evaluate(OUTSIDE), "low": page.evaluate(LOW)}
    to_a_desk(page)
    found["1280"] = page.evaluate(OUTSIDE)

    assert found == {"360": [], "low": [], "1280": []}
