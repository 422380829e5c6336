"""WCAG 2.2, rows that only a browser shows: focus that is seen, keyboard alone, wide spacing."""

from __future__ import annotations

import pytest

from tests.browser.catalogue import STATES
from tests.browser.pages import key_on

CHALLENGE = "/login/challenge/"
# The thing in focus: what it is, whether something marks it, and whether it is hidden from sight.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const style = getComputedStyle(it), box = it.getBoundingClientRect();
  const marked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const spots = [0.1, 0.5, 0.9].flatMap((x) => [0.2, 0.5, 0.8].map((y) => [box.left + box.width * x, box.top + box.height * y]));
  const own = (spot) => { const top = document.elementFromPoint(...spot); return top && (it.contains(top) || top.contains(it)); };
  return { name: it.outerHTML.slice(0, 80), marked, seen: spots.some(own) };
}"""
# WCAG 1.4.12: line height, and spacing of paragraphs, letters and words.
SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }" +
    "p { margin-bottom: 2em !important }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
CUT = """() => [...document.querySelectorAll("h1, h2, p, label, button, a, li, td, input")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".hush, .skip, thead"))
  .filter((each) => { const style = getComputedStyle(each);
    return (style.overflowX === "hidden" && each.scrollWidth > each.clientWidth + 1) ||
           (style.overflowY === "hidden" && each.scrollHeight > each.clientHeight + 1); })
  .map((each) => each.outerHTML.slice(0, 100))
  .concat(document.scrollingElement.scrollWidth > innerWidth ? [`${document.scrollingElement.scrollWidth} px wide`] : [])"""


@pytest.fixture(params=["login", "challenge", "window"])
def desk(request, kim, at):
    """Kim on a phone as wide as a page of 1280 pixels at 400 percent."""
    kim.set_up_app()
    kim.add_passkey()
    desk = at(kim, viewport={"width": 320, "height": 256})
    if request.param == "login":
        desk.open("/login/")
    elif request.param == "challenge":
        kim.enter_password()
        desk.bring_session()
        desk.open(CHALLENGE)
    else:
        desk.arrive("/user-settings/mfa/")
    return desk


def walked(desk, presses=25):
    """What has the focus after each press of Tab."""
    found = []
    for _ in range(presses):
        desk.page.keyboard.press("Tab")
        if (focused := desk.page.evaluate(FOCUSED)) is not None:
            found.append(focused)
    assert len({each["name"] for each in found}) >= 3
    return found


@pytest.mark.row("WCAG-2.4.7, 1.4.11, 1.4.3")
def test_the_focus_can_be_seen(desk):
    assert [each["name"] for each in walked(desk) if not each["marked"]] == []


@pytest.mark.row("WCAG-2.4.11")
def test_what_has_the_focus_is_in_sight(desk):
    assert [each["name"] for each in walked(desk) if not each["seen"]] == []


@pytest.mark.row("WCAG-2.1.1")
def test_set_up_and_sign_in_by_keyboard(kim, admin, at):
    kim.user.two_factor_enabled = True
    kim.user.save()
    desk = at(kim)
    desk.open("/login/")
    press, write = desk.page.keyboard.press, desk.page.keyboard.type
    desk.field("User name").focus()
    write("kim")
    press("Tab")
    write("correct horse battery staple")
    press("Enter")
    desk.is_on("/login/setup/two-factor/")
    kim.app_key = key_on(desk.page)
    for _ in range(20):
        press("Tab")
        if desk.page.evaluate("document.activeElement.name") == "code":
            break
    write(kim.code())
    desk.is_on("/login/setup/recovery-codes/")


SPACED = [
    state for state in STATES if any(word in str(state) for word in ("login", "challenge", "code", "confirm", "window"))
]


@pytest.mark.row("WCAG-1.4.10, 1.4.12")
@pytest.mark.parametrize("state", SPACED, ids=str)
def test_wide_spacing_cuts_nothing_off(state, stage):
    page = state.reach(stage)

    page.evaluate(SPACING)

    assert page.evaluate(CUT) == []
