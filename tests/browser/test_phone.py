"""Every page and state of the catalogue on a phone: nothing is cut off, nothing scrolls sideways."""

from __future__ import annotations

import pytest

from tests.browser.catalogue import STATES

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


@pytest.mark.row("WCAG-2.5.8", "WCAG-1.4.10, 1.4.12")
@pytest.mark.parametrize("state", STATES, ids=str)
def test_nothing_leaves_a_phones_screen_on(state, stage):
    stage.options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = state.reach(stage)

    at_360, low = page.evaluate(OUTSIDE), page.evaluate(LOW)
    page.set_viewport_size({"width": 320, "height": 640})
    at_320 = page.evaluate(OUTSIDE)

    assert {"360": at_360, "320": at_320, "low": low} == {"360": [], "320": [], "low": []}
