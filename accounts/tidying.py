"""What `manage.py tidy` deletes beside what this app knows of: whoever has something that runs out adds it at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIDIERS: list[tuple[str, Callable[[], int]]] = []  # what it is, in the command's words, and what deletes it
