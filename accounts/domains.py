"""The domain of an e-mail address in its two forms: A-labels for computers, Unicode for people (IDNA 2008).

Mapped by UTS 46, non-transitional: "straße.example" and "strasse.example" are two domains.
"""

from __future__ import annotations

import idna

LONGEST = 253


class NoDomain(Exception):
    """This is no domain that mail could go to. The text says why, in the words of the standard."""


def ascii_domain(domain: str) -> str:
    """`domain` as A-labels, in small letters: what DNS and mail servers are asked for. Raises NoDomain."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    if len(domain) > LONGEST:
        raise NoDomain("too long")
    try:
        return idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode("ascii")
    except idna.IDNAError as trouble:
        raise NoDomain(str(trouble)) from trouble


def shown_domain(domain: str) -> str:
    """`domain` as people write it. Raises NoDomain."""
    plain = ascii_domain(domain)
    try:
        return idna.decode(plain) if "xn--" in plain else plain
    except idna.IDNAError as trouble:
        raise NoDomain(str(trouble)) from trouble


def ascii_address(address: str) -> str:
    """`address` as the envelope of a mail has it. Raises NoDomain."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}" if at else address


def shown_address(address: str) -> str:
    """`address` as people read it, and as we keep it. Raises NoDomain."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{shown_domain(domain)}" if at else address
