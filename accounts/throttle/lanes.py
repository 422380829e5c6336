"""Which budgets a guess takes from, and what each of them holds."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.text import fold_address
from accounts.throttle.known_browsers import recognised
from accounts.throttle.rule import HOUR, NEVER, USED_UP, Lane
from audit.recording import current_address

if TYPE_CHECKING:
    from accounts.models import User

OWN_TIMES = 10  # as many guesses as others have whoever comes from a network of the site's own


def person_lane(person: User) -> Lane:
    """The budget of `person`'s password and codes: in this browser if it is known, else everywhere else."""
    return _person_lane(person, recognised(person))


def guess_lanes(person: User) -> list[Lane]:
    """What a guess at `person` takes from: their budget, and that of the network unless they know this browser."""
    known = recognised(person)
    return [_person_lane(person, known), *([] if known else address_lanes())]


def network_of(person: User) -> str:
    """The key of the network's budget that a guess at `person` takes from, "" where it takes from none."""
    return "".join(lane.key for lane in guess_lanes(person)[1:])


def name_lane(name: str) -> Lane:
    """The budget of a name that nobody has: it runs out as a person's does (ASVS 6.3.8)."""
    return Lane("name:" + salted_hmac("accounts.throttle", fold_address(name), algorithm="sha256").hexdigest()[:40])


def factor_lane(person: User, method: str) -> Lane:
    """How often in a row a code of this method was wrong, wherever from. It delays nothing; it ends."""
    return Lane(f"factor:{person.pk.hex}:{method}", free=USED_UP)


def address_lanes(*, free: int = 50, kind: str = "address") -> list[Lane]:
    """The budget of the network that this request comes from (an IPv6 /64 is one), if any; one's own have a larger one."""
    stated = current_address()
    if not stated:
        return []
    many = free * OWN_TIMES if _is_own(stated) else free
    return [Lane(f"{kind}:{_network(stated)}", many, ends=NEVER, forgets=HOUR, renewed=True)]


def mail_lane(kind: str, person: User) -> Lane:
    """How often somebody can be sent a mail that anybody can ask for."""
    return Lane(f"{kind}:{person.pk.hex}", free=3, delay=300, ends=NEVER, forgets=HOUR)


def actor_lanes(kind: str, actor: User) -> list[Lane]:
    """What `actor` can ask, or send to others, in an hour: a member 10 times, whoever serves a company 30, the site 300.

    All who serve one company share 60.
    """
    own = 300 if actor.serves_site else 30 if actor.opens_settings else 10
    shared = {} if actor.serves_site or not actor.opens_settings else {f"{kind}:company:{actor.company_id}": 60}
    free = {f"{kind}:{actor.pk.hex}": own, **shared}
    return [Lane(key, number, delay=900, ends=NEVER, forgets=HOUR) for key, number in free.items()]


def import_lane(actor: User) -> Lane:
    """How many people of files `actor` can invite in a day: 10,000 for the site, 1,000 for a company, all together."""
    key = actor.pk.hex if actor.serves_site else f"company:{actor.company_id}"
    return Lane(f"imports:{key}", 10_000 if actor.serves_site else 1000, 900, NEVER, 24 * HOUR, renewed=True)


def _is_own(stated: str) -> bool:
    address = ip_address(stated)
    return any(address in network for network in settings.OWN_NETWORKS)


@lru_cache
def _network(stated: str) -> str:
    address = ip_address(stated)
    return str(ip_network((address, 64 if address.version == 6 else 32), strict=False).network_address)


def _person_lane(person: User, known: str) -> Lane:
    return Lane(f"person:{person.pk.hex}:{known}" if known else f"person:{person.pk.hex}")
