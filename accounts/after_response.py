"""Work that starts once the response has been sent.

Servers call `close` on a response they have sent (PEP 3333), in the same thread, and do not stop before it returns. So
we need no thread of our own and no second database connection, and a restart loses nothing.
"""

from __future__ import annotations

import logging
from contextvars import copy_context
from time import sleep
from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect

from accounts.away import in_spite_of_outages

if TYPE_CHECKING:
    from collections.abc import Callable

# The interpreter runs one thread at a time: work that began at once would hold up the answer that is on its way.
PAUSE_SECONDS = 0.05

logger = logging.getLogger(__name__)


class RedirectThen(HttpResponseRedirect):
    """Redirect to `address`, then do `work`: the response time tells nobody whether there was any (ASVS 6.3.8)."""

    works_when_sent = True  # m2v.gateway closes it then, and no sooner

    def __init__(self, address: str, work: Callable[[], None]) -> None:
        super().__init__(address)
        self._context = copy_context()  # where the request comes from, for the audit
        self._work: Callable[[], None] | None = work

    def close(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            sleep(PAUSE_SECONDS)
            try:
                self._context.run(in_spite_of_outages, work)
            except Exception:
                logger.exception("What was to be done after an answer failed.")
        super().close()
