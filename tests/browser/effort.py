"""What something costs at a real browser: presses of the mouse and seconds, from home on. Typing and Enter are free."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Request

    from tests.browser.pages import Desk

HOME = "/settings/"
EFFORT = "effort"  # among what tests have printed at the end
# Every press of the mouse asks for this; a button that Enter presses has no detail.
TELL = "addEventListener('click', (event) => event.detail && fetch('/health/live?click', {keepalive: true}), true)"


@dataclass
class Effort:
    """Somebody's presses and seconds since they were at home."""

    began: float = field(default_factory=monotonic)
    clicks: int = 0

    @property
    def seconds(self) -> float:
        return monotonic() - self.began

    def hear(self, request: Request) -> None:
        self.clicks += request.url.endswith("?click")


def from_home(desk: Desk) -> Effort:
    """`desk`, signed in, on the first page of the Settings app; from here on it counts."""
    desk.page.add_init_script(TELL)
    desk.arrive(HOME)
    effort = Effort()
    desk.page.on("request", effort.hear)
    return effort
