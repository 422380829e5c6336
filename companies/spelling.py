"""Letters and digits as they are read out on the telephone (the ICAO's spelling alphabet)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS = {
    "2": _("two"), "3": _("three"), "4": _("four"), "5": _("five"), "6": _("six"), "7": _("seven"), "8": _("eight"),
    "9": _("nine"), "A": _("Alfa"), "B": _("Bravo"), "C": _("Charlie"), "D": _("Delta"), "E": _("Echo"),
    "F": _("Foxtrot"), "G": _("Golf"), "H": _("Hotel"), "J": _("Juliett"), "K": _("Kilo"), "M": _("Mike"),
    "N": pgettext_lazy("spelling", "November"), "P": _("Papa"), "Q": _("Quebec"), "R": _("Romeo"), "S": _("Sierra"), "T": _("Tango"),
    "U": _("Uniform"), "V": _("Victor"), "W": _("Whiskey"), "X": _("X-ray"), "Y": _("Yankee"), "Z": _("Zulu"),
}  # fmt: skip


def spelled(code: str) -> list[tuple[str, str]]:
    """Each sign of a pass, with its word."""
    return [(sign, str(WORDS[sign])) for sign in code if sign != "-"]
