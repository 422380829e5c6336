"""Where many people come from one address of the site's own, all of them have more guesses, and each of them no more."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from accounts.throttle import lanes
from audit.recording import origin
from tests.people import browser


@pytest.fixture
def own(settings):
    settings.OWN_NETWORKS = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


def guesses(address, kind="address", **more):
    with origin(address, "", ""):
        [lane] = lanes.address_lanes(kind=kind, **more)
    return lane.free


def test_an_address_of_ones_own_network_has_ten_times_the_guesses(own):
    assert (guesses("192.0.2.7"), guesses("198.51.100.7")) == (500, 50)
    assert (guesses("2001:db8:1::7"), guesses("2001:db9::7")) == (500, 50)
    assert (guesses("192.0.2.7", kind="resets", free=20), guesses("198.51.100.7", kind="resets", free=20)) == (200, 20)


def refused_at(address, most):
    """How many wrong passwords at names that nobody has are looked at, from `address`."""
    for number in range(most):
        answer = browser().post("/login/", {"username": f"nobody{number}", "password": "x"}, REMOTE_ADDR=address)
        if answer.status_code == 429:
            return number
    return most


@pytest.mark.django_db
def test_colleagues_behind_it_are_not_kept_out_by_one_who_guesses(own):
    assert refused_at("198.51.100.7", 60) == 50
    assert refused_at("192.0.2.7", 60) == 60


def test_what_a_person_has_stays_as_it_is(own, kim):
    statuses = [
        kim.client.post("/login/", {"username": "kim", "password": "wrong"}, REMOTE_ADDR="192.0.2.7").status_code
        for _ in range(7)
    ]

    assert statuses[:5] == [400] * 5
    assert 429 in statuses[5:]
