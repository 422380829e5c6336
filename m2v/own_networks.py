"""The reader for OWN_NETWORKS: networks of the site's own."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from m2v.environment import listed
from m2v.shell import in_the_shells_words as _

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

WIDEST = {4: 8, 6: 16}  # bits at least that all addresses of an own network have in common


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks of one's own. Raises ImproperlyConfigured for what is none, and for one so wide that anybody may be in it."""
    said = _(
        "OWN_NETWORKS must be networks like 10.0.0.0/8,2001:db8::/32, none wider than /8 (IPv6: /16). It is {text!r}."
    )
    wrong = ImproperlyConfigured(said.format(text=text))
    try:
        found = [ip_network(each) for each in listed(text)]
    except ValueError as trouble:
        raise wrong from trouble
    if any(each.prefixlen < WIDEST[each.version] for each in found):
        raise wrong
    return found
