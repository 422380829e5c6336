"""NIST SP 800-63B-4, appendix B and 4.1: what a passkey's flags decide, and what is kept of it."""

from __future__ import annotations

from itertools import product

import pytest

from mfa.models import Passkey
from tests.authenticator import BE, BS, UP, UV
from tests.mfa.pages import OWN, window_of, words
from tests.security.documents import ACCESS

EACH = [sum(some) for some in product((0, UP), (0, UV), (0, BE), (0, BS))]


def holds(flags):
    """What is decided for a combination of flags (docs/access.md)."""
    return bool(flags & UP and flags & UV and not (flags & BS and not flags & BE))


@pytest.mark.row("ASVS-6.5.7", "N-B.3-decide", "WR-16", "WR-17", "WR-18", "WA-25", "V16")
@pytest.mark.parametrize("flags", EACH, ids=bin)
def test_each_combination_of_flags_has_its_outcome(flags, kim):
    kim.sign_in()
    kim.authenticator.flags = flags

    assert kim.create_passkey().status_code == (200 if holds(flags) else 400)
    assert Passkey.objects.count() == int(holds(flags))
    for word in ("(UP)", "(UV)", "(BE)", "(BS)"):
        assert word in ACCESS.read_text()


@pytest.mark.row("N-B.3-BE")
@pytest.mark.parametrize(("flags", "says"), [(UP | UV, False), (UP | UV | BE, True), (UP | UV | BE | BS, True)])
def test_whether_a_passkey_is_synced_is_kept_and_shown(flags, says, kim, administrator):
    kim.sign_in()
    kim.authenticator.flags = flags
    kim.create_passkey()
    made = Passkey.objects.get()

    assert (made.backup_eligible, made.backed_up) == (bool(flags & BE), bool(flags & BS))
    shown = [words(kim.client.get(OWN)), words(administrator.client.get(window_of(kim.user)))]
    assert [made.name in page for page in shown] == [True, True]
    kinds = {("this device only" in page.lower(), "synced" in page.lower()) for page in shown}
    assert len(kinds) == 1, "the same for owner and administrator"
    assert says == made.backup_eligible


@pytest.mark.row("N-4.1-char")
def test_what_a_passkey_is_is_kept_when_it_is_made(kim):
    kim.sign_in()
    kim.authenticator.aaguid = bytes(range(16))
    kim.create_passkey()

    made = Passkey.objects.get()
    assert made.aaguid.bytes == bytes(range(16))
    assert made.transports == ["internal"]
    assert (made.backup_eligible, made.backed_up, made.sign_count) == (True, True, 0)
    assert bytes(made.credential_id) == kim.authenticator.credentials[0].id
    assert made.created_at
