"""What is throttled now and whom it is about, in words, for whoever is on the server; and the end of it.

A key says what is counted, then whose it is: `person:ab12…` or `address:192.0.2.7`.
"""

from __future__ import annotations

from ipaddress import ip_network
from time import time
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.text import fold
from accounts.throttle import budgets, rule
from accounts.throttle.lanes import name_lane
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from accounts.throttle.models import Budget

KINDS = {
    "person": _("guesses at password and codes"),
    "name": _("guesses at a user name that nobody has"),
    "address": _("wrong guesses from one network"),
    "passkeys": _("passkeys that were refused, from one network"),
    "questions": _("questions for a passkey, from one network"),
    "resets": _("requests to reset a password, from one network"),
    "reset": _("mails with a link to reset the password"),
    "invite": _("mails with an invitation"),
    "mails": _("mails to others"),
    "probes": _("names and addresses that were tried"),
    "imports": _("invitations from files"),
    "choices": _("new passwords that were tried"),
    "addresses": _("new e-mail addresses of one’s own"),
    "files": _("downloads of one’s own data"),
}
OF_A_NETWORK = ("address", "passkeys", "questions", "resets")
WIDEST_OF_IPV6 = 64  # below which addresses have one budget


class Nothing(Exception):
    """Nothing is counted there."""


class Wait(NamedTuple):
    """What was counted, whose it is, how many, and until when (seconds of the epoch) no further one is looked at."""

    what: str
    whose: str
    failures: int
    until: float

    @property
    def for_good(self) -> bool:
        """Does waiting not help?"""
        return self.until >= rule.FOREVER


def current_waits() -> list[Wait]:
    """All of them, the longest first."""
    now = time()
    rows = budgets.waiting(now)
    names = _names(rows)
    return [
        Wait(
            str(KINDS.get(_kind(row), _kind(row))),
            names.get(row.key, row.key),
            row.failures,
            rule.in_time(row.count, now).blocked_until,
        )
        for row in rows
    ]


@transaction.atomic
def end_waits(name: str) -> int:
    """Forget what is counted of a user, a network, a company, a user name that nobody has, or under a key; how many.

    Waits end, and the next guess counts as the first. For the command line: nobody is signed in there. Raises Nothing.
    """
    person = User.objects.get_queryset().named(name)
    counted = budgets.clear(_keys(name, person))
    if not counted:
        raise Nothing
    failures = sum(counted.values())
    kinds = sorted({key.partition(":")[0] for key in counted})
    record(Action.BUDGET_CLEARED, actor=None, subject=person, name=name, failures=failures, kinds=kinds)
    return failures


def _keys(name: str, person: User | None) -> Q:
    """Where something of whoever or whatever is called `name` may be counted."""
    if person:
        return budgets.of_person(person) | Q(pk__endswith=f":{person.pk.hex}")
    if network := _network(name):
        return Q(pk__in=[f"{kind}:{network}" for kind in OF_A_NETWORK])
    found = Q(pk__in=[name, name_lane(name).key])
    for company in User.objects.filter(company__name_folded=fold(name)).values_list("company", flat=True).distinct():
        found |= Q(pk__endswith=f":company:{company}")
    return found


def _network(name: str) -> str:
    """As it stands in keys, "" where `name` is no address, or a network of more than one budget."""
    try:
        network = ip_network(name, strict=False)
    except ValueError:
        return ""
    if network.version == 6 and network.prefixlen >= WIDEST_OF_IPV6:
        network = network.supernet(new_prefix=WIDEST_OF_IPV6)
    elif network.prefixlen < network.max_prefixlen:
        return ""
    return str(network.network_address)


def _names(rows: list[Budget]) -> dict[str, str]:
    """Whose each of `rows` is, as people know it, by its key."""
    owners = {
        row.key: owner for row in rows if _kind(row) not in {"name", *OF_A_NETWORK} and (owner := _owner(row.key))
    }
    people = dict(User.objects.filter(pk__in=owners.values()).values_list("pk", "username"))
    companies = dict(User.objects.filter(company__in=owners.values()).values_list("company", "company__name"))
    known: dict[UUID, str] = people | companies
    return {
        **{row.key: row.key.partition(":")[2] for row in rows if _kind(row) in OF_A_NETWORK},
        **{key: known[whose] for key, whose in owners.items() if whose in known},
    }


def _owner(key: str) -> UUID | None:
    """The user or company whose id stands in `key`."""
    for part in key.split(":")[1:]:
        try:
            return UUID(part)
        except ValueError:
            continue
    return None


def _kind(row: Budget) -> str:
    return row.key.partition(":")[0]
