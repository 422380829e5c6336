"""Every page and state of the catalogue: nothing is cut off on a phone, what is pressed is large enough, axe finds nothing, and forced colours take nothing away."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, get_resolver, resolve

from tests.browser.catalogue import STATES

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK = {"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": False}
# The phone was scrolled to what was pressed; a menu finds its place when it is opened.
OPEN_AGAIN = """() => {
  scrollTo(0, 0);
  const menu = document.querySelector(":popover-open");
  menu?.hidePopover();
  menu?.showPopover({ source: document.querySelector(`[popovertarget="${menu.id}"]`) });
}"""
EVERYTHING = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
# What is pressed and smaller than 24 by 24 pixels, links within a sentence aside (WCAG 2.2, 2.5.8). Behind a window
# nothing can be pressed.
SMALL = """() => [...(document.querySelector("dialog:modal") ?? document).querySelectorAll("a, button, input, select, summary")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.type !== "hidden")
  .filter((each) => !each.matches(".hush, .skip, label input, p a, h2 a, .inline button, footer a"))
  .filter((each) => { const { width, height } = each.getBoundingClientRect(); return width < 24 || height < 24; })
  .map((each) => `${each.outerHTML.slice(0, 60)} … ${each.textContent.trim()}`)"""

# Whatever reaches beyond the screen's left or right edge, and whatever hides a part of itself to the right.
OUTSIDE = """() => {
  // What is for screen readers alone is cut on purpose, and the row of filters moves sideways by itself.
  const apart = (each) => getComputedStyle(each).clipPath === "inset(50%)" || each.closest(".chips");
  const hidden = (each) => each.closest(".hush, .skip, thead") || apart(each) || !each.checkVisibility({ visibilityProperty: true });
  const says = (what, each) => `${what}: ${each.outerHTML.slice(0, 80)} … ${each.textContent.trim().slice(0, 60)}`;
  const found = [];
  if (document.scrollingElement.scrollWidth > innerWidth) found.push(`${document.scrollingElement.scrollWidth} px wide`);
  for (const each of document.querySelectorAll("body *:not(svg *)")) {
    if (hidden(each)) continue;
    const { left, right, width } = each.getBoundingClientRect();
    if (width && (left < -0.5 || right > innerWidth + 0.5)) found.push(says("outside", each));
    if (getComputedStyle(each).overflowX !== "visible" && each.matches(":not(input, select)") && each.scrollWidth > each.clientWidth + 1)
      found.push(says("cut", each));
  }
  return found;
}"""
# Buttons, fields and entries of menus that a thumb has to find: 44 pixels high (DESIGN.md, section 6).
LOW = """() => [...(document.querySelector("dialog:modal") ?? document).querySelectorAll(".button, .input, [popover] a, [popover] button, nav a, .chips a")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.matches(".hush"))
  .filter((each) => each.getBoundingClientRect().height < 44)
  .map((each) => `${each.outerHTML.slice(0, 80)} … ${each.textContent.trim()}`)"""


def to_a_desk(page) -> None:
    """The page, as it stands on a phone, on a wide screen with a mouse."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    cdp.send("Emulation.setDeviceMetricsOverride", DESK)
    page.evaluate(OPEN_AGAIN)


def found(page, options) -> list[str]:
    """What axe says about the page, a line for each place."""
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} ({' / '.join(map(str, node['target']))})"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
        for node in violation["nodes"]
    ]


# With forced colours there is neither background nor shadow of ours: what can be pressed has an edge, and what is chosen,
# switched on or done is filled with a colour of the system's (WCAG 1.4.1, 1.4.11).
LOST = """() => {
  const clear = (colour) => /^rgba\\(.*, 0\\)$/.test(colour) || colour === getComputedStyle(document.documentElement).backgroundColor;
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility({ visibilityProperty: true }));
  const edged = (each) => { const { borderTopWidth, borderTopColor } = getComputedStyle(each); return parseFloat(borderTopWidth) && !clear(borderTopColor); };
  const filled = (each, part) => !clear(getComputedStyle(each, part).backgroundColor);
  const knob = (each) => getComputedStyle(each, "::before").backgroundColor !== getComputedStyle(each).backgroundColor;
  const behind = (each) => { while (each && clear(getComputedStyle(each).backgroundColor)) each = each.parentElement; return each && getComputedStyle(each).backgroundColor; };
  const drawn = (each) => { const { color } = getComputedStyle(each); return color !== behind(each) && (behind(each) || !clear(color)); };
  const found = {
    edge: shown(".button, .input:not(.icon), .chips a, .switch > span:last-child, .pill:not(.plain), .note, .bar").filter((each) => !edged(each)),
    fill: shown(".nav a[aria-current], .chips a[aria-current], .progress .done, [aria-checked=true] > span:last-child").filter((each) => !filled(each)),
    knob: shown(".switch > span:last-child").filter((each) => !knob(each)),
    icon: shown(".icon").filter((each) => !each.closest(".switch") && !drawn(each)),
  };
  return Object.entries(found).flatMap(([what, places]) => places.map((each) => `${what}: ${each.outerHTML.slice(0, 90)}`));
}"""
# What is wrong belongs to a field, or to several in one group, so that it is read out there (WCAG 1.3.1, 3.3.1).
UNTIED = """() => [...document.querySelectorAll(".error:not([data-trouble])")]
  .filter((each) => each.checkVisibility() && !document.querySelector(`[aria-describedby~="${each.closest("[id]").id}"]`))
  .map((each) => each.textContent.trim())"""
# A dialog is a page, and the title is its own (WCAG 2.4.2).
NAMELESS = """() => [...document.querySelectorAll("dialog[data-close]")].map((each) => each.querySelector("#window-title").textContent.trim())
  .filter((name) => !document.title.startsWith(name))"""
