"""The domain of an e-mail address in its two forms: A-labels for computers, Unicode for people (IDNA 2008).

Mapped by UTS 46, non-transitional: "straße.example" and "strasse.example" are two domains.
"""

from __future__ import annotations

import re

import idna
from django.utils.translation import gettext as _

LONGEST = 253


class NoDomain(Exception):
    """Mail cannot go to this domain. The text says why."""


def ascii_domain(domain: str) -> str:
    """`domain` as A-labels, in small letters: what DNS and mail servers are asked for. Raises NoDomain.

    A trailing dot, be it DNS's root or the end of a sentence, is ignored.
    """
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower().rstrip(".")
    if len(domain) > LONGEST:
        raise NoDomain(_("it, or a part of it, is too long"))
    try:
        return idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode("ascii").rstrip(".")
    except idna.IDNAError as trouble:
        raise NoDomain(_reason(trouble)) from trouble


def _reason(trouble: idna.IDNAError) -> str:
    """What is wrong, for somebody who has never heard of code points."""
    if isinstance(trouble, idna.IDNABidiError):
        return _("it mixes letters written from left to right with letters written from right to left")
    named = re.search(r"U\+([0-9A-F]{4,6})", str(trouble))
    letter = chr(int(named[1], 16)) if named else ""
    if letter.isprintable() and letter:
        return _("“{letter}” cannot be part of a domain name").format(letter=letter)
    if "too long" in str(trouble):
        return _("it, or a part of it, is too long")
    return _("it is not a domain name")


def shown_domain(domain: str) -> str:
    """`domain` as people write it. Raises NoDomain."""
    plain = ascii_domain(domain)
    try:
        return idna.decode(plain) if "xn--" in plain else plain
    except idna.IDNAError as trouble:
        raise NoDomain(_reason(trouble)) from trouble


def shown_if_one(word: str) -> str:
    """`word`, with a domain at its end as people write it, so that a search finds what they see on the page."""
    if "xn--" not in word:
        return word
    try:
        return shown_address(word) if "@" in word else shown_domain(word)
    except NoDomain:
        return word


def ascii_address(address: str) -> str:
    """`address` as the envelope of a mail has it. Raises NoDomain."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}" if at else address


def shown_address(address: str) -> str:
    """`address` as people read it, and as we keep it. Raises NoDomain."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{shown_domain(domain)}" if at else address
