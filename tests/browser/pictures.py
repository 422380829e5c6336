"""A picture of every page and state: run by tests/screenshots.py, not a test by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.catalogue import STATES

PICTURES = Path(__file__).resolve().parent.parent.parent / "screenshots"
WIDE = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1.5}
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize(("size", "options"), [("wide", WIDE), ("phone", PHONE)], ids=["wide", "phone"])
@pytest.mark.parametrize("state", STATES, ids=str)
def test_take(state, size, options, stage):
    stage.options = options | {"reduced_motion": "reduce"}
    page = state.reach(stage)
    floating = page.locator("dialog:modal, :popover-open").count()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=PICTURES / f"{state.name}-{size}-{scheme}.png", full_page=not floating)