# Nothing moves for those who asked for that.
MOVES = """() => [...document.querySelectorAll("*")]
  .filter((each) => ["", "::before", "::after"].some((part) => {
    const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(each, part);
    return parseFloat(transitionDuration) > 0 || animationName !== "none" || scrollBehavior === "smooth";
  }))
  .map((each) => each.outerHTML.slice(0, 80))"""
# What can be pressed or filled in, and was not in focus yet; of radio buttons, one of those that belong together.
CONTROLS = """() => {
  const above = document.activeElement.closest("dialog:modal") ?? document.querySelector("dialog:modal, :popover-open");
  const scope = above ?? document;
  const there = [...scope.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(
    (each) => !each.disabled && each.checkVisibility({ visibilityProperty: true }) && !each.closest("[inert], [aria-hidden=true]"));
  const alike = (each) => (each.type === "radio" ? there.find((one) => one.type === "radio" && one.name === each.name) : each);
  window.walk = { left: new Set(there.map(alike)), alike, wrong: [] };
  return walk.left.size;
}"""
# What is in focus now is marked, and some of it can be seen; how many are left.
STEP = """() => {
  const it = document.activeElement;
  if (!it || it === document.body || !walk.left.delete(walk.alike(it))) return walk.left.size;
  const around = it.closest("label") ?? it;
  const box = around.getBoundingClientRect();
  const marked = [it, around, it.closest("li") ?? it].map((each) => getComputedStyle(each))
    .some((style) => (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none");
  const spots = [0.02, 0.5, 0.98].flatMap((x) => [0.2, 0.5, 0.8].map((y) => [box.left + box.width * x, box.top + box.height * y]));
  const own = (spot) => { const top = document.elementFromPoint(...spot); return top && (it.contains(top) || top.contains(it)); };
  if (!marked) walk.wrong.push(`no mark: ${it.outerHTML.slice(0, 90)}`);
  if (!spots.some(own)) walk.wrong.push(`out of sight: ${it.outerHTML.slice(0, 90)}`);
  return walk.left.size;
}"""
FOUND = "() => [...walk.wrong, ...[...walk.left].filter((each) => each.isConnected).map((each) => `never in focus: ${each.outerHTML.slice(0, 90)}`)]"
ZOOMED = {"width": 320, "height": 256}  # 1280 by 1024 pixels at 400 %
LANGUAGES = {"en": "en-GB", "de": "de-DE"}


def walked(page) -> list[str]:
    """What is wrong with the focus on its way, by Tab alone, through all that can be pressed or filled in."""
    left = page.evaluate(CONTROLS)
    for _ in range(left + 20):
        page.keyboard.press("Tab")
        if not page.evaluate(STEP):
            break
    found: list[str] = page.evaluate(FOUND)
    return found


@pytest.mark.row("WCAG-2.1.1", "WCAG-2.4.11")
@pytest.mark.row("WCAG-3.3.1, 3.3.3")
@pytest.mark.row("WCAG-2.5.8", "WCAG-2.4.7, 1.4.11, 1.4.3", "WCAG-3.3.2, 4.1.2", "WCAG-1.4.10, 1.4.12", "WCAG-2.5.3")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES, ids=str)
def test_on_a_phone_and_at_a_desk_all_is_well_with(state, language, stage):
    """Each state is reached once in each language, on the phone."""
    stage.options = PHONE | {"reduced_motion": "reduce", "locale": LANGUAGES[language]}
    page = state.reach(stage)
    assert page.locator("html").get_attribute("lang") == language
    assert {"untied": page.evaluate(UNTIED), "nameless": page.evaluate(NAMELESS)} == {"untied": [], "nameless": []}

    at_360, low = page.evaluate(OUTSIDE), page.evaluate(LOW)
    page.set_viewport_size({"width": 320, "height": 640})
    at_320 = page.evaluate(OUTSIDE)
    to_a_desk(page)
    assert page.evaluate("[innerWidth, matchMedia('(pointer: coarse)').matches]") == [DESK["width"], False]
    cut = {"360": at_360, "320": at_320, "low": low, "1280": page.evaluate(OUTSIDE)}
    assert cut == {"360": [], "320": [], "low": [], "1280": []}

    page.evaluate(Axe().axe_script)
    first, then = ("light", "dark") if language == "en" else ("dark", "light")
    page.emulate_media(color_scheme=first)
    everything, small = found(page, EVERYTHING), page.evaluate(SMALL)
    page.emulate_media(color_scheme=then)
    assert {first: everything, then: found(page, COLOURS), "small": small} == {first: [], then: [], "small": []}
    if language == "de":
        page.set_viewport_size(ZOOMED)
    assert walked(page) == []
    page.emulate_media(forced_colors="active")
    assert {"lost": page.evaluate(LOST), "moves": page.evaluate(MOVES)} == {"lost": [], "moves": []}

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
        "settings:company_names",  # suggestions while somebody types
        "settings:activity_export",  # files
        "settings:past_day_export",
        "settings:user_export",
        "settings:user_file",
        "own_file",
        "settings:bulk",  # what is ticked; leads to the counts
        "settings:bulk_stop",
        "settings:bulk_skipped",
        "settings:company_export",
        "settings:user_import_errors",
        "passkey_authentication",
        "passkey_authentication_options",
        "passkey_registration",
        "passkey_registration_options",
        "own_mfa:passkey_request",
        "own_mfa:passkey_request_delete",
        "settings:user_invite",
        "settings:user_unlock",
        "settings:user_session_end",
        "settings:user_remind",
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
