"""On paper: what cannot be parted fits on half a sheet, so that none is left empty for it."""

from __future__ import annotations

import re

import pytest

from tests.browser.catalogue import STATES

SHEET = {"width": 718, "height": 1047}  # A4 within the margins of a browser, in its pixels
PRINTED = ("overview", "company", "activity", "past-day")
TALL = """limit => [...document.querySelectorAll("main *:not(thead *)")]
  .filter((each) => each.checkVisibility() && getComputedStyle(each).breakInside.startsWith("avoid") && each.getBoundingClientRect().height > limit)
  .map((each) => `${each.tagName} ${each.className} ${Math.round(each.getBoundingClientRect().height)}`)"""
CUT = """() => [...document.querySelectorAll("main li, main tr, main svg, main figure, main .chart")]
  .filter((each) => each.checkVisibility() && getComputedStyle(each).breakInside === "auto" && !each.closest("[hidden]"))
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("state", [each for each in STATES if str(each) in PRINTED], ids=str)
def test_no_sheet_is_left_empty_and_no_row_is_parted(state, stage):
    stage.options = {"viewport": SHEET}
    page = state.reach(stage)
    page.emulate_media(media="print")

    assert page.evaluate(TALL, SHEET["height"] / 2) == []
    assert page.evaluate(CUT) == []
    tall = page.evaluate("document.documentElement.scrollHeight")
    sheets = len(
        re.findall(
            rb"/Type\s*/Page\b", page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
        )
    )
    assert sheets <= tall / SHEET["height"] * 1.2 + 1, "no more than it takes"
