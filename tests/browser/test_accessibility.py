"""Every page and state of the catalogue: axe finds nothing, in light or dark; what is pressed is large enough."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, get_resolver, resolve

from tests.browser.catalogue import STATES

EVERYTHING = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
# What is pressed and smaller than 24 by 24 pixels, links within a sentence aside (WCAG 2.2, 2.5.8). Behind a window
# nothing can be pressed.
SMALL = """() => [...(document.querySelector("dialog:modal") ?? document).querySelectorAll("a, button, input, select, summary")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.type !== "hidden")
  .filter((each) => !each.matches(".hush, .skip, label input, p a, .inline button, footer a"))
  .filter((each) => { const { width, height } = each.getBoundingClientRect(); return width < 24 || height < 24; })
  .map((each) => `${each.outerHTML.slice(0, 60)} … ${each.textContent.trim()}`)"""


def found(page, options) -> list[str]:
    """What axe says about the page, a line for each place."""
    answer = Axe().run(page, options=options)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} ({' / '.join(map(str, node['target']))})"
        for violation in answer.response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.row("WCAG-2.5.8", "WCAG-2.4.7, 1.4.11, 1.4.3", "WCAG-3.3.2, 4.1.2", "WCAG-2.5.3")
@pytest.mark.parametrize("state", STATES, ids=str)
def test_axe_finds_nothing_on(state, stage):
    stage.options = {"reduced_motion": "reduce"}
    page = state.reach(stage)

    light, small = found(page, EVERYTHING), page.evaluate(SMALL)
    page.emulate_media(color_scheme="dark")
    dark = found(page, COLOURS)

    assert {"light": light, "dark": dark, "too small": small} == {"light": [], "dark": [], "too small": []}
    if state.view:
        assert resolve(urlsplit(page.url).path).view_name == state.view
    else:
        with pytest.raises(Resolver404):
            resolve(urlsplit(page.url).path)


def test_the_catalogue_has_every_page():
    """Each address with a name is in it, but for those that only take or pass on what is sent."""
    passing_on = {
        "home",  # leads to the home app
        "csp_report",
        "change_password",  # leads to the page of that name
        "link_in_a_sentence",  # leads to the link without what stands behind it
        "session",
        "session_end",
        "sessions_end_others",
        "address_withdraw",
        "settings:address_withdraw",
        "passkey_authentication",
        "passkey_authentication_options",
        "passkey_registration",
        "passkey_registration_options",
        "own_mfa:passkey_request",
        "own_mfa:passkey_request_delete",
        "settings:user_invite",
        "settings:user_unlock",
        "settings:user_withdraw",
        "settings:user_mfa:passkey_request",
        "settings:user_mfa:passkey_request_delete",
    }
    assert {state.view for state in STATES} - {""} == names(get_resolver()) - passing_on


def names(resolver, prefix="") -> set[str]:
    """The names of all addresses below `resolver`."""
    found = set()
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            found |= names(pattern, space)
        elif pattern.name:
            found.add(f"{prefix}{pattern.name}")
    return found
