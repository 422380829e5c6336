"""Passwords as keyboards send them."""

import unicodedata

LONGEST = 256  # code points of a password (NIST SP 800-63B-4 section 3.1.1.2 asks for 64 at least)
LONGEST_TYPED = 4 * LONGEST  # the same with every accent apart; nothing longer is looked at
ALONE = 15  # characters, where a password is all that a login asks for
BESIDE_A_FACTOR = 8


def is_short(password: str) -> bool:
    """Is `password` too short to be all that a login asks for?"""
    return len(typed_alike(password)) < ALONE


def typed_alike(password: str) -> str:
    """`password` in NFC, the same whichever keyboard it was typed on (NIST SP 800-63B-4 section 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
